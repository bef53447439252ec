//! What is announced of a budget: events in the log, from which activities,
//! the feed and webhooks come, and mails to the members.

use polity_store::budgets::Enforcement;
use polity_store::firings::{self, FiringRow};
use polity_store::usage_days::{self, CredentialSpendRow, ProjectSpendRow};
use polity_store::{credentials, members, projects};
use serde_json::{Map, Value};

use crate::ctx::Work;
use crate::error::Result;
use crate::event::{self, Actor, Object, metadata};
use crate::mail::{self, date};
use crate::spend::MICROCENTS;
use crate::spend::ledger::{Account, days};
use crate::spend::period::Period;
use crate::spend::threshold::Kind;

/// How many projects and credentials a mail names.
const NAMED: i64 = 3;

/// The sums of a period that something is announced of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The period.
    pub period: Period,
    /// What was spent, in micro-cents.
    pub spent: i64,
    /// What the period is projected to come to, in micro-cents.
    pub projected: i64,
    /// Whether it has not ended.
    pub current: bool,
}

/// Announces a threshold in the log: once in its period.
pub(crate) async fn reached(w: Work<'_>, account: &Account, facts: Facts, kind: Kind, percent: i64) -> Result<()> {
    let row = FiringRow {
        organization_id: account.row.id,
        period_starts_at: facts.period.start,
        forecast: kind == Kind::Forecast,
        percent,
        fired_at: w.now,
    };
    firings::insert(w.tx, row).await?;
    append(w, account, "budget_threshold_reached", threshold_details(account, facts, kind, percent)).await
}

/// Tells every member of the thresholds that were reached together: of each kind of the highest, which says it of the
/// others as well.
pub(crate) async fn tell(w: Work<'_>, account: &Account, facts: Facts, reached: &[(Kind, i64)]) -> Result<()> {
    if reached.is_empty() {
        return Ok(());
    }
    let spenders = spenders(w, account, facts.period).await?;
    let highest = |kind| reached.iter().filter(move |(of, _)| *of == kind).map(|(_, percent)| *percent).max();
    let kinds = [Kind::Actual, Kind::Forecast].into_iter().filter_map(|kind| Some((kind, highest(kind)?)));
    let mails: Vec<_> = kinds.map(|(kind, percent)| mail_text(account, facts, kind, percent, &spenders)).collect();
    for member in members::addresses(w.tx, account.row.id).await? {
        for (subject, body) in &mails {
            mail::notice(w, &member.email, subject, body).await?;
        }
    }
    Ok(())
}

/// Announces that a threshold no longer holds; it can be reached again.
pub(crate) async fn cleared(w: Work<'_>, account: &Account, facts: Facts, row: &FiringRow) -> Result<()> {
    let kind = if row.forecast { Kind::Forecast } else { Kind::Actual };
    append(w, account, "budget_threshold_cleared", threshold_details(account, facts, kind, row.percent)).await
}

/// Announces that nothing more is admitted.
pub(crate) async fn stopped(w: Work<'_>, account: &Account, facts: Facts) -> Result<()> {
    append(w, account, "spend_stopped", details(account, facts, [("reason", "budget_spent".to_owned())])).await
}

/// Announces that spend is admitted again.
pub(crate) async fn resumed(w: Work<'_>, account: &Account, facts: Facts, why: &str) -> Result<()> {
    append(w, account, "spend_resumed", details(account, facts, [("reason", why.to_owned())])).await
}

async fn append(w: Work<'_>, account: &Account, verb: &str, details: Map<String, Value>) -> Result<()> {
    let object = Object { kind: "subscription", id: account.row.id.0, name: &account.row.name };
    event::append(w, &Actor::System, Some(account.row.id), &object, verb, details).await
}

fn threshold_details(account: &Account, facts: Facts, kind: Kind, percent: i64) -> Map<String, Value> {
    let more = [
        ("threshold", percent.to_string()),
        ("kind", kind.as_str().to_owned()),
        ("projected_microcents", facts.projected.to_string()),
    ];
    details(account, facts, more)
}

