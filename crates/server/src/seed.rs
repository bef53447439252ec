//! Filling a database for trials and benchmarks. Not for a database in use:
//! rows are written past the rules, and everybody has the same password.

mod rows;

use std::fmt;

use polity_ops::keys::Keys;
use polity_ops::password::Passwords;
use polity_ops::secret;
use polity_store::copy::{Bulk, TABLES, Table};

use crate::config::{Config, ServeArgs};
use crate::data_dir::DataDir;
use crate::error::Error;
use crate::start::Environment;
use rows::Plan;

/// The password of everybody.
const PASSWORD: &str = "made-up password";
/// Rows of one transaction.
const BATCH: i64 = 50_000;

/// Arguments of the command that fills a database.
#[derive(Clone, Debug, clap::Args)]
pub struct SeedArgs {
    /// Organizations to make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=100_000_000))]
    pub organizations: i64,
    /// Members of each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    pub members_per_organization: i64,
    /// Number the identifiers and credentials are made from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Add to a database that has organizations
    #[arg(long)]
    pub add: bool,
    /// The settings of the server.
    #[command(flatten)]
    pub settings: ServeArgs,
}

/// What was made, in lines for the terminal.
#[derive(Clone, Debug)]
pub struct Seeded {
    database: String,
    counts: Vec<(&'static str, i64)>,
    organizations: (String, String),
    people: (String, String),
    credential: String,
}

impl fmt::Display for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} filled", self.database)?;
        self.counts.iter().try_for_each(|(table, count)| write!(f, "\n  {table:<13} {count:>10}"))?;
        write!(f, "\n  called        {} to {}", self.organizations.0, self.organizations.1)?;
        write!(f, "\n  people        {} to {}, password: {PASSWORD}", self.people.0, self.people.1)?;
        write!(f, "\n  credential    {} is that of {}", self.credential, self.organizations.0)
    }
}

/// Brings the schema up to date and fills the database.
///
/// # Errors
/// When there are organizations and none are to be added, the data directory
/// is in use, or a row is refused: then those before it are there.
pub async fn seed(
    config: &Config,
    environment: &Environment,
    args: &SeedArgs,
    tell: &dyn Fn(&str, i64),
) -> Result<Seeded, Error> {
    // Its key hashes the credentials; the lock keeps servers away.
    let mut data_dir = DataDir::open(config, &environment.random)?;
    let target = config.target();
    let now = (environment.clock.0)();
    polity_store::migrate(&target, now).await?;
    let keys = Keys::new(&data_dir.secret_key, &data_dir.operator_key)?;
    let passwords = Passwords::new(1, rows::random(args.seed, -1))?;
    let seed = args.seed;
    let credential = move |n: i64| secret::generate(&rows::random(seed, n));

    let mut bulk = Bulk::open(&target).await?;
    data_dir.keep_keys(bulk.count(table("signing_keys")?, 1).await? > 0)?;
    let (organizations, users, events) = (table("organizations")?, table("users")?, table("events")?);
    if !args.add && bulk.count(organizations, 1).await? > 0 {
        let why = "there are organizations already: fill an empty database, or say --add";
        return Err(Error::Backup(format!("{}: {why}", config.database_name())));
    }
    let plan = Plan {
        seed,
        organizations: args.organizations,
        members: args.members_per_organization,
        organizations_before: bulk.largest_after(organizations, "name_key", "org-", "").await?,
        users_before: bulk.largest_after(users, "email", "user-", "@example.com").await?,
        events_before: bulk.largest(events, "seq").await?,
        now: now.0,
        password_hash: passwords.hash(PASSWORD.to_owned()).await?,
        token_hash: Box::new(move |n| keys.hash(&credential(n)).to_vec()),
    };
    let mut counts = Vec::new();
    for table in TABLES {
        let count = plan.count(table.name);
        for first in (0..count).step_by(usize::try_from(BATCH).unwrap_or(1)) {
            let batch: Vec<_> = (first..count.min(first + BATCH)).map(|n| plan.row(table.name, n)).collect();
            bulk.insert(table, &batch).await?;
        }
        if count > 0 {
            tell(table.name, count);
            counts.push((table.name, count));
        }
    }
    bulk.finish().await?;
    Ok(Seeded {
        database: config.database_name(),
        counts,
        organizations: (plan.organization_name(0), plan.organization_name(plan.organizations - 1)),
        people: (plan.email(0), plan.email(plan.users() - 1)),
        credential: credential(plan.organizations_before),
    })
}

fn table(name: &str) -> Result<&'static Table, Error> {
    let found = TABLES.iter().find(|table| table.name == name);
    found.ok_or_else(|| Error::Config(format!("there is no table {name}")))
}
