//! The catalogue of event types: what the program writes into its log, with
//! the details of each. Whoever appends an event of a new type adds it here;
//! a debug build refuses one that is missing or whose details differ.
//!
//! A detail is a text, as everything in `metadata` is; its [`Form`] says of
//! what. More details can be added to a type at any time, so a reader passes
//! over those it does not know.

use serde_json::{Map, Value, json};

use crate::scalar::{Int64, Timestamp};

/// What a text in the details holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Anything.
    Text,
    /// A whole number of 64 bits.
    Int64,
    /// A time (RFC 3339).
    Time,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// A detail of an event: an entry of its `metadata`.
#[derive(Clone, Copy, Debug)]
pub struct Detail {
    /// Its name.
    pub name: &'static str,
    /// What the text holds.
    pub form: Form,
    /// Whether it is always there.
    pub required: bool,
    /// What it means.
    pub doc: &'static str,
}

/// One of several changes that share a type; `metadata.event` names it.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The `event` of the details.
    pub event: &'static str,
    /// What happened.
    pub doc: &'static str,
    /// The details besides `event`.
    pub details: &'static [Detail],
}

/// A type of event.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// The kind of object and the verb, as in `organization.updated`.
    pub name: &'static str,
    /// What happened.
    pub doc: &'static str,
    /// The details of each event of this type; where there are `changes`, of one without an `event`.
    pub details: &'static [Detail],
    /// The changes it may be about.
    pub changes: &'static [Change],
}

const fn text(name: &'static str, doc: &'static str) -> Detail {
    Detail { name, form: Form::Text, required: true, doc }
}

const fn int64(name: &'static str, doc: &'static str) -> Detail {
    Detail { name, form: Form::Int64, required: true, doc }
}

const fn time(name: &'static str, doc: &'static str) -> Detail {
    Detail { name, form: Form::Time, required: true, doc }
}

const fn change(event: &'static str, doc: &'static str, details: &'static [Detail]) -> Change {
    Change { event, doc, details }
}

const fn plain(name: &'static str, doc: &'static str, details: &'static [Detail]) -> EventType {
    EventType { name, doc, details, changes: &[] }
}

/// A detail that any event may have.
pub const COMMON: Detail = Detail {
    name: "auth_token_ref",
    form: Form::Text,
    required: false,
    doc: "the credential or access token it was done with, as in `credential:<id>`; absent for a session",
};

const ORGANIZATION_NAME: Detail = text("organization_name", "the name of the organization then");
const EMAIL: Detail = text("email", "the e-mail address of the person");
const BUDGET_AMOUNT: Detail = int64("budget_amount", "the budget in cents");
const PERIOD_START: Detail = time("period_start", "when the billing period began");
const PERIOD_END: Detail = time("period_end", "when the billing period ends");
const SPENT: Detail = int64("spent_microcents", "what was spent in the period, in millionths of a cent");
const MEMBER: &[Detail] = &[ORGANIZATION_NAME, EMAIL];
const BUDGET: &[Detail] = &[ORGANIZATION_NAME, BUDGET_AMOUNT];
const BUDGET_IF_ANY: &[Detail] =
    &[Detail { required: false, ..ORGANIZATION_NAME }, Detail { required: false, ..BUDGET_AMOUNT }];
const COUPON: &[Detail] = &[text("code", "the code of the coupon")];
const URL: Detail = text("url", "where the events are delivered to");
const WEBHOOK: &[Detail] = &[URL, Detail { required: false, ..text("reason", "why, where the program did it") }];
const THRESHOLD: &[Detail] = &[
    ORGANIZATION_NAME,
    BUDGET_AMOUNT,
    int64("threshold", "the threshold in percent of the budget"),
    Detail {
        form: Form::OneOf(&["actual", "forecast"]),
        ..text("kind", "whether it is about what was spent or about what is forecast for the whole period")
    },
    PERIOD_START,
    PERIOD_END,
    SPENT,
    int64("projected_microcents", "what is forecast for the whole period, in millionths of a cent"),
];
const SPEND: &[Detail] = &[ORGANIZATION_NAME, BUDGET_AMOUNT, SPENT, PERIOD_START, PERIOD_END, text("reason", "why")];

const INSTALLATION: &[Detail] =
    &[int64("installation", "the installation at GitHub"), text("account", "the account at GitHub it is on")];

