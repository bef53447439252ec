//! Running the commands, and a server with something in it.

use std::path::{Path, PathBuf};

use polity_tests::{Ended, Organization, TestServer, run};
use tempfile::TempDir;
use tokio::process::Command;

/// The command with nothing of the environment of this test.
pub fn command(words: &[&str], paths: &[(&str, &Path)]) -> Command {
    let mut command = polity_tests::command(words);
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    command
}

/// `polity backup`, with more words.
pub async fn backup(data_dir: &Path, to: &Path, words: &[&str]) -> Ended {
    run(command(&[&["backup"], words].concat(), &[("--data-dir", data_dir), ("--to", to)])).await
}

/// `polity restore`.
pub async fn restore(from: &Path, data_dir: &Path) -> Ended {
    run(command(&["restore"], &[("--from", from), ("--data-dir", data_dir)])).await
}

/// `polity restore --verify-only`.
pub async fn verify(from: &Path) -> Ended {
    run(command(&["restore", "--verify-only"], &[("--from", from)])).await
}

/// A server on a data directory that is there.
pub async fn server_on(data_dir: &Path) -> TestServer {
    let data_dir = data_dir.to_owned();
    TestServer::start_with(|config| config.data_dir = data_dir).await
}

/// A directory with a backup in it of a server with an organization.
pub struct Taken {
    pub directory: TempDir,
    pub server: TestServer,
    pub organization: Organization,
    pub credential: String,
}

impl Taken {
    pub async fn new(words: &[&str]) -> Taken {
        let server = TestServer::start().await;
        let ann = server.person("ann").await;
        let organization = ann.organization("acme").await;
        let (_, credential) = ann.credential(&organization, "ORGANIZATION").await;
        let directory = tempfile::tempdir().expect("a directory");
        let taken = Taken { directory, server, organization, credential };
        backup(&taken.server.data_dir(), &taken.backup(), words).await.ok();
        taken
    }

    pub fn backup(&self) -> PathBuf {
        self.path("backup")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Checks that the organization can be read with its credential.
    pub async fn check_credential(&self, server: &TestServer) {
        let path = format!("/v1/organizations/{}", self.organization.id);
        let read = server.call("GET", &path).token(&self.credential).send().await.ok();
        assert_eq!(read["organization"]["name"], "acme");
    }
}
