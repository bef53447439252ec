//! The steps.

use serde_json::{Value, json};

use super::Tally;
use super::host::{Request, answer};
use super::real::{Real, Sent};
use super::world::{DAY, Event, Lease, No, State, Token, Verdict};
use crate::support::{number, text};

const HOUR: i64 = DAY / 24;

/// What a step came to: whether it was refused, or how server and model differ.
type Outcome = Result<bool, String>;

impl Real {
    /// Takes a step and compares.
    pub async fn step(&mut self, tally: &mut Tally) -> Result<(), String> {
        self.world.advance_to(self.host.now());
        let inside = self.host.is_inside();
        let name = match self.random.below(48) {
            0..12 => "record",
            12 | 13 => "record twice at once",
            14..22 => "lease",
            22..26 => "commit",
            26 | 27 => "extend",
            28 | 29 => "release",
            30..36 => "budget",
            36 => "delete budget",
            37..40 => "anchor day",
            40 => "token",
            41 if inside => "crash",
            41..43 if !inside => "crash",
            _ if inside => "wait",
            _ => "record",
        };
        self.log.push(format!("{:>3} {name}", self.log.len()));
        let refused = match name {
            "record" => self.record().await,
            "record twice at once" => self.record_twice().await,
            "lease" => self.lease().await,
            "commit" => self.commit().await,
            "extend" => self.extend().await,
            "release" => self.release().await,
            "budget" => self.set_budget().await,
            "delete budget" => self.delete_budget().await,
            "anchor day" => self.set_anchor().await,
            "token" => self.make_token().await,
            "wait" => self.wait(),
            _ => self.crash().await,
        }?;
        let counts = tally.entry(name).or_default();
        if refused {
            counts.1 += 1;
        } else {
            counts.0 += 1;
        }
        self.agree(name == "wait" || !inside).await?;
        if self.log.len().is_multiple_of(10) { self.recount().await } else { Ok(()) }
    }

    /// More about the step, for the log.
    fn note(&mut self, what: &str) {
        if let Some(line) = self.log.last_mut() {
            line.push(' ');
            line.push_str(what);
        }
    }

    fn events_request(&mut self, source: usize, batch: &[Sent]) -> Request {
        let events: Vec<&Value> = batch.iter().map(|sent| &sent.json).collect();
        let key = self.keys[source].clone();
        self.host.request("POST", "/metering/v1/events", &key, &json!({"events": events}))
    }

    fn remember(&mut self, batch: &[Sent]) {
        self.recent.extend(batch.iter().cloned());
        let many = self.recent.len().saturating_sub(30);
        self.recent.drain(..many);
    }

    fn judge(&mut self, source: usize, batch: &[Sent]) -> Vec<Verdict> {
        let events: Vec<Event> = batch.iter().map(|sent| sent.event.clone()).collect();
        let told: Vec<_> =
            events.iter().map(|e| format!("{}{}:{}", if e.valid { "" } else { "!" }, e.id, e.amount)).collect();
        self.note(&format!("source {source} {told:?}"));
        self.world.record(source, &events)
    }

    async fn record(&mut self) -> Outcome {
        let (source, batch) = (self.random.below(2), self.batch());
        let request = self.events_request(source, &batch);
        let (status, reply) = answer(request).await.ok_or("no answer")?;
        let verdicts = self.judge(source, &batch);
        self.remember(&batch);
        if status != 200 || verdicts_of(&reply) != verdicts {
            return Err(format!("{status} {reply}, the model has {verdicts:?}"));
        }
        Ok(verdicts.contains(&Verdict::Rejected))
    }

    /// The same batch to two servers at once: one of them counts it.
    async fn record_twice(&mut self) -> Outcome {
        let (source, batch) = (self.random.below(2), self.batch());
        let requests = (self.events_request(source, &batch), self.events_request(source, &batch));
        let (one, two) = tokio::join!(answer(requests.0), answer(requests.1));
        let (one, two) = (one.ok_or("no answer")?.1, two.ok_or("no answer")?.1);
        let verdicts = self.judge(source, &batch);
        self.remember(&batch);
        let second: Vec<Verdict> = verdicts.iter().map(|verdict| again(*verdict)).collect();
        let found = (verdicts_of(&one), verdicts_of(&two));
        if found != (verdicts.clone(), second.clone()) && found != (second, verdicts.clone()) {
            return Err(format!("{one} and {two}, the model has {verdicts:?} for one of them"));
        }
        Ok(verdicts.contains(&Verdict::Rejected))
    }

