//! Entries of a run: a hash and the day it was seen on, as one number, so that
//! numbers in order are hashes in order, and one hash has its days in order.

use super::EventHash;

/// A hash (the upper 112 bits) and a day (the lower 16).
pub(super) type Entry = u128;

/// Bytes of a stored entry.
const BYTES: usize = 16;
/// Entries stored together: with its row, just what a page of the embedded
/// database holds. A debug build stores fewer, so that runs have many chunks.
pub(super) const CHUNK: usize = if cfg!(debug_assertions) { 16 } else { 250 };

pub(super) fn pack(hash: EventHash, day: u16) -> Entry {
    let mut bytes = [0; BYTES];
    bytes.iter_mut().zip(hash.into_iter().chain(day.to_be_bytes())).for_each(|(to, from)| *to = from);
    Entry::from_be_bytes(bytes)
}

pub(super) const fn day(entry: Entry) -> u16 {
    (entry & 0xffff) as u16
}

pub(super) fn hash(entry: Entry) -> Vec<u8> {
    entry.to_be_bytes().into_iter().take(BYTES - 2).collect()
}

pub(super) fn to_bytes(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(|entry| entry.to_be_bytes()).collect()
}

pub(super) fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = Entry> {
    bytes.as_chunks().0.iter().map(|entry| Entry::from_be_bytes(*entry))
}

/// Whether a hash is among entries in order, with a day that is still remembered.
pub(super) fn holds(entries: &[u8], hash: EventHash, oldest_day: u16) -> bool {
    let (entries, wanted) = (entries.as_chunks::<BYTES>().0, pack(hash, oldest_day));
    let at = entries.partition_point(|entry| Entry::from_be_bytes(*entry) < wanted);
    entries.get(at).is_some_and(|entry| Entry::from_be_bytes(*entry) >> 16 == wanted >> 16)
}

/// Puts entries in order and keeps of each hash the newest day, if that is still remembered.
pub(super) fn tidy(entries: &mut Vec<Entry>, oldest_day: u16) {
    // The newest day of a hash comes first, and the first stays.
    entries.sort_unstable_by(|a, b| b.cmp(a));
    entries.dedup_by_key(|entry| *entry >> 16);
    entries.retain(|entry| day(*entry) >= oldest_day);
    entries.reverse();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_hash_is_found_from_its_newest_day_on(seen in prop::collection::vec((0..20u8, 0..9u16), 0..40), oldest in 0..9u16) {
            let mut entries: Vec<Entry> = seen.iter().map(|(n, day)| pack([*n; 14], *day)).collect();
            tidy(&mut entries, oldest);
            let bytes = to_bytes(&entries);
            prop_assert_eq!(&from_bytes(&bytes).collect::<Vec<_>>(), &entries);
            prop_assert!(entries.is_sorted());
            for n in 0..20u8 {
                let newest = seen.iter().filter(|(other, _)| *other == n).map(|(_, day)| *day).max();
                for at in oldest..10 {
                    prop_assert_eq!(holds(&bytes, [n; 14], at), newest.is_some_and(|day| day >= at));
                }
            }
        }
    }

    #[test]
    fn a_packed_entry_gives_back_its_parts() {
        let entry = pack([7; 14], 20_781);
        assert_eq!((hash(entry), day(entry)), (vec![7; 14], 20_781));
    }
}
