//! The rows of made-up organizations: each is a function of the seed and its
//! number, so that the same seed gives the same rows in any order.

use std::sync::Arc;

use polity_ops::{Random, lifecycle};
use polity_store::copy::{Cell, Row};

/// One in so many organizations has an invitation, and a credential.
const SPARSE: i64 = 10;
/// One in so many organizations has a budget.
const BUDGETED: i64 = 4;
/// A group of organizations has an event for each, and one for the budget.
const GROUP: i64 = BUDGETED + 1;
/// Room for the members of one organization.
const PLACE_BITS: u32 = 20;
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// What an identifier is of; keeps those of one kind apart from those of another.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Organization,
    Project,
    Member,
    Invitation,
    Credential,
    Event,
}

/// What is made up. Numbers of users and organizations count from 0; what they
/// are called by goes on from those that are there.
pub(super) struct Plan {
    /// Gives the identifiers.
    pub seed: u64,
    /// Organizations to make.
    pub organizations: i64,
    /// Members of each.
    pub members: i64,
    /// Highest number by which an organization is called already.
    pub organizations_before: i64,
    /// Highest number by which a person is called already.
    pub users_before: i64,
    /// Number of the last event.
    pub events_before: i64,
    /// Now, in microseconds.
    pub now: i64,
    /// Of the password of everybody.
    pub password_hash: String,
    /// Of the credential of an organization.
    pub token_hash: Box<dyn Fn(i64) -> Vec<u8>>,
}

impl Plan {
    /// People to make: two thirds of the memberships are somebody's first.
    pub fn users(&self) -> i64 {
        (self.organizations * 2 / 3).max(1) * self.members
    }

    /// How many rows a table gets.
    pub fn count(&self, table: &str) -> i64 {
        let every = |n: i64| (self.organizations + n - 1) / n;
        match table {
            "users" => self.users(),
            "organizations" | "projects" => self.organizations,
            "members" => self.organizations * self.members,
            "invitations" | "credentials" => every(SPARSE),
            "budgets" => every(BUDGETED),
            "events" => self.organizations + every(BUDGETED),
            _ => 0,
        }
    }

    /// A row of a table, by its number from 0.
    pub fn row(&self, table: &str, n: i64) -> Row {
        match table {
            "users" => self.user(n),
            "organizations" => self.organization(n),
            "members" => self.member(n),
            "invitations" => self.invitation(n),
            "credentials" => self.credential(n),
            "projects" => self.project(n),
            "budgets" => self.budget(n),
            "events" => self.event(n),
            _ => Row::new(),
        }
    }

    /// How an organization is called.
    pub fn organization_name(&self, n: i64) -> String {
        format!("org-{:06}", self.organizations_before + n + 1)
    }

    /// The address of a person.
    pub fn email(&self, n: i64) -> String {
        format!("user-{:06}@example.com", self.users_before + n + 1)
    }

    /// Who has a place in an organization. Nobody has two in one.
    fn user_at(&self, organization: i64, place: i64) -> i64 {
        let (slot, users) = (organization * self.members + place, self.users());
        if slot < users {
            return slot;
        }
        let [bits, _] = mix(self.seed, u64::MAX, organization);
        let first = i64::try_from(bits >> 1).unwrap_or_default() % users;
        (first + place) % users
    }

    fn id(&self, kind: Kind, n: i64) -> Cell {
        let n = match kind {
            Kind::User => n + self.users_before,
            Kind::Event => n + self.events_before,
            // By organization and place, so that it does not matter how many there were in those before.
            Kind::Member => ((self.organizations_before + n / self.members) << PLACE_BITS) + n % self.members,
            _ => n + self.organizations_before,
        };
        let [high, low] = mix(self.seed, kind as u64, n);
        // A random UUID, version 4.
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        Cell::Bytes([high.to_be_bytes(), low.to_be_bytes()].concat())
    }

    /// When an organization was made: one after the other over the last year.
    fn made_at(&self, organization: i64) -> i64 {
        let ago = 365 * DAY / self.organizations.max(1) * (self.organizations - organization);
        self.now - ago - 2 * HOUR
    }

    fn user(&self, n: i64) -> Row {
        let organization = n / self.members;
        let at = self.made_at(organization) - HOUR;
        vec![
            self.id(Kind::User, n),
            Cell::Text(self.email(n)),
            Cell::Text(format!("User {:06}", self.users_before + n + 1)),
            Cell::Integer(1),
            Cell::Text(self.password_hash.clone()),
            Cell::Integer(0),
            Cell::Integer(1),
            text(""),
            text("[]"),
            self.id(Kind::Organization, organization),
            Cell::Null,
            text(""),
            Cell::Integer(at),
            Cell::Integer(at),
            Cell::Null,
            text(""),
        ]
    }

