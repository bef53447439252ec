//! What is measured: operations, each with the requests it is made of and the
//! floor it is compared with.

use crate::seeded::{self, Held, Seeded};
use crate::server::OPERATOR_KEY;
use crate::wrk::{Body, Order, Request};

/// A floor, by the name its binary knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Floor {
    Json,
    Token,
    Rows,
    Durable,
    Sign,
    Login,
}

impl Floor {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Floor::Json => "json",
            Floor::Token => "token",
            Floor::Rows => "rows",
            Floor::Durable => "durable",
            Floor::Sign => "sign",
            Floor::Login => "login",
        }
    }
}

/// What is compared with the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Processor time of a request: what a read costs, also while others use the machine and where the client
    /// is the slower of the two.
    Cpu,
    /// Requests per second: a durable write waits for the disk more than it computes.
    Rate,
}

/// What is in memory when it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// All that is asked for was asked for before.
    Warm,
    /// The server has just started, and sees each token once.
    Empty,
    /// The server is set to remember nothing, and reads each token and row every time.
    Off,
}

/// An operation.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) floor: Floor,
    pub(crate) by: By,
    pub(crate) memory: Memory,
    /// Connections, unless as many as are asked for.
    pub(crate) connections: Option<usize>,
    pub(crate) requests: fn(&Inputs<'_>) -> Vec<Request>,
}

/// What requests are made of.
pub(crate) struct Inputs<'a> {
    pub(crate) seeded: &'a Seeded,
    pub(crate) metering_key: &'a str,
}

impl Operation {
    /// Whether its requests are repeated.
    pub(crate) fn order(&self) -> Order {
        if self.memory == Memory::Empty { Order::Once } else { Order::Cycle }
    }
}

const fn read(name: &'static str, floor: Floor, requests: fn(&Inputs<'_>) -> Vec<Request>) -> Operation {
    Operation { name, floor, by: By::Cpu, memory: Memory::Warm, connections: None, requests }
}

const fn write(name: &'static str, floor: Floor, requests: fn(&Inputs<'_>) -> Vec<Request>) -> Operation {
    Operation { by: By::Rate, ..read(name, floor, requests) }
}

/// Get an organization by a session, over and over.
pub(crate) const GET: Operation = read("get organization", Floor::Token, |inputs| get(used(inputs)));

/// All of them.
pub(crate) const OPERATIONS: &[Operation] = &[
    GET,
    Operation { floor: Floor::Json, name: "get organization, beside nothing but JSON", ..GET },
    read("get current organization", Floor::Token, |inputs| {
        used(inputs).iter().map(|held| nothing("GET", "/v1/account/organization".to_owned(), &held.token)).collect()
    }),
    read("get budget", Floor::Token, |inputs| {
        let request = |held: &Held| nothing("GET", format!("{}/budget", path(held)), &held.token);
        used(inputs).iter().map(request).collect()
    }),
    read("introspect", Floor::Token, |inputs| {
        let form = |held: &Held| Body::Form(format!("token={}", held.token));
        let request = |held: &Held| with("POST", "/oauth2/introspect".to_owned(), OPERATOR_KEY, form(held));
        used(inputs).iter().map(request).collect()
    }),
    read("list 10 members", Floor::Rows, |inputs| {
        let path = |held: &Held| format!("/v1/organization_members?organization_id={}&limit=10", held.organization);
        let listed = used(inputs).iter().take(1_000);
        listed.map(|held| nothing("GET", path(held), &held.token)).collect()
    }),
    Operation {
        memory: Memory::Off,
        ..read("get organization, nothing remembered", Floor::Rows, |inputs| get(&inputs.seeded.credentials))
    },
    Operation {
        memory: Memory::Empty,
        ..read("get organization, credential never seen", Floor::Rows, |inputs| get(&inputs.seeded.credentials))
    },
    Operation {
        memory: Memory::Empty,
        ..read("get organization, session never seen", Floor::Rows, |inputs| get(used(inputs)))
    },
    write("create organization", Floor::Durable, |inputs| {
        let body = || Body::Json(r#"{"name":"made-{n}"}"#.to_owned());
        let people = inputs.seeded.people.iter();
        people.map(|held| with("POST", "/v1/organizations".to_owned(), &held.token, body())).collect()
    }),
    write("create access token", Floor::Sign, |inputs| {
        let request = |held: &Held| with("POST", format!("{}/access_token", path(held)), &held.token, empty());
        used(inputs).iter().map(request).collect()
    }),
    write("switch organization", Floor::Sign, |inputs| {
        // By many people: each switch changes the row of the person, and the other sessions are all of one.
        let request = |held: &Held| with("POST", format!("{}/switch", path(held)), &held.token, empty());
        inputs.seeded.people.iter().map(request).collect()
    }),
    write("put budget", Floor::Durable, |inputs| {
        let amounts = [r#"{"amount":"5000"}"#, r#"{"amount":"6000"}"#];
        let put = |held: &Held, body: &str| {
            with("PUT", format!("{}/budget", path(held)), &held.token, Body::Json(body.to_owned()))
        };
        let few = || used(inputs).iter().take(1_000);
        amounts.iter().flat_map(|amount| few().map(|held| put(held, amount))).collect()
    }),
    write("lease", Floor::Durable, |inputs| {
        let body = |held: &Held| {
            let id = &held.organization;
            Body::Json(format!(r#"{{"organization_id":"{id}","amount_microcents":"1","ttl":"60s"}}"#))
        };
        let request = |held: &Held| with("POST", "/metering/v1/leases".to_owned(), inputs.metering_key, body(held));
        used(inputs).iter().map(request).collect()
    }),
    Operation {
        connections: Some(16),
        by: By::Cpu,
        ..write("login", Floor::Login, |inputs| logins(inputs.seeded.people.len()))
    },
];

/// Logins of so many people.
pub(crate) fn logins(people: usize) -> Vec<Request> {
    let body = |person| format!(r#"{{"email":"{}","password":"{}"}}"#, seeded::email(person), seeded::PASSWORD);
    (1..=people).map(|person| with("POST", "/v1/account/login".to_owned(), "", Body::Json(body(person)))).collect()
}

/// Gets the organization of each token.
pub(crate) fn get(tokens: &[Held]) -> Vec<Request> {
    tokens.iter().map(|held| nothing("GET", path(held), &held.token)).collect()
}

/// Sessions that are used in turn, of as many organizations as there are.
fn used<'a>(inputs: &Inputs<'a>) -> &'a [Held] {
    inputs.seeded.sessions.get(..20_000).unwrap_or(&inputs.seeded.sessions)
}

fn path(held: &Held) -> String {
    format!("/v1/organizations/{}", held.organization)
}

fn empty() -> Body {
    Body::Json("{}".to_owned())
}

fn nothing(method: &'static str, path: String, token: &str) -> Request {
    with(method, path, token, Body::Nothing)
}

fn with(method: &'static str, path: String, token: &str, body: Body) -> Request {
    Request { method, path, token: token.to_owned(), body }
}