/// Every type of event, by name.
pub const ALL: &[EventType] = &[
    plain("coupon.created", "The operator created a coupon.", COUPON),
    plain("coupon.deleted", "The operator deleted a coupon.", COUPON),
    plain("credential.created", "A credential was created.", &[]),
    plain("credential.deleted", "A credential was deleted: it works no more.", &[]),
    plain("credential.updated", "The name or the description of a credential changed.", &[]),
    plain("github_installation.created", "A GitHub installation was bound to the organization.", INSTALLATION),
    plain("github_installation.deleted", "The organization has no GitHub installation any more.", INSTALLATION),
    plain(
        "github_installation.requested",
        "The owner of an account at GitHub was asked for an installation.",
        &[text("account", "the account at GitHub")],
    ),
    plain("github_installation.suspended", "The GitHub installation was suspended.", INSTALLATION),
    plain(
        "github_installation.token_created",
        "A token of the GitHub installation was handed out.",
        &[
            int64("installation", "the installation at GitHub"),
            text("account", "the account at GitHub it is on"),
            text("repositories", "the repositories it is limited to, separated by commas; empty for all"),
            text("permissions", "what it may do, as in `contents:read`, separated by commas"),
        ],
    ),
    plain("github_installation.unsuspended", "The GitHub installation works again.", INSTALLATION),
    plain(
        "github_installation.updated",
        "What the GitHub installation may do, its repositories or the name of its account changed.",
        INSTALLATION,
    ),
    plain("metering_key.created", "The operator created a key with which a source reports what is spent.", &[]),
    plain("metering_key.deleted", "The operator deleted such a key: it works no more.", &[]),
    plain("metering_key.updated", "The name or the cap of such a key changed.", &[]),
    plain("organization.created", "An organization was created.", &[]),
    plain("organization.deleted", "An organization was deleted.", &[]),
    EventType {
        name: "organization.updated",
        doc: "An organization changed; without `event`, its address or another of its fields did.",
        details: &[],
        changes: &[
            change(
                "billing_period_updated",
                "The day on which the billing period begins was chosen.",
                &[ORGANIZATION_NAME, int64("anchor_day", "the day of the month")],
            ),
            change("coupon_redeemed", "A coupon was redeemed.", &[text("coupon_name", "the name of the coupon")]),
            change("create_budget", "A budget was set where there was none.", BUDGET),
            change("deactivated", "The organization is deactivated: its credentials are gone.", &[]),
            change("deactivation_requested", "The organization is being deactivated: its tokens are refused.", &[]),
            change(
                "default_project_updated",
                "Another project is the default one.",
                &[text("project_name", "the name of the project")],
            ),
            change("delete_budget", "The budget was removed.", BUDGET),
            change("locked", "The operator locked the organization.", &[]),
            change("plan_updated", "The plan changed.", &[Detail { required: false, ..text("plan", "the new plan") }]),
            change("quotas_updated", "The operator changed the quotas.", &[]),
            change("reactivated", "The organization is active again.", &[]),
            change("renamed", "The name changed.", &[text("previous_name", "the name before")]),
            change("signup_qualification_updated", "The answers given at signup were replaced.", &[]),
            change("unlocked", "The operator unlocked the organization.", &[]),
            change("update_budget", "The amount of the budget changed.", BUDGET),
            change("update_budget_settings", "Thresholds or another setting of the budget changed.", BUDGET_IF_ANY),
            change("verified", "The operator marked the organization as reviewed.", &[]),
        ],
    },
    plain("organization_invitation.accepted", "An invited person accepted.", MEMBER),
    plain("organization_invitation.created", "A person was invited.", MEMBER),
    plain("organization_invitation.declined", "An invited person declined.", MEMBER),
    plain("organization_invitation.deleted", "An invitation was withdrawn.", MEMBER),
    plain("organization_invitation.resent", "An invitation was sent once more.", MEMBER),
    plain("organization_member.deleted", "A member was removed by somebody else.", MEMBER),
    plain("organization_member.joined", "A person became a member.", MEMBER),
    plain("organization_member.left", "A member left.", MEMBER),
    plain("project.created", "A project was created.", &[]),
    plain("project.deleted", "A project was deleted.", &[]),
    plain("project.updated", "The name or the description of a project changed.", &[]),
    plain("session.created", "A person logged in.", &[]),
    plain("session.deleted", "A person logged out.", &[]),
    plain(
        "subscription.budget_threshold_cleared",
        "A threshold of the budget that had been reached no longer is.",
        THRESHOLD,
    ),
    plain("subscription.budget_threshold_reached", "A threshold of the budget was reached.", THRESHOLD),
    plain("subscription.spend_resumed", "The organization may spend again.", SPEND),
    plain("subscription.spend_stopped", "The organization may spend no more: its budget is used up.", SPEND),
    plain("user.created", "A person signed up.", &[]),
    EventType {
        name: "user.deleted",
        doc: "A person deleted her account. The log keeps that it went, not whose it was.",
        details: &[],
        changes: &[change("account_deleted", "She did it herself.", &[])],
    },
    EventType {
        name: "user.updated",
        doc: "A person changed her account; without `event`, her name, address or password.",
        details: &[],
        changes: &[
            change("email_validated", "She proved her e-mail address, or the one that takes its place.", &[]),
            change(
                "github_linked",
                "She can sign in with an account at GitHub.",
                &[text("github_user", "the name of that account")],
            ),
            change("password_reset", "She chose a new password with a mailed link.", &[]),
        ],
    },
    plain("webhook.created", "A webhook was created.", WEBHOOK),
    plain("webhook.deleted", "A webhook was deleted.", WEBHOOK),
    plain("webhook.disabled", "A webhook gets no events until it is enabled.", WEBHOOK),
    plain("webhook.enabled", "A webhook gets events again.", WEBHOOK),
    EventType {
        name: "webhook.updated",
        doc: "A webhook changed.",
        details: WEBHOOK,
        changes: &[change("secret_rotated", "It has another secret; the old one signs as well for a day.", &[URL])],
    },
];

