//! Organizations: the tenants.

use futures_util::future::try_join;
use polity_api::ids::{OrganizationId, ProjectId, UserId};
use polity_api::page::Order;
use polity_api::scalar::Timestamp;
use polity_api::types::organization::{DeactivationReason, OrganizationStatus, Plan, StatusMessage};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::engine::row::row;
use crate::engine::sql::queries;
use crate::page::{CountRow, END_OF_TIME, Filter, Page, Start, Window};
use crate::{Error, Tx};

macro_rules! columns {
    ($of:literal) => {
        concat!(
            $of,
            "id, ",
            $of,
            "external_id, ",
            $of,
            "name, ",
            $of,
            "name_key, ",
            $of,
            "address1, ",
            $of,
            "address2, ",
            $of,
            "city, ",
            $of,
            "postal_code, ",
            $of,
            "state, ",
            $of,
            "country, ",
            $of,
            "company, ",
            $of,
            "vat_number, ",
            $of,
            "billing_name, ",
            $of,
            "billing_email, ",
            $of,
            "plan, ",
            $of,
            "plan_updated_at, ",
            $of,
            "signup_qualification, ",
            $of,
            "status, ",
            $of,
            "status_message, ",
            $of,
            "deactivation_reason, ",
            $of,
            "verified, ",
            $of,
            "email_domain_allowlist, ",
            $of,
            "default_project_id, ",
            $of,
            "lock_reason, ",
            $of,
            "created_at, ",
            $of,
            "updated_at, ",
            $of,
            "spend_resumes_at"
        )
    };
}

row! {
    /// An organization.
    pub struct OrganizationRow {
        /// Identifier.
        pub id: OrganizationId,
        /// Identifier in the form of identity providers, unique.
        pub external_id: String,
        /// Name as chosen.
        pub name: String,
        /// The name that must be unique (`organizations.name_key`); none once deleted.
        pub name_key: Option<String>,
        /// Billing address, first line.
        pub address1: String,
        /// Billing address, second line.
        pub address2: String,
        /// Billing address, city.
        pub city: String,
        /// Billing address, postal code.
        pub postal_code: String,
        /// Billing address, state or province.
        pub state: String,
        /// Billing address, ISO 3166 alpha-2.
        pub country: String,
        /// Whether invoices are made out to a business.
        pub company: bool,
        /// VAT number of the business.
        pub vat_number: String,
        /// Name on invoices.
        pub billing_name: String,
        /// Where invoices go.
        pub billing_email: String,
        /// Plan.
        pub plan: Plan,
        /// Last change of plan.
        pub plan_updated_at: Option<Timestamp>,
        /// Answers given at signup, verbatim.
        pub signup_qualification: Map<String, Value>,
        /// Status; only the lifecycle table changes it.
        pub status: OrganizationStatus,
        /// Details of the status.
        pub status_message: StatusMessage,
        /// Why it is deactivated.
        pub deactivation_reason: DeactivationReason,
        /// Reviewed by the operator.
        pub verified: bool,
        /// Domains whose people may become members, lowercase; empty for any.
        pub email_domain_allowlist: Vec<String>,
        /// The project new resources go into.
        pub default_project_id: ProjectId,
        /// The operator's reason for locking it.
        pub lock_reason: String,
        /// Creation.
        pub created_at: Timestamp,
        /// Last change.
        pub updated_at: Timestamp,
        /// Set while it has spent a budget that stops it: the end of the period.
        pub spend_resumes_at: Option<Timestamp>,
    }
}

row! {
    /// An organization by its identifier alone.
    pub struct OrganizationIdRow {
        /// Identifier.
        pub id: OrganizationId,
    }
}

// A person's organizations are ordered and searched by name, which is not the membership's: each of hers is looked up,
// by an index that holds status and name, and sorted; only those of the page are read. A copy of the name with the
// membership would save that, and make renaming an organization of a hundred thousand members as many writes.
//
// Names are lowercase by the rules, so `like` finds the same whether or not an engine minds the case.
macro_rules! of_user {
    () => {
        "from members m join organizations c on c.id = m.organization_id
         where m.user_id = $1 and m.status = 'ACTIVE'
         and (case when $2 = '' then c.status not in ('DELETING', 'DELETED') else $2 like '%,' || c.status || ',%' end)
         and ($3 = '' or c.name like $3 escape '\\' or c.id between $4 and $5)"
    };
}

macro_rules! page_of_user {
    ($direction:literal) => {
        concat!(
            "select ",
            columns!("o."),
            " from organizations o where o.id in (select c.id ",
            of_user!(),
            " order by c.name",
            $direction,
            ", c.id",
            $direction,
            " limit $6 offset $7) order by o.name",
            $direction,
            ", o.id",
            $direction
        )
    };
}

