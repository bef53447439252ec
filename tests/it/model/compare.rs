//! Whether the server and the model agree: on everything every person sees,
//! and on every token there ever was.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use polity_api::types::organization::OrganizationStatus as Status;
use polity_tests::{Call, Reply};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::random::NAMES;
use crate::real::{Memberships, Real};
use crate::world::{Answer, World};

/// Requests in flight together.
const LANES: usize = 4;

/// None, or what differs.
type Difference = Result<(), String>;

/// What the model says a reply must be.
struct Check<'w> {
    what: String,
    status: Result<(), u16>,
    body: Box<dyn Fn(&Value) -> Difference + 'w>,
}

/// Questions to the server, with what the model says.
struct Questions<'w> {
    real: &'w Real,
    world: &'w World,
    calls: Vec<Call>,
    checks: Vec<Check<'w>>,
}

/// Asks everything and returns the memberships that were seen; the first
/// difference is the error.
pub async fn compare(real: &Real, world: &World) -> Result<Memberships, String> {
    let mut questions = Questions { real, world, calls: Vec::new(), checks: Vec::new() };
    for user in 0..world.users.len() {
        questions.memberships(user);
        questions.invitations(user);
        for id in 0..world.organizations.len() {
            questions.organization(user, id);
        }
    }
    for id in 0..world.organizations.len() {
        questions.members(id);
    }
    for by in 0..world.bearers.len() {
        questions.bearer(by);
    }
    let Questions { calls, checks, .. } = questions;
    let replies = ask(calls).await;
    for (Check { what, status, body }, reply) in checks.iter().zip(&replies) {
        let expected = status.err().unwrap_or(200);
        if reply.status != expected {
            return Err(format!("{what}: the server says {} {}, the model {expected}", reply.status, reply.text));
        }
        if reply.status == 200 {
            body(&reply.json).map_err(|why| format!("{what}: {why}: {}", reply.text))?;
        }
    }
    Ok(memberships(real, &replies))
}

async fn ask(calls: Vec<Call>) -> Vec<Reply> {
    let mut lanes: Vec<Vec<(usize, Call)>> = (0..LANES).map(|_| Vec::new()).collect();
    for (n, call) in calls.into_iter().enumerate() {
        lanes[n % LANES].push((n, call));
    }
    let mut asked = JoinSet::new();
    for lane in lanes {
        asked.spawn(async move {
            let mut replies = Vec::with_capacity(lane.len());
            for (n, call) in lane {
                replies.push((n, call.send().await));
            }
            replies
        });
    }
    let mut replies: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
    replies.sort_by_key(|(n, _)| *n);
    replies.into_iter().map(|(_, reply)| reply).collect()
}

fn same<T: PartialEq + Debug>(found: &T, expected: &T) -> Difference {
    if found == expected { Ok(()) } else { Err(format!("is {found:?}, the model says {expected:?}")) }
}

fn list<'v>(reply: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    reply[name].as_array().expect("a list").iter()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

impl<'w> Questions<'w> {
    fn ask(&mut self, what: String, call: Call, status: Result<(), u16>, body: impl Fn(&Value) -> Difference + 'w) {
        self.calls.push(call);
        self.checks.push(Check { what, status, body: Box::new(body) });
    }

    fn see(&self, user: usize, path: &str) -> Call {
        self.real.server.call("GET", path).token(&self.real.people[user].eyes)
    }

    /// The organizations a person is a member of, with their statuses.
    fn memberships(&mut self, user: usize) {
        let of_hers = self.world.organizations.iter().zip(&self.real.organizations);
        let of_hers = of_hers.filter(|(o, _)| o.members.contains(&user));
        let expected: BTreeMap<String, &str> = of_hers.map(|(o, id)| (id.clone(), o.status.as_str())).collect();
        let path = format!("/v1/organization_members?limit=100&user_id={}", self.real.people[user].id);
        let call = self.see(user, &path);
        self.ask(format!("the memberships of person {user}"), call, Ok(()), move |reply| {
            let status = |m: &Value| (text(&m["organization_id"]), text(&m["organization"]["status"]));
            let found: BTreeMap<_, _> = list(reply, "members").map(status).collect();
            same(&found, &expected.iter().map(|(id, status)| (id.clone(), (*status).to_owned())).collect())
        });
    }

