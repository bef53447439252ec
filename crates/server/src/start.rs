//! Start and stop: everything is put together here, and taken apart in the
//! opposite order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use polity_api::scalar::Timestamp;
use polity_ops::feed::Feed;
use polity_ops::jobs::mail::Mailer;
use polity_ops::keys::{self, Keys, WrongKey};
use polity_ops::password::Passwords;
use polity_ops::webhooks::send::Outbound;
use polity_ops::{Clock, Ctx, Lanes, Memory, Parts, Random, Wake, jobs};
use polity_store::metered_events::Filters;
use polity_store::{Db, Measured, Options, Target};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accept::{self, stopped};
use crate::app::App;
use crate::config::Config;
use crate::data_dir::{self, DataDir};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::open_files;
use crate::service::Service;
use crate::slow;

/// How often addresses are forgotten that no rate limit holds back.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// How long the background worker may take to finish its step.
const WORKER_STOP: Duration = Duration::from_secs(10);

/// Time and randomness: only `main` and tests make them.
#[derive(Clone)]
pub struct Environment {
    /// The clock.
    pub clock: Clock,
    /// Randomness fit for secrets.
    pub random: Random,
}

impl Environment {
    /// From a function that tells the microseconds since 1970, and one that
    /// fills bytes with randomness fit for secrets.
    pub fn new(
        now_micros: impl Fn() -> i64 + Send + Sync + 'static,
        fill: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Environment {
        Environment { clock: Clock(Arc::new(move || Timestamp(now_micros()))), random: Random(Arc::new(fill)) }
    }
}

/// A running server. Dropping it ends it without waiting for what is in flight.
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    operator_key: String,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    forgetting: Option<JoinHandle<()>>,
    stop_worker: watch::Sender<bool>,
    worker: JoinHandle<()>,
    data_dir: DataDir,
}

/// Brings the schema of the database up to date, and returns how many steps
/// were applied. No server may run on the data directory of an embedded
/// database; replicas on PostgreSQL go on while it changes.
///
/// # Errors
/// When the data directory is in use, or the migration fails.
pub async fn migrate(config: &Config, environment: &Environment) -> Result<usize, Error> {
    let target = config.target();
    let _locks = match &target {
        Target::Sqlite(_) => data_dir::hold(config)?,
        Target::Postgres(_) => Vec::new(),
    };
    Ok(polity_store::migrate(&target, (environment.clock.0)()).await?)
}

/// Starts a server: when this returns, it answers.
///
/// # Errors
/// What is wrong with the configuration, the data directory, the database or
/// the address.
pub async fn start(config: Config, environment: Environment) -> Result<Server, Error> {
    let Environment { clock, random } = environment;
    open_files::raise_limit();
    let mut data_dir = DataDir::open(&config, &random)?;
    let options = config.store_options();
    let metrics = Arc::new(Metrics::new());
    let observer = metrics.clone();
    let observer = Arc::new(move |measured: Measured| {
        observer.unit(&measured);
        slow::log(&measured);
    });
    let seen = metrics.clone();
    let delays = Arc::new(move |delay| seen.revocation_delay(delay));
    let db = Db::start(&Options { observer, delays, ..options }, clock.0()).await?;

    let unusable = |cause| Error::Io { what: format!("cannot listen on {}", config.listen), cause };
    let listener = TcpListener::bind(config.listen).await.map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;

    // One core is left to everything else, however many log in.
    let hashing = std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1);
    let ctx = Ctx::new(Parts {
        db,
        keys: Keys::new(&data_dir.secret_key, &data_dir.operator_key)?,
        passwords: Passwords::new(hashing, random.clone())?,
        settings: config.settings(address),
        memory: Memory::new(config.memory_bytes),
        outbound: Outbound::new(&config.webhook_allow_networks),
        github: config.github.app(clock.clone())?,
        wake: Wake::default(),
        appended: Wake::default(),
        lanes: Lanes::default(),
        feed: Feed::default(),
        filters: Filters::default(),
        clock,
        random,
    });
    let is_used = data_dir.has_new_secret_key() && keys::exist(&ctx).await?;
    data_dir.keep_keys(is_used)?;
    keys::rotate(&ctx).await.map_err(|error| {
        match error.cause.as_ref().is_some_and(|cause| cause.is::<WrongKey>()) {
            true => data_dir.wrong_secret_key(),
            false => error.into(),
        }
    })?;
    let mailer = match (&config.smtp_url, &config.mail_from) {
        (Some(url), Some(from)) => Mailer::smtp(&url.0, from)?,
        _ => Mailer::outbox(config.data_dir.join("outbox"))?,
    };

    let app = Arc::new(App::new(&config, ctx.clone(), metrics));
    let service = Service::new(&app, &config)?;
    let (stop, stop_accepting) = watch::channel(false);
    let (stop_worker, worker_stopped) = watch::channel(false);
    Ok(Server {
        forgetting: app.limits.is_some().then(|| tokio::spawn(forget(app.clone(), stopped(stop_accepting.clone())))),
        accepting: tokio::spawn(accept::serve(listener, service, stop_accepting)),
        worker: tokio::spawn(jobs::run(ctx, mailer, stopped(worker_stopped))),
        operator_key: data_dir.operator_key.clone(),
        app,
        address,
        stop,
        stop_worker,
        data_dir,
    })
}

