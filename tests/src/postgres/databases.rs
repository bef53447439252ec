//! A database for each test, copied from a template that is prepared once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::OnceCell;
use tokio_postgres::Client;

use super::{Cluster, Keeper, connect};

/// What a cluster remembers of its databases.
#[derive(Default)]
pub struct Databases {
    made: AtomicU32,
    templates: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

/// A database that is ready to be copied.
#[derive(Clone)]
pub struct Template<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Template<'_> {
    /// A fresh copy.
    pub async fn database(&self) -> Database {
        let cluster = self.cluster;
        let name = format!("t_{}", cluster.databases.made.fetch_add(1, Ordering::Relaxed));
        // Copying files is twice as fast as writing all pages to the log, and it leaves the log short.
        let create = format!("create database {name} template {} strategy file_copy", self.name);
        cluster.keeper().run(vec![create]).await;
        Database { url: cluster.url(&name), name, keeper: cluster.keeper().clone() }
    }
}

/// A database of a test's own. It is dropped in the background, along with connections that are still open.
pub struct Database {
    name: String,
    url: String,
    keeper: Keeper,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.keeper.drop_later(std::mem::take(&mut self.name));
    }
}

impl Database {
    /// Its name, such as `t_3`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, such as `postgres://polity@127.0.0.1:5433/t_3`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same by way of another address, such as that of a proxy.
    #[must_use]
    pub fn url_at(&self, address: std::net::SocketAddr) -> String {
        super::url(address, &self.name)
    }

    /// A connection to it, run by the runtime of the caller.
    pub async fn client(&self) -> Client {
        connect(&self.url).await
    }
}

impl Cluster {
    /// A fresh database with nothing in it.
    pub async fn database(&self) -> Database {
        Template { cluster: self, name: "template0".into() }.database().await
    }

    /// The template of this name, prepared by the first caller: `prepare` gets the URL of an empty database. The
    /// name consists of lower-case letters, digits and `_`.
    pub async fn template(&self, name: &str, prepare: impl AsyncFnOnce(String)) -> Template<'_> {
        let prepared = {
            let mut templates = self.databases.templates.lock().expect("a lock");
            Arc::clone(templates.entry(name.to_owned()).or_default())
        };
        let name = format!("template_{name}");
        prepared
            .get_or_init(async || {
                // A caller whose preparation failed may have left one.
                let drop = format!("drop database if exists {name} with (force)");
                self.keeper().run(vec![drop, format!("create database {name} template template0")]).await;
                prepare(self.url(&name)).await;
                // One cannot be copied while someone is connected.
                let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
                self.keeper().run(vec![format!("alter database {name} allow_connections false"), end]).await;
            })
            .await;
        Template { cluster: self, name }
    }
}
