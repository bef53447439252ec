//! The life of an organization: one table that alone decides which status
//! follows which, why, and who may make it happen.

use polity_api::types::organization::{
    DeactivationReason as Reason, OrganizationStatus as Status, StatusMessage as Message,
};
use polity_store::organizations::OrganizationRow;

use crate::error::{Error, Result};

/// What happens to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It is created.
    Create,
    /// A member deactivates it, by confirmation or at once.
    Deactivate,
    /// The background work of deactivation is done.
    Deactivated,
    /// A member reactivates it.
    Reactivate,
    /// A member deletes it.
    Delete,
    /// The background work of deletion is done.
    Deleted,
    /// The operator locks it.
    Lock,
    /// The operator unlocks it.
    Unlock,
}

impl Event {
    /// Every event.
    pub const ALL: &[Event] = &[
        Event::Create,
        Event::Deactivate,
        Event::Deactivated,
        Event::Reactivate,
        Event::Delete,
        Event::Deleted,
        Event::Lock,
        Event::Unlock,
    ];
}

/// Who may make an event happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Any person.
    Anyone,
    /// A member, or a token of the organization.
    Member,
    /// The operator.
    Operator,
    /// The background worker.
    Worker,
}

/// What an event leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Another status.
    Becomes(Status, Message, Reason),
    /// Nothing: the organization is there already.
    Stays,
    /// 403 with this message.
    Forbidden(&'static str),
    /// 400 with this message.
    Refused(&'static str),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// The status before; none before creation.
    pub from: Option<Status>,
    /// Only with this reason of deactivation, where it matters.
    pub reason: Option<Reason>,
    /// What happens.
    pub event: Event,
    /// Who may.
    pub by: By,
    /// What it leads to.
    pub then: Then,
}

const fn row(from: Status, event: Event, by: By, then: Then) -> Transition {
    Transition { from: Some(from), reason: None, event, by, then }
}

const fn when(from: Status, reason: Reason, event: Event, by: By, then: Then) -> Transition {
    Transition { from: Some(from), reason: Some(reason), event, by, then }
}

const BLOCKED: &str = "the organization was deactivated by the operator: ask them to unlock it";
const DEACTIVATE_FIRST: &str = "organization must be deactivated before it can be deleted";
const NOT_YET: &str = "the organization is being deactivated: wait until it is deactivated";
const NOT_LOCKED: &str = "the organization is not locked";

/// The table. The first row that fits counts; what fits none is refused.
pub const TRANSITIONS: &[Transition] = &[
    Transition {
        from: None,
        reason: None,
        event: Event::Create,
        by: By::Anyone,
        then: Then::Becomes(Status::Active, Message::Valid, Reason::Invalid),
    },
    row(Status::Active, Event::Deactivate, By::Member, DEACTIVATING),
    row(Status::Warning, Event::Deactivate, By::Member, DEACTIVATING),
    row(Status::Deactivating, Event::Deactivate, By::Member, Then::Stays),
    row(Status::Deactivated, Event::Deactivate, By::Member, Then::Stays),
    // The reason stays: a lock by the operator in between is not forgotten.
    when(Status::Deactivating, Reason::RequestedByOwner, Event::Deactivated, By::Worker, DEACTIVATED),
    when(Status::Deactivating, Reason::LockedByAdmin, Event::Deactivated, By::Worker, DEACTIVATED_AND_LOCKED),
    when(Status::Deactivated, Reason::LockedByAdmin, Event::Reactivate, By::Member, Then::Forbidden(BLOCKED)),
    when(Status::Deactivated, Reason::VerificationFailed, Event::Reactivate, By::Member, Then::Forbidden(BLOCKED)),
    row(Status::Deactivated, Event::Reactivate, By::Member, ACTIVE),
    row(Status::Active, Event::Reactivate, By::Member, Then::Stays),
    row(Status::Warning, Event::Reactivate, By::Member, Then::Stays),
    row(Status::Deactivating, Event::Reactivate, By::Member, Then::Refused(NOT_YET)),
    when(Status::Deactivated, Reason::LockedByAdmin, Event::Delete, By::Member, Then::Forbidden(BLOCKED)),
    row(
        Status::Deactivated,
        Event::Delete,
        By::Member,
        Then::Becomes(Status::Deleting, Message::Valid, Reason::RequestedByOwner),
    ),
    row(Status::Active, Event::Delete, By::Member, Then::Refused(DEACTIVATE_FIRST)),
    row(Status::Warning, Event::Delete, By::Member, Then::Refused(DEACTIVATE_FIRST)),
    row(Status::Deactivating, Event::Delete, By::Member, Then::Refused(DEACTIVATE_FIRST)),
    row(
        Status::Deleting,
        Event::Deleted,
        By::Worker,
        Then::Becomes(Status::Deleted, Message::Valid, Reason::RequestedByOwner),
    ),
    row(Status::Active, Event::Lock, By::Operator, LOCKED),
    row(Status::Warning, Event::Lock, By::Operator, LOCKED),
    row(Status::Locked, Event::Lock, By::Operator, Then::Stays),
    row(
        Status::Deactivating,
        Event::Lock,
        By::Operator,
        Then::Becomes(Status::Deactivating, Message::Locked, Reason::LockedByAdmin),
    ),
    row(Status::Deactivated, Event::Lock, By::Operator, DEACTIVATED_AND_LOCKED),
    row(Status::Locked, Event::Unlock, By::Operator, ACTIVE),
    when(
        Status::Deactivating,
        Reason::LockedByAdmin,
        Event::Unlock,
        By::Operator,
        Then::Becomes(Status::Deactivating, Message::Valid, Reason::RequestedByOwner),
    ),
    when(Status::Deactivated, Reason::LockedByAdmin, Event::Unlock, By::Operator, DEACTIVATED),
    row(Status::Active, Event::Unlock, By::Operator, Then::Refused(NOT_LOCKED)),
    row(Status::Warning, Event::Unlock, By::Operator, Then::Refused(NOT_LOCKED)),
    row(Status::Deactivating, Event::Unlock, By::Operator, Then::Refused(NOT_LOCKED)),
    row(Status::Deactivated, Event::Unlock, By::Operator, Then::Refused(NOT_LOCKED)),
];

const ACTIVE: Then = Then::Becomes(Status::Active, Message::Valid, Reason::Invalid);
const LOCKED: Then = Then::Becomes(Status::Locked, Message::Locked, Reason::Invalid);
const DEACTIVATING: Then = Then::Becomes(Status::Deactivating, Message::Valid, Reason::RequestedByOwner);
const DEACTIVATED: Then = Then::Becomes(Status::Deactivated, Message::Valid, Reason::RequestedByOwner);
const DEACTIVATED_AND_LOCKED: Then = Then::Becomes(Status::Deactivated, Message::Locked, Reason::LockedByAdmin);

/// The row that applies, if any.
#[must_use]
pub fn find(from: Option<Status>, reason: Reason, event: Event, by: By) -> Option<&'static Transition> {
    TRANSITIONS
        .iter()
        .find(|t| t.from == from && t.event == event && t.by == by && t.reason.is_none_or(|wanted| wanted == reason))
}

