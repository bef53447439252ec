//! Cursors: where the next page of a list that is paged by key begins.
//!
//! A cursor is the key of the last item of a page, as text. It says where to go
//! on and nothing else: who may read what is decided anew on each page, so a
//! cursor of somebody else gives nothing that an offset would not.

use std::ops::RangeInclusive;

use polity_api::page::Offset;
use polity_api::scalar::Timestamp;
use polity_store::Start;
use uuid::Uuid;

use crate::error::{Error, Result};

/// What the keys of a list are made of; a cursor of another kind is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A place in the log of an organization.
    Organization,
    /// Something a person did, by its id: a place in the whole log would tell
    /// her how much happens in other organizations.
    Person,
    /// A place in the whole log, for the operator.
    Everything,
    /// An organization, by its creation and its id.
    Organizations,
    /// A coupon, by its creation and its id.
    Coupons,
    /// A metering key, by its creation and its id.
    MeteringKeys,
    /// A place in the feed of an organization, and the last event up to it.
    Feed,
    /// The same in the feed of everything, for the operator.
    WholeFeed,
    /// A delivery to a webhook, by the time and the id of its event.
    Deliveries,
}

impl Kind {
    const fn tag(self) -> char {
        match self {
            Kind::Organization => 'a',
            Kind::Person => 'p',
            Kind::Everything => 'e',
            Kind::Organizations => 'o',
            Kind::Coupons => 'c',
            Kind::MeteringKeys => 'm',
            Kind::Feed => 'f',
            Kind::WholeFeed => 'w',
            Kind::Deliveries => 'd',
        }
    }
}

/// The cursor behind the item with this key. A part that the list has no use
/// for is zero.
pub(crate) fn write(kind: Kind, number: i64, id: Uuid) -> String {
    format!("{}{number:016x}{}", kind.tag(), id.simple())
}

/// The key in a cursor.
pub(crate) fn read(kind: Kind, text: &str) -> Option<(i64, Uuid)> {
    let rest = text.strip_prefix(kind.tag())?;
    let (number, id) = rest.split_at_checked(16)?;
    let (number, id) = (u64::from_str_radix(number, 16).ok()?, Uuid::try_parse(id).ok()?);
    let key = (number.cast_signed(), id);
    // What reads, and was never written: a sign, capitals, dashes.
    (write(kind, key.0, key.1) == text).then_some(key)
}

/// Where the page of a request begins.
///
/// # Errors
/// 400 on `cursor` when it is none of this list, on `offset` when it is given besides.
pub(crate) fn start(kind: Kind, cursor: &str, offset: Offset) -> Result<Start<(i64, Uuid)>> {
    match (cursor, offset.0) {
        ("", 0) => Ok(Start::First),
        ("", count) => Ok(Start::Skip(i64::from(count))),
        (_, 0) => read(kind, cursor).map(Start::After).ok_or_else(refused),
        _ => Err(Error::field("offset", "give either a cursor or an offset")),
    }
}

/// The times at which anything was made: from 1970 to 9999. How far time goes beyond depends on the database.
const TIMES: RangeInclusive<i64> = 0..=253_402_300_799_999_999;

/// Where the page of a request begins, in a list whose keys begin with a time.
///
/// # Errors
/// As [`start`], and 400 on `cursor` when nothing can have been made at its time.
pub(crate) fn start_at(kind: Kind, cursor: &str, offset: Offset) -> Result<Start<(Timestamp, Uuid)>> {
    match start(kind, cursor, offset)? {
        Start::After((number, _)) if !TIMES.contains(&number) => Err(refused()),
        start => Ok(start.map(|(number, id)| (Timestamp(number), id))),
    }
}

/// What is told about a cursor that leads nowhere.
pub(crate) fn refused() -> Error {
    Error::field("cursor", "must be the next_cursor of the same list")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0b7d_ff01_2345);

    #[test]
    fn a_cursor_gives_its_key_back() {
        for number in [0, 1, i64::MAX, -1, i64::MIN] {
            assert_eq!(read(Kind::Organizations, &write(Kind::Organizations, number, ID)), Some((number, ID)));
        }
    }

    #[test]
    fn a_cursor_can_stand_in_a_url_as_it_is() {
        let text = write(Kind::Coupons, -1, Uuid::max());
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric()), "{text}");
    }

    #[test]
    fn what_is_no_cursor_of_the_list_is_refused_by_name() {
        let good = write(Kind::Everything, 7, Uuid::nil());
        let (number, id) = ("0000000000000007", "00000000000000000000000000000000");
        let signed = format!("e+{}{id}", number.split_at(1).1);
        let dashed = format!("e{number}{}", Uuid::nil());
        for text in ["e", "x", "é", "eéééééééé", &good[1..], &good[..48], &signed, &dashed, &good.to_uppercase()]
        {
            assert_eq!(read(Kind::Everything, text), None, "{text}");
            assert!(start(Kind::Everything, text, Offset(0)).is_err());
        }
        assert_eq!(read(Kind::Organization, &good), None, "of another list");
        assert_eq!(start(Kind::Everything, &good, Offset(0)).unwrap(), Start::After((7, Uuid::nil())));
        assert!(start(Kind::Everything, &good, Offset(1)).is_err());
    }

    #[test]
    fn a_time_at_which_nothing_was_made_is_no_key() {
        let begin = |number| start_at(Kind::Coupons, &write(Kind::Coupons, number, ID), Offset(0));
        for number in [*TIMES.start(), 1_700_000_000_000_000, *TIMES.end()] {
            assert_eq!(begin(number).unwrap(), Start::After((Timestamp(number), ID)));
        }
        for number in [i64::MIN, -1, TIMES.end() + 1, i64::MAX] {
            assert!(begin(number).is_err(), "{number}");
        }
        assert_eq!(start_at(Kind::Coupons, "", Offset(0)).unwrap(), Start::First);
        assert_eq!(start_at(Kind::Coupons, "", Offset(3)).unwrap(), Start::Skip(3));
    }
}