    fn lease_request(&mut self) -> (Request, i64, i64, Option<usize>) {
        let amount = self.amount().max(1);
        let hours = if self.host.is_inside() { 1 + self.random.below(23) } else { 24 };
        let hours = i64::try_from(hours).expect("few");
        let token = if self.world.tokens.is_empty() || self.random.one_in(2) {
            None
        } else {
            Some(self.random.below(self.world.tokens.len()))
        };
        let mut body = json!({
            "organization_id": self.organization, "amount_microcents": amount.to_string(),
            "ttl": format!("{}s", hours * 3600),
        });
        if let Some(token) = token {
            body["token"] = self.world.tokens[token].text.clone().into();
        }
        self.note(&format!("{amount} for {hours} h, token {token:?}"));
        let key = self.keys[self.random.below(2)].clone();
        (self.host.request("POST", "/metering/v1/leases", &key, &body), amount, hours * HOUR, token)
    }

    fn granted(&mut self, id: Option<String>, amount: i64, expires_at: i64, token: Option<usize>) {
        let (of, state) = (self.world.now, State::Held);
        self.world.leases.push(Lease { id, amount, committed: 0, state, expires_at, of, token, ended_at: i64::MAX });
    }

    async fn lease(&mut self) -> Outcome {
        let (request, amount, _, token) = self.lease_request();
        let (status, reply) = answer(request).await.ok_or("no answer")?;
        match (self.world.lease(amount, token), status) {
            (Ok(()), 200) => {
                let lease = &reply["lease"];
                self.granted(Some(text(&lease["id"])), amount, crate::support::micros(&lease["expires_at"]), token);
                Ok(false)
            }
            (Err(No::Exhausted), 400) if mentions(&reply, "budget exhausted") => Ok(true),
            (Err(No::Token), 400) if reply["fields"][0]["field"] == "token" => Ok(true),
            (expected, _) => Err(format!("{status} {reply}, the model has {expected:?}")),
        }
    }

    /// A lease that can still be asked about.
    fn any_lease(&mut self) -> Option<usize> {
        let known = |lease: &Lease| lease.id.is_some() && lease.ended_at.saturating_add(20 * HOUR) > self.world.now;
        let all: Vec<usize> = (0..self.world.leases.len()).filter(|n| known(&self.world.leases[*n])).collect();
        let held: Vec<usize> = all.iter().copied().filter(|n| self.world.leases[*n].state == State::Held).collect();
        let from = if self.random.one_in(3) || held.is_empty() { all } else { held };
        self.random.of(&from)
    }

    fn lease_path(&self, n: usize, rest: &str) -> String {
        let id = self.world.leases[n].id.clone().expect("a lease that is known");
        format!("/metering/v1/leases/{id}{rest}")
    }

    fn commit_request(&mut self, n: usize) -> (Request, i64) {
        let lease = self.world.leases[n].clone();
        let amount = match self.random.below(6) {
            0 => lease.amount + 1,
            1 => lease.committed,
            _ => self.random.amount(lease.amount),
        };
        self.note(&format!("lease {n} {:?} of {} with {amount}", lease.state, lease.amount));
        let (path, key) = (self.lease_path(n, "/commit"), self.keys[0].clone());
        let body = json!({"amount_microcents": amount.to_string()});
        (self.host.request("POST", &path, &key, &body), amount)
    }

    async fn commit(&mut self) -> Outcome {
        let Some(n) = self.any_lease() else { return Ok(false) };
        let (request, amount) = self.commit_request(n);
        let (status, reply) = answer(request).await.ok_or("no answer")?;
        match (self.world.commit(n, amount), status) {
            (Ok(()), 200) if number(&reply["lease"]["committed_microcents"]) == amount => Ok(false),
            (Err(No::Exhausted), 400) if mentions(&reply, "budget exhausted") => Ok(true),
            (Err(No::State), 400) => Ok(true),
            (expected, _) => Err(format!("{status} {reply}, the model has {expected:?}")),
        }
    }

