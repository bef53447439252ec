//! Metrics in the Prometheus format. A registry for each server, and never an
//! organization in a label: the number of series does not grow with use.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use polity_api::types::organization::OrganizationStatus;
use polity_ops::status::Snapshot;
use polity_store::Measured;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The type of the text that [`Metrics::encode`] makes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Classes of status, as a label has them.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operation {
    operation: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StoreUnit {
    unit: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StoreOutcome {
    unit: &'static str,
    ok: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Histograms<Operation>,
    in_flight: Gauge,
    unit_series: RwLock<HashMap<(usize, usize), Arc<UnitSeries>>>,
    units: Family<StoreOutcome, Counter>,
    unit_durations: Histograms<StoreUnit>,
    unit_waits: Histograms<StoreUnit>,
    round_trips: Family<StoreUnit, Counter>,
    retries: Family<StoreUnit, Counter>,
    revocation_delays: Histogram,
    trust: Gauge<f64, AtomicU64>,
    organizations: Family<Status, Gauge>,
    mails: Family<State, Gauge>,
    jobs: Gauge,
    webhook_lanes: Gauge,
    webhook_attempts: Family<Outcome, Counter>,
}

/// The series of the requests of one kind: looked up once, when the first is answered.
pub(crate) struct Series {
    /// The operation, or what else was asked for.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    durations: OnceLock<Histogram>,
    by_class: [OnceLock<Counter>; CLASSES.len()],
}

impl Series {
    pub const fn new(operation: &'static str, method: &'static str) -> Series {
        Series { operation, method, durations: OnceLock::new(), by_class: [const { OnceLock::new() }; CLASSES.len()] }
    }
}

/// The series of the units of work of one name.
struct UnitSeries {
    ok: OnceLock<Counter>,
    failed: OnceLock<Counter>,
    durations: Histogram,
    waits: Histogram,
    round_trips: Counter,
    retries: Counter,
}

/// A request in flight, until it is dropped.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("polity"),
            requests: Family::default(),
            durations: Family::new_with_constructor(request_buckets),
            in_flight: Gauge::default(),
            unit_series: RwLock::default(),
            units: Family::default(),
            unit_durations: Family::new_with_constructor(unit_buckets),
            unit_waits: Family::new_with_constructor(unit_buckets),
            round_trips: Family::default(),
            retries: Family::default(),
            revocation_delays: delay_buckets(),
            trust: Gauge::default(),
            organizations: Family::default(),
            mails: Family::default(),
            jobs: Gauge::default(),
            webhook_lanes: Gauge::default(),
            webhook_attempts: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time to answer a request",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("http_requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        registry.register("store_units", "Units of work run", metrics.units.clone());
        registry.register_with_unit(
            "store_unit_duration",
            "Time a unit of work ran",
            Unit::Seconds,
            metrics.unit_durations.clone(),
        );
        registry.register_with_unit(
            "store_unit_wait",
            "Time a unit of work waited to run",
            Unit::Seconds,
            metrics.unit_waits.clone(),
        );
        registry.register(
            "store_unit_round_trips",
            "Answers of the database a unit of work waited for",
            metrics.round_trips.clone(),
        );
        registry.register(
            "store_unit_retries",
            "Times a unit of work was run again after a conflict or a lost connection",
            metrics.retries.clone(),
        );
        registry.register_with_unit(
            "revocation_delay",
            "Time until a change through another connection was known here",
            Unit::Seconds,
            metrics.revocation_delays.clone(),
        );
        registry.register_with_unit(
            "revocation_trust",
            "For how long remembered rows are believed if nothing confirms them; 0 while they are not",
            Unit::Seconds,
            metrics.trust.clone(),
        );
        registry.register("organizations", "Organizations by status", metrics.organizations.clone());
        registry.register("mails", "Mails that are waiting, and mails given up", metrics.mails.clone());
        registry.register("jobs", "Background jobs to be done", metrics.jobs.clone());
        let lanes = metrics.webhook_lanes.clone();
        registry.register("webhook_lanes", "Organizations at endpoints for which webhooks wait", lanes);
        let attempts = metrics.webhook_attempts.clone();
        registry.register("webhook_attempts", "Attempts to deliver a webhook, by how they ended", attempts);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The release that runs", build);
        metrics
    }

    /// Counts a request as in flight until what this returns is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts an answered request.
    pub fn answered(&self, series: &Series, status: u16, took: Duration) {
        let (operation, method) = (series.operation, series.method);
        let class = match status {
            200..300 => 0,
            300..400 => 1,
            400..500 => 2,
            _ => 3,
        };
        if let (Some(counter), Some(status)) = (series.by_class.get(class), CLASSES.get(class)) {
            counter.get_or_init(|| self.requests.get_or_create_owned(&Answered { operation, method, status })).inc();
        }
        let durations = series.durations.get_or_init(|| self.durations.get_or_create_owned(&Operation { operation }));
        durations.observe(took.as_secs_f64());
    }

    /// Counts a unit of work.
    pub fn unit(&self, measured: &Measured) {
        let series = self.unit_series(measured.unit);
        let outcome = |ok| self.units.get_or_create_owned(&StoreOutcome { unit: measured.unit, ok });
        match measured.ok {
            true => series.ok.get_or_init(|| outcome("true")).inc(),
            false => series.failed.get_or_init(|| outcome("false")).inc(),
        };
        series.durations.observe(measured.ran.as_secs_f64());
        series.waits.observe(measured.queued.as_secs_f64());
        series.round_trips.inc_by(measured.round_trips.into());
        series.retries.inc_by(measured.retries.into());
    }

    fn unit_series(&self, unit: &'static str) -> Arc<UnitSeries> {
        // The name of a unit is a literal: where it is tells which it is, and is compared faster.
        let place = (unit.as_ptr().addr(), unit.len());
        let known = self.unit_series.read().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        known.unwrap_or_else(|| {
            let label = StoreUnit { unit };
            let series = Arc::new(UnitSeries {
                ok: OnceLock::new(),
                failed: OnceLock::new(),
                durations: self.unit_durations.get_or_create_owned(&label),
                waits: self.unit_waits.get_or_create_owned(&label),
                round_trips: self.round_trips.get_or_create_owned(&label),
                retries: self.retries.get_or_create_owned(&label),
            });
            self.unit_series.write().unwrap_or_else(PoisonError::into_inner).insert(place, series.clone());
            series
        })
    }

    /// Takes in how long a change took to be known here.
    pub fn revocation_delay(&self, delay: Duration) {
        self.revocation_delays.observe(delay.as_secs_f64());
    }

    /// Takes over for how long remembered rows are believed.
    pub fn trust(&self, trust: Option<Duration>) {
        self.trust
            .set(trust.map_or(0.0, |left| if left == Duration::MAX { f64::INFINITY } else { left.as_secs_f64() }));
    }

    /// Takes over what the store says.
    pub fn take(&self, snapshot: &Snapshot) {
        // The store has no row for a status in which there is no organization any more.
        for status in OrganizationStatus::ALL {
            let found = snapshot.organizations.iter().find(|(found, _)| found == status);
            let count = found.map_or(0, |(_, count)| *count);
            self.organizations.get_or_create(&Status { status: status.as_str() }).set(count);
        }
        self.mails.get_or_create(&State { state: "waiting" }).set(snapshot.mails_waiting);
        self.mails.get_or_create(&State { state: "bounced" }).set(snapshot.mails_bounced);
        self.jobs.set(snapshot.jobs);
        self.webhook_lanes.set(snapshot.webhook_lanes);
        for (outcome, count) in snapshot.webhook_attempts {
            self.webhook_attempts.get_or_create(&Outcome { outcome }).inner().store(count, Ordering::Relaxed);
        }
    }

    /// Everything, as text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

/// From a millisecond to 16 seconds.
fn request_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 15))
}

