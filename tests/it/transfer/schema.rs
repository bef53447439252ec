//! What a transfer takes for granted about the schema of the target.

use std::collections::BTreeSet;

use polity_tests::Cluster;

use crate::support::{seed, transfer};

#[tokio::test]
async fn a_transfer_knows_what_only_postgresql_has() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, database) = (directory.path().join("data"), Cluster::shared().await.database().await);
    let said = seed(&data_dir, &["--organizations", "1"]).await.ok();
    assert!(said.contains("user-000001@example.com"), "{said}");
    let said = transfer(&data_dir, database.url(), &["--final"]).await.ok();
    let told: BTreeSet<String> = said.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();

    let client = database.client().await;
    let names = async |text: &str| {
        let rows = client.query(text, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let all = names("select tablename::text from pg_tables where schemaname = current_schema()").await;
    let only_there: BTreeSet<_> = all.difference(&told).cloned().collect();
    let help = "a table that only PostgreSQL has is to be made right in `remote::set_counters`";
    assert_eq!(only_there, set(&["changes", "event_counters", "schema_lock", "schema_migrations"]), "{help}");

    let referred = names("select distinct confrelid::regclass::text from pg_constraint where contype = 'f'").await;
    assert_eq!(referred, set(&["organizations"]), "a row to which others refer is parked, not deleted");
    let unique = names(
        "select distinct a.attname::text from pg_index i
         join pg_attribute a on a.attrelid = i.indrelid
             and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])
         where i.indrelid = 'organizations'::regclass and i.indisunique and a.attname <> 'id'",
    )
    .await;
    assert_eq!(unique, set(&["name_key"]), "a parked row has none of these");
    let counted = names(
        "select table_name || '.' || column_name from information_schema.columns
         where table_schema = current_schema() and (is_identity = 'YES' or column_default like 'nextval%')",
    )
    .await;
    assert_eq!(counted, set(&["changes.id", "events.seq"]), "an identity has to follow the rows");
}
