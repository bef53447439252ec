//! A soak: a realistic mix of requests for minutes, and what becomes of memory and latency.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::Shared;
use crate::client::Connection;
use crate::ingest::scramble;
use crate::seeded::{Held, Seeded};
use crate::server::{OPERATOR_KEY, Server, Setting};
use crate::store::Kind;
use crate::{machine, process};

/// Organizations in the database.
const ORGANIZATIONS: u64 = 1_000;
/// How long a connection rests between two requests: longest, on average half of it.
const REST: Duration = Duration::from_millis(20);
/// How often memory is looked at, in seconds.
const SAMPLE_SECONDS: usize = 10;
/// A latency that is told, in microseconds.
const SLOW_US: u64 = 100_000;
/// Errors that are printed; all are counted.
const PRINTED: usize = 20;

/// How long, and on what.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Minutes to go on
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Database of Polity
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    store: Kind,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 64)]
    connections: u64,
}

/// What all connections write down.
struct Record {
    started: Instant,
    end: Duration,
    seconds: Vec<Second>,
    errors: AtomicU64,
    printed: Mutex<Vec<String>>,
}

/// What happened in a second of the run.
#[derive(Default)]
struct Second {
    requests: AtomicU64,
    longest_us: AtomicU64,
    /// Bytes of the server's log when it began.
    log_bytes: AtomicU64,
    /// Processor time of all that runs on the machine until it began, in microseconds.
    busy_us: AtomicU64,
    /// Processor time of the server until it began, in microseconds.
    server_us: AtomicU64,
}

/// Goes on for as long as asked; an error only when requests failed.
pub(crate) fn run(shared: &Shared, args: &Args) -> Result<()> {
    let directory = shared.temporary()?;
    let cores = crate::cores::Cores::all();
    let seeded = Seeded::copy(&shared.polity, &shared.cache, args.store, ORGANIZATIONS, directory.path(), cores)?;
    let (data, url, log) = (seeded.store.data(), seeded.store.url(), directory.path().join("server.log"));
    let setting =
        Setting { polity: &shared.polity, data: &data, database_url: url.as_deref(), log: Some(&log), remembers: true };
    let server = Server::polity(&setting, None)?;
    let end = Duration::from_secs(args.minutes.max(1) * 60);
    let seconds = (0..end.as_secs() + 60).map(|_| Second::default()).collect();
    let (errors, printed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let record = Record { started: Instant::now(), end, seconds, errors, printed };
    let memory = std::thread::scope(|scope| {
        for user in 0..args.connections {
            let (record, server, seeded) = (&record, &server, &seeded);
            scope.spawn(move || go_on(user, server, seeded, record));
        }
        watch(server.pid(), &log, &record)
    })?;
    summary(&record, &memory, &log)
}

/// Sends one request after the other, with a rest in between.
#[expect(clippy::disallowed_methods, reason = "a rest between requests is what makes the load realistic")]
fn go_on(user: u64, server: &Server, seeded: &Seeded, record: &Record) {
    let mut connection = None;
    for n in 0.. {
        let chance = scramble((user << 40) | n);
        std::thread::sleep(REST.mul_f64((chance >> 40) as f64 / f64::from(1 << 24)));
        if record.started.elapsed() >= record.end {
            return;
        }
        let started = Instant::now();
        let outcome = match connection.take().map_or_else(|| Connection::open(&server.address), Ok) {
            Ok(mut open) => one(chance, (user << 40) | n, &mut open, seeded).map(|()| connection = Some(open)),
            Err(error) => Err(error),
        };
        let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let second = record.started.elapsed().as_secs();
        if let Some(second) = usize::try_from(second).ok().and_then(|second| record.seconds.get(second)) {
            second.requests.fetch_add(1, Ordering::Relaxed);
            second.longest_us.fetch_max(elapsed_us, Ordering::Relaxed);
        }
        if let Err(error) = outcome {
            record.errors.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut printed) = record.printed.lock()
                && printed.len() < PRINTED
            {
                printed.push(format!("second {second}: {error:#}"));
            }
        }
    }
}

