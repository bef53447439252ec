//! Endpoints that events are delivered to: those of an organization, and those of the operator.

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use polity_client::Client;
use polity_client::types::{
    CreateWebhookRequest, EventId, ListWebhookDeliveriesQuery, RotateWebhookSecretRequest, UpdateMask, Webhook,
    WebhookDeliveryStatus, WebhookId, WebhookPatch,
};

use crate::confirm::{confirm, read_line};
use crate::error::{Exit, Failure, Result};
use crate::output::{self, View, col, word};
use crate::session::{Session, must_name, page_of, take};
use crate::value;

/// What can be done with webhooks.
#[derive(Subcommand)]
pub enum WebhookCommand {
    /// List webhooks
    List,
    /// Have events delivered to an endpoint; its secret is shown this once
    Create {
        /// Where to deliver, such as `https://example.com/hooks`
        #[arg(value_name = "URL")]
        endpoint: String,
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Only events of this type, such as project.created or 'organization.*'; can be repeated
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        #[command(flatten)]
        secret: Secret,
    },
    /// Show a webhook
    Get {
        /// Webhook: its id or its URL
        webhook: String,
    },
    /// Change a webhook, or enable one that was disabled
    Update {
        /// Webhook: its id or its URL
        webhook: String,
        #[command(flatten)]
        changes: Changes,
    },
    /// Give a webhook another secret, shown this once; the old one signs as well for a day
    Rotate {
        /// Webhook: its id or its URL
        webhook: String,
        #[command(flatten)]
        secret: Secret,
    },
    /// Deliver a test message at once, and tell how it went
    Test {
        /// Webhook: its id or its URL
        webhook: String,
    },
    /// List what was delivered and what was not, the newest first
    Deliveries {
        /// Webhook: its id or its URL
        webhook: String,
        /// Only those that stand there
        #[arg(long, value_name = "STATUS", value_parser = status(), ignore_case = true)]
        status: Option<WebhookDeliveryStatus>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Deliver an event once more, before all that wait for the same organization
    Replay {
        /// Webhook: its id or its URL
        webhook: String,
        /// Id of the event
        event: EventId,
    },
    /// Delete a webhook: nothing more is delivered to it
    Delete {
        /// Webhook: its id or its URL
        webhook: String,
    },
}

/// Where a secret comes from. It is no argument, which others on the machine could see.
#[derive(Args)]
pub struct Secret {
    /// Read a secret of your own from standard input: `whsec_` and 24 to 64 bytes in base64
    #[arg(long)]
    secret_stdin: bool,
}

impl WebhookCommand {
    /// The secret to give a webhook; empty for one that the server makes.
    fn secret(&self) -> Result<String> {
        match self {
            WebhookCommand::Create { secret, .. } | WebhookCommand::Rotate { secret, .. } if secret.secret_stdin => {
                read_line()
            }
            _ => Ok(String::new()),
        }
    }
}

/// What is to change of a webhook; what is left out stays as it is.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct Changes {
    /// Another URL to deliver to
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Another description
    #[arg(long)]
    description: Option<String>,
    /// Only events of this type, instead of those before; can be repeated
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "all_types")]
    types: Option<Vec<String>>,
    /// Events of all types
    #[arg(long)]
    all_types: bool,
    /// Deliver nothing to it any more
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Deliver to it again
    #[arg(long)]
    enable: bool,
}

impl Changes {
    fn patch(&self) -> WebhookPatch {
        WebhookPatch {
            url: self.endpoint.clone(),
            description: self.description.clone(),
            event_types: if self.all_types { Some(Vec::new()) } else { self.types.clone() },
            disabled: (self.disable || self.enable).then_some(self.disable),
        }
    }
}

const LIST: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("URL", "/url"),
        col("ONLY TYPES", "/event_types"),
        word("DISABLED", "/disabled_reason"),
        col("FAILING SINCE", "/failing_since"),
    ],
};

const ONE: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("URL", "/url"),
        col("DESCRIPTION", "/description"),
        col("ONLY TYPES", "/event_types"),
        word("DISABLED", "/disabled_reason"),
        col("DISABLED SINCE", "/disabled_at"),
        col("FAILING SINCE", "/failing_since"),
        col("OLD SECRET UNTIL", "/previous_secret_ends_at"),
        col("CREATED", "/created_at"),
    ],
};