// Walks entries that hold status and name, from a key on, until there are enough. A search for what is rare goes a
// long way, in the worst case through the entries of all organizations; the time budget of its unit ends it then.
macro_rules! of_anybody {
    () => {
        "from organizations c where (c.created_at, c.id) < ($5, $6)
         and (case when $1 = '' then c.status <> 'DELETED' else $1 like '%,' || c.status || ',%' end)
         and ($2 = '' or c.name like $2 escape '\\' or c.id between $3 and $4)
         order by c.created_at desc, c.id desc"
    };
}

queries! {
    BY_ID(id: OrganizationId) => OrganizationRow =
        concat!("select ", columns!(""), " from organizations where id = $1");
    INSERT: OrganizationRow => () = concat!(
        "insert into organizations (", columns!(""), ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
         $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)"
    );
    UPDATE: OrganizationRow => () =
        "update organizations set external_id = $2, name = $3, name_key = $4, address1 = $5, address2 = $6, city = $7,
         postal_code = $8, state = $9, country = $10, company = $11, vat_number = $12, billing_name = $13,
         billing_email = $14, plan = $15, plan_updated_at = $16, signup_qualification = $17, status = $18,
         status_message = $19, deactivation_reason = $20, verified = $21, email_domain_allowlist = $22,
         default_project_id = $23, lock_reason = $24, created_at = $25, updated_at = $26, spend_resumes_at = $27
         where id = $1", touches: 0;
    SET_SPEND_RESUMES_AT(id: OrganizationId, at: Option<Timestamp>) => () =
        "update organizations set spend_resumes_at = $2 where id = $1", touches: 0;
    RESUMING(now: Timestamp, limit: i64) => OrganizationIdRow =
        "select id from organizations where spend_resumes_at <= $1 order by spend_resumes_at limit $2";
    OF_USER_ASC(user: UserId, statuses: String, search: String, from: Uuid, to: Uuid, limit: i64, offset: i64)
        => OrganizationRow = page_of_user!("");
    OF_USER_DESC(user: UserId, statuses: String, search: String, from: Uuid, to: Uuid, limit: i64, offset: i64)
        => OrganizationRow = page_of_user!(" desc");
    NEXT_OF_USER(user: UserId, statuses: String, search: String, from: Uuid, to: Uuid, offset: i64) => OrganizationIdRow =
        concat!("select c.id ", of_user!(), " limit 1 offset $6");
    COUNT_OF_USER(user: UserId) => CountRow =
        "select count(*) as count from members m join organizations c on c.id = m.organization_id
         where m.user_id = $1 and m.status = 'ACTIVE' and c.status not in ('DELETING', 'DELETED')";
    LIST(
        statuses: String, search: String, from: Uuid, to: Uuid, before: Timestamp, before_id: OrganizationId, limit: i64
    ) => OrganizationRow = concat!(
        "select ", columns!("o."), " from organizations o where o.id in (select c.id ", of_anybody!(), " limit $7)
         order by o.created_at desc, o.id desc"
    );
    SKIP(
        statuses: String, search: String, from: Uuid, to: Uuid, before: Timestamp, before_id: OrganizationId, offset: i64
    ) => OrganizationKey = concat!("select c.created_at, c.id ", of_anybody!(), " limit 1 offset $7");
    COUNT_BY_STATUS() => StatusCountRow =
        "select status, count(*) as count from organizations where status <> 'ACTIVE' group by status
         union all
         select 'ACTIVE' as status, (select count(*) from organizations)
             - (select count(*) from organizations where status <> 'ACTIVE') as count";
}

row! {
    /// Where an organization is in the list of all.
    pub struct OrganizationKey {
        /// Its creation.
        pub created_at: Timestamp,
        /// Its identifier.
        pub id: OrganizationId,
    }
}

row! {
    /// How many organizations have a status.
    pub struct StatusCountRow {
        /// The status.
        pub status: OrganizationStatus,
        /// How many.
        pub count: i64,
    }
}

/// Stops the spend of an organization until `at`, or lets it go on.
///
/// # Errors
/// What the engine refused.
pub async fn set_spend_resumes_at(tx: &Tx<'_>, id: OrganizationId, at: Option<Timestamp>) -> Result<(), Error> {
    tx.send(&SET_SPEND_RESUMES_AT, (id, at)).await
}

