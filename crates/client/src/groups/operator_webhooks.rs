//! Webhooks of the operator: endpoints that the events of all organizations are delivered to.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Webhooks of the operator: endpoints that the events of all organizations are delivered to.
    OperatorWebhooks, "operator_webhooks";

    /// List the webhooks of the operator.
    @example("()", r#"println!("{:?}", reply.webhooks);"#)
    operator fn operator_list_webhooks() -> OperatorListWebhooks {}

    /// Have the events of all organizations delivered to an endpoint.
    ///
    /// - `body.url`: where events are delivered to.
    /// - `body.description`: what it is for.
    /// - `body.event_types`: which types of events it gets, such as `project.created` or `organization.*`; empty means
    ///   all.
    /// - `body.secret`: a secret of one's own: `whsec_` and 24 to 64 bytes in base64; empty means a new one.
    @example(
        r#"(&CreateWebhookRequest { url: "https://example.com/hooks".into(), ..Default::default() })"#,
        r#"println!("{}", reply.webhook.secret);"#
    )
    operator fn operator_create_webhook(body: &CreateWebhookRequest) -> OperatorCreateWebhook {
        body: body,
    }

    /// Get a webhook of the operator.
    ///
    /// - `id`: the endpoint.
    @example("(id)", r#"println!("{:?}", reply.webhook);"#)
    operator fn operator_get_webhook(id: WebhookId) -> OperatorGetWebhook {
        path: &WebhookPath { id },
    }

    /// Update, disable or enable a webhook of the operator.
    ///
    /// - `id`: the endpoint.
    /// - `body.url`: where events are delivered to.
    /// - `body.description`: what it is for.
    /// - `body.event_types`: which types of events it gets, such as `project.created` or `organization.*`; empty means
    ///   all.
    /// - `body.disabled`: whether nothing is delivered to it; false enables one that was disabled.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &WebhookPatch { disabled: Some(false), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.webhook);"#
    )
    operator fn operator_update_webhook(
        id: WebhookId, body: &WebhookPatch, update_mask: UpdateMask
    ) -> OperatorUpdateWebhook {
        path: &WebhookPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Delete a webhook of the operator: nothing more is delivered to it.
    ///
    /// - `id`: the endpoint.
    @example("(id)", r#"println!("{reply:?}");"#)
    operator fn operator_delete_webhook(id: WebhookId) -> OperatorDeleteWebhook {
        path: &WebhookPath { id },
    }

    /// Give a webhook of the operator another secret; the old one signs as well for a day.
    ///
    /// - `id`: the endpoint.
    /// - `body.secret`: a secret of one's own: `whsec_` and 24 to 64 bytes in base64; empty means a new one.
    @example("(id, &RotateWebhookSecretRequest::default())", r#"println!("{}", reply.webhook.secret);"#)
    operator fn operator_rotate_webhook_secret(
        id: WebhookId, body: &RotateWebhookSecretRequest
    ) -> OperatorRotateWebhookSecret {
        path: &WebhookPath { id },
        body: body,
    }

    /// Deliver a test message to a webhook of the operator at once, and tell how it went.
    ///
    /// - `id`: the endpoint.
    @example("(id)", r#"println!("{} {}", reply.delivered, reply.error);"#)
    operator fn operator_test_webhook(id: WebhookId) -> OperatorTestWebhook {
        path: &WebhookPath { id },
    }

    /// List the deliveries to a webhook of the operator, newest first.
    ///
    /// - `id`: the endpoint.
    /// - `query.status`: only those that stand there; INVALID means all.
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    @example(
        "(id, &ListWebhookDeliveriesQuery { status: WebhookDeliveryStatus::Failed, ..Default::default() })",
        r#"println!("{:?}", reply.deliveries);"#
    )
    operator fn operator_list_webhook_deliveries(
        id: WebhookId, query: &ListWebhookDeliveriesQuery
    ) -> OperatorListWebhookDeliveries {
        path: &WebhookPath { id },
        query: query,
    }
    all fn operator_all_webhook_deliveries(id: WebhookId) of WebhookPath { id };

    /// Deliver an event to a webhook of the operator once more: before all that wait for the same organization.
    ///
    /// - `id`: the endpoint.
    /// - `event_id`: the event.
    @example("(id, event_id)", r#"println!("{:?}", reply.delivery);"#)
    operator fn operator_replay_webhook_delivery(
        id: WebhookId, event_id: EventId
    ) -> OperatorReplayWebhookDelivery {
        path: &WebhookDeliveryPath { id, event_id },
    }
}
