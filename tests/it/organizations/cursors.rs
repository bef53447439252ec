//! Lists that are paged by key: a walk by cursor, and what is no cursor.

use polity_tests::{Organization, TestServer};
use serde_json::{Value, json};

use crate::support::{acme, coupon, delete, globex, list, lock, pluck, text, to, within};

/// Every list that has cursors: its path, the name of its items, whether it is the operator's.
const LISTS: [(&str, &str, bool); 6] = [
    ("/v1/activities", "activities", false),
    ("/v1/account/activities", "activities", false),
    ("/v1/notifications", "notifications", false),
    ("/operator/v1/activities", "activities", true),
    ("/operator/v1/organizations", "organizations", true),
    ("/operator/v1/coupons", "coupons", true),
];

/// Asks one of the lists as somebody who may.
struct Reader<'s> {
    server: &'s TestServer,
    token: String,
    path: &'static str,
    items: &'static str,
}

impl<'s> Reader<'s> {
    fn new(
        server: &'s TestServer,
        acme: &Organization,
        (path, items, operator): (&'static str, &'static str, bool),
    ) -> Self {
        let token = if operator { server.operator_key() } else { &acme.token };
        Reader { server, token: token.to_owned(), path, items }
    }

    async fn page(&self, query: &[(&str, &str)]) -> Value {
        self.server.call("GET", self.path).token(&self.token).query(query).send().await.ok()
    }

    /// The ids of the whole list, by offset.
    async fn at_once(&self, query: &[(&str, &str)]) -> Vec<String> {
        pluck(&self.page(&[&[("limit", "100")], query].concat()).await[self.items], "id")
    }

    /// The ids of the whole list, by cursor, with something happening after each page.
    async fn walk(&self, query: &[(&str, &str)], limit: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        for page in 0.. {
            let reply = self.page(&[&[("limit", limit), ("cursor", &cursor)], query].concat()).await;
            ids.extend(pluck(&reply[self.items], "id"));
            cursor = text(&reply["next_cursor"]);
            if cursor.is_empty() {
                break;
            }
            between(page).await;
        }
        ids
    }
}

/// Six organizations of Ann's, with six coupons and some projects: a few pages of everything.
async fn filled(server: &TestServer) -> (Organization, Vec<Organization>) {
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let mut others = Vec::new();
    for n in 0..5 {
        others.push(ann.organization(&format!("other-{n}")).await);
        coupon(server, &format!("C{n}")).await;
        project(server, &acme, &format!("p{n}")).await;
    }
    (acme, others)
}

async fn project(server: &TestServer, organization: &Organization, name: &str) {
    within(server, organization, "POST", "/v1/projects").json(&json!({"name": name})).send().await.ok();
}

#[tokio::test]
async fn a_walk_by_cursor_gives_what_offsets_give() {
    let server = TestServer::start().await;
    let (acme, _) = filled(&server).await;
    for of in LISTS {
        let reader = Reader::new(&server, &acme, of);
        let expected = reader.at_once(&[]).await;
        assert!(expected.len() >= 5, "{}", of.0);
        for limit in ["1", "2", "5", "6", "100"] {
            assert_eq!(reader.walk(&[], limit, async |_| ()).await, expected, "{} {limit}", of.0);
        }
        for offset in 0..=expected.len() + 1 {
            let reply = reader.page(&[("limit", "2"), ("offset", &offset.to_string())]).await;
            let rest = expected.iter().skip(offset).take(2).cloned().collect::<Vec<_>>();
            assert_eq!(pluck(&reply[of.1], "id"), rest, "{} {offset}", of.0);
            let more = expected.len() > offset + 2;
            assert_eq!(text(&reply["next_cursor"]).is_empty(), !more, "{} {offset}", of.0);
        }
    }
}

#[tokio::test]
async fn a_walk_by_cursor_keeps_to_its_filters() {
    let server = TestServer::start().await;
    let (acme, others) = filled(&server).await;
    lock(&server, &others[1]).await;
    for (of, query, length) in [
        (LISTS[0], &[("types", "project")][..], 5),
        (LISTS[3], &[("types", "organization")], 7),
        (LISTS[3], &[("types", "project"), ("types", "coupon")], 10),
        (LISTS[3], &[("organization_id", &acme.id)], 6),
        (LISTS[4], &[("search", "OTHER")], 5),
        (LISTS[4], &[("search", "other"), ("statuses", "ACTIVE")], 4),
        (LISTS[4], &[("search", &acme.id[..8])], 1),
    ] {
        let reader = Reader::new(&server, &acme, of);
        let expected = reader.at_once(query).await;
        assert_eq!(expected.len(), length, "{query:?}");
        assert_eq!(reader.walk(query, "2", async |_| ()).await, expected, "{query:?}");
        let skipped = reader.page(&[&[("offset", "2")], query].concat()).await;
        assert_eq!(pluck(&skipped[of.1], "id"), expected.get(2..).unwrap_or_default(), "{query:?}");
    }
}