/// The type with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static EventType> {
    ALL.iter().find(|kind| kind.name == name)
}

/// Whether a filter can find anything: the name of a type, or `organization.*`
/// for all types about an organization.
#[must_use]
pub fn is_filter(filter: &str) -> bool {
    match filter.strip_suffix(".*") {
        Some(object) => ALL.iter().any(|kind| kind.name.split_once('.').is_some_and(|(of, _)| of == object)),
        None => find(filter).is_some(),
    }
}

/// Compares the details of an event with what the catalogue says of its type.
///
/// # Errors
/// What is missing, unknown, or of another form.
pub fn check(name: &str, metadata: &Map<String, Value>) -> Result<(), String> {
    let kind = find(name).ok_or_else(|| format!("{name} is no type of event"))?;
    let event = if kind.changes.is_empty() { None } else { metadata.get("event") };
    let details = match event {
        None => kind.details,
        Some(event) => {
            let change = kind.changes.iter().find(|change| *event == change.event);
            change.ok_or_else(|| format!("{name} has no event {event}"))?.details
        }
    };
    if let Some(missing) = details.iter().find(|detail| detail.required && !metadata.contains_key(detail.name)) {
        return Err(format!("{name} lacks {}", missing.name));
    }
    let known = |found: &str| details.iter().chain([&COMMON]).find(|detail| detail.name == found);
    for (found, value) in metadata {
        if event.is_some() && found == "event" {
            continue;
        }
        let detail = known(found).ok_or_else(|| format!("{name} has an unknown detail {found}"))?;
        if !value.as_str().is_some_and(|text| detail.form.admits(text)) {
            return Err(format!("{found} of {name} cannot be {value}"));
        }
    }
    Ok(())
}

impl Form {
    fn admits(self, text: &str) -> bool {
        match self {
            Form::Text => true,
            Form::Int64 => {
                serde_json::from_value::<Int64>(text.into()).is_ok_and(|number| number.0.to_string() == text)
            }
            Form::Time => serde_json::from_value::<Timestamp>(text.into()).is_ok(),
            Form::OneOf(texts) => texts.contains(&text),
        }
    }
}

impl Detail {
    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "string", "description": self.doc });
        let (key, value) = match self.form {
            Form::Text => return schema,
            Form::Int64 => ("pattern", json!("^-?[0-9]{1,19}$")),
            Form::Time => ("format", json!("date-time")),
            Form::OneOf(texts) => ("enum", json!(texts)),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert(key.to_owned(), value);
        }
        schema
    }
}

/// The properties of a schema, and which of them are required.
fn object(details: &[Detail]) -> (Map<String, Value>, Vec<&'static str>) {
    let properties = details.iter().map(|detail| (detail.name.to_owned(), detail.schema())).collect();
    (properties, details.iter().filter(|detail| detail.required).map(|detail| detail.name).collect())
}

