//! How far the whole log may be followed; why is at the top of `events.rs` in
//! the store.

use polity_store::events::Frontier;

/// What a replica knows of it. Any such knowledge is true for ever, so it does
/// not matter which of several looks is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Horizon {
    /// Nothing can appear any more up to here.
    pub settled: i64,
    /// A place, and the transaction below which all must have ended for it to be settled.
    pending: Option<(i64, i64)>,
}

impl Horizon {
    /// Up to here there is no need to take a transaction id once more.
    pub fn known(self) -> i64 {
        self.pending.map_or(self.settled, |(last, _)| last)
    }

    /// What is known after a look that was made with [`Horizon::known`] of this.
    pub fn after(self, frontier: &Frontier) -> Horizon {
        let newest = (frontier.last > self.known()).then_some((frontier.last, frontier.next));
        let has_ended = |place: &(i64, i64)| frontier.oldest >= place.1;
        match (self.pending, newest) {
            (_, Some(newest)) if has_ended(&newest) => Horizon { settled: newest.0, pending: None },
            (Some(pending), newest) if has_ended(&pending) => Horizon { settled: pending.0, pending: newest },
            // The older place is settled sooner: the newer one has to wait for its turn.
            (pending, newest) => Horizon { pending: pending.or(newest), ..self },
        }
    }

    /// The better of two.
    pub fn or(self, other: Horizon) -> Horizon {
        let knows = |horizon: &Horizon| (horizon.settled, horizon.pending.is_some());
        if knows(&other) > knows(&self) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(last: i64, next: i64, oldest: i64) -> Frontier {
        Frontier { last, next, oldest }
    }

    #[test]
    fn where_numbers_appear_in_order_every_look_settles() {
        let horizon = Horizon::default().after(&look(7, 0, 0));
        assert_eq!((horizon.settled, horizon.known()), (7, 7));
        assert_eq!(horizon.after(&look(9, 0, 0)).settled, 9);
    }

    #[test]
    fn a_place_is_settled_once_all_have_ended_who_may_have_drawn_a_number_before_it() {
        let horizon = Horizon::default().after(&look(7, 105, 101));
        assert_eq!((horizon.settled, horizon.known()), (0, 7));
        let horizon = horizon.after(&look(9, 110, 104));
        assert_eq!((horizon.settled, horizon.known()), (0, 7), "104 may have drawn any of them");
        let horizon = horizon.after(&look(9, 111, 105));
        assert_eq!((horizon.settled, horizon.known()), (7, 9));
        assert_eq!(horizon.after(&look(9, 0, 111)).settled, 9);
    }

    #[test]
    fn a_quiet_database_settles_at_once() {
        assert_eq!(Horizon::default().after(&look(7, 105, 105)).settled, 7);
        let waiting = Horizon::default().after(&look(7, 105, 101));
        assert_eq!(waiting.after(&look(9, 120, 120)), Horizon { settled: 9, pending: None });
    }

    #[test]
    fn what_is_known_is_never_forgotten() {
        let (less, more) = (Horizon { settled: 3, pending: Some((9, 5)) }, Horizon { settled: 7, pending: None });
        assert_eq!((less.or(more), more.or(less)), (more, more));
    }
}
