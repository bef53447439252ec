//! The server whose work is counted: one thread answers, and time stands still.
//!
//! Its background loops wait for timers, and no timer ends, so none of them does anything while
//! others are counted. The clock of the operations goes on by a step with each look at it, and
//! randomness follows from a count: the same requests find the same rows every time.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result};
use polity_ops::Ctx;
use polity_server::seed::{SeedArgs, seed};
use polity_server::{Config, Environment, ServeArgs, start};
use tracing_subscriber::EnvFilter;

/// Organizations in the database.
const ORGANIZATIONS: i64 = 100;
/// The time at which it starts, in microseconds since 1970.
const START_MICROS: i64 = 1_700_000_000_000_000;

/// A running server, in a thread of its own until the process ends.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The context of its operations.
    pub ctx: Ctx,
}

impl Server {
    /// Fills a database in a directory and starts a server on it.
    pub fn start(directory: &std::path::Path) -> Result<Server> {
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: directory.join("data"),
            rate_limit: false,
            ..Config::default()
        };
        let filter = EnvFilter::try_new(&config.log)?;
        // As the binary logs, but to nobody.
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(io::sink).init();
        let (told, started) = mpsc::channel();
        thread::Builder::new().name("server".into()).spawn(move || match serve(config, &told) {
            Ok(()) => {}
            Err(error) => eprintln!("error: {error:#}"),
        })?;
        started.recv().context("the server did not start")
    }
}

fn serve(config: Config, started: &mpsc::Sender<Server>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        // Time that stands still is moved on while nothing else happens, except beside a blocking task.
        let _standing_still = tokio::task::spawn_blocking(wait_for_ever);
        let environment = environment();
        let args = SeedArgs {
            organizations: ORGANIZATIONS,
            members_per_organization: 3,
            seed: 1,
            add: false,
            settings: ServeArgs::default(),
        };
        seed(&config, &environment, &args, &|_, _| {}).await?;
        let server = start(config, environment).await?;
        started.send(Server { address: server.address(), ctx: server.ctx().clone() })?;
        std::future::pending::<()>().await;
        drop(server);
        Ok(())
    })
}

fn wait_for_ever() {
    loop {
        // It can return for no reason.
        thread::park();
    }
}

fn environment() -> Environment {
    let (time, count) = (AtomicI64::new(START_MICROS), AtomicU64::new(1));
    let fill = move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let number = scattered(count.fetch_add(1, Ordering::Relaxed));
            chunk.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, random)| *byte = random);
        }
    };
    Environment::new(move || time.fetch_add(1, Ordering::Relaxed), fill)
}

/// A number that tells little of the one it is made of (SplitMix64).
fn scattered(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
