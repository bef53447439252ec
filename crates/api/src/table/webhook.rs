//! The rows of the table about webhooks: those of an organization, and the same
//! for the operator.

use crate::operation::{Empty, Meta, Needs, Operation, Paging, Rate, Schemas, Who, operations, type_or, value_or};
use crate::types::organization::MaskQuery;
use crate::types::webhook::*;

operations! {
    WEBHOOK_ROWS;
    tag "webhook" {
        /// List the webhooks of the current organization.
        ListWebhooks: GET "/v1/webhooks" { reply: ListWebhooksReply, who: Member }
        /// Have the events of the current organization delivered to an endpoint.
        ///
        /// Its secret is in this reply, in that of a rotation, and in no other.
        CreateWebhook: POST "/v1/webhooks" { body: CreateWebhookRequest, reply: WebhookReply, who: Member }
        /// Get a webhook.
        GetWebhook: GET "/v1/webhooks/{id}" { path: WebhookPath, reply: WebhookReply, who: Member }
        /// Update, disable or enable a webhook.
        UpdateWebhook: PATCH "/v1/webhooks/{id}" {
            path: WebhookPath, query: MaskQuery, body: WebhookPatch, reply: WebhookReply, who: Member
        }
        /// Delete a webhook: nothing more is delivered to it.
        DeleteWebhook: DELETE "/v1/webhooks/{id}" { path: WebhookPath, reply: Empty, who: Member }
        /// Give a webhook another secret; the old one signs as well for a day.
        RotateWebhookSecret: POST "/v1/webhooks/{id}/rotate_secret" {
            path: WebhookPath, body: RotateWebhookSecretRequest, reply: WebhookReply, who: Member
        }
        /// Deliver a test message at once, and tell how it went.
        TestWebhook: POST "/v1/webhooks/{id}/test" {
            path: WebhookPath, body: Empty, reply: TestWebhookReply, who: Member, rate: Scarce
        }
        /// List the deliveries to a webhook, newest first.
        ListWebhookDeliveries: GET "/v1/webhooks/{id}/deliveries" {
            path: WebhookPath, query: ListWebhookDeliveriesQuery, reply: ListWebhookDeliveriesReply, who: Member,
            paging: HasNext
        }
        /// Deliver an event once more: before all that wait for the same organization.
        ReplayWebhookDelivery: POST "/v1/webhooks/{id}/deliveries/{event_id}/replay" {
            path: WebhookDeliveryPath, body: Empty, reply: WebhookDeliveryReply, who: Member
        }
        /// List the webhooks of the operator.
        OperatorListWebhooks: GET "/operator/v1/webhooks" { reply: ListWebhooksReply, who: Operator }
        /// Have the events of all organizations delivered to an endpoint.
        ///
        /// Its secret is in this reply, in that of a rotation, and in no other.
        OperatorCreateWebhook: POST "/operator/v1/webhooks" {
            body: CreateWebhookRequest, reply: WebhookReply, who: Operator
        }
        /// Get a webhook of the operator.
        OperatorGetWebhook: GET "/operator/v1/webhooks/{id}" { path: WebhookPath, reply: WebhookReply, who: Operator }
        /// Update, disable or enable a webhook of the operator.
        OperatorUpdateWebhook: PATCH "/operator/v1/webhooks/{id}" {
            path: WebhookPath, query: MaskQuery, body: WebhookPatch, reply: WebhookReply, who: Operator
        }
        /// Delete a webhook of the operator: nothing more is delivered to it.
        OperatorDeleteWebhook: DELETE "/operator/v1/webhooks/{id}" { path: WebhookPath, reply: Empty, who: Operator }
        /// Give a webhook of the operator another secret; the old one signs as well for a day.
        OperatorRotateWebhookSecret: POST "/operator/v1/webhooks/{id}/rotate_secret" {
            path: WebhookPath, body: RotateWebhookSecretRequest, reply: WebhookReply, who: Operator
        }
        /// Deliver a test message to a webhook of the operator at once, and tell how it went.
        OperatorTestWebhook: POST "/operator/v1/webhooks/{id}/test" {
            path: WebhookPath, body: Empty, reply: TestWebhookReply, who: Operator
        }
        /// List the deliveries to a webhook of the operator, newest first.
        OperatorListWebhookDeliveries: GET "/operator/v1/webhooks/{id}/deliveries" {
            path: WebhookPath, query: ListWebhookDeliveriesQuery, reply: ListWebhookDeliveriesReply, who: Operator,
            paging: HasNext
        }
        /// Deliver an event to a webhook of the operator once more: before all that wait for the same organization.
        OperatorReplayWebhookDelivery: POST "/operator/v1/webhooks/{id}/deliveries/{event_id}/replay" {
            path: WebhookDeliveryPath, body: Empty, reply: WebhookDeliveryReply, who: Operator
        }
    }
}
