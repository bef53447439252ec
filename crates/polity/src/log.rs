//! Where log lines go: to standard error, many with one call of the system.
//!
//! A line is kept in memory for at most [`DELAY`], so that a busy server does
//! not stop for each. A line that warns or tells of an error takes those before
//! it along at once, and so does the end of the process.

use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use polity_server::Config;
use polity_server::config::value::LogFormat;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits for others.
const DELAY: Duration = Duration::from_millis(20);
/// So many bytes are written without waiting any longer, by whoever adds to them.
const FULL: usize = 64 << 10;

/// Sets up the log of the process; what is waiting is written when the result is dropped.
///
/// # Errors
/// When the filter is none, or no thread can be started.
pub fn set_up(config: &Config) -> Result<Flush> {
    let filter =
        EnvFilter::try_new(&config.log).with_context(|| format!("POLITY_LOG: {:?} is no filter", config.log))?;
    let lines = Arc::new(Lines::default());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Sink(lines.clone()));
    match config.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    let waiting = lines.clone();
    std::thread::Builder::new().name("log".to_owned()).spawn(move || waiting.run()).context("cannot start a thread")?;
    Ok(Flush(lines))
}

/// Writes what is waiting when it is dropped.
pub struct Flush(Arc<Lines>);

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.write();
    }
}

/// The lines that wait to be written.
#[derive(Default)]
struct Lines {
    waiting: Mutex<Vec<u8>>,
    some: Condvar,
}

impl Lines {
    fn add(&self, line: &[u8], at_once: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        if at_once || waiting.len() >= FULL {
            put(&mut waiting);
        } else if first {
            self.some.notify_one();
        }
    }

    fn write(&self) {
        put(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    }

    #[expect(clippy::disallowed_methods, reason = "a thread of its own that has nothing else to do")]
    fn run(&self) {
        loop {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.some.wait_while(waiting, |waiting| waiting.is_empty()));
            std::thread::sleep(DELAY);
            self.write();
        }
    }
}

/// Writes and forgets. That nobody reads the log is no reason to stop.
fn put(waiting: &mut Vec<u8>) {
    let _ = std::io::stderr().write_all(waiting);
    waiting.clear();
}

/// Gives each line the writer its level needs.
struct Sink(Arc<Lines>);

/// Takes one line.
struct Line<'a> {
    lines: &'a Lines,
    at_once: bool,
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: &self.0, at_once: true }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        Line { lines: &self.0, at_once: *about.level() <= Level::WARN }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.lines.add(line, self.at_once);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_wait_until_one_is_urgent() {
        let lines = Lines::default();
        lines.add(b"one\n", false);
        lines.add(b"two\n", false);
        assert_eq!(*lines.waiting.lock().unwrap(), b"one\ntwo\n");
        lines.add(b"", true);
        assert!(lines.waiting.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_waiting_has_an_end() {
        let lines = Lines::default();
        lines.add(&vec![b'\n'; FULL], false);
        assert!(lines.waiting.lock().unwrap().is_empty());
    }
}
