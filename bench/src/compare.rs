//! This run beside an earlier one.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::report::{Report, Row};

/// More than this much worse is marked.
const REGRESSION: f64 = 0.10;

/// Prints what changed since the run whose results are in `file`.
pub(crate) fn print(report: &Report, file: &Path) -> Result<()> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let old: Report = serde_json::from_slice(&text).with_context(|| format!("{} is no result", file.display()))?;
    println!("\nCompared with {} (commit {}, {})\n", file.display(), old.fact("commit"), old.fact("date"));
    for name in ["cpu", "cores", "kernel", "rustc", "store"] {
        if old.fact(name) != report.fact(name) {
            println!(
                "{name} differs: {} then, {} now: only ratios can be compared\n",
                old.fact(name),
                report.fact(name)
            );
        }
    }
    println!("| Operation | Organizations | Ratio | CPU µs | Requests/s | p99 ms | |\n|---|---|---|---|---|---|---|");
    for row in &report.rows {
        let same = |old: &&Row| old.operation == row.operation && old.organizations == row.organizations;
        let Some(before) = old.rows.iter().find(same) else { continue };
        // A ratio to the floor of the same run: a slower machine is no regression.
        let is_worse = row.ratio > before.ratio * (1.0 + REGRESSION);
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.operation,
            row.organizations,
            change(before.ratio, row.ratio),
            change(before.ours.cpu_us, row.ours.cpu_us),
            change(before.ours.per_second, row.ours.per_second),
            change(before.ours.p99_ms, row.ours.p99_ms),
            if is_worse { "**regression**" } else { "" }
        );
    }
    Ok(())
}

fn change(before: f64, now: f64) -> String {
    format!("{before:.2} → {now:.2} ({:+.0} %)", (now / before - 1.0) * 100.0)
}