    fn organization(&self, n: i64) -> Row {
        let (name, id) = (self.organization_name(n), self.id(Kind::Organization, n));
        let external = match &id {
            Cell::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            _ => String::new(),
        };
        let (status, message, reason) = lifecycle::first();
        let at = self.made_at(n);
        let mut row = vec![id, Cell::Text(format!("org_{external}")), Cell::Text(name.clone()), Cell::Text(name)];
        row.extend(["", "", "", "", "", ""].map(text));
        row.push(Cell::Integer(0));
        row.extend(["", "", "", "hobby"].map(text));
        row.push(Cell::Null);
        row.extend(["{}", status.as_str(), message.as_str(), reason.as_str()].map(text));
        row.push(Cell::Integer(1));
        row.extend([text("[]"), self.id(Kind::Project, n), text(""), Cell::Integer(at), Cell::Integer(at), Cell::Null]);
        row
    }

    fn member(&self, n: i64) -> Row {
        let (organization, place) = (n / self.members, n % self.members);
        vec![
            self.id(Kind::Member, n),
            self.id(Kind::Organization, organization),
            self.id(Kind::User, self.user_at(organization, place)),
            text("ACTIVE"),
            Cell::Integer(self.made_at(organization) + place),
        ]
    }

    fn invitation(&self, n: i64) -> Row {
        let organization = n * SPARSE;
        vec![
            self.id(Kind::Invitation, organization),
            self.id(Kind::Organization, organization),
            Cell::Text(format!("guest-{:06}@example.com", self.organizations_before + organization + 1)),
            text("PENDING"),
            self.id(Kind::User, self.user_at(organization, 0)),
            Cell::Integer(self.now + 7 * DAY),
            Cell::Integer(self.now - HOUR),
        ]
    }

    fn credential(&self, n: i64) -> Row {
        let organization = n * SPARSE;
        let at = self.made_at(organization) + HOUR;
        vec![
            self.id(Kind::Credential, organization),
            text("ORGANIZATION"),
            text("ci"),
            text(""),
            Cell::Bytes((self.token_hash)(self.organizations_before + organization)),
            Cell::Null,
            self.id(Kind::Organization, organization),
            Cell::Integer(at),
            Cell::Integer(at),
            Cell::Null,
        ]
    }

    fn project(&self, n: i64) -> Row {
        let at = Cell::Integer(self.made_at(n));
        let id = self.id(Kind::Project, n);
        vec![id, self.id(Kind::Organization, n), text("default"), text("default"), text(""), at.clone(), at]
    }

    fn amount_cents(n: i64) -> i64 {
        (n % 100 + 1) * 1000
    }

    fn budget(&self, n: i64) -> Row {
        let organization = n * BUDGETED;
        let at = Cell::Integer(self.made_at(organization) + HOUR);
        let mut row =
            vec![self.id(Kind::Organization, organization), Cell::Integer(Self::amount_cents(n)), at.clone(), at];
        row.extend(["alert", "[80,100]", "[]"].map(text));
        row
    }

