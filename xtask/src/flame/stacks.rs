//! Stacks out of what `perf script` prints, added up.

use std::collections::BTreeMap;

/// A function with what was called from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Samples in it and in what it called.
    pub samples: u64,
    /// By name.
    pub called: BTreeMap<String, Frame>,
}

impl Frame {
    /// Adds a stack, the outermost function first.
    fn add<'a>(&mut self, stack: impl Iterator<Item = &'a str>) {
        self.samples += 1;
        let mut frame = self;
        for name in stack {
            frame = frame.called.entry(name.to_owned()).or_default();
            frame.samples += 1;
        }
    }

    /// How many functions are in each other at most.
    pub fn depth(&self) -> usize {
        self.called.values().map(|frame| frame.depth() + 1).max().unwrap_or_default()
    }
}

/// Adds up the samples: a line with the thread, a line for each function from the innermost out, an empty line.
pub fn add_up(script: &str) -> Frame {
    let mut all = Frame::default();
    for sample in script.split("\n\n") {
        let mut lines = sample.lines().filter(|line| !line.is_empty());
        let Some(thread) = lines.next() else { continue };
        let mut stack: Vec<String> = lines.filter_map(function).collect();
        if stack.is_empty() {
            continue;
        }
        stack.push(thread.trim().to_owned());
        all.add(stack.iter().rev().map(String::as_str));
    }
    all
}

/// The function of a line, `<address> <symbol> (<file>)`. What has no name, such as an address that a function
/// without a frame pointer left behind, is left out.
fn function(line: &str) -> Option<String> {
    let (_, rest) = line.trim().split_once(' ')?;
    let (symbol, file) = rest.rsplit_once(" (").unwrap_or((rest, ""));
    let symbol = symbol.split_once("+0x").map_or(symbol, |(symbol, _)| symbol);
    match symbol {
        "[unknown]" if file.starts_with("[unknown]") => None,
        "[unknown]" => Some(format!("[{}]", file.trim_end_matches(')').rsplit('/').next().unwrap_or_default())),
        symbol => Some(format!("{:#}", rustc_demangle::demangle(symbol))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_the_same_functions_are_added_up() {
        let sample = |leaf: &str| {
            format!(
                "tokio-rt-worker \n\t    8dce {leaf} (/bin/polity)\n\t    8d00 _ZN4main4work17h0123456789abcdefE (/bin/polity)\n\t  0 [unknown] ([unknown])\n\n"
            )
        };
        let all = add_up(&[sample("memcpy"), sample("memcpy"), sample("[unknown]"), "swapper \n\n".into()].concat());
        assert_eq!((all.samples, all.depth()), (3, 3));
        let work = &all.called["tokio-rt-worker"].called["main::work"];
        assert_eq!((work.samples, work.called["memcpy"].samples, work.called["[polity]"].samples), (3, 2, 1));
    }
}
