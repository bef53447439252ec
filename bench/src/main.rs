//! Benchmarks: what Polity does, beside the least that the same durable work
//! can cost on the same machine in the same run.
//!
//! Run them with `cargo xtask bench`, which builds the binary first. Figures
//! are printed; nothing is asserted, because a busy machine is no error.

mod floor;
mod http;
mod ingest;
mod load;
mod process;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// What to measure.
#[derive(Parser)]
#[command(name = "polity-bench", about = "Benchmarks of Polity")]
struct Args {
    /// The binary to measure
    #[arg(long, default_value = "target/release/polity")]
    polity: PathBuf,
    /// Metered events to send in all, in thousands
    #[arg(long, default_value_t = 10_000)]
    thousands: u64,
    /// Connections that send batches at the same time
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Where to keep the databases while they are measured; the directory of the machine for temporary files when left out
    #[arg(long)]
    directory: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match ingest::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
