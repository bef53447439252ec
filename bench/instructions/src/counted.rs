//! What is counted: everything between a call of [`begin_counting`] and one of [`end_counting`].
//!
//! Callgrind is told to forget what it counted where the one is entered, and to write it down where
//! the other is: of all threads, so the writer of the database counts like the one that answers.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// How long the threads get to finish what they do after a reply: nothing is counted of it or all.
const SETTLE: Duration = Duration::from_millis(200);

/// Does something so many times, after having done it a few times: caches are warm then.
pub fn count(name: &str, iterations: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..iterations / 10 {
        work()?;
    }
    count_cold(name, iterations, work)
}

/// The same without doing it before.
pub fn count_cold(name: &str, iterations: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    thread::park_timeout(SETTLE);
    black_box(begin_counting(black_box(1)));
    for _ in 0..iterations {
        work()?;
    }
    // What follows the last reply belongs to it.
    thread::park_timeout(SETTLE);
    black_box(end_counting(black_box(2)));
    println!("{name} {iterations}");
    Ok(())
}

// Different bodies: equal ones may be made one function.

#[inline(never)]
fn begin_counting(value: u64) -> u64 {
    black_box(value ^ 0x5555)
}

#[inline(never)]
fn end_counting(value: u64) -> u64 {
    black_box(value.rotate_left(7))
}
