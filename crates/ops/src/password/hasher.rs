//! One piece of work at a time, on a thread that only runs when nothing else
//! wants the processor; and on the caller's own when that takes too long.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::argon::Blocks;
use crate::error::{Error, Result};

/// How long the idle thread keeps its memory when there is nothing to do.
const KEPT: Duration = Duration::from_secs(60);

type Job = Box<dyn FnOnce(&mut Blocks) + Send>;

/// A thread that does what is asked of it while the processor is idle.
///
/// The scheduler may leave it where it stands for seconds, so it must hold nothing that others wait for: it takes no
/// part in the runtime and in the log, and its memory is its own. Only the caller waits for it, and not for long.
pub(super) struct Hasher(Sender<Job>);

impl Hasher {
    /// Starts the thread, which ends when this is dropped.
    pub(super) fn start(number: usize) -> Result<Hasher> {
        // Without a queue: what is not begun at once can still be done by the caller.
        let (jobs, queue) = bounded(0);
        let thread = thread::Builder::new().name(format!("idle-{number}"));
        thread.spawn(move || work(&queue)).map_err(Error::internal)?;
        Ok(Hasher(jobs))
    }

    /// What the work makes, which must be the same whoever does it. The idle thread has so long to begin and be done;
    /// then the caller does it, perhaps for the second time.
    pub(super) fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl Fn(&mut Blocks) -> T + Send + Sync + 'static,
    ) -> T {
        let (work, (made, done)) = (Arc::new(work), bounded(1));
        let shared = work.clone();
        let job = move |blocks: &mut Blocks| {
            // The caller may have done it meanwhile.
            let _ = made.send(shared(blocks));
        };
        let deadline = Instant::now() + patience;
        let idle = self.0.send_deadline(Box::new(job), deadline).ok().and_then(|()| done.recv_deadline(deadline).ok());
        idle.unwrap_or_else(|| work(&mut Blocks::new()))
    }
}

fn work(queue: &Receiver<Job>) {
    yield_to_everything();
    let mut blocks = Blocks::new();
    loop {
        match queue.recv_timeout(KEPT) {
            // The caller of a job that panicked does it again, and panics where it is told.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut blocks)))),
            Err(RecvTimeoutError::Timeout) => blocks = Blocks::new(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
}

/// Makes this thread one that everything else is preferred to, at once and not only after its slice. Other systems than
/// Linux have no such thing for a thread, and this one may refuse it: neither is a reason not to hash.
fn yield_to_everything() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let this = thread_priority::thread_native_id();
        let _ = thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, idle);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    fn thread_name(_: &mut Blocks) -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    /// Whether the idle thread gets to anything: while the machine is busy it may need a few attempts.
    fn works(hasher: &Hasher) -> bool {
        (0..200).any(|_| hasher.run(PATIENCE, thread_name) == "idle-7")
    }

    #[test]
    fn the_idle_thread_does_the_work_and_lives_on_when_it_panics() {
        let hasher = Hasher::start(7).unwrap();
        assert!(works(&hasher));
        let panicked = Arc::new(AtomicBool::new(false));
        let is_done = (0..200).any(|_| {
            let panics = panicked.clone();
            let by = hasher.run(PATIENCE, move |blocks| {
                let by = thread_name(blocks);
                if by == "idle-7" {
                    panics.store(true, Ordering::SeqCst);
                    // A panic that is not printed: the lock of the error stream is one of those it must not hold.
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                by
            });
            assert_ne!(by, "idle-7");
            panicked.load(Ordering::SeqCst)
        });
        assert!(is_done && works(&hasher));
    }

    #[test]
    fn the_caller_does_what_the_idle_thread_does_not_get_to() {
        let hasher = Hasher::start(7).unwrap();
        let (begun, begins) = bounded(1);
        let (release, held) = bounded::<()>(0);
        let is_held = (0..200).any(|_| {
            let (begun, held) = (begun.clone(), held.clone());
            let by = hasher.run(PATIENCE, move |blocks| {
                let by = thread_name(blocks);
                if by == "idle-7" {
                    begun.send(()).unwrap();
                    let _ = held.recv();
                }
                by
            });
            assert_ne!(by, "idle-7", "it is held");
            begins.try_recv().is_ok()
        });
        assert!(is_held);
        assert_ne!(hasher.run(PATIENCE, thread_name), "idle-7", "not even begun while it is held");
        drop(release);
        assert!(works(&hasher));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_thread_is_of_the_class_that_yields_at_once() {
        let hasher = Hasher::start(7).unwrap();
        let stat = || hasher.run(PATIENCE, |_| std::fs::read_to_string("/proc/thread-self/stat").unwrap());
        let stat = (0..200).map(|_| stat()).find(|stat| stat.contains("(idle-7)")).expect("it works");
        // proc(5): the 41st field is the policy, and sched(7): 5 is SCHED_IDLE. The second is a name in parentheses.
        let policy = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(38).unwrap();
        assert_eq!(policy, "5", "{stat}");
    }
}