const WITH_SECRET: View =
    View { id: "/secret", columns: &[col("ID", "/id"), col("URL", "/url"), col("SECRET", "/secret")] };

const TESTED: View = View {
    id: "/status_code",
    columns: &[
        col("DELIVERED", "/delivered"),
        col("STATUS", "/status_code"),
        col("MILLISECONDS", "/duration_ms"),
        col("ERROR", "/error"),
    ],
};

const DELIVERIES: View = View {
    id: "/event_id",
    columns: &[
        col("EVENT", "/event_id"),
        col("TYPE", "/event_type"),
        col("STATUS", "/status"),
        col("ATTEMPTS", "/attempts"),
        col("ANSWER", "/last_status_code"),
        col("ERROR", "/last_error"),
        col("NEXT ATTEMPT", "/next_attempt_at"),
        col("CREATED", "/created_at"),
    ],
};

fn status() -> impl TypedValueParser<Value = WebhookDeliveryStatus> {
    value::one_of(["pending", "delivered", "failed"])
}

/// Carries out `polity webhook`.
pub(crate) async fn run(session: &Session, command: &WebhookCommand) -> Result<()> {
    carry_out(session, Owner::Organization, command).await
}

/// Carries out `polity operator webhook`.
pub(crate) async fn run_as_operator(session: &Session, command: &WebhookCommand) -> Result<()> {
    carry_out(session, Owner::Operator, command).await
}

/// Whose webhooks.
#[derive(Clone, Copy)]
enum Owner {
    Organization,
    Operator,
}

impl Owner {
    /// Does something with the webhooks: with those of an organization, inside of it.
    async fn act<T>(self, session: &Session, act: impl AsyncFnOnce(&Endpoints<'_>) -> Result<T>) -> Result<T> {
        match self {
            Owner::Organization => session.act(async |client| act(&Endpoints { client, owner: self }).await).await,
            Owner::Operator => act(&Endpoints { client: session.client()?, owner: self }).await,
        }
    }
}

/// Reads and asks outside of the organization: who interrupts the command there leaves no session behind.
async fn carry_out(session: &Session, owner: Owner, command: &WebhookCommand) -> Result<()> {
    if let WebhookCommand::Delete { webhook } = command {
        let found = owner.act(session, async |endpoints| endpoints.find(webhook).await).await?;
        confirm(session, &format!("deleting the webhook {}", found.url), &found.url)?;
        owner.act(session, async |endpoints| endpoints.delete(found.id).await).await?;
        return session.output.done(&found.id.to_string(), &format!("webhook {} deleted", found.url));
    }
    let secret = command.secret()?;
    owner.act(session, async |endpoints| act(session, endpoints, command, secret).await).await
}

async fn act(session: &Session, endpoints: &Endpoints<'_>, command: &WebhookCommand, secret: String) -> Result<()> {
    match command {
        WebhookCommand::List => session.output.list(&endpoints.list().await?, &LIST),
        WebhookCommand::Create { endpoint, description, types, .. } => {
            let (url, description, event_types) = (endpoint.clone(), description.clone(), types.clone());
            let request = CreateWebhookRequest { url, description, event_types, secret };
            show_secret(session, &endpoints.create(&request).await?)
        }
        WebhookCommand::Get { webhook } => session.output.one(&endpoints.find(webhook).await?, &ONE),
        WebhookCommand::Update { webhook, changes } => {
            let found = endpoints.find(webhook).await?;
            session.output.one(&endpoints.update(found.id, &changes.patch()).await?, &ONE)
        }
        WebhookCommand::Rotate { webhook, .. } => {
            let found = endpoints.find(webhook).await?;
            let request = RotateWebhookSecretRequest { secret };
            show_secret(session, &endpoints.rotate(found.id, &request).await?)
        }
        WebhookCommand::Test { webhook } => endpoints.test(session, webhook).await,
        WebhookCommand::Deliveries { webhook, status, limit } => {
            let found = endpoints.find(webhook).await?;
            let page = page_of(*limit);
            let status = status.unwrap_or_default();
            let query = ListWebhookDeliveriesQuery { status, limit: page, ..Default::default() };
            endpoints.deliveries(session, found.id, &query, *limit).await
        }
        WebhookCommand::Replay { webhook, event } => {
            let found = endpoints.find(webhook).await?;
            endpoints.replay(found.id, *event).await?;
            session.output.done(&event.to_string(), &format!("event {event} is delivered again to {}", found.url))
        }
        // It asks outside.
        WebhookCommand::Delete { .. } => Ok(()),
    }
}

fn show_secret(session: &Session, webhook: &Webhook) -> Result<()> {
    session.output.one(webhook, &WITH_SECRET)?;
    if !session.output.quiet {
        output::note("keep the secret: it is not shown again");
    }
    Ok(())
}

/// The endpoints of the current organization, or those of the operator: the same operations under two addresses.
struct Endpoints<'a> {
    client: &'a Client,
    owner: Owner,
}