#[tokio::test]
async fn what_happens_during_a_walk_neither_repeats_nor_loses_an_activity() {
    let server = TestServer::start().await;
    let (acme, _) = filled(&server).await;
    for of in [LISTS[0], LISTS[1], LISTS[2], LISTS[3]] {
        let reader = Reader::new(&server, &acme, of);
        let expected = reader.at_once(&[]).await;
        let walked = reader.walk(&[], "2", async |page| {
            let body = json!({"city": format!("{}{page}", of.0)});
            to(&server, &acme, "PATCH", "").json(&body).send().await.ok();
        });
        assert_eq!(walked.await, expected, "{}", of.0);
    }
}

#[tokio::test]
async fn organizations_that_come_and_go_during_a_walk_neither_repeat_nor_lose_another() {
    let server = TestServer::start().await;
    let (acme, others) = filled(&server).await;
    let ann = server.person("bob").await;
    let reader = Reader::new(&server, &acme, LISTS[4]);
    let expected = reader.at_once(&[]).await;
    let gone = &others[2];
    let walked = reader.walk(&[], "1", async |page| {
        ann.organization(&format!("new-{page}")).await;
        if page == 0 {
            delete(&server, gone).await;
        }
    });
    let walked: Vec<_> = walked.await.into_iter().filter(|id| expected.contains(id)).collect();
    let mut stayed = expected.clone();
    stayed.retain(|id| *id != gone.id || walked.contains(id));
    assert_eq!(walked, stayed);
}

#[tokio::test]
async fn a_cursor_outlives_the_item_it_stands_behind() {
    let server = TestServer::start().await;
    let (acme, _) = filled(&server).await;
    let reader = Reader::new(&server, &acme, LISTS[5]);
    let expected = reader.at_once(&[]).await;
    let walked = reader.walk(&[], "2", async |page| {
        // The last of the page before, and by then also all others of it.
        for id in &expected[..2 * (page + 1)] {
            server.operator("DELETE", &format!("/operator/v1/coupons/{id}")).send().await;
        }
        coupon(&server, &format!("NEW{page}")).await;
    });
    let walked: Vec<_> = walked.await.into_iter().filter(|id| expected.contains(id)).collect();
    assert_eq!(walked, expected);
}

#[tokio::test]
async fn what_is_no_cursor_is_refused_by_name() {
    let server = TestServer::start().await;
    let (acme, _) = filled(&server).await;
    for of in LISTS {
        let reader = Reader::new(&server, &acme, of);
        let cursor = text(&reader.page(&[("limit", "1")]).await["next_cursor"]);
        let (longer, shorter) = (format!("{cursor}0"), &cursor[1..]);
        for bad in ["x", "1", "-1", "ü", "' or 1=1", "AAAA====", longer.as_str(), shorter] {
            let reply = server.call("GET", of.0).token(&reader.token).query(&[("cursor", bad)]).send().await;
            reply.error(400, "invalid_argument");
            reply.field("cursor");
        }
        let query = [("cursor", cursor.as_str()), ("offset", "1")];
        let reply = server.call("GET", of.0).token(&reader.token).query(&query).send().await;
        reply.error(400, "invalid_argument");
        reply.field("offset");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let server = TestServer::start().await;
    let (acme, _) = filled(&server).await;
    for from in LISTS {
        let cursor = text(&Reader::new(&server, &acme, from).page(&[("limit", "1")]).await["next_cursor"]);
        for other in LISTS {
            let reader = Reader::new(&server, &acme, other);
            let reply = server.call("GET", other.0).token(&reader.token).query(&[("cursor", &cursor)]).send().await;
            // Notifications are the activities of the organization.
            let same = from.0 == other.0
                || [from.0, other.0].iter().all(|path| ["/v1/activities", "/v1/notifications"].contains(path));
            assert_eq!(reply.status, if same { 200 } else { 400 }, "{} to {}", from.0, other.0);
        }
    }
}

#[tokio::test]
async fn a_cursor_carries_no_authority() {
    let server = TestServer::start().await;
    let (acme, globex) = (acme(&server).await, globex(&server).await);
    for n in 0..3 {
        project(&server, &acme, &format!("p{n}")).await;
    }
    let of_acme = within(&server, &acme, "GET", "/v1/activities").query(&[("limit", "1")]).send().await.ok();
    let cursor = text(&of_acme["next_cursor"]);
    let query = [("cursor", cursor.as_str())];
    let reply = within(&server, &globex, "GET", "/v1/activities").query(&query).send().await.ok();
    assert_eq!(list(&reply["activities"]).len(), 1, "the one of globex itself");
    assert_eq!(reply["activities"][0]["object"]["id"], globex.id);
    server.call("GET", "/v1/activities").query(&query).send().await.error(401, "authentication_error");

    let of_ann = within(&server, &acme, "GET", "/v1/account/activities").query(&[("limit", "1")]).send().await.ok();
    let cursor = text(&of_ann["next_cursor"]);
    let query = [("cursor", cursor.as_str())];
    within(&server, &globex, "GET", "/v1/account/activities").query(&query).send().await.field("cursor");
}
