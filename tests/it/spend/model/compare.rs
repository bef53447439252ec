//! What is compared after each step.

use serde_json::{Value, json};

use super::real::Real;
use crate::support::{at, micros, text};

/// How often a server is asked before what it says is taken for final.
const PATIENCE: usize = 1000;

impl Real {
    /// Compares until the two agree: where time went on, the server needs a moment.
    pub async fn agree(&mut self, patient: bool) -> Result<(), String> {
        for _ in 0..PATIENCE {
            match self.compare().await {
                Err(_) if patient => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                outcome => return outcome,
            }
        }
        self.compare().await
    }

    async fn compare(&mut self) -> Result<(), String> {
        let (path, token) = (self.budget_path(), self.token.clone());
        let (_, found) = self.host.ask("GET", &path, &token, &Value::Null).await;
        let mut spend = found["spend"].clone();
        spend["projected_microcents"] = Value::Null;
        same("the spend", &json!([found["budget"], spend]), &self.expected())?;
        let announced = self.new_activities().await;
        let mut names: Vec<&String> = announced.iter().map(|(_, name)| name).collect();
        names.sort();
        let mut expected: Vec<&String> = self.world.announced.iter().collect();
        expected.sort();
        if names != expected {
            return Err(format!("announced was {names:?}, the model has {expected:?}"));
        }
        self.introspect().await?;
        self.seen.extend(announced.into_iter().map(|(id, _)| id));
        self.world.announced.clear();
        Ok(())
    }

    fn expected(&self) -> Value {
        let (world, period) = (&self.world, self.world.period());
        let (spent, leased) = (world.spent(period), world.leased(period));
        let budget = world.budget.as_ref();
        let stops = budget.is_some_and(|budget| budget.stops);
        let left = budget.map(|budget| (i128::from(budget.cents) * 1_000_000 - spent - leased).to_string());
        let thresholds: Vec<String> =
            budget.iter().flat_map(|budget| budget.thresholds.iter().map(ToString::to_string)).collect();
        let overshoot = world.overshoot(period).map(|sum| sum.to_string());
        json!([
            {
                "amount": budget.map_or(0, |budget| budget.cents).to_string(),
                "thresholds": thresholds,
                "forecast_thresholds": [],
                "enforcement": if stops { "stop" } else { "alert" },
                "max_overshoot_microcents": overshoot,
            },
            {
                "period_start": at(period.0),
                "period_end": at(period.1),
                "spent_microcents": spent.to_string(),
                "leased_microcents": leased.to_string(),
                "remaining_microcents": left,
                "projected_microcents": null,
                "stopped": world.stopped.is_some(),
            },
        ])
    }

    /// What was announced since the last look: the id of each activity, and what it says in short.
    async fn new_activities(&mut self) -> Vec<(String, String)> {
        let path = "/v1/activities?limit=100";
        let token = self.token.clone();
        let (_, found) = self.host.ask("GET", path, &token, &Value::Null).await;
        let activities = found["activities"].as_array().cloned().unwrap_or_default();
        let new = activities.iter().take_while(|activity| !self.seen.contains(&text(&activity["id"])));
        let of_spend = new.filter(|activity| activity["object"]["type"] == "subscription");
        let in_short = |activity: &Value| {
            let (verb, details) = (text(&activity["verb"]), &activity["metadata"]);
            match verb.strip_prefix("budget_threshold_") {
                Some(what) => {
                    format!("{what} {} of {}", text(&details["threshold"]), micros(&details["period_start"]))
                }
                None => verb.trim_start_matches("spend_").to_owned(),
            }
        };
        of_spend.map(|activity| (text(&activity["id"]), in_short(activity))).collect()
    }

    async fn introspect(&mut self) -> Result<(), String> {
        let key = self.host.operator_key();
        let request = self.host.request("POST", "/oauth2/introspect", &key, &Value::Null);
        let request = request.form(&[("token", &self.token)]);
        let (_, found) = super::host::answer(request).await.ok_or("no answer")?;
        let expected = if self.world.stopped.is_some() { json!("stopped") } else { Value::Null };
        same("the introspection", &found["spend"], &expected)
    }

    /// Compares the sums with the rows they are sums of.
    pub async fn recount(&self) -> Result<(), String> {
        let period = self.world.period();
        for period in [period, (0, period.1)] {
            let (spent, events) = self.host.recount(&self.organization, period).await;
            let charges = self.world.charges.iter().filter(|charge| (period.0..period.1).contains(&charge.at));
            let expected = (self.world.spent(period), charges.count());
            if (i128::from(spent), usize::try_from(events).unwrap_or_default()) != expected {
                return Err(format!("the rows of usage come to {spent} in {events}, the model has {expected:?}"));
            }
        }
        let strange = self.host.recount(&self.stranger, (0, 200_000 * super::world::DAY)).await;
        if strange == (0, 0) { Ok(()) } else { Err(format!("a stranger spent {strange:?}")) }
    }

    /// At the end: every row, every mail.
    pub async fn end(&mut self) -> Result<(), String> {
        self.recount().await?;
        let mut mails = 0;
        for _ in 0..PATIENCE {
            mails = self.host.mails(&self.email).await;
            if mails >= self.world.mails {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        match mails == self.world.mails {
            true => Ok(()),
            false => Err(format!("{mails} mails, but the model has {}", self.world.mails)),
        }
    }
}

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: the server says\n{found}, the model\n{expected}")) }
}
