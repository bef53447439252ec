//! `cargo xtask bench`: builds what is measured with the settings of a release, and measures it.

use std::path::PathBuf;

use anyhow::Result;

use crate::release;
use crate::step::{cargo, run, step, target};

/// What to pass on to the benchmark.
#[derive(clap::Args)]
pub struct Args {
    /// Measure what `cargo xtask release` builds
    #[arg(long)]
    guided: bool,
    /// Show where the processor time of operations goes, in Polity and in their floors
    #[arg(long, conflicts_with = "guided")]
    profile: bool,
    /// Arguments of the benchmark; `-- --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds and measures.
pub fn run_bench(args: &Args) -> Result<()> {
    let release =
        if args.guided { release::build()? } else { build(if args.profile { "profiling" } else { "release" })? };
    let mut bench = std::process::Command::new(release.join("polity-bench"));
    step("measure", || {
        bench.arg("--polity").arg(release.join("polity")).arg("--cache").arg(target().join("bench"));
        run(bench.args(args.profile.then_some("profile")).args(&args.rest))
    })
}

/// As anybody builds it, or the same with symbols.
fn build(profile: &str) -> Result<PathBuf> {
    step("build for release", || {
        run(cargo().args(["build", "--profile", profile, "-p", "polity", "-p", "polity-bench", "--locked"]))
    })?;
    Ok(target().join(profile))
}
