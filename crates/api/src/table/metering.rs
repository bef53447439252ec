//! The rows of the table about metering: those of the sources of the platform,
//! and what the operator sets up for them.

use crate::operation::{Empty, Meta, Needs, Operation, Paging, Rate, Schemas, Who, operations, type_or, value_or};
use crate::types::activity::CursorPageQuery;
use crate::types::metering::*;
use crate::types::organization::OrganizationPath;

operations! {
    METERING_ROWS;
    tag "metering" {
        /// Record what was spent.
        ///
        /// Up to 10,000 events, as an object or as one event on each line (`application/x-ndjson`), 8 MiB at most.
        RecordEvents: POST "/metering/v1/events" {
            body: RecordEventsRequest, reply: RecordEventsReply, who: Metering
        }
        /// Set a slice of a budget aside before it is spent.
        ///
        /// Refused with `budget exhausted` when what is left does not cover it.
        CreateLease: POST "/metering/v1/leases" { body: CreateLeaseRequest, reply: LeaseReply, who: Metering }
        /// Get a lease, up to a day after it ended.
        GetLease: GET "/metering/v1/leases/{id}" { path: LeasePath, reply: LeaseReply, who: Metering }
        /// Record what was spent of a lease, and end it.
        CommitLease: POST "/metering/v1/leases/{id}/commit" {
            path: LeasePath, body: CommitLeaseRequest, reply: LeaseReply, who: Metering
        }
        /// Let a lease last longer.
        ExtendLease: POST "/metering/v1/leases/{id}/extend" {
            path: LeasePath, body: ExtendLeaseRequest, reply: LeaseReply, who: Metering
        }
        /// Give a lease back.
        ReleaseLease: DELETE "/metering/v1/leases/{id}" { path: LeasePath, reply: Empty, who: Metering }
        /// Choose the day on which the billing periods of an organization begin.
        OperatorSetBillingPeriod: PUT "/operator/v1/organizations/{id}/billing_period" {
            path: OrganizationPath, body: OperatorBillingPeriodRequest, reply: OperatorBillingPeriodReply, who: Operator
        }
        /// List metering keys.
        OperatorListMeteringKeys: GET "/operator/v1/metering_keys" {
            query: CursorPageQuery, reply: OperatorListMeteringKeysReply, who: Operator, paging: HasNext
        }
        /// Make a metering key. Its token is in this reply and in no other.
        OperatorCreateMeteringKey: POST "/operator/v1/metering_keys" {
            body: OperatorCreateMeteringKeyRequest, reply: OperatorMeteringKeyReply, who: Operator
        }
        /// Update the name or the cap of a metering key.
        OperatorUpdateMeteringKey: PATCH "/operator/v1/metering_keys/{id}" {
            path: OperatorMeteringKeyPath, body: OperatorUpdateMeteringKeyRequest, reply: OperatorMeteringKeyReply,
            who: Operator
        }
        /// Remove a metering key: it stops working at once. What it reported stays.
        OperatorDeleteMeteringKey: DELETE "/operator/v1/metering_keys/{id}" {
            path: OperatorMeteringKeyPath, reply: Empty, who: Operator
        }
    }
}
