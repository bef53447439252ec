//! The hot paths of Polity, run a fixed number of times each, for a tool that counts instructions.
//!
//! `cargo xtask instructions` runs this under callgrind and compares what it counts with
//! `recorded.json`. Nothing is counted or timed here, so run alone it only shows that the paths work.
//! Each path is a line of output, `<name> <iterations>`, in the order in which callgrind writes them down.

mod client;
mod counted;
mod paths;
mod server;

use std::process::ExitCode;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match paths::run_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
