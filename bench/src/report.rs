//! What was measured, as a table and as JSON.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cores::Cores;
use crate::disk::Disk;
use crate::flood::Flood;
use crate::machine;
use crate::operations::{By, Operation};
use crate::pauses::Pauses;
use crate::rounds::{Measured, Plan, Sample, median};
use crate::start::Start;
use crate::store::Kind;

/// All that was measured in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What the figures depend on, by name.
    pub(crate) facts: Map<String, Value>,
    pub(crate) disk: Option<Disk>,
    /// None in results of earlier versions.
    #[serde(default)]
    pub(crate) pauses: Option<Pauses>,
    pub(crate) rows: Vec<Row>,
    pub(crate) sizes: Vec<Size>,
}

/// What was measured of the server as a whole, on a database of one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) organizations: u64,
    pub(crate) start: Option<Start>,
    pub(crate) flood: Option<Flood>,
}

/// An operation on a database of one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) organizations: u64,
    pub(crate) floor: String,
    pub(crate) ours: Figures,
    pub(crate) floors: Figures,
    /// Polity's processor time of a request to the floor's.
    pub(crate) cpu_ratio: f64,
    /// The floor's requests per second to Polity's.
    pub(crate) rate_ratio: f64,
    /// Whichever of the two this operation is judged by.
    pub(crate) ratio: f64,
    pub(crate) ratio_is_of: String,
    /// Cores others used in the worst of the rounds.
    pub(crate) others: f64,
}

/// Medians over the rounds; errors are of all rounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) cpu_us: f64,
    pub(crate) database_cpu_us: f64,
    pub(crate) pss_mib: f64,
    /// The part of `pss_mib` that is not a mapped file.
    pub(crate) anonymous_mib: f64,
    pub(crate) reply_bytes: f64,
    pub(crate) errors: u64,
}

impl Figures {
    fn of(samples: &[Sample], (pss_mib, anonymous_mib): (f64, f64)) -> Figures {
        let middle = |of: fn(&Sample) -> f64| median(samples.iter().map(of));
        Figures {
            per_second: middle(Sample::rate),
            p50_ms: middle(|sample| sample.told.p50_us / 1e3),
            p99_ms: middle(|sample| sample.told.p99_us / 1e3),
            p999_ms: middle(|sample| sample.told.p999_us / 1e3),
            cpu_us: middle(|sample| sample.cpu_us),
            database_cpu_us: middle(|sample| sample.database_cpu_us),
            pss_mib,
            anonymous_mib,
            reply_bytes: middle(|sample| sample.told.bytes as f64 / sample.told.requests.max(1) as f64),
            errors: samples.iter().map(Sample::errors).sum(),
        }
    }
}

impl Report {
    /// An empty one.
    pub(crate) fn new(cores: Cores, store: Kind, plan: Plan, polity: &str) -> Report {
        let mut facts = machine::facts();
        facts.insert("pinned".to_owned(), json!(cores.pinned()));
        facts.insert("store".to_owned(), json!(store.name()));
        facts.insert("polity".to_owned(), json!(polity));
        facts.insert("rounds".to_owned(), json!(plan.rounds));
        facts.insert("seconds".to_owned(), json!(plan.time.as_secs()));
        facts.insert("connections".to_owned(), json!(plan.connections));
        Report { facts, disk: None, pauses: None, rows: Vec::new(), sizes: Vec::new() }
    }

    /// A fact, in words.
    pub(crate) fn fact(&self, name: &str) -> String {
        self.facts.get(name).map(|fact| fact.to_string().replace('"', "")).unwrap_or_default()
    }

