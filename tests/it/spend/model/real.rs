//! The servers under test, with what the steps need to know of them.

use std::collections::BTreeSet;

use polity_tests::load;
use serde_json::{Value, json};

use super::host::Host;
use super::random::Random;
use super::world::{Budget, Event, World};
use crate::support::{at, text};

/// An event as it is sent, and as the model has it.
#[derive(Clone)]
pub struct Sent {
    pub json: Value,
    pub event: Event,
}

pub struct Real {
    pub host: Host,
    pub random: Random,
    pub world: World,
    pub log: Vec<String>,
    pub organization: String,
    /// A credential of it.
    pub token: String,
    pub email: String,
    /// An organization nobody spends for.
    pub stranger: String,
    pub keys: Vec<String>,
    pub projects: Vec<String>,
    pub credential: String,
    pub foreign_project: String,
    /// What was sent of late.
    pub recent: Vec<Sent>,
    /// Activities that were looked at.
    pub seen: BTreeSet<String>,
    /// Numbers the events.
    pub count: usize,
    /// How many periods were waited for.
    pub rolls: i64,
    /// How many requests got no answer because servers ended.
    pub unanswered: u32,
}

impl Real {
    pub async fn start(mut host: Host, random: Random) -> Real {
        let url = host.request("GET", "", "", &Value::Null).build().expect("a request").url().to_string();
        let session = load::sign_up(&host.http, url.trim_end_matches('/'), "ann").await;
        let mut made = Vec::new();
        for name in ["acme", "globex"] {
            let (_, reply) = host.ask("POST", "/v1/organizations", &session, &json!({"name": name})).await;
            let id = text(&reply["organization"]["id"]);
            let (_, reply) = host.ask("POST", &format!("/v1/organizations/{id}/switch"), &session, &json!({})).await;
            let scoped = text(&reply["token"]["id"]);
            let body = json!({"name": "of the model", "type": "ORGANIZATION"});
            let (_, reply) = host.ask("POST", "/v1/credentials", &scoped, &body).await;
            let credential = (text(&reply["credential"]["id"]), text(&reply["credential"]["token"]));
            let mut projects = Vec::new();
            for project in ["one", "two"] {
                let (_, reply) = host.ask("POST", "/v1/projects", &credential.1, &json!({"name": project})).await;
                projects.push(text(&reply["project"]["id"]));
            }
            made.push((id, credential, projects));
        }
        let (operator, mut keys, caps) = (host.operator_key(), Vec::new(), vec![0, 700_000]);
        for (name, cap) in ["strict", "loose"].iter().zip(&caps) {
            let body = json!({"name": name, "unleased_cap_microcents": cap.to_string()});
            let (_, reply) = host.ask("POST", "/operator/v1/metering_keys", &operator, &body).await;
            keys.push(text(&reply["metering_key"]["token"]));
        }
        let globex = made.pop().expect("two");
        let (organization, (credential, token), projects) = made.pop().expect("two");
        let world = World { now: host.now(), anchor: 1, caps, ..World::default() };
        let email = "writer-ann@example.com".to_owned();
        let foreign_project = globex.2[0].clone();
        let (log, recent, seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        Real {
            host,
            random,
            world,
            log,
            organization,
            token,
            email,
            stranger: globex.0,
            keys,
            projects,
            credential,
            foreign_project,
            recent,
            seen,
            count: 0,
            rolls: 0,
            unanswered: 0,
        }
    }

    /// The path of the organization's budget.
    pub fn budget_path(&self) -> String {
        format!("/v1/organizations/{}/budget", self.organization)
    }

    /// What is left until the next edge: of the budget, or of what has been common so far.
    fn room(&self) -> i64 {
        let period = self.world.period();
        let taken = self.world.spent(period) + self.world.leased(period);
        let budget = self.world.budget.as_ref().map_or(10, |budget| budget.cents);
        i64::try_from(i128::from(budget) * 1_000_000 - taken).unwrap_or(0).clamp(0, 6_000_000)
    }

    /// An amount that is interesting: up to what is left, or just past it.
    pub fn amount(&mut self) -> i64 {
        let room = self.room();
        match self.random.below(5) {
            0 => room + 1,
            1 => self.random.amount(3_000_000),
            2 => self.random.amount(room),
            _ => self.random.amount(room / 3),
        }
    }

    /// A batch, with events that were sent before, twice in it, late or not valid.
    pub fn batch(&mut self) -> Vec<Sent> {
        // One that could have been forgotten, or that would be too late by now, is not sent again.
        let oldest = self.world.now - 20 * super::world::DAY;
        self.recent.retain(|sent| sent.event.at > oldest);
        let mut batch: Vec<Sent> = Vec::new();
        for _ in 0..=self.random.below(6) {
            let again = match self.random.below(8) {
                0 if !batch.is_empty() => Some(batch[self.random.below(batch.len())].clone()),
                1 if !self.recent.is_empty() => Some(self.recent[self.random.below(self.recent.len())].clone()),
                _ => None,
            };
            let sent = again.unwrap_or_else(|| self.event());
            batch.push(sent);
        }
        batch
    }

    fn event(&mut self) -> Sent {
        self.count += 1;
        let (id, amount) = (format!("e{}", self.count), self.amount());
        let late = if self.random.one_in(4) {
            1 + self.random.next().cast_signed().rem_euclid(45 * super::world::DAY)
        } else {
            0
        };
        let when = self.world.now - late;
        let mut json = json!({
            "source": "model", "id": id, "organization_id": self.organization,
            "amount_microcents": amount.to_string(), "at": at(when),
        });
        if self.random.one_in(2) {
            json["project_id"] = self.projects[self.random.below(self.projects.len())].clone().into();
        }
        if self.random.one_in(3) {
            json["credential_id"] = self.credential.clone().into();
        }
        let mut valid = true;
        if self.random.one_in(8) {
            valid = false;
            match self.random.below(5) {
                0 => json["organization_id"] = crate::support::NOBODY.into(),
                1 => json["project_id"] = self.foreign_project.clone().into(),
                2 => json["amount_microcents"] = (-1).into(),
                3 => json["at"] = at(when - 401 * super::world::DAY).into(),
                _ => json["amount_microcents"] = "much".into(),
            }
        }
        Sent { json, event: Event { id, at: when, amount, valid } }
    }

    /// A budget, and the body that leads to it from the one there is.
    pub fn other_budget(&mut self) -> (Budget, Value) {
        let made = self.world.now;
        let new = Budget { cents: 10, stops: false, made, thresholds: [80, 100].into() };
        let mut budget = self.world.budget.clone().unwrap_or(new);
        let mut body = json!({});
        let spent = i64::try_from(self.world.spent(self.world.period()) / 1_000_000).unwrap_or(0);
        if self.world.budget.is_none() || !self.random.one_in(3) {
            budget.cents = match self.random.below(4) {
                0 => (spent - 2).max(1),
                1 => spent.max(1),
                2 => spent + 1,
                _ => spent + 1 + self.random.amount(12),
            };
            body["amount"] = budget.cents.to_string().into();
        }
        if self.random.one_in(2) {
            budget.stops = !self.random.one_in(4);
            body["enforcement"] = if budget.stops { "stop" } else { "alert" }.into();
        }
        if self.random.one_in(4) {
            let all = [10, 25, 50, 80, 90, 100, 120, 150];
            budget.thresholds = (0..=self.random.below(4)).map(|_| all[self.random.below(all.len())]).collect();
            body["thresholds"] = budget.thresholds.iter().map(ToString::to_string).collect();
        }
        (budget, body)
    }
}
