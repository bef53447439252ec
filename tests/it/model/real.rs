//! The same steps against a real server, and what it answers.

use std::collections::HashMap;

use polity_tests::{PASSWORD, Reply, TestServer};
use serde_json::{Value, json};

use crate::random::NAMES;
use crate::step::Step;
use crate::world::{SESSION, User, World};

const PEOPLE: [&str; 4] = ["ann", "bob", "cat", "dan"];

/// The ids of memberships, by organization and person.
pub type Memberships = HashMap<(usize, usize), String>;

/// A person as the server knows her.
pub struct Someone {
    pub id: String,
    pub email: String,
    /// A credential that the steps never touch: the test looks through it.
    pub eyes: String,
}

/// A server with what the model calls by place.
pub struct Real {
    pub server: TestServer,
    pub people: Vec<Someone>,
    /// The ids of the organizations.
    pub organizations: Vec<String>,
    /// The ids of the invitations.
    pub invitations: Vec<String>,
    /// The texts of the tokens, and the ids of those that are credentials.
    pub bearers: Vec<(String, String)>,
    secrets: Vec<String>,
    /// Memberships there are or were.
    pub memberships: Memberships,
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A credential to look through, made with a session that is in no organization.
async fn eyes(server: &TestServer, session: &str) -> String {
    let call = server.call("POST", "/v1/credentials").token(session);
    let made = call.json(&json!({"name": "eyes", "type": "USER"})).send().await.ok();
    text(&made["credential"]["token"])
}

impl Real {
    /// A server with four people, each with a session. The last one has not proven her address.
    pub async fn start(world: &mut World) -> Real {
        let session = std::time::Duration::from_micros(SESSION.unsigned_abs());
        let server = TestServer::start_with(|config| config.session_lifetime = session).await;
        let (mut people, mut bearers) = (Vec::new(), Vec::new());
        for (n, name) in PEOPLE.iter().enumerate() {
            let proven = n + 1 < PEOPLE.len();
            let person = if proven { server.person(name).await } else { server.signup(name).await };
            let eyes = eyes(&server, &person.token).await;
            people.push(Someone { id: person.id, email: person.email, eyes });
            bearers.push((person.token, String::new()));
            world.users.push(User { proven, last: None });
            world.open_session(n, None, None);
        }
        let (organizations, invitations, secrets, memberships) = Default::default();
        Real { server, people, organizations, invitations, bearers, secrets, memberships }
    }

    /// Takes a step and returns status and text of the reply. `before` is the
    /// model before the step.
    pub async fn take(&mut self, step: Step, before: &World) -> (u16, String) {
        let reply = match step {
            Step::Wait { micros } => {
                self.server.advance(micros);
                return (200, String::new());
            }
            Step::ResetPassword { user } => self.reset_password(user).await,
            Step::Lock { organization } => self.operate(organization, "lock").await,
            Step::Unlock { organization } => self.operate(organization, "unlock").await,
            Step::Login { user } => self.login(user).await,
            _ => self.request(step).await,
        };
        if reply.status == 200 {
            self.keep(step, before, &reply).await;
        }
        (reply.status, reply.text)
    }

