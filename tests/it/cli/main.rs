//! The command line: transcripts of the real binary against a real server,
//! held as snapshots. `INSTA_UPDATE=always cargo test --test cli` writes them
//! anew; look at what changed.

mod account;
mod destructive;
mod errors;
mod follow;
mod login;
mod names;
mod operator;
mod organizations;
mod people;
mod terminal;
mod things;
mod webhooks;

#[test]
fn no_snapshot_is_left_behind() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("it/cli");
    for file in std::fs::read_dir(here.join("snapshots")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let (module, test) = name.strip_prefix("cli__").and_then(|rest| rest.split_once("__")).expect("a snapshot");
        let code = std::fs::read_to_string(here.join(format!("{module}.rs"))).unwrap_or_default();
        assert!(code.contains(test.trim_end_matches(".snap")), "{name} belongs to no test");
    }
}
