//! The `polity` binary: reads the command line, sets up the log, and hands
//! over to the server or to the client commands. The only place that reads the
//! clock and makes randomness.

mod log;
mod variables;

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use polity_server::backup::{self, BackupArgs, RestoreArgs};
use polity_server::config::setting;
use polity_server::github_app::{self, CheckArgs, ManifestArgs};
use polity_server::seed::{self, SeedArgs};
use polity_server::transfer::{self, TransferArgs};
use polity_server::{Config, Environment, ServeArgs, banner};

/// A request makes and frees some forty small things: this one does it for less than that of the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An organization control plane in one binary.
#[derive(Parser)]
#[command(name = "polity", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Bring the database up to date, and stop
    Migrate(ServeArgs),
    /// Take a backup of the embedded database, also while the server runs
    ///
    /// Writes a directory with the database, secret.key, operator.key and a manifest, and verifies it. Whoever has it
    /// has everything: keep it as safe as the data directory. Without the secret key no credential and no signing key
    /// of a backup can be used; with --without-keys, keep that key elsewhere. Mails in the outbox directory are not
    /// part of it. Ends with 0 once the backup is whole and on the disk, with 1 if there is none.
    Backup(BackupArgs),
    /// Restore a backup into a data directory without a database, or check one
    ///
    /// The backup is verified before it is copied, and the copy before it becomes the database. No database is ever
    /// overwritten. The next start brings an older schema up to date. Ends with 0 when the backup is whole and, unless
    /// --verify-only is given, restored; with 1 otherwise, and says what is wrong.
    Restore(RestoreArgs),
    /// Move from the embedded database to PostgreSQL, also while the server runs
    ///
    /// Copies what the source holds at the beginning into an empty database, reads both sides back, and compares the
    /// rows and a checksum of each table. Run again, it goes on where it was interrupted, and brings the target up to
    /// date with a source that has changed. The last pass is made with --final and the server stopped. A target that
    /// holds anything else, or has been served meanwhile, is refused. Ends with 0 when both sides are the same, else
    /// with 1.
    Transfer(TransferArgs),
    /// Fill a database with made-up organizations, for trials and benchmarks
    ///
    /// Writes people, organizations, memberships, projects, budgets, events, invitations and credentials past the
    /// server, which must not run on an embedded database meanwhile. The same seed makes the same identifiers, names
    /// and credentials. Everybody has the password that is printed: never fill a database that others can reach.
    Seed(SeedArgs),
    /// Print the effective configuration, secrets masked
    Config {
        /// Print the table of all settings instead
        #[arg(long, conflicts_with = "defaults")]
        markdown: bool,
        /// Print the commented file of defaults instead
        #[arg(long)]
        defaults: bool,
        #[command(flatten)]
        args: ServeArgs,
    },
    #[command(flatten)]
    Client(polity_cli::Command),
}

// The commands of `polity github` that need the configuration of a server, and are no clients of one. Not a doc
// comment: it would become the description of the group.
#[derive(Subcommand)]
enum AppCommand {
    /// Compare the GitHub App with the configuration of the server
    ///
    /// Asks the API whether it takes the key, which name, permissions and events the App has, whether the client
    /// secret is accepted, and where webhooks are sent. Changes nothing. Ends with 0 when nothing has to be mended,
    /// else with 1, and says what.
    Check(CheckArgs),
    /// Print the manifest that GitHub makes an App of, for this server
    Manifest(ManifestArgs),
}

/// The group of commands that [`AppCommand`] belongs to.
const APP_GROUP: &str = "github";

/// The heading of the options that clients share.
const SHARED: &str = "Shared options";

/// The whole command line: both kinds of commands of a group.
fn command_line() -> clap::Command {
    let is_group = |command: &clap::Command| command.get_name() == APP_GROUP;
    Cli::command().mut_subcommands(
        |command| {
            if is_group(&command) { AppCommand::augment_subcommands(command) } else { command }
        },
    )
}

/// The same, as these words are read by it: where the options that clients share mean nothing, they are not shown.
fn as_read(words: &[OsString]) -> clap::Command {
    let mut command = command_line();
    if !words.iter().any(|word| word == APP_GROUP) {
        return command;
    }
    // Only then every command has them. It takes longer than all the rest of a start.
    command.build();
    let hide = |arg: clap::Arg| if arg.get_help_heading() == Some(SHARED) { arg.hide(true) } else { arg };
    let of_app = |command: clap::Command| {
        if AppCommand::has_subcommand(command.get_name()) { command.mut_args(hide) } else { command }
    };
    command.mut_subcommand(APP_GROUP, |group| group.mut_subcommands(of_app))
}