    async fn request(&self, step: Step) -> Reply {
        let organization = |id: usize, rest: &str| format!("/v1/organizations/{}{rest}", self.organizations[id]);
        let sent = |id: usize, rest: &str| format!("/v1/organization_invitations/{}{rest}", self.invitations[id]);
        let received =
            |id: usize, rest: &str| format!("/v1/account/organization_invitations/{}{rest}", self.invitations[id]);
        let (by, method, path, body) = match step {
            Step::Create { by, name } => (by, "POST", "/v1/organizations".into(), json!({"name": NAMES[name]})),
            Step::Rename { by, organization: id, name } => {
                (by, "PUT", organization(id, "/name"), json!({"name": NAMES[name]}))
            }
            Step::SetBudget { by, organization: id, amount } => {
                (by, "PUT", organization(id, "/budget"), json!({"amount": amount.to_string()}))
            }
            Step::Deactivate { by, organization: id, skip } => {
                (by, "POST", organization(id, "/deactivate"), json!({"skip_confirmation": skip}))
            }
            Step::Confirm { by, link } => {
                (by, "POST", format!("/v1/organization_confirmations/{}", self.secrets[link]), Value::Null)
            }
            Step::Reactivate { by, organization: id } => (by, "POST", organization(id, "/reactivate"), Value::Null),
            Step::Delete { by, organization: id } => (by, "DELETE", organization(id, ""), Value::Null),
            Step::Invite { by, user } => {
                (by, "POST", "/v1/organization_invitations".into(), json!({"email": self.people[user].email}))
            }
            Step::Withdraw { by, invitation } => (by, "DELETE", sent(invitation, ""), Value::Null),
            Step::Resend { by, invitation } => (by, "POST", sent(invitation, "/resend"), Value::Null),
            Step::Accept { by, invitation } => (by, "POST", received(invitation, "/accept"), Value::Null),
            Step::Decline { by, invitation } => (by, "POST", received(invitation, "/decline"), Value::Null),
            Step::Remove { by, organization: id, user } => {
                // Who never was a member has no membership: the id of the person names none.
                let membership = self.memberships.get(&(id, user)).unwrap_or(&self.people[user].id);
                (by, "DELETE", format!("/v1/organization_members/{membership}"), Value::Null)
            }
            Step::Switch { by, organization: id } => (by, "POST", organization(id, "/switch"), Value::Null),
            Step::Unscope { by } => (by, "POST", "/v1/unscope_organization_token".into(), Value::Null),
            Step::Refresh { by } => (by, "PUT", "/v1/account/refresh".into(), Value::Null),
            Step::Logout { by } => (by, "DELETE", "/v1/account/logout".into(), Value::Null),
            Step::MakeAccessToken { by, organization: id, hours } => {
                let body = json!({"validity": format!("{}s", hours * 3600)});
                (by, "POST", organization(id, "/access_token"), body)
            }
            Step::MakeCredential { by, personal, organization } => {
                let kind = if personal { "USER" } else { "ORGANIZATION" };
                let id = organization.map(|id| self.organizations[id].as_str());
                (by, "POST", "/v1/credentials".into(), json!({"name": "key", "type": kind, "organization_id": id}))
            }
            Step::DeleteCredential { by, credential } => {
                (by, "DELETE", format!("/v1/credentials/{}", self.bearers[credential].1), Value::Null)
            }
            _ => panic!("{step:?} is not a request with a token"),
        };
        let call = self.server.call(method, &path).token(&self.bearers[by].0);
        if body.is_null() { call.send().await } else { call.json(&body).send().await }
    }

    async fn operate(&self, organization: usize, what: &str) -> Reply {
        let path = format!("/operator/v1/organizations/{}/{what}", self.organizations[organization]);
        self.server.operator("POST", &path).json(&json!({"reason": "a reason"})).send().await
    }

    async fn login(&self, user: usize) -> Reply {
        let body = json!({"email": self.people[user].email, "password": PASSWORD});
        self.server.call("POST", "/v1/account/login").json(&body).send().await
    }

    async fn reset_password(&self, user: usize) -> Reply {
        let email = &self.people[user].email;
        self.server.call("POST", "/v1/account/reset_password").json(&json!({"email": email})).send().await.ok();
        let secret = self.server.mails_to(email).await.last().expect("a mail").secret().to_owned();
        let body = json!({"id": secret, "password": PASSWORD});
        self.server.call("POST", "/v1/account/update_password").json(&body).send().await
    }

    /// Keeps what a step made, and waits until its work is done.
    async fn keep(&mut self, step: Step, before: &World, reply: &Reply) {
        let json = &reply.json;
        match step {
            Step::Create { .. } => self.organizations.push(text(&json["organization"]["id"])),
            Step::Invite { .. } => self.invitations.push(text(&json["invitation"]["id"])),
            Step::Switch { .. } | Step::Unscope { .. } | Step::Refresh { .. } | Step::Login { .. } => {
                self.bearers.push((text(&json["token"]["id"]), String::new()));
            }
            Step::ResetPassword { user } => {
                let session = text(&json["token"]["id"]);
                if !before.users[user].proven {
                    // Those before went with all that was made while anybody could have been her.
                    let unscoped = self.server.call("POST", "/v1/account/session").token(&session).send().await.ok();
                    self.people[user].eyes = eyes(&self.server, &text(&unscoped["token"]["id"])).await;
                }
                self.bearers.push((session, String::new()));
            }
            Step::MakeAccessToken { .. } => self.bearers.push((text(&json["token"]), String::new())),
            Step::MakeCredential { .. } => {
                let made = &json["credential"];
                self.bearers.push((text(&made["token"]), text(&made["id"])));
            }
            Step::Deactivate { organization, skip: true, .. } => self.deactivated(organization).await,
            Step::Deactivate { organization, skip: false, .. } => {
                for user in &before.organizations[organization].members {
                    let mails = self.server.mails_to(&self.people[*user].email).await;
                    let secret = mails.last().expect("a mail").secret().to_owned();
                    self.secrets.push(secret);
                }
            }
            Step::Confirm { link, .. } => self.deactivated(before.links[link].organization).await,
            Step::Delete { organization, .. } => {
                self.server.organization_gone(&self.organizations[organization]).await;
            }
            _ => {}
        }
    }

    async fn deactivated(&self, organization: usize) {
        self.server.organization_in(&self.organizations[organization], "DEACTIVATED").await;
    }
}