    /// Of a group of organizations: the first is created and gets a budget,
    /// then the others are created.
    fn event(&self, n: i64) -> Row {
        let (group, place) = (n / GROUP, n % GROUP);
        let (organization, is_budget) = match place {
            0 => (group * BUDGETED, false),
            1 => (group * BUDGETED, true),
            _ => (group * BUDGETED + place - 1, false),
        };
        let user = self.user_at(organization, 0);
        let name = self.organization_name(organization);
        let (verb, metadata, later) = match is_budget {
            true => {
                let amount = Self::amount_cents(group) / 100;
                let metadata =
                    format!(r#"{{"event":"create_budget","organization_name":"{name}","budget_amount":"{amount}"}}"#);
                ("updated", metadata, HOUR)
            }
            false => ("created", "{}".to_owned(), 0),
        };
        vec![
            Cell::Integer(self.events_before + n + 1),
            self.id(Kind::Event, n),
            self.id(Kind::Organization, organization),
            Cell::Integer(if is_budget { 2 } else { 1 }),
            text("user"),
            self.id(Kind::User, user),
            Cell::Text(format!("User {:06}", self.users_before + user + 1)),
            text("organization"),
            self.id(Kind::Organization, organization),
            Cell::Text(name),
            text(verb),
            Cell::Text(metadata),
            Cell::Integer(self.made_at(organization) + later),
        ]
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Bits that look random: fit for trials, and for no secret.
pub(super) fn mix(seed: u64, kind: u64, n: i64) -> [u64; 2] {
    let start = scramble(scramble(seed).wrapping_add(kind)).wrapping_add(n.cast_unsigned());
    [scramble(start), scramble(start ^ 0x5851_f42d_4c95_7f2d)]
}

/// The last step of SplitMix64.
fn scramble(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Randomness that is a function of the seed and a number.
pub(super) fn random(seed: u64, n: i64) -> Random {
    let calls = std::sync::atomic::AtomicI64::new(0);
    Random(Arc::new(move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let [own, _] = mix(seed, 1 << 32, n);
            let [bits, _] = mix(own, 1 << 33, call);
            chunk.iter_mut().zip(bits.to_be_bytes()).for_each(|(to, from)| *to = from);
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use polity_store::Kind;
    use polity_store::copy::TABLES;

    use super::*;

    fn plan(seed: u64, organizations: i64, members: i64) -> Plan {
        Plan {
            seed,
            organizations,
            members,
            organizations_before: 0,
            users_before: 0,
            events_before: 0,
            now: 1_800_000_000_000_000,
            password_hash: "hash".into(),
            token_hash: Box::new(|n| n.to_be_bytes().repeat(4)),
        }
    }

    #[test]
    fn every_row_fits_its_table() {
        let plan = plan(1, 50, 3);
        for table in TABLES {
            for n in 0..plan.count(table.name) {
                let row = plan.row(table.name, n);
                assert_eq!(row.len(), table.columns.len(), "{}", table.name);
                for (column, cell) in table.columns.iter().zip(&row) {
                    let fits = match (cell, column.holds) {
                        (Cell::Null, _) => column.nullable,
                        (Cell::Bytes(bytes), Kind::Uuid) => bytes.len() == 16,
                        (Cell::Bytes(_), Kind::Bytes) | (Cell::Text(_), Kind::Text) => true,
                        (Cell::Integer(_), Kind::Integer | Kind::Time) | (Cell::Integer(0 | 1), Kind::Boolean) => true,
                        _ => false,
                    };
                    assert!(fits, "{}.{} holds {cell:?}", table.name, column.name);
                }
            }
        }
    }

    #[test]
    fn nobody_is_twice_in_an_organization_and_nobody_is_in_none() {
        for (organizations, members) in [(1, 1), (1, 5), (2, 3), (100, 3), (99, 7)] {
            let plan = plan(7, organizations, members);
            let places = (0..organizations).flat_map(|o| (0..members).map(move |place| (o, place)));
            let pairs: BTreeSet<_> = places.map(|(o, place)| (o, plan.user_at(o, place))).collect();
            assert_eq!(pairs.len() as i64, organizations * members);
            let people: BTreeSet<_> = pairs.iter().map(|(_, user)| *user).collect();
            assert_eq!(people, (0..plan.users()).collect(), "{organizations} organizations of {members}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_rows_and_another_one_others() {
        let all = |plan: &Plan| (0..plan.count("members")).map(|n| plan.row("members", n)).collect::<Vec<_>>();
        assert_eq!(all(&plan(1, 10, 2)), all(&plan(1, 10, 2)));
        assert_ne!(all(&plan(1, 10, 2)), all(&plan(2, 10, 2)));
        let (first, more) = (plan(1, 10, 2), Plan { organizations_before: 10, users_before: 12, ..plan(1, 10, 2) });
        let ids = |plan: &Plan, table: &str| {
            (0..plan.count(table)).map(|n| plan.row(table, n).remove(0)).collect::<BTreeSet<_>>()
        };
        for table in ["users", "organizations", "members", "projects", "invitations"] {
            assert!(ids(&first, table).is_disjoint(&ids(&more, table)), "{table}");
        }
    }

    #[test]
    fn the_events_of_an_organization_are_numbered_without_gaps() {
        let plan = plan(3, 11, 1);
        let mut found = std::collections::BTreeMap::<Cell, Vec<Cell>>::new();
        for n in 0..plan.count("events") {
            let row = plan.row("events", n);
            assert_eq!(row[0], Cell::Integer(n + 1));
            found.entry(row[2].clone()).or_default().push(row[3].clone());
        }
        assert_eq!(found.len(), 11);
        let two = found.values().filter(|numbers| **numbers == [Cell::Integer(1), Cell::Integer(2)]).count();
        let one = found.values().filter(|numbers| **numbers == [Cell::Integer(1)]).count();
        assert_eq!((two, one), (3, 8));
    }
}
