//! Who runs `postgres`: it refuses to run as root, so root's tests run it as
//! nobody, in a directory that nobody can reach.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const NOBODY: u32 = 65534;

/// What has to be free in memory for a directory there: room for many databases at once.
const ROOM_KIB: u64 = 1024 * 1024;

/// The user that runs `postgres`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The one who runs the tests.
    Same,
    /// An unprivileged one, because root runs the tests.
    Nobody,
}

impl User {
    /// The user for this process.
    pub fn of_this_process() -> User {
        let probe = tempfile::tempfile().and_then(|file| file.metadata()).expect("a temporary file");
        if probe.uid() == 0 { User::Nobody } else { User::Same }
    }

    /// A program to be run by this user, with nothing in the environment that PostgreSQL would act on.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        if self == User::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Gives a file or directory to this user.
    pub fn give(self, path: &Path) {
        if self == User::Nobody {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("the ownership changes");
        }
    }

    /// An empty directory of this user, in memory if there is room: a database is made of hundreds of small
    /// files, and creating one on a busy disk takes twenty times as long.
    pub fn directory(self) -> TempDir {
        let candidates = [memory(), Some(std::env::temp_dir()), Some("/tmp".into())];
        let parent = candidates.into_iter().flatten().find(|parent| self.reaches(parent));
        let parent = parent.expect("a directory for temporary files that every user can enter");
        let directory = tempfile::Builder::new().prefix("polity-postgres-").tempdir_in(parent).expect("a directory");
        self.give(directory.path());
        directory
    }

    /// Checks that this user can run the programs.
    pub fn check(self, programs: &Path) {
        let postgres = programs.join("postgres");
        let output = self.command(&postgres).arg("--version").current_dir("/").output();
        let works = output.is_ok_and(|output| output.status.success());
        let hint = match self {
            User::Same => "",
            User::Nobody => {
                ", perhaps because root's tests run it as nobody, who cannot enter every directory: \
                 `cargo xtask test` puts it where it can be run"
            }
        };
        assert!(works, "{} cannot be run{hint}", postgres.display());
    }

    /// Whether this user can enter a directory.
    fn reaches(self, directory: &Path) -> bool {
        let Ok(directory) = directory.canonicalize() else { return false };
        let open = |part: &Path| part.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0);
        self == User::Same || directory.ancestors().all(open)
    }
}

/// The file system in memory, when it has room.
fn memory() -> Option<PathBuf> {
    let shared = PathBuf::from("/dev/shm");
    let output = Command::new("df").arg("-Pk").arg(&shared).output().ok()?;
    let table = String::from_utf8(output.stdout).ok()?;
    let free_kib: u64 = table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    (free_kib >= ROOM_KIB && tempfile::tempfile_in(&shared).is_ok()).then_some(shared)
}
