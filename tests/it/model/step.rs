//! The steps: what each does to the model.

use std::collections::BTreeSet;

use polity_ops::lifecycle::{self, By, Event, Then};

use crate::world::{Answer, Bearer, Caller, HOUR, INVITATION, Invitation, Kind, Organization, Outcome, World};

/// Something a person, the operator or time does. Things are named by their place in the world.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Create { by: usize, name: usize },
    Rename { by: usize, organization: usize, name: usize },
    SetBudget { by: usize, organization: usize, amount: i64 },
    Deactivate { by: usize, organization: usize, skip: bool },
    Confirm { by: usize, link: usize },
    Reactivate { by: usize, organization: usize },
    Delete { by: usize, organization: usize },
    Lock { organization: usize },
    Unlock { organization: usize },
    Invite { by: usize, user: usize },
    Withdraw { by: usize, invitation: usize },
    Resend { by: usize, invitation: usize },
    Accept { by: usize, invitation: usize },
    Decline { by: usize, invitation: usize },
    Remove { by: usize, organization: usize, user: usize },
    Switch { by: usize, organization: usize },
    Unscope { by: usize },
    Refresh { by: usize },
    Logout { by: usize },
    Login { user: usize },
    ResetPassword { user: usize },
    MakeAccessToken { by: usize, organization: usize, hours: i64 },
    MakeCredential { by: usize, personal: bool, organization: Option<usize> },
    DeleteCredential { by: usize, credential: usize },
    Wait { micros: i64 },
}

impl Step {
    /// Its name, for counting.
    pub fn name(self) -> String {
        format!("{self:?}").split(' ').next().unwrap_or_default().to_owned()
    }
}

/// What outlives it is made with no access token.
fn lasting(caller: Caller) -> Outcome {
    if caller.kind == Kind::Access { Err(403) } else { Ok(()) }
}

