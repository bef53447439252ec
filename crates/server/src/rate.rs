//! Rate limits by address, for operations that an attacker would repeat. They
//! shield one process; quotas of the product are rules and live elsewhere.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use polity_api::operation::Rate;
use polity_ops::{Error, Result};

use crate::network::rate_key;

/// Requests a minute and at once of one address to one guarded operation.
const GUARDED: (NonZeroU32, NonZeroU32) = (nonzero(60), nonzero(20));
/// The same for a scarce one.
const SCARCE: (NonZeroU32, NonZeroU32) = (nonzero(10), nonzero(10));
/// So many addresses are remembered before those that are idle again are
/// forgotten without waiting for the next round.
const MAX_REMEMBERED: usize = 200_000;

type Limiter = DefaultKeyedRateLimiter<(&'static str, IpAddr)>;

/// The rate limits of one server.
pub(crate) struct Limits {
    guarded: Limiter,
    scarce: Limiter,
    clock: DefaultClock,
    /// Addresses from which on the idle ones are looked for; grows with what is left, so that
    /// a flood does not buy a look at every request.
    look_at: AtomicUsize,
}

impl Limits {
    pub fn new() -> Limits {
        let limiter = |(per_minute, burst)| Limiter::keyed(Quota::per_minute(per_minute).allow_burst(burst));
        Limits {
            guarded: limiter(GUARDED),
            scarce: limiter(SCARCE),
            clock: DefaultClock::default(),
            look_at: AtomicUsize::new(MAX_REMEMBERED),
        }
    }

    /// Counts one request to an operation, or to what else has this name.
    ///
    /// # Errors
    /// 429 when the address has sent too many.
    pub fn check(&self, rate: Rate, name: &'static str, client: IpAddr) -> Result<()> {
        let limiter = match rate {
            Rate::Free => return Ok(()),
            Rate::Guarded => &self.guarded,
            Rate::Scarce => &self.scarce,
        };
        if limiter.len() > self.look_at.load(Ordering::Relaxed) {
            limiter.retain_recent();
            self.look_at.store(MAX_REMEMBERED.max(2 * limiter.len()), Ordering::Relaxed);
        }
        limiter.check_key(&(name, rate_key(client))).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            Error::rate_limited(wait.as_secs() + 1)
        })
    }

    /// Forgets the addresses that could send as much as any other again.
    pub fn forget_idle(&self) {
        for limiter in [&self.guarded, &self.scarce] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

const fn nonzero(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_slowed_down_and_others_are_not() {
        let limits = Limits::new();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..10 {
            limits.check(Rate::Scarce, "CheckCoupon", one).unwrap();
        }
        let error = limits.check(Rate::Scarce, "CheckCoupon", one).unwrap_err();
        assert_eq!(error.code.status(), 429);
        assert!((1..=7).contains(&error.retry_after.unwrap()));
        limits.check(Rate::Scarce, "RedeemCoupon", one).unwrap();
        limits.check(Rate::Scarce, "CheckCoupon", other).unwrap();
        limits.check(Rate::Free, "CheckCoupon", one).unwrap();
    }

    #[test]
    fn addresses_of_one_ipv6_customer_are_one() {
        let limits = Limits::new();
        for n in 0..10 {
            limits.check(Rate::Scarce, "CheckCoupon", format!("2001:db8::{n}").parse().unwrap()).unwrap();
        }
        assert!(limits.check(Rate::Scarce, "CheckCoupon", "2001:db8::99".parse().unwrap()).is_err());
        limits.forget_idle();
        assert!(limits.check(Rate::Scarce, "CheckCoupon", "2001:db8::99".parse().unwrap()).is_err());
    }
}
