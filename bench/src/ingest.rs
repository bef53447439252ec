//! Metered events: how many a second are counted and durable, against the
//! floor; whether memory stays flat; whether much spend of others slows one
//! organization down.

mod floor;
mod load;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::Shared;
use crate::client::Connection;
use crate::process;
use crate::seeded::string as text;
use crate::server::{OPERATOR_KEY, Server, Setting};
use floor::{Floor, Way};
pub(crate) use load::scramble;
use load::{BATCH, batch};

/// Organizations the events are of.
const ORGANIZATIONS: usize = 100;
/// Parts in which memory and speed are looked at.
const PARTS: u64 = 10;
/// How long the floor is measured each time.
const FLOOR: Duration = Duration::from_secs(4);
/// Batches of one organization whose latency is looked at.
const PROBES: u64 = 200;

/// How much to send.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Metered events to send in all, in thousands
    #[arg(long, default_value_t = 10_000)]
    thousands: u64,
    /// Connections that send batches at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
}

/// Measures and prints.
pub(crate) fn run(shared: &Shared, args: &Args) -> Result<()> {
    let directory = shared.temporary()?;
    let before = floors(directory.path())?;
    let data = directory.path().join("data");
    let setting = Setting { polity: &shared.polity, data: &data, database_url: None, log: None, remembers: true };
    let server = Server::polity(&setting, None)?;
    let mut setup = Connection::open(&server.address)?;
    let tenants = tenants(&mut setup, ORGANIZATIONS + 2)?;
    let key = metering_key(&mut setup, OPERATOR_KEY)?;
    let (others, probes) = tenants.split_at(ORGANIZATIONS);

    let next = AtomicU64::new(1 << 40);
    let fresh = latency(&server, &key, probes.get(..1).unwrap_or_default(), &next)?;
    println!("| Events so far | Events/s | Server CPU us/event | p50 ms/batch | p99 ms/batch | Memory MiB |");
    println!("|---|---|---|---|---|---|");
    let batches = (args.thousands * 1_000 / BATCH / PARTS).max(1);
    let mut rates = Vec::new();
    for part in 0..PARTS {
        let measured = send(&server, &key, others, part * batches, batches, args.connections)?;
        println!(
            "| {} | {:.0} | {:.2} | {:.1} | {:.1} | {} |",
            (part + 1) * batches * BATCH,
            measured.per_second,
            measured.cpu_micros,
            measured.p50.as_secs_f64() * 1e3,
            measured.p99.as_secs_f64() * 1e3,
            process::memory_mib(server.pid())?
        );
        rates.push(measured);
    }
    settle(server.pid())?;
    let later = latency(&server, &key, probes.get(1..).unwrap_or_default(), &next)?;
    // The first connection has been idle for too long.
    setup = Connection::open(&server.address)?;
    check_sums(&mut setup, &tenants, (PARTS * batches + 2 * PROBES) * BATCH)?;
    drop(server);
    summary(&[before, floors(directory.path())?], &rates, &fresh, &later);
    Ok(())
}

/// The floor, and the plain table.
fn floors(directory: &Path) -> Result<[Floor; 2]> {
    Ok([floor::measure(Way::Floor, directory, FLOOR)?, floor::measure(Way::PlainTable, directory, FLOOR)?])
}

/// Waits until the server has done what is left to do in the background.
#[expect(clippy::disallowed_methods, reason = "nothing but time tells: nobody is asked for it")]
fn settle(server: u32) -> Result<()> {
    for _ in 0..60 {
        let before = process::cpu(server)?;
        std::thread::sleep(Duration::from_secs(1));
        if process::cpu(server)? - before < Duration::from_millis(30) {
            break;
        }
    }
    Ok(())
}

fn summary(floors: &[[Floor; 2]], rates: &[Measured], fresh: &Latency, later: &Latency) {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (first, last) = (rates.first(), rates.last());
    let ours = mean(rates.iter().map(|part| part.per_second).collect());
    let cpu = mean(rates.iter().map(|part| part.cpu_micros).collect());
    println!();
    println!("ingest: {ours:.0} events/s, {cpu:.2} us CPU each, batches of {BATCH}");
    for (name, of) in [("floor (a set in memory and a log)", 0), ("plain table (a row for each event)", 1)] {
        let measured: Vec<&Floor> = floors.iter().filter_map(|floors| floors.get(of)).collect();
        let per_second = mean(measured.iter().map(|floor| floor.per_second).collect());
        let floor_cpu = mean(measured.iter().map(|floor| floor.cpu_micros).collect());
        println!(
            "{name}: {per_second:.0} events/s, {floor_cpu:.2} us CPU each; ratio {:.2}, CPU {:.2}",
            ours / per_second,
            cpu / floor_cpu
        );
    }
    if let (Some(first), Some(last)) = (first, last) {
        println!("first part {:.0} events/s, last part {:.0} events/s", first.per_second, last.per_second);
    }
    println!(
        "one organization alone, batches of {BATCH}: p50 {:.1} ms, p99 {:.1} ms at the beginning; p50 {:.1} ms, p99 {:.1} ms at the end",
        fresh.p50.as_secs_f64() * 1e3,
        fresh.p99.as_secs_f64() * 1e3,
        later.p50.as_secs_f64() * 1e3,
        later.p99.as_secs_f64() * 1e3
    );
}