impl World {
    /// Does a step; what is refused changes nothing.
    pub fn apply(&mut self, step: Step) -> Outcome {
        match step {
            Step::Create { by, name } => self.create(by, name),
            Step::Rename { by, organization, name } => {
                self.reach(self.caller(by, "UpdateOrganizationName")?, organization)?;
                if self.is_taken(name, Some(organization)) {
                    return Err(400);
                }
                self.organizations[organization].name = name;
                Ok(())
            }
            Step::SetBudget { by, organization, amount } => {
                self.reach(self.caller(by, "UpdateBudget")?, organization)?;
                self.organizations[organization].budget = Some(amount);
                Ok(())
            }
            Step::Deactivate { by, organization, skip } => {
                self.reach(self.caller(by, "DeactivateOrganization")?, organization)?;
                if skip { self.deactivate(organization) } else { self.ask_to_confirm(organization) }
            }
            Step::Confirm { by, link } => self.confirm(by, link),
            Step::Reactivate { by, organization } => {
                self.reach(self.caller(by, "ReactivateOrganization")?, organization)?;
                self.transition(organization, Event::Reactivate, By::Member).map(drop)
            }
            Step::Delete { by, organization } => {
                self.reach(self.caller(by, "DeleteOrganization")?, organization)?;
                self.delete(organization)
            }
            Step::Lock { organization } => self.operate(organization, Event::Lock),
            Step::Unlock { organization } => self.operate(organization, Event::Unlock),
            Step::Invite { by, user } => self.invite(by, user),
            Step::Withdraw { by, invitation } => {
                self.sent(by, "DeleteOrganizationInvitation", invitation)?;
                self.invitations[invitation].answer = Answer::Withdrawn;
                Ok(())
            }
            Step::Resend { by, invitation } => self.resend(by, invitation),
            Step::Accept { by, invitation } => {
                let user = self.received(by, "AcceptOrganizationInvitation", invitation)?;
                self.proven(user)?;
                self.answerable(invitation)?;
                self.invitations[invitation].answer = Answer::Accepted;
                let organization = self.invitations[invitation].organization;
                self.organizations[organization].members.insert(user);
                Ok(())
            }
            Step::Decline { by, invitation } => {
                let user = self.received(by, "DeclineOrganizationInvitation", invitation)?;
                self.proven(user)?;
                self.answerable(invitation)?;
                self.invitations[invitation].answer = Answer::Refused;
                Ok(())
            }
            Step::Remove { by, organization, user } => self.remove(by, organization, user),
            Step::Switch { by, organization } => {
                let caller = self.caller(by, "SwitchOrganization")?;
                self.reach(caller, organization)?;
                let user = caller.person.ok_or(403_u16)?;
                self.users[user].last = Some(organization);
                self.open_session(user, Some(organization), self.maker(by));
                Ok(())
            }
            Step::Unscope { by } => {
                let user = self.caller(by, "UnscopeOrganizationToken")?.person.ok_or(403_u16)?;
                self.open_session(user, None, self.maker(by));
                Ok(())
            }
            Step::Refresh { by } => {
                let caller = self.caller(by, "RefreshToken")?;
                self.open_session(caller.person.ok_or(403_u16)?, caller.scope, self.maker(by));
                Ok(())
            }
            Step::Logout { by } => {
                if self.caller(by, "Logout")?.kind != Kind::Session {
                    return Err(400);
                }
                self.bearers[by].alive = false;
                Ok(())
            }
            Step::Login { user } => {
                self.open_session(user, self.home(user), None);
                Ok(())
            }
            Step::ResetPassword { user } => {
                // While nobody has proven the address, somebody else may have made the credentials.
                let proven = self.users[user].proven;
                let ends = |b: &&mut Bearer| {
                    b.user == Some(user) && (matches!(b.kind, Kind::Session | Kind::Access) || !proven)
                };
                for bearer in self.bearers.iter_mut().filter(ends) {
                    bearer.alive = false;
                }
                self.users[user].proven = true;
                self.open_session(user, self.home(user), None);
                Ok(())
            }
            Step::MakeAccessToken { by, organization, hours } => self.make_access_token(by, organization, hours),
            Step::MakeCredential { by, personal, organization } => self.make_credential(by, personal, organization),
            Step::DeleteCredential { by, credential } => self.delete_credential(by, credential),
            Step::Wait { micros } => {
                self.now += micros;
                Ok(())
            }
        }
    }

    fn proven(&self, user: usize) -> Outcome {
        if self.users[user].proven { Ok(()) } else { Err(403) }
    }

    fn create(&mut self, by: usize, name: usize) -> Outcome {
        let user = self.caller(by, "CreateOrganization")?.person.ok_or(403_u16)?;
        if self.is_taken(name, None) {
            return Err(400);
        }
        let (status, message, reason) = lifecycle::first();
        let members = BTreeSet::from([user]);
        self.organizations.push(Organization { name, status, message, reason, members, budget: None });
        Ok(())
    }

    fn ask_to_confirm(&mut self, organization: usize) -> Outcome {
        let row = &self.organizations[organization];
        match lifecycle::find(Some(row.status), row.reason, Event::Deactivate, By::Member).map(|t| t.then) {
            Some(Then::Becomes(..)) => {
                self.mail_links(organization);
                Ok(())
            }
            Some(Then::Forbidden(_)) => Err(403),
            _ => Err(400),
        }
    }

    fn confirm(&mut self, by: usize, link: usize) -> Outcome {
        let caller = self.caller(by, "ConfirmOrganizationAction")?;
        let (organization, link) = (self.links[link].organization, &self.links[link]);
        if link.used || link.expires <= self.now {
            return Err(400);
        }
        self.reach_thing(caller, organization)?;
        self.deactivate(organization)
    }

    fn operate(&mut self, organization: usize, event: Event) -> Outcome {
        if self.organizations[organization].members.is_empty() {
            return Err(404);
        }
        self.transition(organization, event, By::Operator).map(drop)
    }

