//! Passwords: Argon2id on a few threads that run when nothing else does, so
//! that a flood of logins cannot take the processor from everybody else.

mod argon;
mod hasher;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use crate::ctx::Random;
use crate::error::{Error, Result};
use argon::Blocks;
use hasher::Hasher;

/// Hashes that may wait before more are refused with 503.
const MAX_WAITING: usize = 64;
/// How long a password that comes alone waits for a processor that is idle, before it gets its share of a busy one:
/// five times what a hash takes.
const ALONE: Duration = Duration::from_millis(100);
/// The same while others wait behind it. However busy the machine is, a two-hundredth of a processor is for passwords.
const FLOOD: Duration = Duration::from_secs(4);
/// The shortest password, in characters.
pub const MIN_CHARS: usize = 8;
/// The longest password, in bytes: hashing a longer one is work for nothing.
pub const MAX_BYTES: usize = 1024;

type Job = Box<dyn FnOnce(&Hasher, Duration) + Send>;

/// The threads that hash passwords.
pub struct Passwords {
    jobs: Sender<Job>,
    waiting: AtomicUsize,
    random: Random,
    /// Verified when there is no account, so that the time does not tell.
    decoy: String,
}

/// What a check of a password found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the password.
    Right,
    /// It is the password, and its hash has weaker parameters than today's: here is a new one.
    Rehashed(String),
    /// It is not.
    Wrong,
}

impl Passwords {
    /// So many threads, and as many passwords that are hashed at a time.
    ///
    /// # Errors
    /// When the parameters are refused, or a thread cannot be started.
    pub fn new(parallel: usize, random: Random) -> Result<Passwords> {
        // As many as have a place: there is always room for one more.
        let (jobs, queue) = bounded::<Job>(MAX_WAITING);
        for number in 0..parallel.max(1) {
            let (queue, hasher) = (queue.clone(), Hasher::start(number)?);
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            thread.spawn(move || work(&queue, &hasher)).map_err(Error::internal)?;
        }
        Ok(Passwords { jobs, waiting: AtomicUsize::new(0), decoy: argon::decoy(&random), random })
    }

    /// Checks the form of a new password.
    ///
    /// # Errors
    /// 400 on `password`.
    pub fn validate(password: &str) -> Result<()> {
        if password.chars().count() < MIN_CHARS {
            return Err(Error::field("password", format!("must have at least {MIN_CHARS} characters")));
        }
        if password.len() > MAX_BYTES {
            return Err(Error::field("password", format!("must have at most {MAX_BYTES} bytes")));
        }
        Ok(())
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn hash(&self, password: String) -> Result<String> {
        let salt = self.random.bytes::<16>();
        self.run(move |blocks| argon::hash(&salt, &password, blocks)).await
    }

    /// Checks a password against a stored hash; without one it takes as long and says wrong.
    ///
    /// # Errors
    /// 503 when too many wait.
    pub async fn check(&self, stored: Option<String>, password: String) -> Result<Checked> {
        let (known, stored) = match stored {
            Some(stored) => (true, stored),
            None => (false, self.decoy.clone()),
        };
        if password.len() > MAX_BYTES {
            return Ok(Checked::Wrong);
        }
        let salt = self.random.bytes::<16>();
        self.run(move |blocks| {
            if !argon::verify(&stored, &password, blocks)? || !known {
                return Ok(Checked::Wrong);
            }
            if argon::is_current(&stored) {
                return Ok(Checked::Right);
            }
            argon::hash(&salt, &password, blocks).map(Checked::Rehashed)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Blocks) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let _place = Place::take(&self.waiting)?;
        let (reply, done) = oneshot::channel();
        let job = move |hasher: &Hasher, patience| {
            // Nothing is done for a caller who is gone.
            if !reply.is_closed() {
                let _ = reply.send(hasher.run(patience, work));
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|_| busy())?;
        done.await.map_err(Error::internal)?
    }
}

/// A place in the queue, given back when the caller is done or gone.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(busy());
        }
        Ok(Place(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Error {
    Error::unavailable("too many people are logging in at once: try again")
}

/// Sees to one password after the other, until the pool is gone.
fn work(jobs: &Receiver<Job>, hasher: &Hasher) {
    for job in jobs {
        let patience = if jobs.is_empty() { ALONE } else { FLOOD };
        // The caller of a job that panicked is told by its channel.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(hasher, patience)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn pool() -> Passwords {
        Passwords::new(1, Random(Arc::new(|bytes: &mut [u8]| bytes.fill(7)))).unwrap()
    }

    #[tokio::test]
    async fn the_right_password_and_only_it_is_accepted() {
        let pool = pool();
        let stored = pool.hash("correct horse".into()).await.unwrap();
        assert!(argon::is_current(&stored), "{stored}");
        assert_eq!(pool.check(Some(stored.clone()), "correct horse".into()).await.unwrap(), Checked::Right);
        assert_eq!(pool.check(Some(stored), "battery staple".into()).await.unwrap(), Checked::Wrong);
        assert_eq!(
            pool.check(None, "decoy".into()).await.unwrap(),
            Checked::Wrong,
            "no account, whatever the password"
        );
    }

    #[test]
    fn a_password_is_only_kept_waiting_while_others_wait_behind_it() {
        let (jobs, queue) = bounded::<Job>(MAX_WAITING);
        let (told, patience) = bounded(MAX_WAITING);
        for _ in 0..3 {
            let told = told.clone();
            jobs.send(Box::new(move |_, patience| told.send(patience).unwrap())).unwrap();
        }
        drop((jobs, told));
        work(&queue, &Hasher::start(0).unwrap());
        assert_eq!(patience.iter().collect::<Vec<_>>(), [FLOOD, FLOOD, ALONE]);
    }

    #[tokio::test]
    async fn a_weaker_hash_is_replaced_at_login() {
        let weak = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let checked = pool().check(Some(weak.to_owned()), "password".into()).await.unwrap();
        assert!(matches!(checked, Checked::Rehashed(new) if argon::is_current(&new)));
    }
}
