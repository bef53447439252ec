//! The model: what is so, without a server, a database or a clock. Pure: the
//! same steps lead to the same world.
//!
//! Which transition follows from what is read from the table of
//! [`polity_ops::lifecycle`], who may call what from the operation table; the
//! rest is written down here a second time, on purpose.

use std::collections::BTreeSet;

use polity_api::operation::{Meta, Needs, Who};
use polity_api::table::ALL;
use polity_api::types::organization::{DeactivationReason as Reason, OrganizationStatus as Status, StatusMessage};
use polity_ops::lifecycle::{self, By, Event, Then};

const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3600 * SECOND;
pub const DAY: i64 = 24 * HOUR;
/// How long a session lasts in these tests: shorter than an invitation.
pub const SESSION: i64 = 5 * DAY;
pub const INVITATION: i64 = 7 * DAY;
const LINK: i64 = DAY;

/// 200, or the status of the refusal.
pub type Outcome = Result<(), u16>;

#[derive(Debug)]
pub struct User {
    pub proven: bool,
    pub last: Option<usize>,
}

#[derive(Debug)]
pub struct Organization {
    pub name: usize,
    pub status: Status,
    pub message: StatusMessage,
    pub reason: Reason,
    pub members: BTreeSet<usize>,
    pub budget: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Pending,
    Accepted,
    Refused,
    Expired,
    Withdrawn,
}

#[derive(Debug)]
pub struct Invitation {
    pub organization: usize,
    pub user: usize,
    pub answer: Answer,
    pub expires: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Session,
    Access,
    UserCredential,
    OrganizationCredential,
}

/// A token of any kind, working or not. Never forgotten.
#[derive(Debug)]
pub struct Bearer {
    pub kind: Kind,
    /// Whom it acts for; of an access token, who made it.
    pub user: Option<usize>,
    pub scope: Option<usize>,
    /// The credential it was made with, directly or with a session that was.
    pub maker: Option<usize>,
    pub expires: i64,
    pub alive: bool,
}

/// A mailed confirmation of a deactivation.
#[derive(Debug)]
pub struct Link {
    pub organization: usize,
    pub used: bool,
    pub expires: i64,
}

/// Everything there is; things are named by their place.
#[derive(Debug, Default)]
pub struct World {
    /// How far the clock was moved.
    pub now: i64,
    pub users: Vec<User>,
    pub organizations: Vec<Organization>,
    pub invitations: Vec<Invitation>,
    pub bearers: Vec<Bearer>,
    pub links: Vec<Link>,
}

/// A caller whose token works.
#[derive(Clone, Copy)]
pub struct Caller {
    pub person: Option<usize>,
    pub scope: Option<usize>,
    pub kind: Kind,
    needs: Needs,
}

pub fn meta(id: &str) -> &'static Meta {
    ALL.iter().find(|meta| meta.id == id).unwrap_or_else(|| panic!("no operation {id}"))
}

impl World {
    /// Who a token is to an operation.
    pub fn caller(&self, by: usize, operation: &str) -> Result<Caller, u16> {
        let (meta, bearer) = (meta(operation), &self.bearers[by]);
        if !bearer.alive || bearer.expires <= self.now {
            return Err(401);
        }
        let caller = |person| {
            let Bearer { scope, kind, .. } = *bearer;
            Caller { person, scope, kind, needs: meta.needs }
        };
        match bearer.kind {
            Kind::Session | Kind::UserCredential => Ok(caller(bearer.user)),
            Kind::Access | Kind::OrganizationCredential => {
                match self.organizations[bearer.scope.expect("a scope")].status {
                    Status::Active | Status::Warning => {}
                    Status::Locked if meta.needs == Needs::Readable => {}
                    Status::Locked => return Err(403),
                    _ => return Err(401),
                }
                if meta.who == Who::User { Err(403) } else { Ok(caller(None)) }
            }
        }
    }

    fn belongs(&self, caller: Caller, id: usize) -> bool {
        match caller.person {
            Some(user) => self.organizations[id].members.contains(&user),
            None => caller.scope == Some(id),
        }
    }

    /// Whether a caller may do to an organization what the operation does.
    pub fn reach(&self, caller: Caller, id: usize) -> Outcome {
        let status = self.organizations[id].status;
        if status == Status::Deleted {
            return Err(404);
        }
        if !self.belongs(caller, id) {
            return Err(403);
        }
        match (status, caller.needs) {
            (Status::Active | Status::Warning, _) | (_, Needs::Readable) => Ok(()),
            (Status::Locked, _) => Err(403),
            (_, Needs::Exists) => Ok(()),
            (_, Needs::Active) => Err(if caller.scope == Some(id) { 401 } else { 400 }),
        }
    }

    /// The same for something that belongs to an organization.
    pub fn reach_thing(&self, caller: Caller, organization: usize) -> Outcome {
        if self.belongs(caller, organization) { self.reach(caller, organization) } else { Err(404) }
    }

    /// The same for the organization the token is scoped to.
    pub fn current(&self, caller: Caller) -> Result<usize, u16> {
        let id = caller.scope.ok_or(404_u16)?;
        self.reach_thing(caller, id).map(|()| id)
    }

