//! `cargo xtask release`: a release that is laid out by what requests do.
//!
//! Everything is built once so that it counts which way it goes, does the work of the benchmark, and is built again
//! with the counts: what is taken often is inlined and lies together, all else is out of the way. Polity is a large
//! program of which a request needs a little from everywhere, so a processor waits less for instructions.
//! `docs/performance.md` has what it brings. The floors of the benchmark are built with counts of their own.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::{cargo, run as program, step, target};

/// What is built: the server, and the benchmark that is its work.
const BUILD: &[&str] = &["build", "--release", "--locked", "-p", "polity", "-p", "polity-bench"];
/// A second of each operation on a database of usual size.
const WORK: &[&str] = &["--rounds", "1", "--seconds", "1", "--organizations", "20000", "--name", "counted"];
/// What merges counts, as toolchains and distributions name it. The compiler's counts are read by its own version
/// of LLVM and by some before it.
const MERGERS: &[&str] =
    &["llvm-profdata", "llvm-profdata-22", "llvm-profdata-21", "llvm-profdata-20", "llvm-profdata-19"];

/// Builds, and tells where the release is.
pub fn run() -> Result<()> {
    let directory = build()?;
    println!("{}", directory.join("polity").display());
    Ok(())
}

/// Builds; returns the directory of the binaries, those of the benchmark among them.
pub fn build() -> Result<PathBuf> {
    let counting = target().join("counting");
    let (counts, merged) = (counting.join("counts"), counting.join("merged.profdata"));
    let host = host()?;
    let counters = step("build what counts", || compile(&host, &counting, &flag("-Cprofile-generate=", &counts)))?;
    step("do the work of the benchmark", || work(&counters, &counting, &counts))?;
    step("merge the counts", || merge(&counts, &merged))?;
    let guided = target().join("guided");
    // Cargo does not look into the counts: what it built with earlier ones would be taken for the same.
    if guided.exists() {
        fs::remove_dir_all(&guided)?;
    }
    step("build by the counts", || compile(&host, &guided, &flag("-Cprofile-use=", &merged)))
}

fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(path);
    flag
}

/// Builds with a flag of the compiler. The host is named, so that the flag is not for what runs while building.
fn compile(host: &str, directory: &Path, flag: &OsString) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(BUILD).args(["--target", host, "--target-dir"]).arg(directory).env("CARGO_ENCODED_RUSTFLAGS", flag);
    program(&mut command)?;
    Ok(directory.join(host).join("release"))
}

fn work(counters: &Path, counting: &Path, counts: &Path) -> Result<()> {
    if counts.exists() {
        fs::remove_dir_all(counts)?;
    }
    let mut bench = Command::new(counters.join("polity-bench"));
    // A file for each binary, to which every process that ends adds what it has counted.
    bench.args(WORK).env("LLVM_PROFILE_FILE", counts.join("%m.profraw"));
    bench.arg("--polity").arg(counters.join("polity")).arg("--cache").arg(target().join("bench"));
    program(bench.arg("--results").arg(counting))
}

fn merge(counts: &Path, merged: &Path) -> Result<()> {
    let files = || fs::read_dir(counts).into_iter().flatten().flatten().map(|entry| entry.path());
    if files().next().is_none() {
        bail!("nothing was counted");
    }
    for merger in mergers()? {
        // One that is not there, or is too old and says so, is no loss while there is another.
        let merging = Command::new(&merger).arg("merge").arg("-o").arg(merged).args(files()).output();
        if merging.is_ok_and(|merging| merging.status.success()) {
            return Ok(());
        }
    }
    bail!("no llvm-profdata reads the counts: rustup component add llvm-tools, or install LLVM 19 or later")
}

/// Where to look for what merges counts: with the toolchain, then among the programs of the machine.
fn mergers() -> Result<Vec<PathBuf>> {
    let own = PathBuf::from(rustc(&["--print", "target-libdir"])?).with_file_name("bin").join("llvm-profdata");
    Ok([own].into_iter().chain(MERGERS.iter().map(PathBuf::from)).collect())
}

fn host() -> Result<String> {
    let said = rustc(&["-vV"])?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}

fn rustc(args: &[&str]) -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc).args(args).output().context("cannot start rustc")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
