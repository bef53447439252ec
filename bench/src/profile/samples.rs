//! What `perf script` prints, added up by part.

use std::collections::BTreeMap;

use crate::profile::part::Part;

/// How functions of the kernel begin that carry out a call of the system; not each call shows them all.
const CALLS: &[&str] = &["__x64_sys_", "__arm64_sys_", "__sys_", "do_"];

/// How often a server was seen in each part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Samples(BTreeMap<Part, u64>);

impl Samples {
    /// Adds up samples: a line with the thread, a line for each function from the innermost out, an empty line.
    pub(crate) fn read(script: &str) -> Samples {
        let mut samples = Samples::default();
        for sample in script.split("\n\n") {
            if let Some(part) = part(sample.lines().filter(|line| !line.is_empty()).skip(1)) {
                *samples.0.entry(part).or_default() += 1;
            }
        }
        samples
    }

    /// How many there are.
    pub(crate) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many there are of a part.
    pub(crate) fn of(&self, part: Part) -> u64 {
        self.0.get(&part).copied().unwrap_or_default()
    }
}

/// What a server did, by its stack; none without one.
fn part<'a>(stack: impl Iterator<Item = &'a str>) -> Option<Part> {
    let mut functions = stack.filter_map(function);
    let (name, file) = functions.next()?;
    if !file.contains("[kernel") {
        return Some(Part::of_function(name, file));
    }
    let names = std::iter::once(name).chain(functions.map(|(name, _)| name));
    let mut calls = names.filter_map(|name| CALLS.iter().find_map(|begin| name.strip_prefix(begin)));
    Some(calls.find_map(Part::of_call).unwrap_or(Part::Kernel))
}

/// Name and file of a function, out of `<address> <name> (<file>)`.
fn function(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.trim().split_once(' ')?;
    let (name, file) = rest.rsplit_once(" (")?;
    Some((name, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_for_its_innermost_function() {
        let text = "sqlite-writer \n\t55 sqlite3VdbeExec (/bin/polity)\n\t55 hyper::Server (/bin/polity)\n\n\
                    sqlite-writer \n\tff copy_page ([kernel.kallsyms])\n\tff __x64_sys_pwrite64 ([kernel.kallsyms])\n\n\
                    tokio-rt-worker \n\tff tcp_sendmsg ([kernel.kallsyms])\n\tff do_softirq ([kernel.kallsyms])\n\
                    \tff do_writev ([kernel.kallsyms])\n\t7f writev (/lib/libc.so.6)\n\n\
                    tokio-rt-worker \n\tff asm_sysvec_apic_timer_interrupt ([kernel.kallsyms])\n\n\
                    tokio-rt-worker \n\n";
        let samples = Samples::read(text);
        let counts = [Part::Sqlite, Part::Files, Part::Network, Part::Kernel, Part::Http].map(|part| samples.of(part));
        assert_eq!((samples.all(), counts), (4, [1, 1, 1, 1, 0]));
    }
}
