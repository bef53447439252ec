//! What goes wrong, and when.

use crate::github::World;

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, with a message.
    Status(u16),
    /// 403: nothing is left of the limit, until so many seconds from now.
    RateLimit(i64),
    /// 403: too much at once, come back after so many seconds.
    Secondary(i64),
    /// 403: too much at once, without saying for how long.
    SecondaryBare,
    /// No answer, ever.
    Hang,
    /// What the answer was when it was asked for, once [`GitHub::let_through`] says so.
    ///
    /// [`GitHub::let_through`]: crate::github::GitHub::let_through
    Late,
    /// Half of the answer, then the connection is closed.
    Truncated,
    /// The connection is closed without an answer.
    Closed,
    /// 200, and half of the JSON with the length of half of it.
    HalfJson,
}

/// Every fault that ends at once, for tests that try all of them.
impl Fault {
    /// Those faults.
    pub const QUICK: &[Fault] = &[
        Fault::Status(500),
        Fault::Status(502),
        Fault::RateLimit(600),
        Fault::Secondary(30),
        Fault::SecondaryBare,
        Fault::Truncated,
        Fault::Closed,
        Fault::HalfJson,
    ];
}

/// A change of the world.
pub(crate) type Change = Box<dyn FnOnce(&mut World) + Send>;

enum Then {
    Fail(Fault),
    Change(Option<Change>),
}

struct Rule {
    path: String,
    skip: usize,
    always: bool,
    then: Then,
}

/// A limit of requests in an hour.
pub(crate) struct Limit {
    pub(crate) requests: i64,
    pub(crate) remaining: i64,
    pub(crate) reset_at: i64,
}

#[derive(Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    pub(crate) limit: Option<Limit>,
}

impl Rules {
    pub(crate) fn fail(&mut self, path: &str, skip: usize, fault: Fault) {
        self.rules.push(Rule { path: path.to_owned(), skip, always: false, then: Then::Fail(fault) });
    }

    pub(crate) fn fail_always(&mut self, path: &str, fault: Fault) {
        self.rules.push(Rule { path: path.to_owned(), skip: 0, always: true, then: Then::Fail(fault) });
    }

    pub(crate) fn before(&mut self, path: &str, skip: usize, change: Change) {
        self.rules.push(Rule { path: path.to_owned(), skip, always: false, then: Then::Change(Some(change)) });
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.rules.iter().any(|rule| !rule.always)
    }

    /// What happens at a request: changes first, then the first fault, if any.
    pub(crate) fn at(&mut self, path: &str) -> (Vec<Change>, Option<Fault>) {
        let (mut changes, mut fault) = (Vec::new(), None);
        self.rules.retain_mut(|rule| {
            if !path.contains(&rule.path) {
                return true;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return true;
            }
            match &mut rule.then {
                Then::Fail(_) if fault.is_some() => return true,
                Then::Fail(one) => fault = Some(*one),
                Then::Change(change) => changes.extend(change.take()),
            }
            rule.always
        });
        (changes, fault)
    }
}
