//! A terminal with a home of its own, and a transcript of what happened in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use polity_tests::{PASSWORD, TestServer};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

/// Runs commands, one after the other.
pub struct Terminal {
    url: String,
    binary: PathBuf,
    home: TempDir,
    transcript: String,
    variables: Vec<(&'static str, String)>,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that goes on; it is killed when this is dropped.
pub struct Started {
    lines: Lines<BufReader<ChildStdout>>,
    complaints: Lines<BufReader<ChildStderr>>,
    child: Child,
}

impl Started {
    /// The next line it prints.
    pub async fn line(&mut self) -> String {
        self.lines.next_line().await.expect("an output").expect("a line")
    }

    /// The next line it complains of, or tells beside its output.
    pub async fn complaint(&mut self) -> String {
        self.complaints.next_line().await.expect("an output").expect("a line")
    }

    /// Interrupts it, as Ctrl-C does, and waits for its code.
    pub async fn interrupt(&mut self) -> Option<i32> {
        self.signal("INT").await
    }

    /// Sends it the signal of this name, and waits for its code. Its input stays open meanwhile.
    pub async fn signal(&mut self, name: &str) -> Option<i32> {
        let _input = self.child.stdin.take();
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await.expect("kill");
        assert!(sent.success());
        let end = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        end.expect("an end in time").expect("an end").code()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("a process")
    }
}

impl Terminal {
    /// A terminal in which nobody is logged in, whose commands speak to `server`.
    pub fn new(server: &TestServer) -> Terminal {
        let home = tempfile::tempdir().expect("a directory");
        Terminal {
            url: server.url(),
            binary: polity_tests::binary(),
            home,
            transcript: String::new(),
            variables: Vec::new(),
        }
    }

    /// A terminal in which this person, who has proven her address, is logged in.
    pub async fn of(server: &TestServer, name: &str) -> Terminal {
        let person = server.person(name).await;
        let mut terminal = Terminal::new(server);
        terminal.enter(&format!("login --email {} --password-stdin", person.email), PASSWORD).await;
        terminal.transcript.clear();
        terminal
    }

    /// Sends its commands to another address from now on.
    pub fn at(&mut self, url: &str) {
        url.clone_into(&mut self.url);
    }

    /// A terminal of Ann, whose current organization is hers and is called `acme`.
    pub async fn inside(server: &TestServer) -> Terminal {
        let mut terminal = Terminal::of(server, "ann").await;
        terminal.read("org create acme -q").await;
        terminal.read("org switch acme -q").await;
        terminal
    }

    /// Sets a variable for the commands that follow.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Where the configuration is.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a command without a terminal and without input, and notes it.
    pub async fn run(&mut self, command: &str) -> Ended {
        self.enter(command, "").await
    }

    /// Runs a command and returns what it printed, without the end of the line.
    pub async fn read(&mut self, command: &str) -> String {
        let ended = self.quietly(command, "").await;
        assert_eq!(ended.code, 0, "{command}: {}", ended.stderr);
        ended.stdout.trim().to_owned()
    }

    /// Runs a command with this input, and notes it.
    pub async fn enter(&mut self, command: &str, input: &str) -> Ended {
        let ended = self.quietly(command, input).await;
        let out = &mut self.transcript;
        writeln!(out, "$ polity {command}").expect("text");
        out.push_str(&ended.stdout);
        for line in ended.stderr.lines() {
            writeln!(out, "2> {line}").expect("text");
        }
        if ended.code != 0 {
            writeln!(out, "exit {}", ended.code).expect("text");
        }
        out.push('\n');
        ended
    }

    /// Runs a command whose output goes to a file; returns its code and what it complained of.
    pub async fn run_into(&self, command: &str, file: std::fs::File) -> (i32, String) {
        let child = self.command(command).stdin(Stdio::null()).stdout(file).spawn().expect("a process");
        let output = child.wait_with_output().await.expect("an end");
        (output.status.code().expect("a code"), String::from_utf8(output.stderr).expect("text"))
    }

    /// Starts a command that goes on.
    pub fn start(&self, command: &str) -> Started {
        let mut child = self.command(command).spawn().expect("a process");
        let lines = BufReader::new(child.stdout.take().expect("an output")).lines();
        let complaints = BufReader::new(child.stderr.take().expect("an output")).lines();
        Started { lines, complaints, child }
    }

    fn command(&self, command: &str) -> Command {
        let mut process = Command::new(&self.binary);
        process
            .args(words(command))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home())
            .env("POLITY_URL", &self.url)
            .envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        process
    }

    async fn quietly(&self, command: &str, input: &str) -> Ended {
        let mut child = self.command(command).spawn().expect("a process");
        let mut stdin = child.stdin.take().expect("an input");
        // A command that does not read its input has closed it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = child.wait_with_output().await.expect("an end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let ended = Ended {
            code: output.status.code().expect("a code"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains('\u{1b}'), "colours in a pipe: {command}");
        ended
    }

    /// Everything noted, with what differs from run to run replaced.
    pub fn transcript(&self) -> String {
        let text = self.transcript.replace(&self.url, "http://polity.test");
        let text = text.replace(&self.home().display().to_string(), "~");
        let mut ids = BTreeMap::new();
        let mut out = String::new();
        for line in text.lines() {
            // How much of the period is over decides it.
            if line.starts_with("projected  ") && !line.ends_with(" 0.00") {
                out.push_str("projected  <amount>\n");
                continue;
            }
            if line.starts_with("milliseconds  ") {
                out.push_str("milliseconds  <number>\n");
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            out.push_str(&line[..indent]);
            let mut rest = &line[indent..];
            while !rest.is_empty() {
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                out.push_str(&redact(word, &mut ids));
                let gap = after.find(is_word).unwrap_or(after.len());
                let (between, after) = after.split_at(gap);
                // Columns are as wide as what was replaced: keep two spaces of their distance.
                out.push_str(if between.trim().is_empty() && between.len() > 2 { "  " } else { between });
                rest = after;
            }
            while out.ends_with(' ') {
                out.pop();
            }
            out.push('\n');
        }
        out
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '+')
}

/// Identifiers become numbers in the order of their appearance, secrets and
/// times become what they are.
fn redact(word: &str, ids: &mut BTreeMap<String, usize>) -> String {
    let is_hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let is_id =
        word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && is_hex(&word.replace('-', ""));
    let is_time = word.parse::<jiff::Timestamp>().is_ok();
    let secret = word.strip_prefix("polity_metering_").unwrap_or(word);
    let is_token = word.starts_with("eyJ") || (secret.len() == 64 && secret.chars().all(|c| c.is_ascii_alphanumeric()));
    let is_request =
        word.split_once('-').is_some_and(|(process, n)| process.len() == 16 && is_hex(process) && is_hex(n));
    let is_external = word.strip_prefix("org_").is_some_and(|rest| rest.len() == 32 && is_hex(rest));
    let is_cursor = word.len() == 49 && word.starts_with(char::is_alphabetic) && is_hex(&word[1..]);
    if is_id {
        let next = ids.len() + 1;
        format!("<id {}>", ids.entry(word.to_owned()).or_insert(next))
    } else if is_time {
        "<time>".to_owned()
    } else if is_request {
        "<request>".to_owned()
    } else if is_external {
        "org_<id>".to_owned()
    } else if is_cursor {
        "<cursor>".to_owned()
    } else if is_token {
        "<token>".to_owned()
    } else {
        word.to_owned()
    }
}

/// The words of a command; quotes keep spaces together, and make a word of nothing.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