/// One request: of a hundred, 70 get an organization, 12 introspect, 10 are other reads, 8 write.
fn one(chance: u64, number: u64, connection: &mut Connection, seeded: &Seeded) -> Result<()> {
    let pick = |held: &'_ [Held]| -> Result<Held> {
        let n = usize::try_from((chance >> 8) % held.len().max(1) as u64)?;
        held.get(n).cloned().context("there are no tokens")
    };
    let session = pick(&seeded.sessions)?;
    let path = format!("/v1/organizations/{}", session.organization);
    let token = session.token.as_str();
    let (method, path, token, body) = match chance % 100 {
        0..70 => ("GET", path, token, String::new()),
        70..82 => ("POST", "/oauth2/introspect".to_owned(), OPERATOR_KEY, format!("token={token}")),
        82..87 => ("GET", format!("{path}/budget"), token, String::new()),
        87..92 => {
            let id = &session.organization;
            ("GET", format!("/v1/organization_members?organization_id={id}&limit=10"), token, String::new())
        }
        92..96 => ("POST", format!("{path}/access_token"), token, "{}".to_owned()),
        96..98 => ("PUT", format!("{path}/budget"), token, format!(r#"{{"amount":"{}"}}"#, number % 9_000 + 1_000)),
        // The sessions are all of one person, who would never do this so often: a switch changes the person.
        98 => {
            let person = pick(&seeded.people)?;
            let path = format!("/v1/organizations/{}/switch", person.organization);
            return connection.send("POST", &path, &person.token, b"{}").map(drop);
        }
        _ => {
            let person = pick(&seeded.people)?;
            let body = format!(r#"{{"name":"soak-{number}"}}"#);
            return connection.send("POST", "/v1/organizations", &person.token, body.as_bytes()).map(drop);
        }
    };
    connection.send(method, &path, token, body.as_bytes()).map(drop)
}

/// Looks at memory and the log while requests are sent; memory in MiB, by the second it was looked at.
#[expect(clippy::disallowed_methods, reason = "nothing happens between two looks")]
fn watch(pid: u32, log: &Path, record: &Record) -> Result<Vec<(usize, f64, f64)>> {
    let mut memory = Vec::new();
    println!("| Second | Requests/s | Longest ms | PSS MiB | of it not mapped files |\n|---|---|---|---|---|");
    for (n, second) in record.seconds.iter().enumerate() {
        let begin = Duration::from_secs(n as u64);
        std::thread::sleep(begin.saturating_sub(record.started.elapsed()));
        second.log_bytes.store(log.metadata()?.len(), Ordering::Relaxed);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        second.busy_us.store(micros(machine::busy()?), Ordering::Relaxed);
        second.server_us.store(micros(process::cpu(pid)?), Ordering::Relaxed);
        if n > 0 && n % SAMPLE_SECONDS == 0 {
            let (pss, anonymous) = process::pss_mib(pid)?;
            memory.push((n, pss, anonymous));
            let last = record.seconds.get(n - SAMPLE_SECONDS..n).unwrap_or_default();
            let requests: u64 = last.iter().map(|second| second.requests.load(Ordering::Relaxed)).sum();
            let longest = last.iter().map(|second| second.longest_us.load(Ordering::Relaxed)).max();
            println!(
                "| {n} | {:.0} | {:.1} | {pss:.1} | {anonymous:.1} |",
                requests as f64 / SAMPLE_SECONDS as f64,
                longest.unwrap_or_default() as f64 / 1e3
            );
        }
        if begin >= record.end {
            break;
        }
    }
    Ok(memory)
}

fn summary(record: &Record, memory: &[(usize, f64, f64)], log: &Path) -> Result<()> {
    let log = std::fs::read(log)?;
    println!();
    if let (Some(first), Some(last)) = (memory.iter().find(|(second, ..)| *second >= 60), memory.last()) {
        println!(
            "memory after the first minute {:.1} MiB ({:.1} without mapped files), at the end {:.1} MiB ({:.1})",
            first.1, first.2, last.1, last.2
        );
    }
    let requests: u64 = record.seconds.iter().map(|second| second.requests.load(Ordering::Relaxed)).sum();
    let errors = record.errors.load(Ordering::Relaxed);
    println!("{requests} requests, {errors} errors");
    let mut unexplained = 0;
    for (n, second) in record.seconds.iter().enumerate() {
        let longest = second.longest_us.load(Ordering::Relaxed);
        if longest <= SLOW_US {
            continue;
        }
        let next = record.seconds.get(n + 1).unwrap_or(second);
        let cores = |of: fn(&Second) -> &AtomicU64| {
            of(next).load(Ordering::Relaxed).saturating_sub(of(second).load(Ordering::Relaxed)) as f64 / 1e6
        };
        println!(
            "second {n}: a request took {:.0} ms; {:.1} cores were busy, {:.1} of them with the server; the log:",
            longest as f64 / 1e3,
            cores(|second| &second.busy_us),
            cores(|second| &second.server_us)
        );
        let bytes = |second: &Second| usize::try_from(second.log_bytes.load(Ordering::Relaxed));
        // Nobody looked any more when what came after the end of the run was written.
        let to = bytes(next)?.max(if Duration::from_secs(n as u64 + 1) > record.end { log.len() } else { 0 });
        let lines = log.get(bytes(second)?..to).unwrap_or_default();
        unexplained += u32::from(lines.is_empty());
        print!("{}", String::from_utf8_lossy(lines));
    }
    println!("{unexplained} seconds with a slow request of which the log says nothing");
    for error in record.printed.lock().map_err(|_| anyhow::anyhow!("a thread panicked"))?.iter() {
        println!("{error}");
    }
    if errors > 0 {
        bail!("{errors} requests failed");
    }
    Ok(())
}
