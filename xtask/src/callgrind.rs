//! Reading what callgrind wrote down: how many instructions each function took.
//!
//! The format is described in the manual of Valgrind. Only what functions took is kept, not where in them.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};

/// What one function took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// In itself.
    pub own: u64,
    /// With everything it called; more than that where it calls itself.
    pub inclusive: u64,
}

/// What each function took, by its name without the part that is new with each build.
pub fn functions(text: &str) -> Result<HashMap<String, Cost>> {
    let mut names = HashMap::new();
    let mut costs: HashMap<String, Cost> = HashMap::new();
    let (mut function, mut is_call) = (String::new(), false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = known(&mut names, name)?;
        } else if let Some(name) = line.strip_prefix("cfn=") {
            known(&mut names, name)?;
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            // A position, then what happened there: instructions and nothing else.
            let taken = line.split_once(' ').and_then(|(_, taken)| taken.trim().parse::<u64>().ok());
            let taken = taken.with_context(|| format!("callgrind wrote {line:?}"))?;
            let cost = costs.entry(function.clone()).or_default();
            cost.inclusive += taken;
            cost.own += if std::mem::take(&mut is_call) { 0 } else { taken };
        }
    }
    if costs.is_empty() {
        bail!("callgrind counted nothing");
    }
    Ok(costs)
}

/// The name of a function: `(number) name` where it is first named, `(number)` from then on.
fn known(names: &mut HashMap<String, String>, text: &str) -> Result<String> {
    let (number, name) = text.split_once(')').with_context(|| format!("callgrind named {text:?}"))?;
    if !name.is_empty() {
        names.insert(number.to_owned(), readable(name.trim()));
    }
    names.get(number).cloned().with_context(|| format!("callgrind never said what {text:?} is"))
}

/// As it stands in the source, without the hash at the end and the part of a clone.
fn readable(symbol: &str) -> String {
    let symbol = symbol.split_once('\'').map_or(symbol, |(symbol, _)| symbol);
    format!("{:#}", rustc_demangle::demangle(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_took_is_told_from_what_it_called() {
        let text = "version: 1\nevents: Ir\n\nfl=(1) a.c\nfn=(1) _ZN4main4work17h0123456789abcdefE\n0 10\n\
                    cfi=(2) b.c\ncfn=(2) memcpy\ncalls=3 0\n0 60\n+4 5\n\nfn=(2)\n0 60\n\nfn=(1)\n0 1\n";
        let found = functions(text).unwrap();
        assert_eq!(found["main::work"], Cost { own: 16, inclusive: 76 });
        assert_eq!(found["memcpy"], Cost { own: 60, inclusive: 60 });
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        assert!(functions("").is_err());
        assert!(functions("fn=(1)\n0 1\n").is_err());
    }
}
