//! Floors: servers that do the work of one of Polity's operations and nothing
//! else, so that what Polity costs can be given as a ratio to them.
//!
//! Each is axum on one thread, built with the same profile as Polity. None of
//! them checks more than that the body is JSON, decides by a policy, limits
//! rates or counts metrics.

mod durable;
mod known;
mod login;
mod members;
mod organization;
mod sign;
mod sqlite;
mod writer;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use axum::Router;
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

/// Which floor to serve.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Serialise a reply, and look at nothing.
    Json,
    /// Find the token in memory, and serialise what it is of.
    Token,
    /// Read the row of the token and the rows it leads to from SQLite.
    Rows,
    /// Find the token in memory, and write durably.
    Durable,
    /// Find the token in memory, sign another, and store its hash durably.
    Sign,
    /// Verify a password with Argon2id, and sign and store a token.
    Login,
}

/// A floor of a benchmark.
#[derive(Parser)]
#[command(name = "polity-floor", about = "The least that an operation of Polity can cost")]
struct Args {
    /// What it does
    kind: Kind,
    /// Address and port to listen on; port 0 takes a free one, and the address is printed
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// File of the tokens: on each line a token, a tab and the id of its organization
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// Directory of the database
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Organizations in the database of `rows`, at least those of the tokens
    #[arg(long, default_value_t = 0)]
    organizations: u64,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let app = app(args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen).await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        let mut asked = signal(SignalKind::terminate())?;
        // It ends as Polity does, by itself: a build that counts writes its counts at the end of a process.
        tokio::select! {
            served = axum::serve(NoDelay(listener), app) => served.context("the listener failed"),
            _ = asked.recv() => Ok(()),
        }
    })
}

fn app(args: &Args) -> Result<Router> {
    let tokens = || known::read(args.tokens.as_deref().context("--tokens is missing")?);
    let directory = || args.directory.as_deref().context("--directory is missing");
    match args.kind {
        Kind::Json => Ok(organization::without_token()),
        Kind::Token => Ok(known::router(tokens()?)),
        Kind::Rows => sqlite::router(directory()?, &tokens()?, args.organizations),
        Kind::Durable => durable::router(directory()?, tokens()?),
        Kind::Sign => sign::router(directory()?, tokens()?),
        Kind::Login => login::router(directory()?),
    }
}

/// Connections that send at once, as those of Polity do.
struct NoDelay(tokio::net::TcpListener);

impl axum::serve::Listener for NoDelay {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((stream, address)) = self.0.accept().await
                && stream.set_nodelay(true).is_ok()
            {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