    /// Makes an event happen if the table of transitions lets it; tells whether anything changed.
    pub fn transition(&mut self, id: usize, event: Event, by: By) -> Result<bool, u16> {
        let organization = &mut self.organizations[id];
        match lifecycle::find(Some(organization.status), organization.reason, event, by).map(|t| t.then) {
            Some(Then::Becomes(status, message, reason)) => {
                (organization.status, organization.message, organization.reason) = (status, message, reason);
                Ok(true)
            }
            Some(Then::Stays) => Ok(false),
            Some(Then::Forbidden(_)) => Err(403),
            Some(Then::Refused(_)) | None => Err(400),
        }
    }

    /// Deactivates an organization and does at once what the worker does.
    pub fn deactivate(&mut self, id: usize) -> Outcome {
        if self.transition(id, Event::Deactivate, By::Member)? {
            self.use_links(id);
            self.end(id, |bearer| matches!(bearer.kind, Kind::Access | Kind::OrganizationCredential));
            self.transition(id, Event::Deactivated, By::Worker)?;
        }
        Ok(())
    }

    /// Deletes an organization and does at once what the worker does.
    pub fn delete(&mut self, id: usize) -> Outcome {
        self.transition(id, Event::Delete, By::Member)?;
        self.end(id, |bearer| bearer.kind != Kind::UserCredential);
        self.unscope(id, |_| true);
        let organization = &mut self.organizations[id];
        organization.members.clear();
        organization.budget = None;
        self.transition(id, Event::Deleted, By::Worker).map(drop)
    }

    fn end(&mut self, id: usize, dies: fn(&Bearer) -> bool) {
        for bearer in self.bearers.iter_mut().filter(|b| b.scope == Some(id) && dies(b)) {
            bearer.alive = false;
        }
        for invitation in self.invitations.iter_mut().filter(|i| i.organization == id && i.answer == Answer::Pending) {
            invitation.answer = Answer::Expired;
        }
    }

    fn unscope(&mut self, id: usize, loses: impl Fn(&Bearer) -> bool) {
        let of_people = |b: &Bearer| matches!(b.kind, Kind::Session | Kind::UserCredential) && b.alive;
        for bearer in self.bearers.iter_mut().filter(|b| b.scope == Some(id) && of_people(b) && loses(b)) {
            bearer.scope = None;
        }
    }

    pub fn remove_member(&mut self, id: usize, user: usize) {
        self.organizations[id].members.remove(&user);
        let made = |b: &&mut Bearer| b.kind == Kind::Access && b.scope == Some(id) && b.user == Some(user);
        for bearer in self.bearers.iter_mut().filter(made) {
            bearer.alive = false;
        }
        self.unscope(id, |bearer| bearer.user == Some(user));
        if self.users[user].last == Some(id) {
            self.users[user].last = None;
        }
    }

    /// What an invitation looks like now.
    pub fn answer(&self, invitation: usize) -> Answer {
        match &self.invitations[invitation] {
            Invitation { answer: Answer::Pending, expires, .. } if *expires <= self.now => Answer::Expired,
            other => other.answer,
        }
    }

    /// Whether an address waits for an answer to another invitation into the organization.
    pub fn is_invited(&self, organization: usize, user: usize, but: Option<usize>) -> bool {
        let same = |i: &Invitation| i.organization == organization && i.user == user;
        (0..self.invitations.len())
            .any(|n| Some(n) != but && same(&self.invitations[n]) && self.answer(n) == Answer::Pending)
    }

    /// Whether an invitation can be accepted or declined.
    pub fn answerable(&self, invitation: usize) -> Outcome {
        let status = self.organizations[self.invitations[invitation].organization].status;
        let open = matches!(status, Status::Active | Status::Warning);
        if self.answer(invitation) == Answer::Pending && open { Ok(()) } else { Err(400) }
    }

    pub fn is_taken(&self, name: usize, but: Option<usize>) -> bool {
        let holds = |(n, o): (usize, &Organization)| Some(n) != but && o.name == name && o.status != Status::Deleted;
        self.organizations.iter().enumerate().any(holds)
    }

    pub fn open_session(&mut self, user: usize, scope: Option<usize>, maker: Option<usize>) {
        let expires = self.now + SESSION;
        self.bearers.push(Bearer { kind: Kind::Session, user: Some(user), scope, maker, expires, alive: true });
    }

    /// The credential that what a token makes was made with.
    pub fn maker(&self, by: usize) -> Option<usize> {
        match self.bearers[by].kind {
            Kind::UserCredential | Kind::OrganizationCredential => Some(by),
            Kind::Session | Kind::Access => self.bearers[by].maker,
        }
    }

    /// Where a login leads: to the organization used last, else to the first active one by name.
    pub fn home(&self, user: usize) -> Option<usize> {
        let active = |id: &usize| {
            let organization = &self.organizations[*id];
            organization.status == Status::Active && organization.members.contains(&user)
        };
        let first = (0..self.organizations.len()).filter(active).min_by_key(|id| self.organizations[*id].name);
        self.users[user].last.filter(active).or(first)
    }

    /// Mails a confirmation to every member; earlier ones stop working.
    pub fn mail_links(&mut self, organization: usize) {
        self.use_links(organization);
        for _ in 0..self.organizations[organization].members.len() {
            self.links.push(Link { organization, used: false, expires: self.now + LINK });
        }
    }

    pub fn use_links(&mut self, organization: usize) {
        for link in self.links.iter_mut().filter(|link| link.organization == organization) {
            link.used = true;
        }
    }
}