/// From half a millisecond to 8 seconds.
fn delay_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 15))
}

/// From 20 microseconds to 5 seconds.
fn unit_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.000_02, 4.0, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_in_the_text() {
        let metrics = Metrics::new();
        let in_flight = metrics.in_flight();
        metrics.answered(&Series::new("GetOrganization", "GET"), 404, Duration::from_millis(3));
        let text = metrics.encode().unwrap();
        let counted = r#"polity_http_requests_total{operation="GetOrganization",method="GET",status="4xx"} 1"#;
        assert!(text.contains(counted), "{text}");
        assert!(text.contains("polity_http_requests_in_flight 1"));
        assert!(text.contains(r#"polity_http_request_duration_seconds_count{operation="GetOrganization"} 1"#));
        drop(in_flight);
        assert!(metrics.encode().unwrap().contains("polity_http_requests_in_flight 0"));
    }

    #[test]
    fn a_status_that_no_organization_has_any_more_counts_none() {
        let metrics = Metrics::new();
        for (status, active, locked) in [(OrganizationStatus::Active, 3, 0), (OrganizationStatus::Locked, 0, 3)] {
            metrics.take(&Snapshot { organizations: vec![(status, 3)], ..Snapshot::default() });
            let text = metrics.encode().unwrap();
            for (status, count) in [("ACTIVE", active), ("LOCKED", locked), ("DELETING", 0)] {
                let gauge = format!("polity_organizations{{status=\"{status}\"}} {count}\n");
                assert!(text.contains(&gauge), "{gauge} in {text}");
            }
        }
    }
}