/// Whether an event changed the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It has another status now.
    Changed,
    /// It was there already.
    Unchanged,
}

/// Applies an event to a loaded organization; the caller stores the row.
///
/// # Errors
/// 403 or 400 as the table says; 400 for what it does not list.
pub fn apply(organization: &mut OrganizationRow, event: Event, by: By) -> Result<Applied> {
    let found = find(Some(organization.status), organization.deactivation_reason, event, by);
    match found.map(|t| t.then) {
        Some(Then::Becomes(status, message, reason)) => {
            organization.status = status;
            organization.status_message = message;
            organization.deactivation_reason = reason;
            Ok(Applied::Changed)
        }
        Some(Then::Stays) => Ok(Applied::Unchanged),
        Some(Then::Forbidden(message)) => Err(Error::forbidden(message)),
        Some(Then::Refused(message)) => Err(Error::precondition(message)),
        None => Err(Error::precondition(format!("not possible while the organization is {}", organization.status))),
    }
}

/// The first status of a new organization.
#[must_use]
pub fn first() -> (Status, Message, Reason) {
    match find(None, Reason::Invalid, Event::Create, By::Anyone).map(|t| t.then) {
        Some(Then::Becomes(status, message, reason)) => (status, message, reason),
        _ => (Status::Warning, Message::New, Reason::Invalid),
    }
}

