//! People and their organizations, made through the API.

use serde_json::{Value, json};

use crate::{Call, TestServer};

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

/// A person with a session.
pub struct Person<'s> {
    /// Where she has her account.
    pub server: &'s TestServer,
    /// Identifier.
    pub id: String,
    /// Address.
    pub email: String,
    /// A session without an organization.
    pub token: String,
}

/// An organization with a session in it.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Identifier of the default project.
    pub default_project_id: String,
    /// A session of its first member, scoped to it.
    pub token: String,
}

impl TestServer {
    /// Signs a person up, without proving her address; `name` becomes `name@example.com`.
    pub async fn signup(&self, name: &str) -> Person<'_> {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        let token = self.call("POST", "/v1/account/signup").json(&body).send().await.ok()["token"].clone();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Person { server: self, id: text(&token["user_id"]), email, token: text(&token["id"]) }
    }

    /// Signs a person up and proves her address with the link of the mail.
    pub async fn person(&self, name: &str) -> Person<'_> {
        let person = self.signup(name).await;
        let mails = self.mails_to(&person.email).await;
        let secret = mails.last().expect("a mail to prove the address").secret().to_owned();
        self.call("POST", &format!("/v1/account/validate/{secret}")).send().await.ok();
        person
    }
}

impl Person<'_> {
    /// Asks for another address, and proves that it is hers.
    pub async fn moves_to(&mut self, email: &str) {
        let body = json!({"email": email, "current_password": PASSWORD});
        self.call("PATCH", "/v1/account/profile").json(&body).send().await.ok();
        let mail = self.server.mails_to(email).await.pop().expect("a mail to prove the address");
        self.call("POST", &format!("/v1/account/validate/{}", mail.secret())).send().await.ok();
        email.clone_into(&mut self.email);
    }

    /// A request with her session.
    #[must_use]
    pub fn call(&self, method: &str, path: &str) -> Call {
        self.server.call(method, path).token(&self.token)
    }

    /// An organization of hers, with a session scoped to it.
    pub async fn organization(&self, name: &str) -> Organization {
        let reply = self.call("POST", "/v1/organizations").json(&json!({"name": name})).send().await.ok();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let organization = &reply["organization"];
        let id = text(&organization["id"]);
        Organization {
            token: self.switch(&id).await,
            name: name.to_owned(),
            default_project_id: text(&organization["default_project_id"]),
            id,
        }
    }

    /// A session of hers in an organization.
    pub async fn switch(&self, organization: &str) -> String {
        let reply = self.call("POST", &format!("/v1/organizations/{organization}/switch")).send().await.ok();
        reply["token"]["id"].as_str().expect("a token").to_owned()
    }

    /// Makes another person a member of an organization of hers, through an invitation.
    pub async fn invite(&self, organization: &Organization, other: &Person<'_>) {
        let body = json!({"email": other.email});
        let call = self.server.call("POST", "/v1/organization_invitations").token(&organization.token);
        let invitation = call.json(&body).send().await.ok()["invitation"]["id"].clone();
        let path = format!("/v1/account/organization_invitations/{}/accept", invitation.as_str().expect("an id"));
        other.call("POST", &path).send().await.ok();
    }

    /// A credential of an organization (`ORGANIZATION`) or of hers (`USER`): its id and token.
    pub async fn credential(&self, organization: &Organization, kind: &str) -> (String, String) {
        let body = json!({"name": "a credential", "type": kind});
        let call = self.server.call("POST", "/v1/credentials").token(&organization.token).json(&body);
        let credential = call.send().await.ok()["credential"].clone();
        let text = |name: &str| credential[name].as_str().expect("text").to_owned();
        (text("id"), text("token"))
    }

    /// An access token of an organization.
    pub async fn access_token(&self, organization: &Organization) -> String {
        let path = format!("/v1/organizations/{}/access_token", organization.id);
        let reply = self.server.call("POST", &path).token(&organization.token).send().await.ok();
        reply["token"].as_str().expect("a token").to_owned()
    }
}