    async fn extend(&mut self) -> Outcome {
        let Some(n) = self.any_lease() else { return Ok(false) };
        let hours = if self.host.is_inside() { 1 + self.random.below(23) } else { 24 };
        let (path, key) = (self.lease_path(n, "/extend"), self.keys[0].clone());
        let body = json!({"ttl": format!("{}s", hours * 3600)});
        self.note(&format!("lease {n} by {hours} h"));
        let (status, reply) = self.host.ask("POST", &path, &key, &body).await;
        let held = self.world.leases[n].state == State::Held;
        match status {
            200 if held => {
                self.world.leases[n].expires_at = crate::support::micros(&reply["lease"]["expires_at"]);
                Ok(false)
            }
            400 if !held => Ok(true),
            _ => Err(format!("{status} {reply}, the lease of the model is {:?}", self.world.leases[n])),
        }
    }

    async fn release(&mut self) -> Outcome {
        let Some(n) = self.any_lease() else { return Ok(false) };
        let (path, key) = (self.lease_path(n, ""), self.keys[1].clone());
        self.note(&format!("lease {n}"));
        let (status, reply) = self.host.ask("DELETE", &path, &key, &Value::Null).await;
        self.released(n);
        if status == 200 { Ok(false) } else { Err(format!("{status} {reply}")) }
    }

    fn released(&mut self, n: usize) {
        let now = self.world.now;
        let lease = &mut self.world.leases[n];
        if lease.state == State::Held {
            (lease.state, lease.ended_at) = (State::Released, now);
        }
    }

    async fn set_budget(&mut self) -> Outcome {
        let ((budget, body), path, token) = (self.other_budget(), self.budget_path(), self.token.clone());
        self.note(&body.to_string());
        let (status, reply) = self.host.ask("PUT", &path, &token, &body).await;
        self.world.set_budget(Some(budget));
        if status == 200 { Ok(false) } else { Err(format!("{status} {reply}")) }
    }

    async fn delete_budget(&mut self) -> Outcome {
        let (path, token) = (self.budget_path(), self.token.clone());
        let (status, reply) = self.host.ask("DELETE", &path, &token, &Value::Null).await;
        self.world.set_budget(None);
        if status == 200 { Ok(false) } else { Err(format!("{status} {reply}")) }
    }

    async fn set_anchor(&mut self) -> Outcome {
        let day = [1, 5, 10, 11, 15, 28][self.random.below(6)];
        let path = format!("/operator/v1/organizations/{}/billing_period", self.organization);
        let key = self.host.operator_key();
        self.note(&day.to_string());
        let (status, reply) = self.host.ask("PUT", &path, &key, &json!({"anchor_day": day})).await;
        self.world.set_anchor(day);
        if status == 200 { Ok(false) } else { Err(format!("{status} {reply}")) }
    }