/// The table as a Markdown page.
#[must_use]
pub fn as_markdown() -> String {
    let mut out = String::from(
        "# Life of an organization\n\n\
         Generated from the table in `crates/ops/src/lifecycle.rs` by `cargo xtask gen`. What is not listed is\n\
         refused with 400 `failed_precondition`.\n\n\
         | Status | Reason | Event | By | Leads to |\n|---|---|---|---|---|\n",
    );
    for t in TRANSITIONS {
        let then = match t.then {
            Then::Becomes(status, message, reason) => format!("**{status}**, {message}, {reason}"),
            Then::Stays => "no change".to_owned(),
            Then::Forbidden(message) => format!("403: {message}"),
            Then::Refused(message) => format!("400: {message}"),
        };
        let from = t.from.map_or("(none)", Status::as_str);
        let reason = t.reason.map_or("any", Reason::as_str);
        out.push_str(&format!("| {from} | {reason} | {:?} | {:?} | {then} |\n", t.event, t.by));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn reachable() -> BTreeSet<(Status, Reason)> {
        let (status, _, reason) = first();
        let mut seen = BTreeSet::from([(status, reason)]);
        loop {
            let before = seen.len();
            for (status, reason) in seen.clone() {
                for event in Event::ALL {
                    for by in [By::Anyone, By::Member, By::Operator, By::Worker] {
                        if let Some(Then::Becomes(s, _, r)) = find(Some(status), reason, *event, by).map(|t| t.then) {
                            seen.insert((s, r));
                        }
                    }
                }
            }
            if seen.len() == before {
                return seen;
            }
        }
    }

    #[test]
    fn nothing_follows_deletion() {
        assert!(TRANSITIONS.iter().all(|t| t.from != Some(Status::Deleted)));
    }

    #[test]
    fn every_reachable_status_but_the_last_has_a_way_on() {
        for (status, reason) in reachable() {
            let leads_on = TRANSITIONS.iter().any(|t| {
                t.from == Some(status)
                    && t.reason.is_none_or(|r| r == reason)
                    && matches!(t.then, Then::Becomes(s, ..) if s != status)
            });
            assert!(leads_on || status == Status::Deleted, "{status} {reason} is a dead end");
        }
    }

    #[test]
    fn only_the_operator_frees_what_the_operator_locked() {
        for t in TRANSITIONS.iter().filter(|t| t.from == Some(Status::Locked)) {
            assert_eq!(t.by, By::Operator);
        }
        for by in [By::Anyone, By::Member] {
            for event in Event::ALL {
                let then = find(Some(Status::Deactivated), Reason::LockedByAdmin, *event, by).map(|t| t.then);
                assert!(!matches!(then, Some(Then::Becomes(..))), "{event:?} by {by:?}");
            }
        }
    }

    #[test]
    fn a_lock_survives_the_end_of_a_deactivation() {
        let locked = find(Some(Status::Deactivating), Reason::RequestedByOwner, Event::Lock, By::Operator).unwrap();
        let Then::Becomes(status, _, reason) = locked.then else { panic!("{locked:?}") };
        let done = find(Some(status), reason, Event::Deactivated, By::Worker).unwrap();
        assert_eq!(done.then, DEACTIVATED_AND_LOCKED);
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (i, late) in TRANSITIONS.iter().enumerate() {
            let hidden = TRANSITIONS[..i].iter().any(|early| {
                (early.from, early.event, early.by) == (late.from, late.event, late.by)
                    && (early.reason.is_none() || early.reason == late.reason)
            });
            assert!(!hidden, "{late:?}");
        }
    }
}
