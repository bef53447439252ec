//! What Polity promises of its speed, and whether it holds: every figure is
//! one of the run.

use crate::report::{Report, Row, Size};

/// A promise that was looked at.
struct Line {
    what: String,
    measured: f64,
    most: f64,
    unit: &'static str,
}

/// Promises of a ratio to the floor: operation, what it is called here, and the most.
const RATIOS: &[(&str, &str, f64)] = &[
    ("get organization", "get organization, warm", 1.25),
    ("introspect", "introspect, warm", 1.25),
    ("get organization, nothing remembered", "get organization, nothing cached", 1.25),
    ("list 10 members", "list 10 members", 1.3),
    ("create organization", "create organization", 1.25),
    ("create access token", "create access token", 1.3),
];

/// Organizations of the databases that are compared with each other.
const SMALL: u64 = 1_000;
const LARGE: u64 = 1_000_000;
/// Tokens in use when memory is compared with what is promised of it with a hundred thousand: the last request of each
/// connection is not counted.
const MANY_TOKENS: usize = 99_900;

/// Prints the promises this run says something about.
pub(crate) fn print(report: &Report) {
    let lines = lines(report);
    if lines.is_empty() {
        return;
    }
    println!("\n| Promise | Measured | At most | Holds |\n|---|---|---|---|");
    for line in lines {
        let holds = if line.measured <= line.most { "yes" } else { "**no**" };
        println!("| {} | {:.2}{unit} | {:.2}{unit} | {holds} |", line.what, line.measured, line.most, unit = line.unit);
    }
}

fn lines(report: &Report) -> Vec<Line> {
    let mut lines = Vec::new();
    for size in &report.sizes {
        let of = format!("{} organizations", size.organizations);
        for (operation, what, most) in RATIOS {
            if let Some(row) = row(report, operation, size.organizations) {
                lines.push(Line {
                    what: format!("{what}, to its floor ({of})"),
                    measured: row.ratio,
                    most: *most,
                    unit: "×",
                });
            }
        }
        if let (Some(row), Some(disk)) = (row(report, "create organization", size.organizations), &report.disk) {
            let what = format!("create organization: p99 above that of the disk ({of})");
            lines.push(Line { what, measured: row.ours.p99_ms - disk.p99_ms, most: 8.0, unit: " ms" });
        }
        lines.extend(other(size, &of));
    }
    for (operation, what, most) in [
        ("get organization", "get organization, warm", 1.05),
        ("get organization, credential never seen", "get organization, nothing cached", 1.25),
    ] {
        if let (Some(small), Some(large)) = (row(report, operation, SMALL), row(report, operation, LARGE)) {
            let what = format!("{what}: {LARGE} organizations to {SMALL}");
            lines.push(Line { what, measured: large.ours.cpu_us / small.ours.cpu_us, most, unit: "×" });
        }
    }
    lines
}

fn other(size: &Size, of: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(flood) = &size.flood {
        let what = format!("p99 of reads during a flood of logins, to that without ({of})");
        lines.push(Line { what, measured: flood.ratio, most: 2.0, unit: "×" });
    }
    if let Some(start) = &size.start {
        let what = format!("start to first 200 on /readyz ({of})");
        lines.push(Line { what, measured: start.ready_ms, most: 40.0, unit: " ms" });
        let what = format!("memory when idle ({of})");
        lines.push(Line { what, measured: start.idle_mib, most: 20.0, unit: " MiB" });
        if start.tokens >= MANY_TOKENS {
            for (measured, part) in [(start.warm_mib, ""), (start.warm_anonymous_mib, ", without mapped files")] {
                let what = format!("memory with {} tokens in use{part} ({of})", start.tokens);
                lines.push(Line { what, measured, most: 64.0, unit: " MiB" });
            }
        }
    }
    lines
}

fn row<'a>(report: &'a Report, operation: &str, organizations: u64) -> Option<&'a Row> {
    report.rows.iter().find(|row| row.operation == operation && row.organizations == organizations)
}