impl EventType {
    /// The JSON schema of the details. They may get more properties.
    #[must_use]
    pub fn metadata_schema(&self) -> Value {
        let (mut properties, required) = object(self.details);
        properties.insert(COMMON.name.to_owned(), COMMON.schema());
        if self.changes.is_empty() {
            return json!({ "type": "object", "properties": properties, "required": required });
        }
        let without_event = json!({ "not": { "required": ["event"] }, "required": required });
        let changes = self.changes.iter().map(|change| {
            let (mut properties, mut required) = object(change.details);
            properties.insert("event".to_owned(), json!({ "const": change.event, "description": change.doc }));
            required.insert(0, "event");
            json!({ "properties": properties, "required": required })
        });
        let one_of: Vec<_> = std::iter::once(without_event).chain(changes).collect();
        json!({ "type": "object", "properties": properties, "oneOf": one_of })
    }
}

/// The JSON schema of an event, whatever its type.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(crate::types::event::Event).to_value();
    let of_types = ALL.iter().map(|kind| {
        json!({
            "if": { "properties": { "type": { "const": kind.name } } },
            "then": { "description": kind.doc, "properties": { "metadata": kind.metadata_schema() } },
        })
    });
    let of_types: Vec<_> = of_types.collect();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("allOf".to_owned(), of_types.into());
    }
    schema
}

/// The catalogue as a table of Markdown.
#[must_use]
pub fn markdown() -> String {
    let details = |details: &[Detail]| {
        let one = |detail: &Detail| format!("`{}`{}", detail.name, if detail.required { "" } else { " (if any)" });
        details.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let mut page = String::from("| Type | `event` | What happened | Details |\n|---|---|---|---|\n");
    for kind in ALL {
        page.push_str(&format!("| `{}` | | {} | {} |\n", kind.name, kind.doc, details(kind.details)));
        for change in kind.changes {
            page.push_str(&format!("| | `{}` | {} | {} |\n", change.event, change.doc, details(change.details)));
        }
    }
    page.push_str("\n| Detail | What it is |\n|---|---|\n");
    let changes = ALL.iter().flat_map(|kind| kind.changes).flat_map(|change| change.details);
    let mut all: Vec<_> = ALL.iter().flat_map(|kind| kind.details).chain(changes).chain([&COMMON]).collect();
    all.sort_by_key(|detail| detail.name);
    all.dedup_by_key(|detail| detail.name);
    for detail in all {
        page.push_str(&format!("| `{}` | {} |\n", detail.name, detail.doc));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(pairs: &[(&str, &str)]) -> Map<String, Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
    }

    #[test]
    fn the_list_is_in_order_and_names_nothing_twice() {
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name));
        for kind in ALL {
            assert!(kind.name.split_once('.').is_some_and(|(object, verb)| !object.is_empty() && !verb.is_empty()));
            assert!(kind.changes.is_sorted_by(|a, b| a.event < b.event), "{}", kind.name);
        }
    }

    #[test]
    fn details_are_compared_with_the_catalogue() {
        assert_eq!(check("project.created", &details(&[])), Ok(()));
        assert_eq!(check("project.created", &details(&[("auth_token_ref", "credential:x")])), Ok(()));
        assert_eq!(check("organization.updated", &details(&[])), Ok(()));
        let budget = [("event", "create_budget"), ("organization_name", "acme"), ("budget_amount", "5")];
        assert_eq!(check("organization.updated", &details(&budget)), Ok(()));
        for (name, wrong) in [
            ("project.exploded", &[][..]),
            ("project.created", &[("event", "x")]),
            ("organization.updated", &[("event", "exploded")]),
            ("organization.updated", &budget[..2]),
            ("organization.updated", &[("event", "create_budget"), ("organization_name", "a"), ("budget_amount", "x")]),
            ("coupon.created", &[("code", "A"), ("more", "b")]),
        ] {
            assert!(check(name, &details(wrong)).is_err(), "{name} {wrong:?}");
        }
    }

    #[test]
    fn a_filter_is_a_type_or_all_of_an_object() {
        assert!(["organization.updated", "organization.*", "organization_member.*"].into_iter().all(is_filter));
        assert!(
            !["", "*", ".*", "organization", "organization.", "org.*", "organization.%"].into_iter().any(is_filter)
        );
    }

    #[test]
    fn a_schema_names_every_change() {
        let schema = find("organization.updated").unwrap().metadata_schema();
        let changes = schema["oneOf"].as_array().unwrap();
        assert_eq!(changes[0]["not"]["required"][0], "event");
        let renamed = changes.iter().find(|change| change["properties"]["event"]["const"] == "renamed").unwrap();
        assert_eq!(renamed["required"], json!(["event", "previous_name"]));
    }
}
