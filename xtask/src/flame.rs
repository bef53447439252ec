//! `cargo xtask flame`: pictures of where the time of an operation goes, under load over loopback.
//!
//! `perf` looks at the server a thousand times a second and follows the frame pointers, which are built in for
//! that. What was optimised into its caller is part of it, and code without frame pointers (the C library,
//! assembly) can lose the function that called it.

mod draw;
mod load;
mod stacks;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::{cargo, run as program, step, target};
use load::Server;

/// What to draw.
#[derive(clap::Args)]
pub struct Args {
    /// The operation; the three hottest when left out
    #[arg(long, value_enum)]
    operation: Vec<Operation>,
    /// How long to look at each, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u32,
    /// Look at this build instead of building one
    #[arg(long, value_name = "PROGRAM")]
    polity: Option<PathBuf>,
}

/// What can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Operation {
    /// An organization, by a session of a member
    GetOrganization,
    /// An access token, by a session of a member
    CreateAccessToken,
    /// What a session is, asked by the operator
    Introspect,
    /// The members of an organization, by one of them
    ListMembers,
}

const HOTTEST: &[Operation] = &[Operation::GetOrganization, Operation::CreateAccessToken, Operation::Introspect];

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Operation::GetOrganization => "get_organization",
            Operation::CreateAccessToken => "create_access_token",
            Operation::Introspect => "introspect",
            Operation::ListMembers => "list_members",
        }
    }
}

/// Draws.
pub fn run(args: &Args) -> Result<()> {
    if Command::new("perf").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        bail!("perf is missing: install it; on Debian: apt-get install linux-perf");
    }
    let folder = target().join("flame");
    fs::create_dir_all(&folder)?;
    let polity = match &args.polity {
        Some(polity) => polity.clone(),
        None => step("build with symbols", || build(&folder))?,
    };
    let operations = if args.operation.is_empty() { HOTTEST } else { &args.operation };
    for operation in operations {
        let name = operation.name();
        let svg = step(name, || draw(&folder, &polity, *operation, args.seconds))?;
        println!("{}", svg.display());
    }
    Ok(())
}

/// A release with symbols and frame pointers, in a directory of its own: nothing else is built like that.
fn build(folder: &Path) -> Result<PathBuf> {
    let builds = folder.join("build");
    let mut command = cargo();
    command.args(["build", "--profile", "profiling", "-p", "polity", "--locked", "--target-dir"]).arg(&builds);
    program(command.env("RUSTFLAGS", "-C force-frame-pointers=yes").env("CFLAGS", "-fno-omit-frame-pointer"))?;
    Ok(builds.join("profiling/polity"))
}

fn draw(folder: &Path, polity: &Path, operation: Operation, seconds: u32) -> Result<PathBuf> {
    let directory = folder.join("data");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    let server = Server::start(polity, &directory)?;
    let request = server.request(operation)?;
    let data = folder.join(format!("{}.perf", operation.name()));
    server.under_load(&request, || record(&server, &data, seconds))?;
    drop(server);
    fs::remove_dir_all(&directory)?;

    let fields = ["script", "--no-inline", "--no-demangle", "-F", "comm,ip,sym,dso", "-i"];
    let output = Command::new("perf").args(fields).arg(&data).stderr(Stdio::null()).output()?;
    let all = stacks::add_up(&String::from_utf8_lossy(&output.stdout));
    if all.samples == 0 {
        bail!("perf recorded nothing");
    }
    let svg = folder.join(format!("{}.svg", operation.name()));
    fs::write(&svg, draw::svg(operation.name(), &all)).with_context(|| format!("cannot write {}", svg.display()))?;
    Ok(svg)
}

fn record(server: &Server, data: &Path, seconds: u32) -> Result<()> {
    let mut perf = Command::new("perf");
    // The clock and no counter of the processor: virtual machines have none.
    perf.args(["record", "--quiet", "-e", "cpu-clock", "-F", "997", "-g", "-p", &server.id().to_string(), "-o"]);
    perf.arg(data).args(["--", "sleep", &seconds.to_string()]);
    program(perf.stderr(Stdio::null()))
}
