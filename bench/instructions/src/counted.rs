//! What is counted: everything between a call of [`begin_counting`] and one of [`end_counting`].
//!
//! Callgrind is told to forget what it counted where the one is entered, and to write it down where
//! the other is: of all threads, so the writer of the database counts like the one that answers.

use std::fs;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// How long nothing may happen before what is counted begins.
const SETTLE: Duration = Duration::from_millis(200);
/// What the process may take in that time and count as doing nothing, in hundredths of a second.
const NOTHING: u64 = 2;
/// For so many of those times it is waited at most.
const PATIENCE: usize = 300;

/// Does something so many times, after having done it a few times: caches are warm then.
pub fn count(name: &str, iterations: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 0..iterations / 10 {
        work()?;
    }
    count_cold(name, iterations, work)
}

/// Waits until the threads have finished what they do after a reply: nothing is counted of it or all. It can be
/// much: a password whose hash took too long was hashed by another thread, and the first is still at it.
fn settle() -> Result<()> {
    for _ in 0..PATIENCE {
        let before = processor_time()?;
        thread::park_timeout(SETTLE);
        if processor_time()? <= before + NOTHING {
            return Ok(());
        }
    }
    bail!("the server does not come to rest")
}

/// What the process has taken of the processors so far, in hundredths of a second (proc(5): `utime` and `stime`).
fn processor_time() -> Result<u64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/self/stat")?;
    let times = fields.split_whitespace().skip(11).take(2);
    times.map(|ticks| Ok(ticks.parse::<u64>()?)).sum()
}

/// The same without doing it before.
pub fn count_cold(name: &str, iterations: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    settle()?;
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
