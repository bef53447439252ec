//! Rounds: floor and Polity take turns under the same load, in alternating
//! order, so that what else happens on the machine happens to both.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::floors::Floors;
use crate::machine::Busy;
use crate::operations::{By, Inputs, Memory, Operation};
use crate::process::{self, Used};
use crate::server::Server;
use crate::subject::Subject;
use crate::wrk::{Order, Told, Wrk};

/// Tokens a server sees before those it is measured with, when its memory is to be empty.
const GREETED: usize = 50;

/// Turns before it is measured that a server gets at most to have seen everything.
const WARMING: usize = 5;

/// What was measured of one server in one round.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) told: Told,
    /// Processor time of the server for a request, in microseconds.
    pub(crate) cpu_us: f64,
    /// Processor time of the database server for a request, in microseconds.
    pub(crate) database_cpu_us: f64,
    /// Cores that were used by others meanwhile.
    pub(crate) others: f64,
}

impl Sample {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.told.requests as f64 / self.told.seconds.max(1e-9)
    }

    /// Requests that were not answered as they should be.
    pub(crate) fn errors(&self) -> u64 {
        self.told.refused + self.told.socket_errors
    }
}

/// What was measured of an operation.
pub(crate) struct Measured {
    pub(crate) floor: Vec<Sample>,
    pub(crate) ours: Vec<Sample>,
    /// Memory of Polity at the end, in MiB: in all, and what is not from a file.
    pub(crate) pss_mib: (f64, f64),
    pub(crate) floor_pss_mib: f64,
}

impl Measured {
    /// The median over the rounds of Polity's processor time, or the floor's rate, to the other.
    pub(crate) fn ratio(&self, by: By) -> f64 {
        let pairs = self.floor.iter().zip(&self.ours);
        median(pairs.map(|(floor, ours)| match by {
            By::Cpu => ours.cpu_us / floor.cpu_us,
            By::Rate => floor.rate() / ours.rate(),
        }))
    }
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = ((values.len().max(1) - 1) / 2, values.len() / 2);
    let at = |n: usize| values.get(n).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(low), at(high))
}

/// How long and how often.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) connections: usize,
}

/// Measures an operation.
pub(crate) fn measure(
    operation: &Operation,
    inputs: &Inputs<'_>,
    plan: Plan,
    wrk: &Wrk,
    floors: &mut Floors,
    subject: &mut Subject<'_>,
) -> Result<Measured> {
    let requests = (operation.requests)(inputs);
    let greeted = if operation.memory == Memory::Empty { GREETED.min(requests.len() / 2) } else { 0 };
    let (greetings, requests) = requests.split_at(greeted);
    let (file, greetings) = (wrk.file("measured", requests)?, wrk.file("greeted", greetings)?);
    let floor = floors.running(operation.floor)?;
    let connections = operation.connections.unwrap_or(plan.connections);
    let load = Load { wrk, file: &file, order: operation.order(), time: plan.time, connections };
    let (mut floor_samples, mut ours) = (Vec::new(), Vec::new());
    if operation.memory == Memory::Off {
        subject.restart_without_memory()?;
    }
    if operation.memory != Memory::Empty {
        warm(load, requests.len(), subject)?;
    }
    load.on(floor, subject)?;
    for round in 0..plan.rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                floor_samples.push(load.on(floor, subject)?);
                continue;
            }
            if operation.memory == Memory::Empty {
                subject.restart()?;
                Load { file: &greetings, time: Duration::from_secs(1), ..load }.on(subject.server()?, subject)?;
            }
            ours.push(load.on(subject.server()?, subject)?);
        }
    }
    let pss_mib = process::pss_mib(subject.server()?.pid())?;
    if operation.memory == Memory::Off {
        subject.restart()?;
    }
    Ok(Measured { floor: floor_samples, ours, pss_mib, floor_pss_mib: process::pss_mib(floor.pid())?.0 })
}

/// Has Polity see each of so many requests, as far as it gets.
pub(crate) fn warm(load: Load<'_>, requests: usize, subject: &Subject<'_>) -> Result<()> {
    let warming = Load { time: load.time.max(Duration::from_secs(2)), ..load };
    // Until a turn, which begins with the first request each time, gets as far as the last.
    for _ in 0..WARMING {
        if warming.on(subject.server()?, subject)?.told.requests >= requests as u64 {
            break;
        }
    }
    Ok(())
}

/// The load on a server.
#[derive(Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) wrk: &'a Wrk,
    /// The requests.
    pub(crate) file: &'a Path,
    pub(crate) order: Order,
    pub(crate) time: Duration,
    pub(crate) connections: usize,
}

impl Load<'_> {
    /// Puts it on a server, and measures.
    pub(crate) fn on(&self, server: &Server, subject: &Subject<'_>) -> Result<Sample> {
        let (used, database, busy) = (Used::by(server.pid())?, subject.database_used()?, Busy::now()?);
        let started = Instant::now();
        let told = self.wrk.run(&server.address, self.file, self.order, self.time, self.connections)?;
        let (cpu, elapsed) = (used.since()?, started.elapsed());
        let database_cpu = subject.database_used()?.saturating_sub(database);
        let requests = told.requests.max(1) as f64;
        Ok(Sample {
            cpu_us: cpu.as_secs_f64() * 1e6 / requests,
            database_cpu_us: database_cpu.as_secs_f64() * 1e6 / requests,
            others: busy.others(cpu + database_cpu, elapsed)?,
            told,
        })
    }
}