async fn forget(app: Arc<App>, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    while tokio::time::timeout(FORGET_EVERY, &mut stop).await.is_err() {
        if let Some(limits) = &app.limits {
            limits.forget_idle();
        }
    }
}

impl Server {
    /// The address it listens on, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where this machine reaches it, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The context of its operations.
    #[must_use]
    pub fn ctx(&self) -> &Ctx {
        &self.app.ctx
    }

    /// The operator's key.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// Stops: takes no more connections, finishes the requests in flight and
    /// the step of the background worker, and closes the database last.
    pub async fn stop(self) {
        self.app.stopping.store(true, Ordering::Relaxed);
        self.app.ctx.feed.close();
        self.stop.send_replace(true);
        finished("the accept loop", self.accepting.await);
        if let Some(forgetting) = self.forgetting {
            finished("the forgetting of addresses", forgetting.await);
        }
        self.stop_worker.send_replace(true);
        let mut worker = self.worker;
        match tokio::time::timeout(WORKER_STOP, &mut worker).await {
            Ok(done) => finished("the background worker", done),
            Err(_) => {
                tracing::warn!("the background worker did not finish its step and is stopped");
                worker.abort();
                let _ = worker.await;
            }
        }
        // The last handle closes the database, which waits for its threads.
        let app = self.app;
        finished("the database", tokio::task::spawn_blocking(move || drop(app)).await);
        drop(self.data_dir);
    }
}

fn finished(what: &str, done: Result<(), tokio::task::JoinError>) {
    if let Err(error) = done {
        tracing::error!(%error, "{what} ended badly");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::sync::atomic::AtomicU64;

    pub(crate) fn config(dir: &tempfile::TempDir) -> Config {
        Config { listen: "127.0.0.1:0".parse().unwrap(), data_dir: dir.path().join("data"), ..Config::default() }
    }

    pub(crate) async fn server(config: Config) -> Server {
        let next = AtomicU64::new(1);
        let fill = move |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(8) {
                let random = next.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
                chunk.copy_from_slice(&random[..chunk.len()]);
            }
        };
        start(config, Environment::new(|| 1_700_000_000_000_000, fill)).await.unwrap()
    }

    impl Server {
        pub(crate) fn app(&self) -> &Arc<App> {
            &self.app
        }
    }

    async fn ask(address: SocketAddr, head: &'static str) -> String {
        let talk = move || {
            let mut stream = std::net::TcpStream::connect(address)?;
            write!(stream, "{head}\r\nhost: x\r\nconnection: close\r\n\r\n")?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply)?;
            Ok::<_, std::io::Error>(reply)
        };
        tokio::task::spawn_blocking(talk).await.unwrap().unwrap_or_default()
    }

    #[tokio::test]
    async fn a_server_starts_answers_stops_and_starts_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut keys = Vec::new();
        for _ in 0..2 {
            let server = server(config(&dir)).await;
            let address = server.address();
            assert_eq!(server.url(), format!("http://{address}"));
            assert!(ask(address, "GET /readyz HTTP/1.1").await.starts_with("HTTP/1.1 200"));
            for head in ["GET /v1/nothing HTTP/1.1", "PATCH /v1/account/login HTTP/1.1", "BREW /v1/apps HTTP/1.1"] {
                let reply = ask(address, head).await;
                assert!(reply.starts_with("HTTP/1.1 404") && reply.contains(r#""code":"not_found""#), "{reply}");
            }
            assert!(ask(address, "GET //v1/test/anon/ HTTP/1.1").await.ends_with("{}"));
            assert!(ask(address, "GET /v1/apps HTTP/1.1").await.contains("authentication_error"));
            keys.push(server.operator_key().to_owned());
            server.stop().await;
            assert_eq!(ask(address, "GET /readyz HTTP/1.1").await, "", "nobody listens");
        }
        assert_eq!(keys[0], keys[1]);
    }

    #[tokio::test]
    async fn every_plain_route_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(config(&dir)).await;
        for route in crate::routes::PLAIN_ROUTES {
            let head: &'static str = format!("{} {} HTTP/1.1\r\ncontent-length: 0", route.method, route.path).leak();
            let reply = ask(server.address(), head).await;
            let expected = match route.path {
                _ if route.who == polity_api::operation::Who::Platform => "401",
                "/webhooks/github" => "400",
                _ => "200",
            };
            assert!(reply.starts_with(&format!("HTTP/1.1 {expected}")), "{head}: {reply}");
        }
        server.stop().await;
    }
}
