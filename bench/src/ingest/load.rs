//! Batches of metered events.

use std::fmt::Write as _;

/// Events in a batch.
pub(crate) const BATCH: u64 = 1_000;

/// A number that looks random (the finaliser of `SplitMix64`).
pub(crate) fn scramble(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The batch with this number: ids without any order, as random ones have none, of these organizations in turn.
pub(crate) fn batch(number: u64, organizations: &[String], into: &mut String) {
    into.clear();
    into.push_str("{\"events\":[");
    for n in number * BATCH..(number + 1) * BATCH {
        let id = scramble(n);
        let organization =
            usize::try_from(id % organizations.len().max(1) as u64).ok().and_then(|n| organizations.get(n));
        let organization = organization.map_or("", String::as_str);
        let comma = if n % BATCH == 0 { "" } else { "," };
        let _ = write!(
            into,
            "{comma}{{\"source\":\"bench\",\"id\":\"{id:016x}{n:016x}\",\"organization_id\":\"{organization}\",\
             \"amount_microcents\":\"{}\"}}",
            id % 1_000
        );
    }
    into.push_str("]}");
}
