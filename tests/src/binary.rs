//! The real binary, and running its commands.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;

use tokio::process::Command;

/// Builds the binary the way the calling test was built, once, and returns where it is.
#[must_use]
pub fn binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let status =
        std::process::Command::new(cargo).args(["build", "--quiet", "--package", "polity"]).status().expect("cargo");
    assert!(status.success(), "the binary does not build");
    // The test is <target>/debug/deps/crash-…; the binary is <target>/debug/polity.
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(2).expect("a target directory").join("polity")
}

/// How a command ended.
pub struct Ended {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it said.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ended {
    /// Checks that it worked, and was quiet about it; returns what it said.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr, "");
        self.stdout
    }

    /// Checks that it was refused for this reason, in one line.
    #[track_caller]
    pub fn refused(&self, why: &str) {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(why), "{:?} is not in {:?}", why, self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
    }
}

/// A command of the binary with nothing of the environment of the tests.
#[must_use]
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(words).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub async fn run(mut command: Command) -> Ended {
    let output = command.output().await.expect("a process");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
