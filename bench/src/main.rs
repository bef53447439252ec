//! Benchmarks: what Polity does, beside the least that the same work can cost
//! on the same machine in the same run.
//!
//! Run them with `cargo xtask bench`, which builds the binaries first. Figures
//! are printed; nothing is asserted, because a busy machine is no error.

mod client;
mod cluster;
mod compare;
mod cores;
mod disk;
mod flood;
mod floors;
mod ingest;
mod machine;
mod measure;
mod operations;
mod pauses;
mod process;
mod profile;
#[path = "../../tests/src/programs.rs"]
#[expect(dead_code, reason = "the tests need more servers")]
mod programs;
mod reach;
mod report;
mod rounds;
mod seeded;
mod server;
mod soak;
mod start;
mod store;
mod subject;
mod wrk;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What to measure.
#[derive(Parser)]
#[command(name = "polity-bench", about = "Benchmarks of Polity")]
struct Args {
    #[command(flatten)]
    shared: Shared,
    /// Operations, unless another benchmark is named.
    #[command(flatten)]
    http: measure::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every benchmark needs.
#[derive(clap::Args)]
pub(crate) struct Shared {
    /// The binary to measure
    #[arg(long, global = true, default_value = "target/release/polity")]
    polity: PathBuf,
    /// Where to keep the databases while they are measured; the directory of the machine for temporary files when left out
    #[arg(long, global = true)]
    directory: Option<PathBuf>,
    /// Where filled databases are kept between runs
    #[arg(long, global = true, default_value = "target/bench")]
    cache: PathBuf,
}

impl Shared {
    /// A directory that goes when the benchmark ends.
    pub(crate) fn temporary(&self) -> std::io::Result<tempfile::TempDir> {
        let directory = self.directory.as_ref().map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
        // A database server that another user runs has to get through.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711))?;
        Ok(directory)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Metered events: how many a second are counted and durable
    Ingest(ingest::Args),
    /// Where the processor time of operations goes, in Polity and in their floors
    Profile(profile::Args),
    /// A realistic mix of requests for minutes: errors, memory, and seconds in which a request was slow
    Soak(soak::Args),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        None => measure::run(&args.shared, &args.http),
        Some(Command::Ingest(ingest)) => ingest::run(&args.shared, ingest),
        Some(Command::Profile(profile)) => profile::run(&args.shared, profile),
        Some(Command::Soak(soak)) => soak::run(&args.shared, soak),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