    /// The invitations sent to a person, with their statuses.
    fn invitations(&mut self, user: usize) {
        let mut expected = BTreeMap::new();
        for (n, invitation) in self.world.invitations.iter().enumerate() {
            let exists = self.world.organizations[invitation.organization].status != Status::Deleted;
            let answer = self.world.answer(n);
            if invitation.user == user && exists && answer != Answer::Withdrawn {
                expected.insert(self.real.invitations[n].clone(), format!("{answer:?}").to_uppercase());
            }
        }
        let call = self.see(user, "/v1/account/organization_invitations?limit=100");
        self.ask(format!("the invitations to person {user}"), call, Ok(()), move |reply| {
            let found = list(reply, "invitations").map(|i| (text(&i["id"]), text(&i["status"]))).collect();
            same(&found, &expected)
        });
    }

    /// An organization as a person sees it.
    fn organization(&mut self, user: usize, id: usize) {
        let organization = &self.world.organizations[id];
        let status = match organization.status {
            Status::Deleted => Err(404),
            _ if organization.members.contains(&user) => Ok(()),
            _ => Err(403),
        };
        let call = self.see(user, &format!("/v1/organizations/{}", self.real.organizations[id]));
        self.ask(format!("organization {id} for person {user}"), call, status, |reply| {
            let found = &reply["organization"];
            let found = [&found["name"], &found["status"], &found["status_message"], &found["deactivation_reason"]];
            let (status, message, reason) = (organization.status, organization.message, organization.reason);
            let expected = [NAMES[organization.name], status.as_str(), message.as_str(), reason.as_str()];
            same(&found.map(|value| value.as_str().unwrap_or_default()), &expected)
        });
    }

    /// The members of an organization and its budget, as its first member sees them.
    fn members(&mut self, id: usize) {
        let organization = &self.world.organizations[id];
        let Some(first) = organization.members.first() else { return };
        let (people, uuid) = (&self.real.people, &self.real.organizations[id]);
        let call = self.see(*first, &format!("/v1/organization_members?limit=100&organization_id={uuid}"));
        self.ask(format!("the members of organization {id}"), call, Ok(()), |reply| {
            let found = list(reply, "members").map(|m| text(&m["user_id"])).collect();
            same(&found, &organization.members.iter().map(|user| people[*user].id.clone()).collect::<BTreeSet<_>>())
        });
        if organization.status == Status::Active {
            let call = self.see(*first, &format!("/v1/organizations/{uuid}/budget"));
            self.ask(format!("the budget of organization {id}"), call, Ok(()), |reply| {
                same(&text(&reply["budget"]["amount"]), &organization.budget.unwrap_or(0).to_string())
            });
        }
    }

    /// Whether a token works, for whom and where, and what it reads of its organization.
    fn bearer(&mut self, by: usize) {
        let (world, real) = (self.world, self.real);
        let token = &real.bearers[by].0;
        let caller = world.caller(by, "TestAuth");
        let call = real.server.call("POST", "/v1/test/auth").token(token).json(&json!({"payload": "x"}));
        let what = format!("token {by}, {:?}", world.bearers[by]);
        self.ask(what.clone(), call, caller.map(drop), move |reply| {
            let (person, scope) = caller.map_or((None, None), |caller| (caller.person, caller.scope));
            let person = person.map_or("", |user| real.people[user].id.as_str());
            let scope = scope.map_or("", |id| real.organizations[id].as_str());
            same(
                &[&reply["user_id"], &reply["organization_id"]].map(|v| v.as_str().unwrap_or_default()),
                &[person, scope],
            )
        });
        // Without a scope: any organization, each token another one.
        let Some(id) = world.bearers[by].scope.or_else(|| by.checked_rem(world.organizations.len())) else { return };
        let status = world.caller(by, "GetOrganization").and_then(|caller| world.reach(caller, id));
        let call = real.server.call("GET", &format!("/v1/organizations/{}", real.organizations[id])).token(token);
        self.ask(format!("organization {id} for {what}"), call, status, |_| Ok(()));
    }
}

/// The ids of the memberships in these replies.
fn memberships(real: &Real, replies: &[Reply]) -> Memberships {
    let mut found = Memberships::new();
    for member in replies.iter().filter_map(|reply| reply.json["members"].as_array()).flatten() {
        let organization = real.organizations.iter().position(|id| member["organization_id"] == id.as_str());
        let user = real.people.iter().position(|person| member["user_id"] == person.id.as_str());
        if let (Some(organization), Some(user)) = (organization, user) {
            found.insert((organization, user), text(&member["id"]));
        }
    }
    found
}