/// Organizations that were stopped in a period that is over.
///
/// # Errors
/// What the engine refused.
pub async fn resuming(tx: &Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<OrganizationId>, Error> {
    Ok(tx.all(&RESUMING, (now, limit)).await?.into_iter().map(|row| row.id).collect())
}

/// The organization with this id, whatever its status.
///
/// # Errors
/// What the engine refused.
pub async fn by_id(tx: &Tx<'_>, id: OrganizationId) -> Result<Option<OrganizationRow>, Error> {
    tx.optional(&BY_ID, (id,)).await
}

/// Adds an organization.
///
/// # Errors
/// [`Error::Unique`] on `organizations.name_key`.
pub async fn insert(tx: &Tx<'_>, row: &OrganizationRow) -> Result<(), Error> {
    tx.execute(&INSERT, row).await.map(drop)
}

/// Writes every column of an organization.
///
/// # Errors
/// [`Error::Unique`] on `organizations.name_key`.
pub async fn update(tx: &Tx<'_>, row: &OrganizationRow) -> Result<(), Error> {
    tx.execute(&UPDATE, row).await.map(drop)
}

/// Organizations a person is an active member of, by name. Without statuses,
/// those that are being deleted or are deleted are left out.
///
/// # Errors
/// What the engine refused.
pub async fn of_user(
    tx: &Tx<'_>,
    user: UserId,
    statuses: &Filter,
    search: &Search,
    order: Order,
    window: Window,
) -> Result<Page<OrganizationRow>, Error> {
    let query = match order {
        Order::Asc => &OF_USER_ASC,
        Order::Desc => &OF_USER_DESC,
    };
    let Search { pattern, from, to } = search.clone();
    let rows = tx.all(query, (user, statuses.text(), pattern.clone(), from, to, window.limit, window.offset));
    let next = tx.optional(&NEXT_OF_USER, (user, statuses.text(), pattern, from, to, window.offset + window.limit));
    let (rows, next) = try_join(rows, next).await?;
    Ok((rows, next.is_some()))
}

/// How many organizations a person is an active member of, not counting deleted ones.
///
/// # Errors
/// What the engine refused.
pub async fn count_of_user(tx: &Tx<'_>, user: UserId) -> Result<i64, Error> {
    Ok(tx.optional(&COUNT_OF_USER, (user,)).await?.map_or(0, |row| row.count))
}

/// All organizations, newest first: for the operator. Without statuses, deleted
/// ones are left out.
///
/// # Errors
/// What the engine refused.
pub async fn list(
    tx: &Tx<'_>,
    statuses: &Filter,
    search: &Search,
    start: Start<OrganizationKey>,
    limit: i64,
) -> Result<Page<OrganizationRow>, Error> {
    let Search { pattern, from, to } = search.clone();
    let end = OrganizationKey { created_at: END_OF_TIME, id: OrganizationId(Uuid::max()) };
    let before = match start {
        Start::First => Some(end),
        Start::After(key) => Some(key),
        Start::Skip(count) => {
            let args = (statuses.text(), pattern.clone(), from, to, end.created_at, end.id, count - 1);
            tx.optional(&SKIP, args).await?
        }
    };
    let Some(OrganizationKey { created_at, id }) = before else { return Ok(Page::default()) };
    let rows = tx.all(&LIST, (statuses.text(), pattern.clone(), from, to, created_at, id, limit));
    let next = tx.optional(&SKIP, (statuses.text(), pattern, from, to, created_at, id, limit));
    let (rows, next) = try_join(rows, next).await?;
    Ok((rows, next.is_some()))
}

/// How many organizations there are in each status.
///
/// # Errors
/// What the engine refused.
pub async fn count_by_status(tx: &Tx<'_>) -> Result<Vec<StatusCountRow>, Error> {
    tx.all(&COUNT_BY_STATUS, ()).await
}

/// A search over names (anywhere in the name) and ids (their beginning).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    pattern: String,
    // The ids that begin with the text; only the one that no organization has where it is no beginning of an id.
    from: Uuid,
    to: Uuid,
}

impl Search {
    /// The search for `text`; an empty text matches everything.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return Search::default();
        }
        let pattern = crate::page::contains(&text);
        let (from, to) = id_range(&text).unwrap_or((Uuid::max(), Uuid::nil()));
        Search { pattern, from, to }
    }
}

/// The smallest and the largest id that begin with `text`: hexadecimal digits,
/// with the dashes where an id has them or without any.
fn id_range(text: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if !(1..=32).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let bound = |fill: &str| {
        u128::from_str_radix(&format!("{digits}{}", fill.repeat(32 - digits.len())), 16).ok().map(Uuid::from_u128)
    };
    let (from, to) = (bound("0")?, bound("f")?);
    let dashed = from.to_string().starts_with(text);
    (dashed || digits == text).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_search_are_taken_literally() {
        assert_eq!(Search::new(" A_b% ").pattern, "%a\\_b\\%%");
        assert_eq!(Search::new("  "), Search::default());
    }

    #[test]
    fn the_beginning_of_an_id_is_a_range() {
        for text in ["0b7dff01-2", "0b7dff012"] {
            let (from, to) = id_range(text).map(|(from, to)| (from.into_bytes(), to.into_bytes())).unwrap();
            assert_eq!((&from[..4], &to[..4]), (&[0x0b, 0x7d, 0xff, 0x01][..], &[0x0b, 0x7d, 0xff, 0x01][..]));
            assert_eq!((from[4], to[4], to[15]), (0x20, 0x2f, 0xff));
        }
    }

    #[test]
    fn what_merely_looks_like_digits_of_an_id_is_a_name() {
        for text in ["acme", "-d", "0b7d-ff01", "-0b7dff01", "0b7dff0-1", "-", "0b7dff01-2345--6789"] {
            assert_eq!(id_range(text), None, "{text}");
        }
    }
}