    fn invite(&mut self, by: usize, user: usize) -> Outcome {
        let caller = self.caller(by, "CreateOrganizationInvitation")?;
        lasting(caller)?;
        let organization = self.current(caller)?;
        let is_member = self.organizations[organization].members.contains(&user);
        if is_member || self.is_invited(organization, user, None) {
            return Err(400);
        }
        let expires = self.now + INVITATION;
        self.invitations.push(Invitation { organization, user, answer: Answer::Pending, expires });
        Ok(())
    }

    /// An invitation as the organization that sent it finds it.
    fn sent(&self, by: usize, operation: &str, invitation: usize) -> Outcome {
        let caller = self.caller(by, operation)?;
        if self.invitations[invitation].answer == Answer::Withdrawn {
            return Err(404);
        }
        self.reach_thing(caller, self.invitations[invitation].organization)
    }

    /// An invitation as the person finds it to whom it was sent.
    fn received(&self, by: usize, operation: &str, invitation: usize) -> Result<usize, u16> {
        let user = self.caller(by, operation)?.person.ok_or(403_u16)?;
        let found = &self.invitations[invitation];
        if found.answer == Answer::Withdrawn || found.user != user { Err(404) } else { Ok(user) }
    }

    fn resend(&mut self, by: usize, invitation: usize) -> Outcome {
        self.sent(by, "ResendOrganizationInvitation", invitation)?;
        lasting(self.caller(by, "ResendOrganizationInvitation")?)?;
        if !matches!(self.answer(invitation), Answer::Pending | Answer::Expired) {
            return Err(400);
        }
        let Invitation { organization, user, .. } = self.invitations[invitation];
        if self.is_invited(organization, user, Some(invitation)) {
            return Err(400);
        }
        let expires = self.now + INVITATION;
        self.invitations[invitation] = Invitation { organization, user, answer: Answer::Pending, expires };
        Ok(())
    }

    fn remove(&mut self, by: usize, organization: usize, user: usize) -> Outcome {
        let caller = self.caller(by, "RemoveOrganizationMember")?;
        if !self.organizations[organization].members.contains(&user) {
            return Err(404);
        }
        self.reach_thing(caller, organization)?;
        if self.organizations[organization].members.len() == 1 {
            return Err(400);
        }
        self.remove_member(organization, user);
        Ok(())
    }

    fn make_access_token(&mut self, by: usize, organization: usize, hours: i64) -> Outcome {
        let caller = self.caller(by, "CreateAccessToken")?;
        lasting(caller)?;
        self.reach(caller, organization)?;
        self.bearers.push(Bearer {
            kind: Kind::Access,
            user: caller.person,
            scope: Some(organization),
            maker: self.maker(by),
            expires: self.now + hours * HOUR,
            alive: true,
        });
        Ok(())
    }

    fn make_credential(&mut self, by: usize, personal: bool, organization: Option<usize>) -> Outcome {
        let caller = self.caller(by, "CreateCredential")?;
        lasting(caller)?;
        let scope = organization.or(caller.scope);
        if let Some(organization) = scope {
            self.reach(caller, organization)?;
        }
        let (kind, user) = match (personal, scope) {
            (true, _) => (Kind::UserCredential, Some(caller.person.ok_or(403_u16)?)),
            (false, Some(_)) => (Kind::OrganizationCredential, None),
            (false, None) => return Err(400),
        };
        self.bearers.push(Bearer { kind, user, scope, maker: None, expires: i64::MAX, alive: true });
        Ok(())
    }

    fn delete_credential(&mut self, by: usize, credential: usize) -> Outcome {
        let (caller, row) = (self.caller(by, "DeleteCredential")?, &self.bearers[credential]);
        match row.kind {
            _ if !row.alive => return Err(404),
            Kind::OrganizationCredential => self.reach_thing(caller, row.scope.ok_or(404_u16)?)?,
            _ if caller.person.is_none() || caller.person != row.user => return Err(404),
            _ => {}
        }
        for (n, bearer) in self.bearers.iter_mut().enumerate() {
            if n == credential || bearer.maker == Some(credential) {
                bearer.alive = false;
            }
        }
        Ok(())
    }
}
