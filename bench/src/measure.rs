//! Operations over HTTP: each beside its floor, under the same load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::Shared;
use crate::client::Connection;
use crate::cores::Cores;
use crate::floors::Floors;
use crate::operations::{Inputs, OPERATIONS, Operation};
use crate::report::{self, Report};
use crate::rounds::{self, Plan};
use crate::seeded::{self, Seeded};
use crate::server::OPERATOR_KEY;
use crate::store::Kind;
use crate::subject::Subject;
use crate::wrk::Wrk;
use crate::{compare, disk, flood, machine, pauses, reach, start};

/// Starting, as one can ask for it.
const START: &str = "start";
/// Reads during a flood of logins, as one can ask for it.
const FLOOD: &str = "flood";

/// What to measure, and how.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure only operations with one of these in their name, separated by commas
    #[arg(long, value_delimiter = ',')]
    operations: Vec<String>,
    /// How often floor and Polity take turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of a turn, in whole seconds
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Connections of the load
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Database of Polity; the floors have SQLite
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    store: Kind,
    /// Organizations in the database; several, separated by commas, are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [20_000])]
    organizations: Vec<u64>,
    /// Name of the results, which are written to NAME.json
    #[arg(long, default_value = "latest")]
    name: String,
    /// Where results are written
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
    /// Results of an earlier run to compare with
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// The binary of the floors; polity-floor beside this one when left out
    #[arg(long)]
    floor: Option<PathBuf>,
}

/// Measures and prints.
pub(crate) fn run(shared: &Shared, args: &Args) -> Result<()> {
    let directory = shared.temporary()?;
    let cores = Cores::apart();
    let wrk = Wrk::new(directory.path(), cores)?;
    let floor = floor_binary(args.floor.as_deref())?;
    let wanted: Vec<&Operation> = OPERATIONS.iter().filter(|operation| is_wanted(operation.name, args)).collect();
    if wanted.is_empty() && ![START, FLOOD].iter().any(|name| is_wanted(name, args)) {
        let names: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).chain([START, FLOOD]).collect();
        bail!("there is no such operation; there are: {}", names.join(", "));
    }
    let time = Duration::from_secs(args.seconds.max(1));
    let plan = Plan { rounds: args.rounds.max(1), time, connections: args.connections };
    let mut report = Report::new(cores, args.store, plan, &machine::said(&shared.polity, &["--version"]));
    report.disk = Some(disk::measure(directory.path())?);
    report.pauses = Some(pauses::measure()?);
    for organizations in &args.organizations {
        let seeded = Seeded::copy(&shared.polity, &shared.cache, args.store, *organizations, directory.path(), cores)?;
        let size =
            Size { shared, args, floor: &floor, wrk: &wrk, cores, plan, seeded: &seeded, directory: directory.path() };
        size.measure(&wanted, &mut report)?;
    }
    report.print();
    reach::print(&report);
    if let Some(old) = &args.compare {
        compare::print(&report, old)?;
    }
    report.write(&args.results.join(format!("{}.json", args.name)))
}

/// The binary of the floors: the one that was named, or the one beside this.
pub(crate) fn floor_binary(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(floor) => Ok(floor.to_owned()),
        None => Ok(std::env::current_exe()?.with_file_name("polity-floor")),
    }
}

/// A file with the tokens the floors are to know.
pub(crate) fn known_tokens(seeded: &Seeded, directory: &Path) -> Result<PathBuf> {
    let tokens = seeded.sessions.iter().take(20_000).chain(&seeded.credentials).chain(&seeded.people);
    seeded::write_tokens(&directory.join("tokens"), tokens)
}

fn is_wanted(name: &str, args: &Args) -> bool {
    args.operations.is_empty() || args.operations.iter().any(|part| name.contains(part.trim()))
}

/// A database of one size, and what is measured with it.
struct Size<'a> {
    shared: &'a Shared,
    args: &'a Args,
    floor: &'a Path,
    wrk: &'a Wrk,
    cores: Cores,
    plan: Plan,
    seeded: &'a Seeded,
    directory: &'a Path,
}

impl Size<'_> {
    fn measure(&self, wanted: &[&Operation], report: &mut Report) -> Result<()> {
        let seeded = self.seeded;
        let tokens = known_tokens(seeded, self.directory)?;
        let mut floors = Floors::new(self.floor, self.cores, tokens, self.directory, seeded.organizations);
        let mut subject = Subject::new(&self.shared.polity, seeded, self.cores);
        let mut size = report::Size { organizations: seeded.organizations, start: None, flood: None };
        // First: a server that finds work left to do, such as leases that ended meanwhile, is not idle.
        if is_wanted(START, self.args) {
            eprintln!("    {START}");
            size.start = Some(start::measure(&self.shared.polity, seeded, self.wrk, &mut subject)?);
        }
        let metering_key = metering_key(&subject.restart()?.address)?;
        let inputs = Inputs { seeded, metering_key: &metering_key };
        for operation in wanted {
            eprintln!("    {} ({} organizations)", operation.name, seeded.organizations);
            let measured = rounds::measure(operation, &inputs, self.plan, self.wrk, &mut floors, &mut subject)
                .with_context(|| operation.name.to_owned())?;
            report.add(operation, seeded.organizations, &measured);
        }
        drop(floors);
        if is_wanted(FLOOD, self.args) {
            eprintln!("    {FLOOD}");
            size.flood = Some(flood::measure(seeded, self.plan, self.wrk, subject.server()?)?);
        }
        report.sizes.push(size);
        Ok(())
    }
}

/// The key of a source that asks for leases.
pub(crate) fn metering_key(address: &str) -> Result<String> {
    let mut connection = Connection::open(address)?;
    let path = "/operator/v1/metering_keys";
    let reply = connection.json("POST", path, OPERATOR_KEY, &json!({ "name": "bench" }))?;
    seeded::string(&reply, "/metering_key/token")
}
