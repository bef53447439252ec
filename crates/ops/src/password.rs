//! Passwords: Argon2id on a few threads of its own, to which everything else
//! is preferred, so that a flood of logins cannot take the processor from it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::oneshot;

use crate::ctx::Random;
use crate::error::{Error, Result};

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Hashes that may wait before more are refused with 503.
const MAX_WAITING: usize = 64;
/// By how much the scheduler prefers everything else to a thread that hashes.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;
/// The shortest password, in characters.
pub const MIN_CHARS: usize = 8;
/// The longest password, in bytes: hashing a longer one is work for nothing.
pub const MAX_BYTES: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

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
            let queue = queue.clone();
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            thread.spawn(move || work(&queue)).map_err(Error::internal)?;
        }
        Ok(Passwords { jobs, waiting: AtomicUsize::new(0), decoy: decoy(&random), random })
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
        self.run(move || hash_now(&salt, &password)).await
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
        self.run(move || {
            let parsed = PasswordHash::new(&stored).map_err(|e| Error::internal(e.to_string()))?;
            if Argon2::default().verify_password(password.as_bytes(), &parsed).is_err() || !known {
                return Ok(Checked::Wrong);
            }
            if is_current(&stored) { Ok(Checked::Right) } else { hash_now(&salt, &password).map(Checked::Rehashed) }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _place = Place::take(&self.waiting)?;
        let (reply, done) = oneshot::channel();
        let job = move || {
            // Nothing is done for a caller who is gone.
            if !reply.is_closed() {
                let _ = reply.send(work());
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

/// Hashes until the pool is gone.
fn work(jobs: &Receiver<Job>) {
    // Of a thread on Linux, of the whole process elsewhere. That the system refuses it is no reason not to hash.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
    for job in jobs {
        // The caller of a job that panicked is told by its channel.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|e| Error::internal(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(salt: &[u8], password: &str) -> Result<String> {
    let hash: PasswordHash =
        argon2()?.hash_password_with_salt(password.as_bytes(), salt).map_err(|e| Error::internal(e.to_string()))?;
    Ok(hash.to_string())
}

/// What a hash of today's parameters begins with.
fn parameters() -> String {
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$")
}

/// Whether a stored hash has the parameters of today.
fn is_current(stored: &str) -> bool {
    stored.starts_with(&parameters())
}

/// A hash of today's parameters that no password has: nothing was hashed for it.
fn decoy(random: &Random) -> String {
    let [salt, hash] =
        [random.bytes::<16>().as_slice(), &random.bytes::<32>()].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    format!("{}{salt}${hash}", parameters())
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
        assert!(is_current(&stored), "{stored}");
        assert_eq!(pool.check(Some(stored.clone()), "correct horse".into()).await.unwrap(), Checked::Right);
        assert_eq!(pool.check(Some(stored), "battery staple".into()).await.unwrap(), Checked::Wrong);
        assert_eq!(
            pool.check(None, "decoy".into()).await.unwrap(),
            Checked::Wrong,
            "no account, whatever the password"
        );
    }

    #[tokio::test]
    async fn a_weaker_hash_is_replaced_at_login() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let stored: PasswordHash = weak.hash_password_with_salt(b"correct horse", &[1; 16]).unwrap();
        let checked = pool().check(Some(stored.to_string()), "correct horse".into()).await.unwrap();
        assert!(matches!(checked, Checked::Rehashed(new) if is_current(&new)));
    }
}
