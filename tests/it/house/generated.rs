//! Documents generated from the code. With `POLITY_UPDATE_DOCS` set, the tests
//! write them; `cargo xtask gen` does that.

use std::path::Path;

use polity_api::table::ALL;

fn compare(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("POLITY_UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("a document to write");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/{name} is not what the code says: run cargo xtask gen");
}

#[test]
fn the_generated_lifecycle_page_is_current() {
    compare("lifecycle.md", &polity_ops::lifecycle::as_markdown());
}

#[test]
fn the_generated_list_of_operations_is_current() {
    let mut page = String::from(
        "# Operations\n\nGenerated from the table in `crates/api/src/table.rs` by `cargo xtask gen`.\n\n\
         Who may call: *Anyone*; *Token*, any valid one; *User*, a token of a person; *Member*, a token that acts for\n\
         the organization; *Operator*; *Metering*, a metering key. Works in: *Active*, an organization in good standing; *Exists*, also while it is\n\
         deactivated; *Readable*, until it is deleted, locked included.\n",
    );
    let mut tag = "";
    for meta in ALL {
        if meta.tag != tag {
            tag = meta.tag;
            page.push_str(&format!(
                "\n## {tag}\n\n| Operation | Route | Who | Works in | Paging | Rate | What |\n|---|---|---|---|---|---|---|\n"
            ));
        }
        let what = meta.doc.lines().next().unwrap_or_default().trim();
        page.push_str(&format!(
            "| {} | `{} {}` | {:?} | {:?} | {:?} | {:?} | {what} |\n",
            meta.id, meta.method, meta.path, meta.who, meta.needs, meta.paging, meta.rate
        ));
    }
    compare("operations.md", &page);
}

/// The page is written by hand up to this line.
const CATALOGUE: &str = "<!-- Below: generated from crates/api/src/event_types.rs by cargo xtask gen. -->\n";

#[test]
fn the_generated_catalogue_of_events_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md");
    let page = std::fs::read_to_string(path).expect("a page");
    let (by_hand, _) = page.split_once(CATALOGUE).expect("the line where the generated part begins");
    compare("events.md", &format!("{by_hand}{CATALOGUE}\n{}", polity_api::event_types::markdown()));
    let schema = serde_json::to_string_pretty(&polity_api::event_types::schema()).expect("JSON");
    compare("events.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_generated_table_of_settings_is_current() {
    let page = format!(
        "# Configuration\n\nGenerated from the settings in `crates/server/src/config/setting.rs` by `cargo xtask gen`.\n\n\
         A flag of `polity serve` counts before the environment, the environment before the TOML file named by `--config`\n\
         or `POLITY_CONFIG`, the file before the default. An unknown key in the file is an error that names it; a variable\n\
         `POLITY_…` that means nothing is told at the start. `polity config` prints what is in effect, with secrets masked;\n\
         `polity config --defaults` prints a file to begin with.\n\n\
         Times are written as `30d`, `12h`, `15m` or `90s`, switches as `on` or `off`, lists with commas, or as arrays in the\n\
         file. A secret may be in a file of its own: `POLITY_…_FILE` names it, or `…_file` in the file.\n\n{}",
        polity_server::config::setting::markdown()
    );
    compare("configuration.md", &page);
}

#[test]
fn the_generated_reference_of_the_command_line_is_current() {
    let output =
        std::process::Command::new(polity_tests::binary()).args(["man", "--markdown"]).output().expect("polity");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    compare("cli.md", &String::from_utf8(output.stdout).expect("text"));
}
