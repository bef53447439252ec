//! Every table with its columns: the one list, whatever the engine.

use crate::Kind;

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order of the schema.
    pub columns: &'static [Column],
    /// The columns of its primary key. None is a text, whose order would depend
    /// on a collation: engines agree on the order of the rows.
    pub key: &'static [&'static str],
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Kind,
    /// Whether it may be null.
    pub nullable: bool,
}

macro_rules! tables {
    ($( $table:ident ($($key:ident),+) { $( $column:ident : $holds:ident $($null:ident)? ),+ $(,)? } )+) => {
        &[ $( Table {
            name: stringify!($table),
            columns: &[ $( Column {
                name: stringify!($column),
                holds: Kind::$holds,
                nullable: tables!(@nullable $($null)?),
            } ),+ ],
            key: &[ $( stringify!($key) ),+ ],
        } ),+ ]
    };
    (@nullable) => { false };
    (@nullable null) => { true };
}

/// Every table, in an order in which what a row refers to comes before it. Not
/// among them: the list of migrations, which belongs to the engine. The key of
/// `events` is given by the database: rows put into another one carry it along,
/// and the counter behind it has to follow.
pub const TABLES: &[Table] = tables! {
    users (id) {
        id: Uuid,
        email: Text,
        name: Text,
        email_validated: Boolean,
        password_hash: Text,
        newsletter_subscribed: Boolean,
        failed_deployment_email_notification: Boolean,
        avatar_url: Text,
        flags: Text,
        last_organization_id: Uuid null,
        last_login_at: Time null,
        last_login_ip: Text,
        created_at: Time,
        updated_at: Time,
        github: Integer null,
        github_login: Text,
    }
    organizations (id) {
        id: Uuid,
        external_id: Text,
        name: Text,
        name_key: Text null,
        address1: Text,
        address2: Text,
        city: Text,
        postal_code: Text,
        state: Text,
        country: Text,
        company: Boolean,
        vat_number: Text,
        billing_name: Text,
        billing_email: Text,
        plan: Text,
        plan_updated_at: Time null,
        signup_qualification: Text,
        status: Text,
        status_message: Text,
        deactivation_reason: Text,
        verified: Boolean,
        email_domain_allowlist: Text,
        default_project_id: Uuid,
        lock_reason: Text,
        created_at: Time,
        updated_at: Time,
        spend_resumes_at: Time null,
    }
    members (id) {
        id: Uuid,
        organization_id: Uuid,
        user_id: Uuid,
        status: Text,
        joined_at: Time,
    }
    invitations (id) {
        id: Uuid,
        organization_id: Uuid,
        email: Text,
        status: Text,
        inviter_id: Uuid null,
        expires_at: Time,
        created_at: Time,
    }
    credentials (token_hash) {
        id: Uuid,
        kind: Text,
        name: Text,
        description: Text,
        token_hash: Bytes,
        user_id: Uuid null,
        organization_id: Uuid null,
        created_at: Time,
        updated_at: Time,
        expires_at: Time null,
    }
    tokens (id) {
        id: Uuid,
        kind: Text,
        user_id: Uuid null,
        organization_id: Uuid null,
        credential_id: Uuid null,
        created_at: Time,
        expires_at: Time,
        spend_limit_microcents: Integer null,
        spent_microcents: Integer,
        leased_microcents: Integer,
    }
    projects (id) {
        id: Uuid,
        organization_id: Uuid,
        name: Text,
        name_key: Text,
        description: Text,
        created_at: Time,
        updated_at: Time,
    }
    budgets (organization_id) {
        organization_id: Uuid,
        amount_cents: Integer,
        created_at: Time,
        updated_at: Time,
        enforcement: Text,
        thresholds: Text,
        forecast_thresholds: Text,
    }
    events (seq) {
        seq: Integer,
        id: Uuid,
        organization_id: Uuid null,
        organization_seq: Integer null,
        actor_kind: Text,
        actor_id: Uuid null,
        actor_name: Text,
        object_kind: Text,
        object_id: Uuid,
        object_name: Text,
        verb: Text,
        metadata: Text,
        created_at: Time,
    }
    notification_marks (organization_id, user_id) {
        organization_id: Uuid,
        user_id: Uuid,
        read_seq: Integer,
        seen_seq: Integer,
    }
    links (hash) {
        hash: Bytes,
        purpose: Text,
        user_id: Uuid null,
        organization_id: Uuid null,
        subject_id: Uuid null,
        email: Text,
        created_at: Time,
        expires_at: Time,
        used_at: Time null,
    }
    mails (id) {
        id: Uuid,
        recipient: Text,
        subject: Text,
        body: Text,
        link: Text,
        status: Text,
        attempts: Integer,
        next_attempt_at: Time,
        last_error: Text,
        created_at: Time,
    }
    jobs (id) {
        id: Uuid,
        kind: Text,
        organization_id: Uuid,
        run_at: Time,
        attempts: Integer,
        last_error: Text,
        created_at: Time,
    }
    coupons (id) {
        id: Uuid,
        code: Text,
        code_key: Text,
        name: Text,
        percent_off_basis_points: Integer,
        amount_off_cents: Integer,
        currency: Text,
        max_redemptions: Integer,
        redemptions: Integer,
        expires_at: Time null,
        created_at: Time,
    }
    redemptions (organization_id, coupon_id) {
        organization_id: Uuid,
        coupon_id: Uuid,
        redeemed_at: Time,
    }
    quota_overrides (organization_id) {
        organization_id: Uuid,
        overrides: Text,
        updated_at: Time,
    }
    signing_keys (id) {
        id: Uuid,
        public_key: Bytes,
        sealed_private_key: Bytes,
        created_at: Time,
    }
    billing_anchors (organization_id) {
        organization_id: Uuid,
        day_of_month: Integer,
        updated_at: Time,
    }
    metering_keys (id) {
        id: Uuid,
        name: Text,
        token_hash: Bytes,
        unleased_cap_microcents: Integer,
        created_at: Time,
    }
    metered_events (hash) {
        hash: Bytes,
        seen_at: Time,
    }
    metered_runs (run_id) {
        run_id: Uuid,
        state: Text,
        events: Integer,
        newest_at: Time,
    }
    metered_chunks (run_id, first_hash) {
        run_id: Uuid,
        first_hash: Bytes,
        entries: Bytes,
    }
    usage_days (organization_id, day_at, slot_id) {
        organization_id: Uuid,
        day_at: Time,
        slot_id: Uuid,
        unit: Text,
        project_id: Uuid null,
        credential_id: Uuid null,
        quantity: Integer,
        amount_microcents: Integer,
        events: Integer,
    }
    spends (organization_id, period_starts_at) {
        organization_id: Uuid,
        period_starts_at: Time,
        period_ends_at: Time,
        spent_microcents: Integer,
        leased_microcents: Integer,
        updated_at: Time,
    }
    overruns (organization_id, period_starts_at, metering_key_id) {
        organization_id: Uuid,
        period_starts_at: Time,
        metering_key_id: Uuid,
        amount_microcents: Integer,
    }
    firings (organization_id, period_starts_at, forecast, percent) {
        organization_id: Uuid,
        period_starts_at: Time,
        forecast: Boolean,
        percent: Integer,
        fired_at: Time,
    }
    leases (id) {
        id: Uuid,
        organization_id: Uuid,
        period_starts_at: Time,
        metering_key_id: Uuid,
        token_id: Uuid null,
        project_id: Uuid null,
        credential_id: Uuid null,
        amount_microcents: Integer,
        committed_microcents: Integer,
        status: Text,
        expires_at: Time,
        ended_at: Time null,
        created_at: Time,
    }
    webhooks (id) {
        id: Uuid,
        organization_id: Uuid null,
        url: Text,
        description: Text,
        event_types: Text,
        sealed_secret: Bytes,
        sealed_previous_secret: Bytes null,
        previous_ends_at: Time null,
        disabled_reason: Text,
        disabled_at: Time null,
        first_failed_at: Time null,
        created_at: Time,
        updated_at: Time,
    }
    webhook_deliveries (event_id, webhook_id) {
        event_id: Uuid,
        webhook_id: Uuid,
        lane_id: Uuid,
        lane_seq: Integer,
        event_type: Text,
        status: Text,
        attempts: Integer,
        due_at: Time,
        last_status_code: Integer,
        last_error: Text,
        last_duration_ms: Integer,
        last_attempt_at: Time null,
        created_at: Time,
    }
    webhook_lanes (lane_id, webhook_id) {
        webhook_id: Uuid,
        lane_id: Uuid,
        due_at: Time,
        leased: Boolean,
    }
    github_states (state_id) {
        state_id: Uuid,
        expires_at: Time,
    }
    github_deliveries (delivery_id) {
        delivery_id: Uuid,
        received_at: Time,
    }
    github_installations (organization_id) {
        organization_id: Uuid,
        installation: Integer,
        account: Integer,
        account_login: Text,
        account_type: Text,
        avatar_url: Text,
        html_url: Text,
        status: Text,
        installed_at: Time,
        suspended_at: Time null,
        deleted_at: Time null,
        repository_selection: Text,
        permissions: Text,
        indexing_status: Text,
        indexed_repositories: Integer,
        total_repositories: Integer,
        pass_id: Uuid null,
        next_page: Integer,
        pass_total: Integer,
        checked_at: Time null,
        due_at: Time,
        lease_ends_at: Time,
        updated_at: Time,
    }
    github_requests (organization_id, account) {
        organization_id: Uuid,
        account: Integer,
        account_login: Text,
        requester: Integer,
        user_id: Uuid,
        requested_at: Time,
    }
    github_uninstalls (organization_id, installation) {
        organization_id: Uuid,
        installation: Integer,
        due_at: Time,
        attempts: Integer,
        last_error: Text,
        requested_at: Time,
    }
    github_pages (organization_id, page) {
        organization_id: Uuid,
        page: Integer,
        etag: Text,
        total: Integer,
        has_next: Boolean,
    }
    git_repositories (organization_id, repository_id) {
        organization_id: Uuid,
        repository_id: Uuid,
        github: Integer,
        name: Text,
        name_key: Text,
        url: Text,
        description: Text,
        is_private: Boolean,
        is_disabled: Boolean,
        default_branch: Text,
        last_push_at: Time null,
        page: Integer,
        pass_id: Uuid,
        branches_due: Boolean,
        branches_etag: Text,
        branches_page: Integer,
        branches_pass_id: Uuid null,
    }
    git_branches (organization_id, branch_id) {
        organization_id: Uuid,
        branch_id: Uuid,
        repository_id: Uuid,
        name: Text,
        name_key: Text,
        is_default: Boolean,
        is_protected: Boolean,
        pass_id: Uuid,
    }
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    use super::*;
    use crate::copy::Layout;

    fn migrated() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        crate::migrate::migrate_file(&path);
        let conn = Connection::open(path).unwrap();
        (dir, conn)
    }

    #[test]
    fn the_list_is_the_migrated_schema() {
        let (_dir, conn) = migrated();
        let mut declared: Vec<Layout> = TABLES.iter().map(Layout::from).collect();
        declared.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(Layout::all_of(&conn).unwrap(), declared, "a table or column is missing from `TABLES`");
        for table in TABLES {
            for column in table.columns {
                let (kind, not_null): (String, bool) = conn
                    .query_row(
                        "select lower(type), \"notnull\" or pk from pragma_table_info(?1) where name = ?2",
                        (table.name, column.name),
                        |row| Ok((row.get(0)?, row.get(1)?)),
                    )
                    .unwrap();
                let stored = match column.holds {
                    Kind::Uuid | Kind::Bytes => "blob",
                    Kind::Text => "text",
                    Kind::Integer | Kind::Boolean | Kind::Time => "integer",
                };
                assert_eq!((kind.as_str(), !not_null), (stored, column.nullable), "{}.{}", table.name, column.name);
                let says_time = column.name.ends_with("_at");
                assert_eq!(says_time, column.holds == Kind::Time, "{}.{}", table.name, column.name);
                let says_id = column.name == "id" || column.name.ends_with("_id") && column.name != "external_id";
                assert_eq!(says_id, column.holds == Kind::Uuid, "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn what_a_row_refers_to_comes_first() {
        let (_dir, conn) = migrated();
        let mut seen = BTreeSet::new();
        for table in TABLES {
            let mut parents = conn.prepare("select \"table\" from pragma_foreign_key_list(?1)").unwrap();
            let parents = parents.query_map((table.name,), |row| row.get::<_, String>(0)).unwrap();
            for parent in parents.map(Result::unwrap) {
                assert!(seen.contains(&parent), "{} refers to {parent}, which comes later", table.name);
            }
            seen.insert(table.name.to_owned());
        }
    }

    #[test]
    fn no_key_is_a_text_or_null() {
        for table in TABLES {
            assert!(!table.key.is_empty());
            for name in table.key {
                let column = table.columns.iter().find(|column| column.name == *name).unwrap();
                assert!(column.holds != Kind::Text && !column.nullable, "{}.{name}", table.name);
            }
        }
    }
}
