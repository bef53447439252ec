//! Running the commands, and servers on either database.

use std::path::Path;

use polity_server::config::database::Database;
use polity_server::config::value::Secret;
use polity_tests::{Ended, TestServer, run};
use tokio::process::Command;

/// The command with nothing of the environment of this test.
pub fn command(words: &[&str], data_dir: &Path) -> Command {
    let mut command = polity_tests::command(words);
    command.arg("--data-dir").arg(data_dir);
    command
}

/// `polity transfer`, with more words.
pub async fn transfer(data_dir: &Path, to: &str, words: &[&str]) -> Ended {
    run(command(&[&["transfer", "--to", to], words].concat(), data_dir)).await
}

/// `polity seed`, with more words.
pub async fn seed(data_dir: &Path, words: &[&str]) -> Ended {
    run(command(&[&["seed"], words].concat(), data_dir)).await
}

/// How many rows of a table were deleted and written, as the command told it.
#[track_caller]
pub fn counts(said: &str, table: &str) -> (u64, u64) {
    let line = said.lines().find(|line| line.split_whitespace().next() == Some(table)).expect("a line of the table");
    let numbers: Vec<u64> = line.split_whitespace().skip(2).take(2).map(|word| word.parse().unwrap()).collect();
    (numbers[0], numbers[1])
}

/// A server on a data directory that stays.
pub async fn embedded(data_dir: &Path) -> TestServer {
    let data_dir = data_dir.to_owned();
    TestServer::start_with(|config| config.data_dir = data_dir).await
}

/// A server on a PostgreSQL database with the secret key of a data directory.
pub async fn moved(url: &str, data_dir: &Path) -> TestServer {
    let key = std::fs::read_to_string(data_dir.join("secret.key")).expect("a secret key").trim().to_owned();
    TestServer::start_with(|config| {
        config.database = Database::Postgres(Secret(url.to_owned()));
        config.secret_key = Some(Secret(key));
    })
    .await
}