fn main() -> ExitCode {
    let words = polity_cli::shared_options_last(std::env::args_os().collect());
    let matches = as_read(&words).get_matches_from(&words);
    if let Some((APP_GROUP, group)) = matches.subcommand()
        && let Ok(command) = AppCommand::from_arg_matches(group)
    {
        return ended(of_app(&command));
    }
    let command = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli.command,
        Err(error) => error.exit(),
    };
    match &command {
        Command::Client(command) => polity_cli::run(command, &command_line()),
        command => ended(run(command)),
    }
}

fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polity: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn of_app(command: &AppCommand) -> Result<()> {
    match command {
        AppCommand::Check(args) => {
            let report = runtime()?.block_on(github_app::check(&load(&args.settings)?, &environment()))?;
            print(&report.to_string())?;
            report.trouble().map_or(Ok(()), |trouble| Err(anyhow::anyhow!(trouble)))
        }
        AppCommand::Manifest(args) => print(&github_app::manifest(&load(&args.settings)?, args)?),
    }
}

fn load(args: &ServeArgs) -> Result<Config> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in variables::unknown(names, command_line) {
        eprintln!("polity: {name} is set and means nothing; `polity config --markdown` lists what does");
    }
    Ok(Config::load(args, |name| std::env::var(name).ok())?)
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Serve(args) => serve(&load(args)?),
        Command::Migrate(args) => {
            let config = load(args)?;
            let (_flush, name) = (log::set_up(&config)?, config.database_name());
            print(&match runtime()?.block_on(polity_server::migrate(&config, &environment()))? {
                0 => format!("{name} is up to date"),
                1 => format!("{name}: 1 migration applied"),
                applied => format!("{name}: {applied} migrations applied"),
            })
        }
        Command::Backup(args) => {
            let done = backup::backup(&load(&args.settings)?, &environment(), args)?;
            print(&done.to_string())
        }
        Command::Restore(args) => {
            let done = backup::restore(&load(&args.settings)?, args)?;
            print(&done.to_string())
        }
        Command::Transfer(args) => {
            let config = load(&args.settings)?;
            let done = runtime()?.block_on(transfer::transfer(&config, &environment(), args, &|progress| {
                if std::io::stderr().is_terminal() {
                    eprintln!("{:<20} {} {} rows", progress.table, progress.done, progress.rows);
                }
            }))?;
            print(&done.to_string())?;
            done.difference().map_or(Ok(()), |difference| Err(anyhow::anyhow!(difference)))
        }
        Command::Seed(args) => {
            let config = load(&args.settings)?;
            let done = runtime()?.block_on(seed::seed(&config, &environment(), args, &|table, rows| {
                if std::io::stderr().is_terminal() {
                    eprintln!("{table:<20} {rows} rows");
                }
            }))?;
            print(&done.to_string())
        }
        Command::Config { markdown: true, .. } => print(setting::markdown().trim_end()),
        Command::Config { defaults: true, .. } => print(polity_server::config::DEFAULTS.trim_end()),
        Command::Config { args, .. } => print(setting::show(&load(args)?).trim_end()),
        // It says itself how it went.
        Command::Client(_) => Ok(()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

fn serve(config: &Config) -> Result<()> {
    let _flush = log::set_up(config)?;
    runtime()?.block_on(async {
        // Before the start, so that a signal during it is not lost.
        let signal = signal()?;
        let server = polity_server::start(config.clone(), environment()).await?;
        // Who cannot be told where the server is can still be served.
        if let Err(error) = print(&banner::lines(config, &server).join("\n")) {
            tracing::warn!("{error:#}");
        }
        signal.await;
        tracing::info!("stopping");
        server.stop().await;
        tracing::info!("stopped");
        Ok(())
    })
}

/// Writes to standard output. That nobody reads it is no reason to fail; that it cannot be written is one.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write"),
        _ => Ok(()),
    }
}

/// Waits for the first signal that asks to stop; listens from the call on.
#[cfg(unix)]
fn signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn signal() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn environment() -> Environment {
    Environment::new(now_micros, fill)
}

#[expect(clippy::disallowed_methods, reason = "the clock of the process comes from here")]
fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn fill(bytes: &mut [u8]) {
    if aws_lc_rs::rand::fill(bytes).is_err() {
        // Secrets that can be guessed are worse than no server.
        eprintln!("polity: the system gives no randomness");
        std::process::abort();
    }
}
