//! Metering: what sources of the platform report as spent, and leases.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Metering: what sources of the platform report as spent, and the leases by which they ask before they spend.
    ///
    /// The token of the client is a metering key, which the operator makes.
    Metering, "metering";

    /// Record what was spent.
    ///
    /// An event counts once however often it is sent, so this is tried again after a lost connection; what had arrived
    /// is then reported as duplicate.
    ///
    /// - `body.events`: the events, 10,000 at most.
    @example(
        r#"(&RecordEventsRequest {
    events: vec![MeteringEvent { source: "edge".into(), id: "42".into(), ..Default::default() }],
})"#,
        r#"println!("{} {} {}", reply.accepted, reply.duplicates, reply.rejected);"#
    )
    metering fn record_events(body: &RecordEventsRequest) -> RecordEvents {
        body: body,
    }

    /// Set a slice of a budget aside before it is spent.
    ///
    /// Refused with `budget exhausted` when what is left does not cover it; `retry_after` then tells when it may.
    ///
    /// - `body.organization_id`: who pays.
    /// - `body.amount_microcents`: the most that is going to be spent, above 0.
    /// - `body.ttl`: for how long it is set aside, 1 second to 24 hours; absent means 60 seconds.
    /// - `body.token`: the token in whose name it is spent; its spend limit holds as well.
    /// - `body.project_id`: for which project.
    /// - `body.credential_id`: by which credential; absent means the one behind `token`.
    @example(
        "(&CreateLeaseRequest { amount_microcents: Some(Int64(5_000_000)), ..Default::default() })",
        r#"println!("{:?}", reply.lease);"#
    )
    metering fn create_lease(body: &CreateLeaseRequest) -> CreateLease {
        body: body,
    }

    /// Get a lease, up to a day after it ended.
    ///
    /// - `id`: the lease.
    @example("(id)", r#"println!("{:?}", reply.lease);"#)
    metering fn get_lease(id: LeaseId) -> GetLease {
        path: &LeasePath { id },
    }

    /// Record what was spent of a lease, and end it.
    ///
    /// The same once more has no effect, so this is tried again after a lost connection.
    ///
    /// - `id`: the lease.
    /// - `body.amount_microcents`: what was spent, 0 up to the amount of the lease.
    @example(
        "(id, &CommitLeaseRequest { amount_microcents: Some(Int64(4_200_000)) })",
        r#"println!("{:?}", reply.lease);"#
    )
    metering fn commit_lease(id: LeaseId, body: &CommitLeaseRequest) -> CommitLease {
        path: &LeasePath { id },
        body: body,
    }

    /// Let a lease last longer.
    ///
    /// - `id`: the lease.
    /// - `body.ttl`: for how long from now on, 1 second to 24 hours; absent means 60 seconds. It never ends sooner.
    @example(
        "(id, &ExtendLeaseRequest { ttl: Some(Duration::from_secs(300)) })",
        r#"println!("{:?}", reply.lease);"#
    )
    metering fn extend_lease(id: LeaseId, body: &ExtendLeaseRequest) -> ExtendLease {
        path: &LeasePath { id },
        body: body,
    }

    /// Give a lease back.
    ///
    /// - `id`: the lease.
    @example("(id)", r#"println!("{reply:?}");"#)
    metering fn release_lease(id: LeaseId) -> ReleaseLease {
        path: &LeasePath { id },
    }
}
