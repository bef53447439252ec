//! When to try again, and after how long. Pure: what happens is decided from
//! what is passed in.

use std::time::Duration;

use polity_api::operation::Meta;

use crate::error::Error;

/// How a client tries again.
///
/// A call that may be repeated without harm (GET, PUT, DELETE, and what counts
/// once however often it is sent: recording events, committing and extending a
/// lease; not the two PUT that change the person, nor the one that opens a session)
/// is repeated after a 429, a 503 and a lost connection; any call is repeated when no
/// connection could be made, because then nothing was sent. The wait doubles
/// with each attempt and is drawn at random up to that (full jitter), so that
/// clients do not come back all at once; `Retry-After` is obeyed.
///
/// A call that took too long is not repeated: it has used up its time.
///
/// A repeated DELETE may find that the lost attempt had succeeded, and then
/// answers 404 (or 401 for a session that has ended).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// How often to try again; 0 means never.
    pub retries: u32,
    /// The longest wait before the first repetition; doubled for each one after it.
    pub first_wait: Duration,
    /// No wait that the client chooses is longer.
    pub longest_wait: Duration,
    /// When the server asks for a longer wait than this, the error is returned at once.
    pub longest_retry_after: Duration,
}

impl Default for Retry {
    /// Three times, after at most 0.2, 0.4 and 0.8 seconds, and up to 30 seconds if the server asks.
    fn default() -> Self {
        Retry {
            retries: 3,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(10),
            longest_retry_after: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// Never.
    #[must_use]
    pub fn never() -> Self {
        Retry { retries: 0, ..Retry::default() }
    }

    /// How often to try again.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        Retry { retries, ..self }
    }

    /// The longest wait before the first repetition.
    #[must_use]
    pub fn first_wait(self, first_wait: Duration) -> Self {
        Retry { first_wait, ..self }
    }

    /// How long to wait after this many failed repetitions; `None` means to give up.
    /// `share`, from 0 to 1, is the share of the longest wait to take.
    pub(crate) fn wait(&self, idempotent: bool, repetitions: u32, error: &Error, share: f64) -> Option<Duration> {
        let harmless = idempotent || matches!(error, Error::Connect { .. });
        // A call that took too long has used up its time.
        if repetitions >= self.retries || !harmless || !error.is_retryable() || matches!(error, Error::Timeout { .. }) {
            return None;
        }
        if let Some(asked) = error.refusal().and_then(|refusal| refusal.retry_after) {
            // A little later than asked, each client on its own.
            return (asked <= self.longest_retry_after).then(|| asked + self.first_wait.mul_f64(share));
        }
        let doubled = self.first_wait.saturating_mul(2_u32.saturating_pow(repetitions));
        Some(doubled.min(self.longest_wait).mul_f64(share))
    }
}

/// Operations that may be repeated without harm though their method does not say so: an event counts once by its source
/// and id, a lease is committed once, and lasts from the last extension on.
const REPEATABLE: &[&str] = &["RecordEvents", "CommitLease", "ExtendLease"];

/// Operations that must not be repeated though their method says they may: once a password was changed, the one that
/// was sent as the current one is refused; and each repetition of a refresh opens one more session.
const UNREPEATABLE: &[&str] = &["UpdateUser", "UpdateUserV2", "RefreshToken"];

/// Whether an operation may be repeated without harm (RFC 9110 §9.2.2, and what is known of it).
pub(crate) fn is_idempotent(meta: &Meta) -> bool {
    let is_by_method = matches!(meta.method, "GET" | "PUT" | "DELETE") && !UNREPEATABLE.contains(&meta.id);
    is_by_method || REPEATABLE.contains(&meta.id)
}

#[cfg(test)]
mod tests {
    use polity_api::table::ALL;
    use proptest::prelude::*;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::error::Refusal;

    fn refused(status: u16, retry_after: Option<u64>) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        let retry_after = retry_after.map(Duration::from_secs);
        Error::Refused(Box::new(Refusal { retry_after, ..Refusal::read(status, &HeaderMap::new(), b"") }))
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_bounds(repetitions in 0_u32..100, share in 0.0..=1.0_f64, asked in proptest::option::of(0_u64..100)) {
            let retry = Retry::default().retries(100);
            match retry.wait(true, repetitions, &refused(503, asked), share) {
                Some(wait) => {
                    let least = Duration::from_secs(asked.unwrap_or_default());
                    prop_assert!(wait >= least);
                    prop_assert!(wait <= (retry.longest_retry_after + retry.first_wait).max(retry.longest_wait));
                }
                None => prop_assert!(asked.unwrap() > 30),
            }
        }

        #[test]
        fn only_busy_servers_are_asked_again(status in 400_u16..600) {
            let again = Retry::default().wait(true, 0, &refused(status, None), 0.5).is_some();
            prop_assert_eq!(again, status == 429 || status == 503);
        }
    }

    #[test]
    fn what_is_not_idempotent_is_not_repeated_and_nothing_is_repeated_for_ever() {
        let retry = Retry::default();
        let may = |id: &str| is_idempotent(ALL.iter().find(|meta| meta.id == id).unwrap());
        for id in ["Login", "CreateBudget", "UpdateProject2", "CreateLease", "OperatorCreateMeteringKey"] {
            assert_eq!(retry.wait(may(id), 0, &refused(503, None), 0.5), None, "{id}");
        }
        for id in ["GetBudget", "UpdateBudget", "ReleaseLease"] {
            assert!(retry.wait(may(id), 2, &refused(429, None), 0.5).is_some(), "{id}");
        }
        assert!(REPEATABLE.iter().all(|id| may(id)), "what is repeated is in the table");
        assert!(!UNREPEATABLE.iter().any(|id| may(id)), "and so is what is not");
        assert_eq!(retry.wait(true, 3, &refused(429, None), 0.5), None);
        assert_eq!(Retry::never().wait(true, 0, &refused(429, None), 0.5), None);
    }
}
