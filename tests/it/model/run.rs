//! Taking the steps, and comparing after each.

use polity_api::scalar::micros;
use polity_ops::lifecycle::{By, Event};
use polity_tests::{Person, Reply, TestServer};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Kind, Model, Organization, Token};
use crate::step::{PEOPLE, Step, any_step};

/// Minutes nothing of the test lasts.
const FOR_EVER: i64 = 10 * 365 * 24 * 60;
const ACCESS_TOKEN: i64 = 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_server_does_what_the_model_says(steps in prop::collection::vec(any_step(), 10..50)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let steps: Vec<_> = beginning().into_iter().chain(steps).collect();
        runtime.block_on(sequence(&steps));
    }
}

/// Where every sequence begins: two people in an organization, the second with
/// a token of every kind. Chance alone would seldom come so far.
fn beginning() -> Vec<Step> {
    vec![
        Step::Create { person: 0, name: 0 },
        Step::Invite { person: 0, organization: 0, other: 1 },
        Step::Accept { person: 1, organization: 0 },
        Step::Switch { person: 1, organization: 0 },
        Step::AccessToken { token: 0 },
        Step::Credential { person: 1, organization: 0, of_person: true },
        Step::Credential { person: 1, organization: 0, of_person: false },
        Step::AccessToken { token: 3 },
        Step::Create { person: 2, name: 1 },
        Step::Invite { person: 2, organization: 1, other: 1 },
    ]
}

async fn sequence(steps: &[Step]) {
    let ten_years = std::time::Duration::from_secs(10 * 365 * 24 * 3600);
    let server = TestServer::start_with(|config| config.session_lifetime = ten_years).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        people.push(server.person(&format!("person-{n}")).await);
    }
    let mut world = World { server: &server, people, model: Model::default() };
    for (n, step) in steps.iter().enumerate() {
        world.take(step).await;
        world.compare(n, step).await;
    }
    drop(world);
    server.stop().await;
}

struct World<'s> {
    server: &'s TestServer,
    people: Vec<Person<'s>>,
    model: Model,
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