    async fn make_token(&mut self) -> Outcome {
        let cents = 1 + i64::try_from(self.random.below(4)).expect("few");
        let path = format!("/v1/organizations/{}/access_token", self.organization);
        let token = self.token.clone();
        let body = json!({"validity": "86400s", "spend_limit_cents": cents.to_string()});
        let (status, reply) = self.host.ask("POST", &path, &token, &body).await;
        if status != 200 {
            return Err(format!("{status} {reply}"));
        }
        let expires_at = self.world.now + DAY;
        self.world.tokens.push(Token { text: text(&reply["token"]), limit: cents * 1_000_000, spent: 0, expires_at });
        Ok(false)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is a step as the others are")]
    fn wait(&mut self) -> Outcome {
        if self.random.one_in(4) {
            // A moment after the period is over, and at another time of the hour than before: no lease then ends while
            // a step is taken.
            self.rolls += 1;
            let ahead = self.world.period().1 - self.world.now + (40 + 2 * (self.rolls % 15)) * HOUR / 60;
            self.note("for the next period");
            self.host.advance(ahead);
        } else {
            let halves = [1, 1, 2, 3, 12, 48, 48, 96][self.random.below(8)];
            self.note(&format!("{halves} half hours"));
            self.host.advance(halves * HOUR / 2);
        }
        self.world.advance_to(self.host.now());
        Ok(false)
    }

    /// Servers end while a request is on its way. Whether it happened is found out by asking.
    async fn crash(&mut self) -> Outcome {
        let which = self.random.below(6);
        match self.random.below(4) {
            0 | 1 => self.crash_over_events(which).await,
            2 => self.crash_over_a_lease(which).await,
            _ => self.crash_over_a_commit(which).await,
        }
    }

    /// Sends a request, ends servers while it may be anywhere, and returns the answer, if there was one.
    async fn send_into_crash(&mut self, request: Request, which: usize) -> Option<(u16, Value)> {
        let sent = tokio::spawn(answer(request));
        for _ in 0..self.random.below(400) {
            tokio::task::yield_now().await;
        }
        self.host.crash(which).await;
        let answered = sent.await.expect("a task").filter(|(status, _)| *status < 500);
        if answered.is_none() {
            self.unanswered += 1;
        }
        self.note(if answered.is_some() { "answered" } else { "not answered" });
        answered
    }

    async fn crash_over_events(&mut self, which: usize) -> Outcome {
        let (source, batch) = (self.random.below(2), self.batch());
        let request = self.events_request(source, &batch);
        let first = self.send_into_crash(request, which).await;
        let request = self.events_request(source, &batch);
        let (status, reply) = answer(request).await.ok_or("no answer")?;
        let verdicts = self.judge(source, &batch);
        self.remember(&batch);
        let second: Vec<Verdict> = verdicts.iter().map(|verdict| again(*verdict)).collect();
        let found = verdicts_of(&reply);
        let fits = match first {
            Some((_, first)) => verdicts_of(&first) == verdicts && found == second,
            None => found == verdicts || found == second,
        };
        if status == 200 && fits { Ok(false) } else { Err(format!("{status} {reply}, the model has {verdicts:?}")) }
    }

    async fn crash_over_a_lease(&mut self, which: usize) -> Outcome {
        let (request, amount, ttl, token) = self.lease_request();
        let period = self.world.period();
        let answered = self.send_into_crash(request, which).await;
        let expected = self.world.lease(amount, token);
        let (path, credential) = (self.budget_path(), self.token.clone());
        let (_, found) = self.host.ask("GET", &path, &credential, &Value::Null).await;
        let more = i128::from(number(&found["spend"]["leased_microcents"])) - self.world.leased(period);
        match (expected, answered) {
            (Ok(()), Some((200, reply))) if more == i128::from(amount) => {
                let lease = &reply["lease"];
                self.granted(Some(text(&lease["id"])), amount, crate::support::micros(&lease["expires_at"]), token);
                Ok(false)
            }
            (Ok(()), None) if more == i128::from(amount) => {
                self.granted(None, amount, self.world.now + ttl, token);
                Ok(false)
            }
            (Ok(()), None) if more == 0 => Ok(false),
            (Err(_), Some((400, _)) | None) if more == 0 => Ok(false),
            (expected, answered) => Err(format!("{answered:?} and {more} more is held, the model has {expected:?}")),
        }
    }

    async fn crash_over_a_commit(&mut self, which: usize) -> Outcome {
        let Some(n) = self.any_lease() else { return Ok(false) };
        let (request, amount) = self.commit_request(n);
        let answered = self.send_into_crash(request, which).await;
        let (path, key) = (self.lease_path(n, "/commit"), self.keys[0].clone());
        let body = json!({"amount_microcents": amount.to_string()});
        let (status, reply) = self.host.ask("POST", &path, &key, &body).await;
        let expected = self.world.commit(n, amount);
        let same = answered.is_none_or(|(first, _)| first == status);
        if same && (status == 200) == expected.is_ok() {
            return Ok(false);
        }
        Err(format!("{status} {reply}, the model has {expected:?}"))
    }
}

fn mentions(reply: &Value, what: &str) -> bool {
    reply["message"].as_str().is_some_and(|message| message.contains(what))
}

/// What becomes of an event that is sent once more.
fn again(verdict: Verdict) -> Verdict {
    if verdict == Verdict::Accepted { Verdict::Duplicate } else { verdict }
}

fn verdicts_of(reply: &Value) -> Vec<Verdict> {
    let results = reply["results"].as_array().cloned().unwrap_or_default();
    let verdict = |result: &Value| match result["status"].as_str() {
        Some("accepted") => Verdict::Accepted,
        Some("duplicate") => Verdict::Duplicate,
        _ => Verdict::Rejected,
    };
    results.iter().map(verdict).collect()
}