fn details<const N: usize>(account: &Account, facts: Facts, more: [(&str, String); N]) -> Map<String, Value> {
    let mut details = metadata([
        ("organization_name", account.row.name.as_str()),
        ("budget_amount", &account.row.amount_cents.unwrap_or(0).to_string()),
        ("spent_microcents", &facts.spent.to_string()),
        ("period_start", &facts.period.start.to_string()),
        ("period_end", &facts.period.end.to_string()),
    ]);
    details.extend(more.map(|(name, value)| (name.to_owned(), value.into())));
    details
}

fn mail_text(account: &Account, facts: Facts, kind: Kind, percent: i64, spenders: &str) -> (String, String) {
    let name = &account.row.name;
    let budget = dollars(account.budget().unwrap_or(0));
    let (subject, what) = match kind {
        Kind::Actual => (
            format!("{name} has spent {percent} % of its budget"),
            format!("{name} has spent {} of its budget of {budget}: {percent} % is reached.", dollars(facts.spent)),
        ),
        Kind::Forecast => (
            format!("{name} is about to spend {percent} % of its budget"),
            format!(
                "{name} has spent {} so far. If it goes on like this, the period comes to {}:\n\
                 {percent} % of the budget of {budget}.",
                dollars(facts.spent),
                dollars(facts.projected)
            ),
        ),
    };
    let end = date(facts.period.end);
    let then = match account.row.enforcement {
        _ if !facts.current => "That period is over: this was reported late, and nothing is stopped by it.".to_owned(),
        Some(Enforcement::Stop) if account.budget().is_some_and(|budget| facts.spent >= budget) => {
            format!("Nothing more is admitted until {end}, when the next period begins, or until the budget is raised.")
        }
        Some(Enforcement::Stop) => "When the budget is spent, nothing more is admitted until it is raised.".to_owned(),
        _ => "Nothing is stopped: the budget only tells you.".to_owned(),
    };
    let lasts = if facts.current { "lasts" } else { "lasted" };
    let period = format!("The billing period {lasts} from {} to {end}.", date(facts.period.start));
    (subject, format!("Hello,\n\n{what}\n{period}\n{then}\n\n{spenders}"))
}

/// The projects and the credentials that spent most of a period.
async fn spenders(w: Work<'_>, account: &Account, period: Period) -> Result<String> {
    let days = days(account.row.id, period);
    let mut text = String::new();
    let rows = usage_days::by_project(w.tx, days, NAMED).await?;
    for ProjectSpendRow { project_id, microcents } in rows {
        let name = match project_id {
            Some(id) => projects::by_id(w.tx, id).await?.map_or_else(|| id.to_string(), |row| row.name),
            None => "no project".to_owned(),
        };
        text.push_str(&format!("  {}  {name}\n", dollars(microcents)));
    }
    if !text.is_empty() {
        text.insert_str(0, "Most was spent by these projects:\n");
    }
    let rows = usage_days::by_credential(w.tx, days, NAMED).await?;
    let mut lines = String::new();
    for CredentialSpendRow { credential_id, microcents } in rows {
        let Some(id) = credential_id else { continue };
        // One of a person may be of another organization of hers: what she calls it is not told here.
        let row = credentials::by_id(w.tx, id).await?.filter(|row| row.organization_id == Some(account.row.id));
        let name = row.map_or_else(|| id.to_string(), |row| row.name);
        lines.push_str(&format!("  {}  {name}\n", dollars(microcents)));
    }
    if !lines.is_empty() {
        text.push_str("Most was spent with these credentials:\n");
        text.push_str(&lines);
    }
    Ok(text)
}

/// An amount for people: dollars and cents, down to the cent.
#[must_use]
pub fn dollars(microcents: i64) -> String {
    let cents = microcents / MICROCENTS;
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    #[test]
    fn money_is_shown_in_dollars_and_cents() {
        assert_eq!(super::dollars(0), "$0.00");
        assert_eq!(super::dollars(123_456_000_000), "$1234.56");
        assert_eq!(super::dollars(999_999), "$0.00");
        assert_eq!(super::dollars(-5_000_000), "-$0.05");
    }
}
