//! What is counted beside what is recorded.

use std::fmt::Write as _;

use crate::instructions::record::{Record, RecordedPath};

/// What a path may take more than is recorded, and how much less is worth recording; in percent.
const TOLERANCE_PERCENT: u64 = 5;
/// Functions named of a path that has grown.
const NAMED: usize = 15;

/// A line for each path.
pub fn table(before: &Record, now: &Record) -> String {
    let mut text = format!("{:<24}{:>14}{:>14}{:>9}", "instructions each time", "recorded", "now", "");
    for (name, path) in &now.paths {
        let recorded = before.paths.get(name).map(|recorded| recorded.instructions);
        let shown = recorded.map_or("-".to_owned(), |instructions| instructions.to_string());
        let change =
            recorded.map_or(String::new(), |recorded| format!("{:+.1} %", percent(recorded, path.instructions)));
        let _ = write!(text, "\n{name:<24}{shown:>14}{:>14}{change:>9}", path.instructions);
    }
    text
}

/// What is wrong: paths that take too much more, each with the functions that do; and those that are not on both sides.
pub fn grown(before: &Record, now: &Record) -> Vec<String> {
    let gone = before.paths.keys().filter(|name| !now.paths.contains_key(*name));
    let gone = gone.map(|name| format!("{name} is recorded and was not counted"));
    let grown = now.paths.iter().filter_map(|(name, path)| match before.paths.get(name) {
        None => Some(format!("{name} was counted and is not recorded")),
        Some(recorded) if path.instructions * 100 > recorded.instructions * (100 + TOLERANCE_PERCENT) => {
            let change = percent(recorded.instructions, path.instructions);
            let functions = functions(recorded, path);
            Some(format!("{name} takes {change:.1} % more instructions than is recorded:{functions}"))
        }
        Some(_) => None,
    });
    gone.chain(grown).collect()
}

/// Whether a path takes so much less that it should be recorded.
pub fn is_smaller(before: &Record, now: &Record) -> bool {
    let is_smaller = |(name, path): (&String, &RecordedPath)| match before.paths.get(name) {
        Some(recorded) => path.instructions * 100 < recorded.instructions * (100 - TOLERANCE_PERCENT),
        None => false,
    };
    now.paths.iter().any(is_smaller)
}

/// The functions that take more, those first that have grown most.
fn functions(before: &RecordedPath, now: &RecordedPath) -> String {
    let grown = now.functions().map(|(name, cost)| (name, before.function(name), cost));
    let mut grown: Vec<_> = grown.filter(|(_, recorded, cost)| *cost > recorded.unwrap_or_default()).collect();
    grown.sort_by_key(|(_, recorded, cost)| std::cmp::Reverse(cost - recorded.unwrap_or_default()));
    grown.iter().take(NAMED).fold(String::new(), |mut text, (name, recorded, cost)| {
        let more = cost - recorded.unwrap_or_default();
        let was = recorded.map_or("not recorded, so less than 0.5 %".to_owned(), |recorded| recorded.to_string());
        let _ = write!(text, "\n  {more:>+8}  {name} (was {was})");
        text
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of instructions are far below 2^53")]
fn percent(before: u64, now: u64) -> f64 {
    (now as f64 / before.max(1) as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(instructions: u64, functions: &str) -> Record {
        let path = format!(r#"{{"instructions": {instructions}, "functions": {functions}}}"#);
        serde_json::from_str(&format!(r#"{{"rustc": "", "valgrind": "", "paths": {{"get": {path}}}}}"#)).unwrap()
    }

    #[test]
    fn growth_within_the_tolerance_passes() {
        let before = record(1000, "{}");
        assert!(grown(&before, &record(1050, "{}")).is_empty());
        assert!(!is_smaller(&before, &record(950, "{}")));
        assert!(is_smaller(&before, &record(940, "{}")));
    }

    #[test]
    fn what_has_grown_is_named_by_how_much() {
        let before = record(1000, r#"{"slow": 500, "steady": 400}"#);
        let now = record(1200, r#"{"slow": 560, "steady": 400, "new": 140}"#);
        let text = grown(&before, &now).join("\n");
        assert!(text.starts_with("get takes 20.0 % more"), "{text}");
        let lines: Vec<_> = text.lines().skip(1).map(str::trim).collect();
        assert_eq!(lines, ["+140  new (was not recorded, so less than 0.5 %)", "+60  slow (was 500)"]);
    }

    #[test]
    fn a_path_that_is_not_on_both_sides_is_wrong() {
        let none = Record::default();
        assert_eq!(grown(&none, &record(1, "{}")), ["get was counted and is not recorded"]);
        assert_eq!(grown(&record(1, "{}"), &none), ["get is recorded and was not counted"]);
    }
}
