//! Databases to measure with: filled once by `polity seed`, given tokens through
//! the API, and kept. A run gets a copy, so that no run finds what another left.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::client::Connection;
use crate::cores::Cores;
use crate::server::{Server, Setting};
use crate::store::{Kind, Store};

/// Organizations with ten members: those whose members are listed.
const LISTED: u64 = 1_000;
/// Organizations of which there are credentials.
const CREDENTIALS: u64 = 20_000;
/// Sessions: as many as are used in turn.
const SESSIONS: usize = 20_000;
/// Sessions in a large database: as many as Polity remembers.
const MANY_SESSIONS: usize = 100_000;
/// Organizations from which on a database is large.
const LARGE: u64 = 100_000;
/// People who create organizations and log in.
const PEOPLE: usize = 64;
/// What `polity seed` gives everybody.
pub(crate) const PASSWORD: &str = "made-up password";
/// Connections that ask for tokens.
const CONNECTIONS: usize = 32;
/// How long a database is kept: sessions end after thirty days.
const KEPT: Duration = Duration::from_secs(20 * 86_400);
/// What is kept changes with this number.
const VERSION: u32 = 2;

/// A token and the organization it is of.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) token: String,
    pub(crate) organization: String,
}

/// A filled database, and tokens for it.
pub(crate) struct Seeded {
    /// Organizations in it.
    pub(crate) organizations: u64,
    /// Its copy for this run.
    pub(crate) store: Store,
    /// Sessions; those of organizations with ten members come first.
    pub(crate) sessions: Vec<Held>,
    /// Credentials, each of another organization.
    pub(crate) credentials: Vec<Held>,
    /// A session of each of some people.
    pub(crate) people: Vec<Held>,
}

impl Seeded {
    /// A copy in `directory` of the database with so many organizations, which is made when it is not kept in `cache`.
    pub(crate) fn copy(
        polity: &Path,
        cache: &Path,
        kind: Kind,
        organizations: u64,
        directory: &Path,
        cores: Cores,
    ) -> Result<Seeded> {
        let kept = cache.join(format!("seed-{}-{organizations}-v{VERSION}", kind.name()));
        if !is_fresh(&kept.join("tokens")) {
            eprintln!("    filling a database with {organizations} organizations");
            make(polity, &kept, kind, organizations)?;
        }
        let copy = directory.join(format!("seed-{organizations}"));
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&kept).arg(&copy).status()?;
        if !copied.success() {
            bail!("{} cannot be copied", kept.display());
        }
        let mut seeded = Seeded {
            organizations,
            store: Store::open(kind, &copy, Some(cores))?,
            sessions: Vec::new(),
            credentials: Vec::new(),
            people: Vec::new(),
        };
        for line in std::fs::read_to_string(copy.join("tokens"))?.lines() {
            let mut fields = line.split('\t');
            let mut field = || fields.next().map(str::to_owned).context("the file of the tokens is damaged");
            let (kind, held) = (field()?, Held { token: field()?, organization: field()? });
            match kind.as_str() {
                "session" => seeded.sessions.push(held),
                "credential" => seeded.credentials.push(held),
                _ => seeded.people.push(held),
            }
        }
        Ok(seeded)
    }
}

fn is_fresh(file: &Path) -> bool {
    let age = file.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age < KEPT)
}

fn make(polity: &Path, kept: &Path, kind: Kind, organizations: u64) -> Result<()> {
    if kept.exists() {
        std::fs::remove_dir_all(kept)?;
    }
    std::fs::create_dir_all(kept)?;
    let store = Store::create(kind, kept)?;
    let data = store.data();
    let url = store.url();
    let setting = Setting { polity, data: &data, database_url: url.as_deref(), log: None, remembers: true };
    let first = organizations.min(LISTED);
    seed(&setting, first, 10)?;
    let listed = store.ids(first)?;
    if organizations > first {
        seed(&setting, organizations - first, 3)?;
    }
    let server = Server::polity(&setting, None)?;
    let mut connection = Connection::open(&server.address)?;
    let account = json!({ "name": "Bench", "email": "bench@example.com", "password": PASSWORD });
    connection.json("POST", "/v1/account/signup", "", &account)?;
    server.stop()?;

    let sessions = match kind {
        // One after the other here: sessions of one person collide.
        Kind::Postgres => SESSIONS.min(usize::try_from(organizations)?),
        Kind::Sqlite if organizations >= LARGE => MANY_SESSIONS,
        Kind::Sqlite => SESSIONS,
    };
    let connections = if kind == Kind::Postgres { 1 } else { CONNECTIONS };
    store.join_organizations(organizations.min(sessions as u64))?;
    store.join(&listed)?;
    let others = store.joined()?;
    let mut all = listed.clone();
    let listed: HashSet<String> = listed.into_iter().collect();
    all.extend(others.into_iter().filter(|id| !listed.contains(id)));

    let server = Server::polity(&setting, None)?;
    let text = tokens(&server, &all, sessions, connections)?;
    server.stop()?;
    drop(store);
    std::fs::write(kept.join("tokens"), text)?;
    Ok(())
}

