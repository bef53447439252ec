//! Makes and drops the databases of a cluster on a thread of its own, so that
//! a test waits only for what it asked for, and not at all to let go.
//!
//! Each connection is kept: opening one costs about as much as a database.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, oneshot};
use tokio_postgres::{Client, NoTls};

/// How many databases are dropped at once. A drop waits for the connections to the database to end, which takes
/// PostgreSQL a tenth of a second of doing nothing.
const DROPPERS: usize = 4;

/// Takes orders for as long as anyone holds it.
#[derive(Clone)]
pub struct Keeper {
    orders: UnboundedSender<Order>,
    drops: UnboundedSender<String>,
}

/// Statements to be run one after the other, and where to say how it went.
struct Order {
    statements: Vec<String>,
    done: oneshot::Sender<Result<(), String>>,
}

impl Keeper {
    /// A keeper for the cluster at a URL.
    pub fn start(url: String) -> Keeper {
        let (orders, ordered) = unbounded_channel();
        let (drops, dropped) = unbounded_channel();
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let dropped = Mutex::new(dropped);
                let droppers = (0..DROPPERS).map(|_| drop_databases(&url, &dropped));
                tokio::join!(run_orders(&url, ordered), futures_util::future::join_all(droppers));
            });
        };
        std::thread::Builder::new().name("databases".into()).spawn(work).expect("a thread");
        Keeper { orders, drops }
    }

    /// Runs statements, each in a transaction of its own.
    pub async fn run(&self, statements: Vec<String>) {
        let (done, answer) = oneshot::channel();
        assert!(self.orders.send(Order { statements, done }).is_ok(), "the keeper of the databases is gone");
        if let Err(error) = answer.await.expect("the keeper answers") {
            panic!("{error}");
        }
    }

    /// Drops a database some time later, whoever uses it.
    pub fn drop_later(&self, database: String) {
        // When the keeper is gone, so is the cluster.
        let _ = self.drops.send(database);
    }
}

async fn run_orders(url: &str, mut orders: UnboundedReceiver<Order>) {
    let mut session = Session::new(url);
    while let Some(Order { statements, done }) = orders.recv().await {
        let mut result = Ok(());
        for statement in &statements {
            result = session.run(statement).await;
            if result.is_err() {
                break;
            }
        }
        // A test that failed meanwhile no longer wants to know.
        let _ = done.send(result);
    }
}

async fn drop_databases(url: &str, names: &Mutex<UnboundedReceiver<String>>) {
    let mut session = Session::new(url);
    loop {
        let next = names.lock().await.recv().await;
        let Some(name) = next else { return };
        // A database that stays costs space until the cluster ends; it fails no test.
        let _ = session.run(&format!("drop database if exists {name} with (force)")).await;
    }
}

/// A connection that is made when it is needed, and again when it broke.
struct Session<'a> {
    url: &'a str,
    client: Option<Client>,
}

impl<'a> Session<'a> {
    fn new(url: &'a str) -> Self {
        Session { url, client: None }
    }

    async fn run(&mut self, statement: &str) -> Result<(), String> {
        self.client = self.client.take().filter(|client| !client.is_closed());
        if self.client.is_none() {
            let connected = tokio_postgres::connect(self.url, NoTls).await;
            let (client, connection) = connected.map_err(|error| described(statement, &error))?;
            tokio::spawn(connection);
            self.client = Some(client);
        }
        let client = self.client.as_ref().expect("a connection");
        client.batch_execute(statement).await.map_err(|error| described(statement, &error))
    }
}

fn described(statement: &str, error: &tokio_postgres::Error) -> String {
    let cause = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    format!("{statement}: {cause}")
}