struct Measured {
    per_second: f64,
    cpu_micros: f64,
    p50: Duration,
    p99: Duration,
}

fn send(
    server: &Server,
    key: &str,
    tenants: &[Tenant],
    first: u64,
    count: u64,
    connections: usize,
) -> Result<Measured> {
    let organizations: Vec<String> = tenants.iter().map(|tenant| tenant.organization.clone()).collect();
    let next = AtomicU64::new(first);
    let (started, cpu) = (Instant::now(), process::cpu(server.pid())?);
    let mut times = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..connections.max(1))
            .map(|_| scope.spawn(|| sender(server, key, &organizations, &next, first + count)))
            .collect();
        let mut times = Vec::new();
        for sender in senders {
            times.extend(sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??);
        }
        Ok::<_, anyhow::Error>(times)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu = process::cpu(server.pid())? - cpu;
    let events = (count * BATCH) as f64;
    let latency = Latency::of(&mut times);
    Ok(Measured {
        per_second: events / seconds,
        cpu_micros: cpu.as_secs_f64() * 1e6 / events,
        p50: latency.p50,
        p99: latency.p99,
    })
}

fn sender(server: &Server, key: &str, organizations: &[String], next: &AtomicU64, end: u64) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(&server.address)?;
    let (mut body, mut times) = (String::new(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok(times);
        }
        batch(number, organizations, &mut body);
        let started = Instant::now();
        let reply = connection.send("POST", "/metering/v1/events", key, body.as_bytes())?;
        times.push(started.elapsed());
        let expected = format!("{{\"accepted\":{BATCH},\"duplicates\":0,\"rejected\":0,");
        if !reply.starts_with(expected.as_bytes()) {
            bail!("not every event was accepted: {}", String::from_utf8_lossy(reply.get(..200).unwrap_or(reply)));
        }
    }
}

struct Latency {
    p50: Duration,
    p99: Duration,
}

impl Latency {
    fn of(times: &mut [Duration]) -> Latency {
        times.sort_unstable();
        let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
        Latency { p50: at(0.5), p99: at(0.99) }
    }
}

/// How long batches of one organization take while nobody else sends any.
fn latency(server: &Server, key: &str, tenants: &[Tenant], next: &AtomicU64) -> Result<Latency> {
    let first = next.fetch_add(PROBES, Ordering::Relaxed);
    let measured = send(server, key, tenants, first, PROBES, 1)?;
    Ok(Latency { p50: measured.p50, p99: measured.p99 })
}

/// No event was lost or counted twice: the amounts are known.
fn check_sums(connection: &mut Connection, tenants: &[Tenant], events: u64) -> Result<()> {
    let mut counted: u64 = 0;
    for tenant in tenants {
        let path = "/v1/usages/details?limit=100";
        let reply = connection.json("GET", path, &tenant.token, &Value::Null)?;
        for row in reply.pointer("/usage_details").and_then(Value::as_array).into_iter().flatten() {
            counted +=
                row.pointer("/events").and_then(Value::as_str).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    if counted != events {
        bail!("{events} events were accepted and {counted} are counted");
    }
    Ok(())
}

/// An organization, and a token of it.
struct Tenant {
    organization: String,
    token: String,
}

fn tenants(connection: &mut Connection, count: usize) -> Result<Vec<Tenant>> {
    let mut tenants = Vec::with_capacity(count);
    let account = json!({ "name": "Bench", "email": "bench@example.com", "password": "correct horse battery staple" });
    let reply = connection.json("POST", "/v1/account/signup", "", &account)?;
    let token = text(&reply, "/token/id")?;
    for n in 0..count {
        let reply = connection.json("POST", "/v1/organizations", &token, &json!({ "name": format!("bench-{n}") }))?;
        let id = text(&reply, "/organization/id")?;
        let reply = connection.json("POST", &format!("/v1/organizations/{id}/switch"), &token, &Value::Null)?;
        let token = text(&reply, "/token/id")?;
        tenants.push(Tenant { organization: id, token });
    }
    Ok(tenants)
}

fn metering_key(connection: &mut Connection, operator_key: &str) -> Result<String> {
    let path = "/operator/v1/metering_keys";
    let reply = connection.json("POST", path, operator_key, &json!({ "name": "bench" }))?;
    text(&reply, "/metering_key/token")
}