fn seed(setting: &Setting<'_>, organizations: u64, members: u64) -> Result<()> {
    let mut command = setting.command(None);
    command.args(["seed", "--add", "--organizations", &organizations.to_string()]);
    let status = command.args(["--members-per-organization", &members.to_string()]).status()?;
    if !status.success() {
        bail!("polity seed ended with {status}");
    }
    Ok(())
}

/// Asks for sessions and credentials in these organizations, and for sessions of people.
fn tokens(server: &Server, organizations: &[String], sessions: usize, connections: usize) -> Result<String> {
    let mut connection = Connection::open(&server.address)?;
    let mut text = String::new();
    for person in 1..=PEOPLE {
        let login = json!({ "email": email(person), "password": PASSWORD });
        let reply = connection.json("POST", "/v1/account/login", "", &login)?;
        let organization = string(&reply, "/token/organization_id")?;
        text.push_str(&format!("person\t{}\t{organization}\n", string(&reply, "/token/id")?));
    }
    let login = json!({ "email": "bench@example.com", "password": PASSWORD });
    let own = string(&connection.json("POST", "/v1/account/login", "", &login)?, "/token/id")?;
    let next = AtomicUsize::new(0);
    let mut lines = std::thread::scope(|scope| {
        let askers: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| ask(server, &own, organizations, sessions, &next))).collect();
        let mut lines = Vec::new();
        for asker in askers {
            lines.extend(asker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??);
        }
        Ok::<_, anyhow::Error>(lines)
    })?;
    lines.sort_unstable_by_key(|(n, _)| *n);
    text.extend(lines.into_iter().map(|(_, line)| line));
    Ok(text)
}

/// The address of a person.
pub(crate) fn email(person: usize) -> String {
    format!("user-{person:06}@example.com")
}

fn ask(
    server: &Server,
    own: &str,
    organizations: &[String],
    sessions: usize,
    next: &AtomicUsize,
) -> Result<Vec<(usize, String)>> {
    let mut connection = Connection::open(&server.address)?;
    let mut lines = Vec::new();
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= sessions {
            return Ok(lines);
        }
        let id = organizations.get(n % organizations.len()).context("there are no organizations")?;
        let reply = connection.json("POST", &format!("/v1/organizations/{id}/switch"), own, &json!({}))?;
        let session = string(&reply, "/token/id")?;
        let mut line = format!("session\t{session}\t{id}\n");
        if n < organizations.len().min(usize::try_from(CREDENTIALS)?) {
            let new = json!({ "name": "bench", "type": "ORGANIZATION" });
            let reply = connection.json("POST", "/v1/credentials", &session, &new)?;
            line.push_str(&format!("credential\t{}\t{id}\n", string(&reply, "/credential/token")?));
        }
        lines.push((n, line));
    }
}

/// The text at a place of a reply.
pub(crate) fn string(reply: &Value, pointer: &str) -> Result<String> {
    let text = reply.pointer(pointer).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no {pointer} in {reply}"))?.to_owned())
}

/// The file from which floors know tokens.
pub(crate) fn write_tokens<'a>(path: &Path, tokens: impl Iterator<Item = &'a Held>) -> Result<PathBuf> {
    let text: String = tokens.map(|held| format!("{}\t{}\n", held.token, held.organization)).collect();
    std::fs::write(path, text)?;
    Ok(path.to_owned())
}
