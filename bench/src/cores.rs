//! Which core does what: where there are two, client and server share none.

use std::ffi::OsStr;
use std::process::Command;

/// Where programs run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pinned: bool,
}

impl Cores {
    /// Server and client apart, where there are two cores and taskset is there.
    pub(crate) fn apart() -> Cores {
        let two = std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2);
        let taskset = Command::new("taskset").arg("--version").output().is_ok();
        Cores { pinned: two && taskset }
    }

    /// Nothing is pinned.
    pub(crate) fn all() -> Cores {
        Cores { pinned: false }
    }

    /// Whether client and server share no core.
    pub(crate) fn pinned(self) -> bool {
        self.pinned
    }

    /// A program on the core of the server.
    pub(crate) fn server(self, program: impl AsRef<OsStr>) -> Command {
        self.on("0", program.as_ref())
    }

    /// A program on the core of the client.
    pub(crate) fn client(self, program: impl AsRef<OsStr>) -> Command {
        self.on("1", program.as_ref())
    }

    /// taskset becomes the program, so the id of the process is that of the program.
    fn on(self, core: &str, program: &OsStr) -> Command {
        if !self.pinned {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program);
        command
    }
}
