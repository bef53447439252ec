//! The model: what must be true, in a few lines and without a database.
//!
//! What follows which status comes from the table of `polity_ops::lifecycle`;
//! everything else is said here a second time, independently of the server.

use std::collections::{BTreeMap, BTreeSet};

use polity_api::types::organization::{DeactivationReason as Reason, OrganizationStatus as Status};
use polity_ops::lifecycle::{By, Event, Then, find};

/// Minutes an invitation can be accepted.
const INVITATION: i64 = 7 * 24 * 60;

#[derive(Clone, Debug)]
pub struct Organization {
    pub id: String,
    pub name: String,
    pub status: Status,
    pub reason: Reason,
    pub members: BTreeSet<usize>,
    /// Who was invited, the id of the invitation, and until when.
    pub invitations: BTreeMap<usize, (String, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Session { person: usize },
    PersonCredential { person: usize },
    AccessToken { maker: Option<usize>, made_with: Option<usize> },
    OrganizationCredential,
}

#[derive(Clone, Debug)]
pub struct Token {
    /// What is sent as bearer.
    pub text: String,
    /// Identifier of a credential.
    pub id: String,
    pub kind: Kind,
    /// The organization it is scoped to.
    pub scope: Option<usize>,
    pub revoked: bool,
    /// Minute at which it ends.
    pub ends: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub now: i64,
    pub organizations: Vec<Organization>,
    pub tokens: Vec<Token>,
}

impl Model {
    pub fn is_gone(&self, organization: usize) -> bool {
        self.organizations[organization].status == Status::Deleted
    }

    pub fn is_member(&self, person: usize, organization: usize) -> bool {
        self.organizations[organization].members.contains(&person)
    }

    /// What a person who asks about an organization is told: 200, 403 or 404.
    pub fn read(&self, person: usize, organization: usize) -> u16 {
        match (self.is_gone(organization), self.is_member(person, organization)) {
            (true, _) => 404,
            (_, true) => 200,
            _ => 403,
        }
    }

    /// What a person is told who changes something that needs an active
    /// organization, with a session that is not scoped to it.
    pub fn change(&self, person: usize, organization: usize) -> u16 {
        match (self.read(person, organization), self.organizations[organization].status) {
            (200, Status::Active) => 200,
            (200, Status::Locked) => 403,
            (200, _) => 400,
            (refused, _) => refused,
        }
    }

    /// Whether anybody uses a name.
    pub fn is_taken(&self, name: &str) -> bool {
        self.organizations.iter().any(|o| o.status != Status::Deleted && o.name == name)
    }

    /// What any token is told by an operation that only asks who it is.
    pub fn identify(&self, token: &Token) -> u16 {
        if token.revoked || token.ends <= self.now {
            return 401;
        }
        let status = token.scope.map(|organization| self.organizations[organization].status);
        match (token.kind, status) {
            (Kind::Session { .. }, Some(Status::Deleted)) => 401,
            (Kind::Session { .. } | Kind::PersonCredential { .. }, _) => 200,
            (_, Some(Status::Active)) => 200,
            (_, Some(Status::Locked)) => 403,
            _ => 401,
        }
    }

    /// What a token is told about the organization it is scoped to.
    pub fn current(&self, token: &Token) -> u16 {
        let status = token.scope.map(|organization| self.organizations[organization].status);
        match (self.identify(token), status) {
            (401, _) => 401,
            (_, None | Some(Status::Deleted)) => 404,
            _ => 200,
        }
    }

    /// What an event does to an organization: the status code, and the model with the outcome.
    pub fn apply(&mut self, organization: usize, event: Event, by: By) -> u16 {
        let o = &mut self.organizations[organization];
        match find(Some(o.status), o.reason, event, by).map(|t| t.then) {
            Some(Then::Becomes(status, _, reason)) => {
                (o.status, o.reason) = (status, reason);
                200
            }
            Some(Then::Stays) => 200,
            Some(Then::Forbidden(_)) => 403,
            Some(Then::Refused(_)) | None => 400,
        }
    }

    /// The tokens of an organization that die with its deactivation.
    pub fn deactivated(&mut self, organization: usize) {
        self.apply(organization, Event::Deactivated, By::Worker);
        for token in self.tokens.iter_mut().filter(|t| t.scope == Some(organization)) {
            token.revoked |= matches!(token.kind, Kind::AccessToken { .. } | Kind::OrganizationCredential);
        }
        self.organizations[organization].invitations.clear();
    }

    /// What deletion leaves.
    pub fn deleted(&mut self, organization: usize) {
        self.apply(organization, Event::Deleted, By::Worker);
        self.organizations[organization].members.clear();
        self.organizations[organization].invitations.clear();
        for token in self.tokens.iter_mut().filter(|t| t.scope == Some(organization)) {
            match token.kind {
                Kind::PersonCredential { .. } => token.scope = None,
                _ => token.revoked = true,
            }
        }
    }

    /// What the removal of a member leaves.
    pub fn removed(&mut self, organization: usize, person: usize) {
        self.organizations[organization].members.remove(&person);
        for token in self.tokens.iter_mut().filter(|t| t.scope == Some(organization)) {
            match token.kind {
                Kind::AccessToken { maker, .. } if maker == Some(person) => token.revoked = true,
                Kind::Session { person: p } | Kind::PersonCredential { person: p } if p == person => token.scope = None,
                _ => {}
            }
        }
    }

    /// What the deletion of a credential leaves.
    pub fn revoked(&mut self, credential: usize) {
        for (n, token) in self.tokens.iter_mut().enumerate() {
            let made_with_it =
                matches!(token.kind, Kind::AccessToken { made_with, .. } if made_with == Some(credential));
            token.revoked |= n == credential || made_with_it;
        }
    }

    /// Invites a person: the status code.
    pub fn invite(&self, person: usize, organization: usize, other: usize) -> u16 {
        let pending =
            self.organizations[organization].invitations.get(&other).is_some_and(|(_, ends)| *ends > self.now);
        match self.change(person, organization) {
            200 if pending || self.is_member(other, organization) => 400,
            answer => answer,
        }
    }

    /// Until when an invitation made now can be accepted.
    pub fn invitation_ends(&self) -> i64 {
        self.now + INVITATION
    }
}
