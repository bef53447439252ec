//! The shell between a test and its `postgres`, which sees to it that nothing
//! is left when the test process ends, in whatever way.
//!
//! It reads commands from a pipe that only the test process holds. When the
//! pipe ends, it ends the server and removes the directory.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use super::user::User;

/// How to end a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// As a crash would: nothing is written, the next start recovers.
    Immediate,
    /// Transactions are rolled back, and everything is written.
    Fast,
}

/// What became of an attempt to start a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Started {
    /// It accepts connections.
    Ready,
    /// Another program has the port.
    PortTaken,
}

/// `sleep` is there for its side effect too: a shell notices the end of a child in the background while it waits
/// for another, and until then the child counts as running.
const SCRIPT: &str = r#"
postgres=$1 directory=$2 server=
while read -r word argument; do
    case $word in
    start)
        "$postgres" -D "$directory/data" -c port="$argument" </dev/null >>"$directory/log" 2>&1 &
        server=$!
        echo "$server" ;;
    look)
        sleep 0.02
        if kill -0 "$server" 2>/dev/null; then echo running; else echo ended; fi ;;
    stop)
        if [ -n "$server" ]; then
            kill -"$argument" "$server" 2>/dev/null
            wait "$server"
        fi
        server=
        echo ended ;;
    esac
done
if [ -n "$server" ]; then
    kill -QUIT "$server"
    wait "$server"
fi
rm -rf "$directory"
"#;

/// A process group of the shell's own.
const OWN_GROUP: i32 = 0;

/// How long a server may take to start: it may have to recover on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A shell that waits for commands, and at most one server below it.
pub struct Watchdog {
    shell: Option<Child>,
    /// Taken when the watchdog is dropped, which ends it.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.commands.take());
        // The test goes on at once; without the wait, a long test process would collect dead shells.
        if let Some(mut shell) = self.shell.take() {
            std::thread::spawn(move || shell.wait());
        }
    }
}

impl Watchdog {
    /// A watchdog that owns a directory from now on.
    pub fn start(programs: &Path, directory: &Path, user: User) -> Watchdog {
        let mut command = user.command("sh");
        command.args(["-c", SCRIPT, "watchdog"]).arg(programs.join("postgres")).arg(directory);
        // An interrupt from the terminal is for the test; what follows from it is noticed by the pipe.
        command.process_group(OWN_GROUP);
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn().expect("a shell");
        let commands = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("a pipe"));
        Watchdog { shell: Some(shell), commands, answers, directory: directory.to_owned() }
    }

    /// Starts the server and waits until it accepts connections.
    pub fn start_server(&mut self, port: u16) -> Started {
        let log_before = self.log().len();
        let pid = self.ask(&format!("start {port}"));
        let since = Instant::now();
        loop {
            if is_ready(&self.directory, &pid) {
                return Started::Ready;
            }
            if self.ask("look") == "ended" {
                let log = self.log().split_off(log_before);
                if log.contains("Address already in use") {
                    return Started::PortTaken;
                }
                panic!("postgres does not start:\n{log}");
            }
            assert!(since.elapsed() < START_LIMIT, "postgres is not ready:\n{}", self.log());
        }
    }

    /// Ends the server and waits for it.
    pub fn stop_server(&mut self, how: Stop) {
        let signal = match how {
            Stop::Immediate => "QUIT",
            Stop::Fast => "INT",
        };
        self.ask(&format!("stop {signal}"));
    }

    /// What the server wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join("log")).unwrap_or_default()).into_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.commands.as_mut().expect("a pipe"), "{command}").expect("the watchdog listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the watchdog answers");
        answer.trim().to_owned()
    }
}

/// Whether the server of this process id accepts connections. It says so in the file that locks its directory,
/// which a crash may have left behind with another id.
fn is_ready(directory: &Path, pid: &str) -> bool {
    let lock = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
    let mut lines = lock.lines();
    lines.next() == Some(pid) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}
