//! Where the processor time of an operation goes, in Polity and in its floor:
//! `perf` looks at each under the same load, and what it saw is added up by part.
//!
//! A binary without symbols shows nothing: `cargo xtask bench --profile` builds
//! releases that have them.

mod part;
mod samples;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::Shared;
use crate::cores::Cores;
use crate::floors::Floors;
use crate::measure::{self, metering_key};
use crate::operations::{Inputs, Memory, OPERATIONS, Operation};
use crate::rounds::{self, Load};
use crate::seeded::Seeded;
use crate::server::Server;
use crate::store::Kind;
use crate::subject::Subject;
use crate::wrk::Wrk;
use part::Part;
use samples::Samples;

/// How often a second `perf` looks; not a round number, so that it does not keep step with a timer.
const FREQUENCY: &str = "1999";

/// What to look at.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Look at operations with one of these in their name, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "nothing remembered,create organization,create access token")]
    operations: Vec<String>,
    /// How long to look at each server, in whole seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections of the load
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Organizations in the database
    #[arg(long, default_value_t = 20_000)]
    organizations: u64,
    /// The binary of the floors; polity-floor beside this one when left out
    #[arg(long)]
    floor: Option<PathBuf>,
}

/// Looks and prints.
pub(crate) fn run(shared: &Shared, args: &Args) -> Result<()> {
    if Command::new("perf").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        bail!("perf is missing: install it; on Debian: apt-get install linux-perf");
    }
    // A server that has just started is gone before anything is seen of it.
    let can_be_seen = |operation: &&Operation| operation.memory != Memory::Empty;
    let named = |operation: &&Operation| args.operations.iter().any(|part| operation.name.contains(part.trim()));
    let wanted: Vec<&Operation> = OPERATIONS.iter().filter(can_be_seen).filter(named).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = OPERATIONS.iter().filter(can_be_seen).map(|operation| operation.name).collect();
        bail!("there is no such operation; there are: {}", names.join(", "));
    }
    let directory = shared.temporary()?;
    let directory = directory.path();
    let cores = Cores::apart();
    let wrk = Wrk::new(directory, cores)?;
    let seeded = Seeded::copy(&shared.polity, &shared.cache, Kind::Sqlite, args.organizations, directory, cores)?;
    let tokens = measure::known_tokens(&seeded, directory)?;
    let floor = measure::floor_binary(args.floor.as_deref())?;
    let mut floors = Floors::new(&floor, cores, tokens, directory, seeded.organizations);
    let mut subject = Subject::new(&shared.polity, &seeded, cores);
    let metering_key = metering_key(&subject.restart()?.address)?;
    let inputs = Inputs { seeded: &seeded, metering_key: &metering_key };
    for operation in wanted {
        eprintln!("    {} ({} organizations)", operation.name, seeded.organizations);
        let requests = (operation.requests)(&inputs);
        let file = wrk.file("measured", &requests)?;
        let connections = operation.connections.unwrap_or(args.connections);
        let time = Duration::from_secs(args.seconds.max(1));
        let load = Load { wrk: &wrk, file: &file, order: operation.order(), time, connections };
        if operation.memory == Memory::Off {
            subject.restart_without_memory()?;
        }
        rounds::warm(load, requests.len(), &subject)?;
        let ours = Seen::under(load, subject.server()?, &subject, directory)?;
        if operation.memory == Memory::Off {
            subject.restart()?;
        }
        let floor = floors.running(operation.floor)?;
        load.on(floor, &subject)?;
        print(operation, &ours, &Seen::under(load, floor, &subject, directory)?);
    }
    Ok(())
}

/// What was seen of a server.
struct Seen {
    samples: Samples,
    /// Processor time of a request, in microseconds.
    cpu_us: f64,
}

impl Seen {
    fn under(load: Load<'_>, server: &Server, subject: &Subject<'_>, directory: &Path) -> Result<Seen> {
        let file = directory.join("perf.data");
        let recorder = Recorder::start(server.pid(), &file)?;
        let cpu_us = load.on(server, subject)?.cpu_us;
        recorder.stop()?;
        let fields = ["script", "--no-inline", "-F", "comm,ip,sym,dso", "-i"];
        let output = Command::new("perf").args(fields).arg(&file).stderr(Stdio::null()).output()?;
        let samples = Samples::read(&String::from_utf8_lossy(&output.stdout));
        if samples.all() == 0 {
            bail!("perf recorded nothing");
        }
        Ok(Seen { samples, cpu_us })
    }

    /// What a part takes of a request, in microseconds.
    fn us(&self, part: Part) -> f64 {
        self.cpu_us * self.samples.of(part) as f64 / self.samples.all() as f64
    }
}

/// `perf`, which records until it is told to stop.
struct Recorder(Child);

impl Recorder {
    fn start(pid: u32, file: &Path) -> Result<Recorder> {
        // The clock and no counter of the processor: virtual machines have none. The stack tells which call of the
        // system the kernel is in.
        let mut perf = Command::new("perf");
        perf.args(["record", "--quiet", "-e", "cpu-clock", "-F", FREQUENCY, "-g", "-p", &pid.to_string(), "-o"]);
        let child = perf.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("cannot start perf")?;
        Ok(Recorder(child))
    }

    fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status()?;
        self.0.wait()?;
        Ok(())
    }
}

fn print(operation: &Operation, ours: &Seen, floor: &Seen) {
    println!("\n{} ({} and {} samples)\n", operation.name, ours.samples.all(), floor.samples.all());
    println!("| Part | CPU µs | CPU µs of the floor | More |");
    println!("|---|---|---|---|");
    for part in Part::ALL {
        let (ours, floor) = (ours.us(*part), floor.us(*part));
        println!("| {} | {ours:.1} | {floor:.1} | {:+.1} |", part.name(), ours - floor);
    }
    println!("| all | {:.1} | {:.1} | {:+.1} |", ours.cpu_us, floor.cpu_us, ours.cpu_us - floor.cpu_us);
}
