//! `cargo xtask instructions`: how many instructions the hot paths take, beside what is recorded.
//!
//! A count does not depend on how busy or how fast a machine is. It does depend on the compiler, on the C
//! library, and on which instructions a processor has: valgrind shows a program the same ones on every x86-64
//! with AVX2 and none of the newer ones, so counts are compared there and nowhere else. What the kernel does is
//! not counted, and neither is waiting, for memory or for a disk: `cargo xtask bench` shows that.
//!
//! Two counts of the same program differ by less than 1 % (hash maps have random keys, threads meet in different
//! ways). Some things look dearer than they are: valgrind has no instructions for SHA-256, which real processors
//! use, and counts a long copy by `rep movsb` as an instruction for each byte.

mod compare;
mod count;
mod record;

use anyhow::{Result, bail};

use crate::step::{cargo, run as program, step};
use crate::valgrind::Valgrind;
use record::Record;

const BUILD: &[&str] = &["build", "--profile", "instructions", "-p", "polity-instructions", "--locked"];

/// What to do beside counting.
#[derive(Default, clap::Args)]
pub struct Args {
    /// Record what is counted, whatever is recorded so far
    #[arg(long)]
    record: bool,
    /// List so many functions of each path, by what they take in themselves and with what they call
    #[arg(long, value_name = "N", default_value_t = 0)]
    top: usize,
}

/// Counts, and compares or records.
pub fn run(args: &Args) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!("note: what is recorded was counted on Linux on x86-64; nothing is counted here");
        return Ok(());
    }
    step("build what is counted", || program(cargo().args(BUILD)))?;
    let valgrind = Valgrind::provide()?;
    let paths = step("count instructions", || count::count(&valgrind))?;
    if args.top > 0 {
        paths.iter().for_each(|path| println!("{}", path.top(args.top)));
    }
    let now = Record::of(&paths, valgrind.version)?;
    let before = match Record::read() {
        // What cannot be read is no reason not to write it anew.
        Err(_) if args.record => Record::default(),
        before => before?,
    };
    println!("{}", compare::table(&before, &now));
    if args.record {
        return now.write();
    }
    let grown = compare::grown(&before, &now);
    if grown.is_empty() {
        if compare::is_smaller(&before, &now) {
            eprintln!("note: a path takes less than is recorded; keep it: cargo xtask instructions --record");
        }
        return Ok(());
    }
    if let Some(differs) = before.made_with_other_tools(&now) {
        eprintln!("note: {differs}");
    }
    bail!("{}\nwhere that is meant to be: cargo xtask instructions --record", grown.join("\n"))
}