impl World<'_> {
    async fn send(&self, person: usize, method: &str, path: &str, body: Value) -> Reply {
        self.people[person].call(method, path).json(&body).send().await
    }

    fn path(&self, organization: usize, rest: &str) -> String {
        format!("/v1/organizations/{}{rest}", self.model.organizations[organization].id)
    }

    fn add(&mut self, text: String, id: String, kind: Kind, scope: Option<usize>, minutes: i64) {
        let ends = self.model.now + minutes;
        self.model.tokens.push(Token { text, id, kind, scope, revoked: false, ends });
    }

    async fn take(&mut self, step: &Step) {
        let count = self.model.organizations.len();
        let tokens = self.model.tokens.len();
        match *step {
            Step::Create { person, name } => self.create(person, name).await,
            Step::Wait { minutes } => {
                self.server.advance(minutes * micros::MINUTE);
                self.model.now += minutes;
            }
            _ if count == 0 => {}
            Step::Rename { person, organization, name } => self.rename(person, organization % count, name).await,
            Step::Switch { person, organization } => self.switch(person, organization % count).await,
            Step::Credential { person, organization, of_person } => {
                self.credential(person, organization % count, of_person).await;
            }
            Step::Invite { person, organization, other } => self.invite(person, organization % count, other).await,
            Step::Accept { person, organization } => self.accept(person, organization % count).await,
            Step::Remove { person, organization, other } => self.remove(person, organization % count, other).await,
            Step::Deactivate { person, organization } => self.deactivate(person, organization % count).await,
            Step::Reactivate { person, organization } => self.reactivate(person, organization % count).await,
            Step::Delete { person, organization } => self.delete(person, organization % count).await,
            Step::Lock { organization } => self.operator(organization % count, "lock", Event::Lock).await,
            Step::Unlock { organization } => self.operator(organization % count, "unlock", Event::Unlock).await,
            _ if tokens == 0 => {}
            Step::AccessToken { token } => self.access_token(token % tokens).await,
            Step::DeleteCredential { token } => self.delete_credential(token % tokens).await,
            Step::Logout { token } => self.logout(token % tokens).await,
        }
    }

    async fn create(&mut self, person: usize, name: usize) {
        if self.model.organizations.len() >= 5 {
            return;
        }
        let name = format!("name-{name}");
        let reply = self.send(person, "POST", "/v1/organizations", json!({"name": name})).await;
        if self.model.is_taken(&name) {
            return reply.field("name");
        }
        let made = reply.ok()["organization"].clone();
        let (status, _, reason) = polity_ops::lifecycle::first();
        self.model.organizations.push(Organization {
            id: text(&made["id"]),
            name,
            status,
            reason,
            members: [person].into(),
            invitations: [].into(),
        });
    }

    async fn rename(&mut self, person: usize, organization: usize, name: usize) {
        let name = format!("name-{name}");
        let path = self.path(organization, "/name");
        let reply = self.send(person, "PUT", &path, json!({"name": name})).await;
        let own = self.model.organizations[organization].name == name;
        match self.model.change(person, organization) {
            200 if !own && self.model.is_taken(&name) => reply.field("name"),
            expected => {
                assert_eq!(reply.status, expected, "{}", reply.text);
                if expected == 200 {
                    self.model.organizations[organization].name = name;
                }
            }
        }
    }

    async fn switch(&mut self, person: usize, organization: usize) {
        let path = self.path(organization, "/switch");
        let reply = self.send(person, "POST", &path, Value::Null).await;
        assert_eq!(reply.status, self.model.read(person, organization), "{}", reply.text);
        if reply.status == 200 {
            let token = text(&reply.json["token"]["id"]);
            self.add(token, String::new(), Kind::Session { person }, Some(organization), FOR_EVER);
        }
    }

    async fn credential(&mut self, person: usize, organization: usize, of_person: bool) {
        let kind = if of_person { "USER" } else { "ORGANIZATION" };
        let id = &self.model.organizations[organization].id;
        let body = json!({"name": "key", "type": kind, "organization_id": id});
        let reply = self.send(person, "POST", "/v1/credentials", body).await;
        assert_eq!(reply.status, self.model.change(person, organization), "{}", reply.text);
        if reply.status == 200 {
            let made = &reply.json["credential"];
            let kind = if of_person { Kind::PersonCredential { person } } else { Kind::OrganizationCredential };
            self.add(text(&made["token"]), text(&made["id"]), kind, Some(organization), FOR_EVER);
        }
    }

    /// An access token of the organization a token is scoped to, made with that token.
    async fn access_token(&mut self, token: usize) {
        let with = self.model.tokens[token].clone();
        let Some(organization) = with.scope else { return };
        let path = self.path(organization, "/access_token");
        let reply = self.server.call("POST", &path).token(&with.text).send().await;
        let status = self.model.organizations[organization].status.as_str();
        let expected = match (self.model.identify(&with), with.kind, status) {
            (200, Kind::AccessToken { .. }, _) | (_, _, "LOCKED") if self.model.identify(&with) != 401 => 403,
            (200, _, "ACTIVE") => 200,
            (200, _, "DELETED") => 404,
            _ => 401,
        };
        assert_eq!(reply.status, expected, "{}", reply.text);
        if expected == 200 {
            let (maker, made_with) = match with.kind {
                Kind::Session { person } => (Some(person), None),
                Kind::PersonCredential { person } => (Some(person), Some(token)),
                _ => (None, Some(token)),
            };
            let kind = Kind::AccessToken { maker, made_with };
            self.add(text(&reply.json["token"]), String::new(), kind, Some(organization), ACCESS_TOKEN);
        }
    }

    /// With the credential itself, where it still works.
    async fn delete_credential(&mut self, token: usize) {
        let credential = self.model.tokens[token].clone();
        let own = matches!(credential.kind, Kind::PersonCredential { .. } | Kind::OrganizationCredential);
        if !own || self.model.identify(&credential) != 200 {
            return;
        }
        let path = format!("/v1/credentials/{}", credential.id);
        self.server.call("DELETE", &path).token(&credential.text).send().await.ok();
        self.model.revoked(token);
    }

    async fn logout(&mut self, token: usize) {
        let session = self.model.tokens[token].clone();
        let reply = self.server.call("DELETE", "/v1/account/logout").token(&session.text).send().await;
        let expected = match (session.kind, self.model.identify(&session)) {
            (Kind::Session { .. }, 200) => 200,
            (Kind::PersonCredential { .. }, 200) => 400,
            (_, 200) => 403,
            (_, refused) => refused,
        };
        assert_eq!(reply.status, expected, "{:?} {}", session.kind, reply.text);
        self.model.tokens[token].revoked |= expected == 200;
    }

    /// With a session in the organization, which is forgotten again.
    async fn invite(&mut self, person: usize, organization: usize, other: usize) {
        if self.model.change(person, organization) != 200 {
            return;
        }
        let session = self.people[person].switch(&self.model.organizations[organization].id).await;
        let body = json!({"email": self.people[other].email});
        let reply = self.server.call("POST", "/v1/organization_invitations").token(&session).json(&body).send().await;
        assert_eq!(reply.status, self.model.invite(person, organization, other), "{}", reply.text);
        if reply.status == 200 {
            let invitation = (text(&reply.json["invitation"]["id"]), self.model.invitation_ends());
            self.model.organizations[organization].invitations.insert(other, invitation);
        }
    }

    async fn accept(&mut self, person: usize, organization: usize) {
        let Some((id, ends)) = self.model.organizations[organization].invitations.get(&person).cloned() else { return };
        let path = format!("/v1/account/organization_invitations/{id}/accept");
        let reply = self.send(person, "POST", &path, Value::Null).await;
        let open = ends > self.model.now && self.model.organizations[organization].status.as_str() == "ACTIVE";
        assert_eq!(reply.status, if open { 200 } else { 400 }, "{}", reply.text);
        if open {
            self.model.organizations[organization].invitations.remove(&person);
            self.model.organizations[organization].members.insert(person);
        }
    }

    async fn remove(&mut self, person: usize, organization: usize, other: usize) {
        let members = self.members(person, organization).await;
        let Some(member) = members.iter().find(|(id, _)| *id == self.people[other].id) else { return };
        let reply = self.send(person, "DELETE", &format!("/v1/organization_members/{}", member.1), Value::Null).await;
        let expected = match self.model.change(person, organization) {
            200 if members.len() == 1 => 400,
            answer => answer,
        };
        assert_eq!(reply.status, expected, "{}", reply.text);
        if expected == 200 {
            self.model.removed(organization, other);
        }
    }

    /// The members a person sees: their person and membership.
    async fn members(&self, person: usize, organization: usize) -> Vec<(String, String)> {
        let path = format!("/v1/organization_members?organization_id={}", self.model.organizations[organization].id);
        let reply = self.send(person, "GET", &path, Value::Null).await;
        assert_eq!(reply.status, self.model.read(person, organization), "{}", reply.text);
        let members = reply.json["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|m| (text(&m["user_id"]), text(&m["id"]))).collect()
    }

    /// What a person is told who does something to an organization that also
    /// works while it is deactivated; none when it is up to the table.
    fn refused(&self, person: usize, organization: usize) -> Option<u16> {
        let locked = self.model.organizations[organization].status.as_str() == "LOCKED";
        match self.model.read(person, organization) {
            200 if locked => Some(403),
            200 => None,
            refused => Some(refused),
        }
    }

    async fn deactivate(&mut self, person: usize, organization: usize) {
        let path = self.path(organization, "/deactivate");
        let reply = self.send(person, "POST", &path, json!({"skip_confirmation": true})).await;
        if let Some(expected) = self.refused(person, organization) {
            return assert_eq!(reply.status, expected, "{}", reply.text);
        }
        let was = self.model.organizations[organization].status;
        assert_eq!(reply.status, self.model.apply(organization, Event::Deactivate, By::Member), "{}", reply.text);
        if self.model.organizations[organization].status != was {
            self.server.organization_in(&self.model.organizations[organization].id, "DEACTIVATED").await;
            self.model.deactivated(organization);
        }
    }

    async fn reactivate(&mut self, person: usize, organization: usize) {
        let path = self.path(organization, "/reactivate");
        let reply = self.send(person, "POST", &path, Value::Null).await;
        let expected = match self.refused(person, organization) {
            Some(expected) => expected,
            None => self.model.apply(organization, Event::Reactivate, By::Member),
        };
        assert_eq!(reply.status, expected, "{}", reply.text);
    }

    async fn delete(&mut self, person: usize, organization: usize) {
        let path = self.path(organization, "");
        let reply = self.send(person, "DELETE", &path, Value::Null).await;
        if let Some(expected) = self.refused(person, organization) {
            return assert_eq!(reply.status, expected, "{}", reply.text);
        }
        let expected = self.model.apply(organization, Event::Delete, By::Member);
        assert_eq!(reply.status, expected, "{}", reply.text);
        if expected == 200 {
            self.server.organization_gone(&self.model.organizations[organization].id).await;
            self.model.deleted(organization);
        }
    }

    async fn operator(&mut self, organization: usize, what: &str, event: Event) {
        let path = format!("/operator/v1/organizations/{}/{what}", self.model.organizations[organization].id);
        let reply = self.server.operator("POST", &path).json(&json!({"reason": "a reason"})).send().await;
        let expected = match self.model.is_gone(organization) {
            true => 404,
            false => self.model.apply(organization, event, By::Operator),
        };
        assert_eq!(reply.status, expected, "{}", reply.text);
    }

    /// Asks about every token and every organization.
    async fn compare(&self, n: usize, step: &Step) {
        for token in &self.model.tokens {
            let who = format!("after step {n} {step:?}: {:?} of {:?}", token.kind, token.scope);
            let reply = self.server.call("POST", "/v1/test/auth").token(&token.text).send().await;
            assert_eq!(reply.status, self.model.identify(token), "{who}: {}", reply.text);
            let reply = self.server.call("GET", "/v1/account/organization").token(&token.text).send().await;
            assert_eq!(reply.status, self.model.current(token), "{who}: {}", reply.text);
            if reply.status == 200 {
                let scope = token.scope.map(|o| self.model.organizations[o].id.clone());
                assert_eq!(reply.json["organization"]["id"].as_str(), scope.as_deref(), "{who}");
            }
        }
        for (o, organization) in self.model.organizations.iter().enumerate() {
            for person in 0..PEOPLE {
                let reply = self.send(person, "GET", &self.path(o, ""), Value::Null).await;
                let who = format!("after step {n} {step:?}: person {person} on {}", organization.name);
                assert_eq!(reply.status, self.model.read(person, o), "{who}: {}", reply.text);
                if reply.status == 200 {
                    let read = &reply.json["organization"];
                    assert_eq!(read["status"], organization.status.as_str(), "{who}");
                    assert_eq!(read["deactivation_reason"], organization.reason.as_str(), "{who}");
                    assert_eq!(read["name"], organization.name.as_str(), "{who}");
                    assert_eq!(self.members(person, o).await.len(), organization.members.len(), "{who}");
                }
            }
        }
    }
}
