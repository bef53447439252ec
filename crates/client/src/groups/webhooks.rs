//! Webhooks: endpoints that the events of an organization are delivered to.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Webhooks: endpoints that the events of an organization are delivered to.
    Webhooks, "webhooks";

    /// List the webhooks of the current organization.
    @example("()", r#"println!("{:?}", reply.webhooks);"#)
    member fn list_webhooks() -> ListWebhooks {}

    /// Have the events of the current organization delivered to an endpoint.
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
    member fn create_webhook(body: &CreateWebhookRequest) -> CreateWebhook {
        body: body,
    }

    /// Get a webhook.
    ///
    /// - `id`: the endpoint.
    @example("(id)", r#"println!("{:?}", reply.webhook);"#)
    member fn get_webhook(id: WebhookId) -> GetWebhook {
        path: &WebhookPath { id },
    }

    /// Update, disable or enable a webhook.
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
    member fn update_webhook(
        id: WebhookId, body: &WebhookPatch, update_mask: UpdateMask
    ) -> UpdateWebhook {
        path: &WebhookPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Delete a webhook: nothing more is delivered to it.
    ///
    /// - `id`: the endpoint.
    @example("(id)", r#"println!("{reply:?}");"#)
    member fn delete_webhook(id: WebhookId) -> DeleteWebhook {
        path: &WebhookPath { id },
    }

    /// Give a webhook another secret; the old one signs as well for a day.
    ///
    /// - `id`: the endpoint.
    /// - `body.secret`: a secret of one's own: `whsec_` and 24 to 64 bytes in base64; empty means a new one.
    @example("(id, &RotateWebhookSecretRequest::default())", r#"println!("{}", reply.webhook.secret);"#)
    member fn rotate_webhook_secret(
        id: WebhookId, body: &RotateWebhookSecretRequest
    ) -> RotateWebhookSecret {
        path: &WebhookPath { id },
        body: body,
    }

    /// Deliver a test message at once, and tell how it went.
    ///
    /// - `id`: the endpoint.
    @example("(id)", r#"println!("{} {}", reply.delivered, reply.error);"#)
    member fn test_webhook(id: WebhookId) -> TestWebhook {
        path: &WebhookPath { id },
    }

    /// List the deliveries to a webhook, newest first.
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
    member fn list_webhook_deliveries(
        id: WebhookId, query: &ListWebhookDeliveriesQuery
    ) -> ListWebhookDeliveries {
        path: &WebhookPath { id },
        query: query,
    }
    all fn all_webhook_deliveries(id: WebhookId) of WebhookPath { id };

    /// Deliver an event once more: before all that wait for the same organization.
    ///
    /// - `id`: the endpoint.
    /// - `event_id`: the event.
    @example("(id, event_id)", r#"println!("{:?}", reply.delivery);"#)
    member fn replay_webhook_delivery(
        id: WebhookId, event_id: EventId
    ) -> ReplayWebhookDelivery {
        path: &WebhookDeliveryPath { id, event_id },
    }
}