impl Endpoints<'_> {
    async fn list(&self) -> Result<Vec<Webhook>> {
        let reply = match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_list_webhooks().await?,
            Owner::Organization => self.client.webhooks().list_webhooks().await?,
        };
        Ok(reply.webhooks)
    }

    /// The one with this id or URL; there are few.
    async fn find(&self, wanted: &str) -> Result<Webhook> {
        must_name("webhook", wanted)?;
        let mut all = self.list().await?;
        let group = match self.owner {
            Owner::Operator => "polity operator webhook list",
            Owner::Organization => "polity webhook list",
        };
        all.retain(|webhook| webhook.id.to_string() == wanted.to_lowercase() || webhook.url == wanted);
        match all.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(Failure::new(Exit::NotFound, format!("there is no webhook {wanted:?}")).hint(group)),
            [first, ..] => Err(Failure::new(Exit::Ambiguous, format!("more than one webhook leads to {wanted:?}"))
                .hint(format!("the id, such as {}", first.id))),
        }
    }

    async fn create(&self, request: &CreateWebhookRequest) -> Result<Webhook> {
        let reply = match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_create_webhook(request).await?,
            Owner::Organization => self.client.webhooks().create_webhook(request).await?,
        };
        Ok(reply.webhook)
    }

    async fn update(&self, id: WebhookId, patch: &WebhookPatch) -> Result<Webhook> {
        let mask = UpdateMask::default();
        let reply = match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_update_webhook(id, patch, mask).await?,
            Owner::Organization => self.client.webhooks().update_webhook(id, patch, mask).await?,
        };
        Ok(reply.webhook)
    }

    async fn rotate(&self, id: WebhookId, request: &RotateWebhookSecretRequest) -> Result<Webhook> {
        let reply = match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_rotate_webhook_secret(id, request).await?,
            Owner::Organization => self.client.webhooks().rotate_webhook_secret(id, request).await?,
        };
        Ok(reply.webhook)
    }

    /// Tries an endpoint; that it does not accept the message is a failure.
    async fn test(&self, session: &Session, wanted: &str) -> Result<()> {
        let found = self.find(wanted).await?;
        let reply = match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_test_webhook(found.id).await?,
            Owner::Organization => self.client.webhooks().test_webhook(found.id).await?,
        };
        let shown = session.output.one(&reply, &TESTED);
        match reply.delivered {
            true => shown,
            false => Err(Failure::other(format!("{} did not accept the message", found.url)).because(reply.error)),
        }
    }

    async fn deliveries(
        &self,
        session: &Session,
        id: WebhookId,
        query: &ListWebhookDeliveriesQuery,
        at_most: usize,
    ) -> Result<()> {
        let rows = match self.owner {
            Owner::Operator => {
                let all = self.client.operator_webhooks();
                take(all.operator_all_webhook_deliveries(id, query), Some(at_most)).await?
            }
            Owner::Organization => {
                take(self.client.webhooks().all_webhook_deliveries(id, query), Some(at_most)).await?
            }
        };
        session.output.list(&rows, &DELIVERIES)
    }

    async fn replay(&self, id: WebhookId, event: EventId) -> Result<()> {
        match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_replay_webhook_delivery(id, event).await?,
            Owner::Organization => self.client.webhooks().replay_webhook_delivery(id, event).await?,
        };
        Ok(())
    }

    async fn delete(&self, id: WebhookId) -> Result<()> {
        match self.owner {
            Owner::Operator => self.client.operator_webhooks().operator_delete_webhook(id).await?,
            Owner::Organization => self.client.webhooks().delete_webhook(id).await?,
        };
        Ok(())
    }
}
