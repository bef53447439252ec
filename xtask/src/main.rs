//! Developer tasks, run as `cargo xtask <command>`.
//!
//! One file for each command; [`step`] is what they share. `ci` is the gate:
//! whatever it checks is a command of its own or one line in [`ci`].

mod bench;
mod callgrind;
mod ci;
#[path = "../../bench/instructions/src/client.rs"]
mod client;
mod debian;
mod deny;
mod flame;
mod generate;
mod instructions;
mod node;
#[path = "../../tests/src/programs.rs"]
mod programs;
mod release;
mod servers;
mod step;
mod test;
mod tidy;
mod valgrind;
mod venv;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Polity")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the Rust tests, then the end-to-end tests
    Test(test::Args),
    /// Check what the compiler does not: file sizes, leftovers, module docs
    Tidy,
    /// Check licences, bans, sources and, when reachable, advisories
    Deny,
    /// Build a release that is laid out by what requests do: in `target/guided`
    Release,
    /// Measure against the least that the same work can cost
    Bench(bench::Args),
    /// Count the instructions of the hot paths and compare them with what is recorded
    Instructions(instructions::Args),
    /// Draw where the time of the hottest operations goes
    Flame(flame::Args),
    /// Rewrite the generated documents
    Gen,
    /// Run every check, without the tests of what the server does
    Check,
    /// Run the whole gate: every check, the instructions of the hot paths, then the tests
    Ci,
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Tidy => tidy::run(),
        Command::Deny => deny::run(),
        Command::Release => release::run(),
        Command::Bench(args) => bench::run_bench(&args),
        Command::Instructions(args) => instructions::run(&args),
        Command::Flame(args) => flame::run(&args),
        Command::Gen => generate::run(),
        Command::Check => ci::check(),
        Command::Ci => ci::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