    /// Writes it to a file.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Adds an operation.
    pub(crate) fn add(&mut self, operation: &Operation, organizations: u64, measured: &Measured) {
        let all = measured.floor.iter().chain(&measured.ours);
        self.rows.push(Row {
            operation: operation.name.to_owned(),
            organizations,
            floor: operation.floor.name().to_owned(),
            ours: Figures::of(&measured.ours, measured.pss_mib),
            floors: Figures::of(&measured.floor, (measured.floor_pss_mib, 0.0)),
            cpu_ratio: measured.ratio(By::Cpu),
            rate_ratio: measured.ratio(By::Rate),
            ratio: measured.ratio(operation.by),
            ratio_is_of: if operation.by == By::Cpu { "cpu" } else { "rate" }.to_owned(),
            others: all.map(|sample| sample.others).fold(0.0, f64::max),
        });
    }

    /// The table.
    pub(crate) fn print(&self) {
        let text = |name: &str| self.fact(name);
        println!(
            "{}, {} cores, {}, Linux {}, {}, {}; {} on {}; commit {}, {}; client and server {}; {} rounds of {} s, \
             {} connections; medians",
            text("cpu"),
            text("cores"),
            text("memory"),
            text("kernel"),
            text("rustc"),
            text("wrk"),
            text("polity"),
            text("store"),
            text("commit"),
            text("date"),
            if text("pinned") == "true" { "on a core each" } else { "share all cores" },
            text("rounds"),
            text("seconds"),
            text("connections")
        );
        println!();
        println!(
            "| Operation | Organizations | | Requests/s | p50 ms | p99 ms | p99.9 ms | CPU µs | Database CPU µs \
             | PSS MiB | Reply bytes | Errors | CPU ratio | Rate ratio | Others' cores |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        for row in &self.rows {
            line(&row.operation, &row.organizations.to_string(), "Polity", &row.ours);
            let marked = |by: &str, ratio: f64| {
                if row.ratio_is_of == by { format!("**{ratio:.2}**") } else { format!("{ratio:.2}") }
            };
            let (cpu, rate) = (marked("cpu", row.cpu_ratio), marked("rate", row.rate_ratio));
            println!(" {cpu} | {rate} | {:.2} |", row.others);
            line("", "", &format!("floor `{}`", row.floor), &row.floors);
            println!(" | | |");
        }
        self.print_others();
    }

    fn print_others(&self) {
        println!();
        if let Some(disk) = &self.disk {
            println!("disk, 4 KiB and fdatasync: p50 {:.2} ms, p99 {:.2} ms", disk.p50_ms, disk.p99_ms);
        }
        if let Some(pauses) = &self.pauses {
            println!(
                "processors, when all are busy: {:.2} % of the time gone in pauses over 0.1 ms, the longest {:.1} ms",
                pauses.percent, pauses.longest_ms
            );
        }
        for size in &self.sizes {
            let of = size.organizations;
            if let Some(start) = &size.start {
                println!(
                    "start ({of} organizations): ready after {:.1} ms; memory {:.1} MiB when idle ({:.1} without mapped \
                     files), {:.1} MiB ({:.1}) after {} tokens; binary {:.1} MiB",
                    start.ready_ms,
                    start.idle_mib,
                    start.idle_anonymous_mib,
                    start.warm_mib,
                    start.warm_anonymous_mib,
                    start.tokens,
                    start.binary_mib
                );
            }
            if let Some(flood) = &size.flood {
                println!(
                    "reads during a flood of logins ({of} organizations): p99 {:.2} ms ({:.0}/s), {:.2} ms ({:.0}/s) \
                     without, ratio {:.2}; {:.0} logins/s; {} errors",
                    flood.flooded_p99_ms,
                    flood.flooded_per_second,
                    flood.alone_p99_ms,
                    flood.alone_per_second,
                    flood.ratio,
                    flood.logins_per_second,
                    flood.errors
                );
            }
        }
    }
}

fn line(operation: &str, organizations: &str, which: &str, of: &Figures) {
    print!(
        "| {operation} | {organizations} | {which} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {:.0} | {:.0} | {} |",
        of.per_second,
        of.p50_ms,
        of.p99_ms,
        of.p999_ms,
        of.cpu_us,
        of.database_cpu_us,
        of.pss_mib,
        of.reply_bytes,
        of.errors
    );
}
