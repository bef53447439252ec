//! What is measured: Polity on a copy of a filled database, started again when its memory is to be empty.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cores::Cores;
use crate::seeded::Seeded;
use crate::server::{Server, Setting};

/// Polity on a database.
pub(crate) struct Subject<'a> {
    polity: &'a Path,
    seeded: &'a Seeded,
    cores: Cores,
    server: Option<Server>,
}

impl<'a> Subject<'a> {
    /// Polity, not started yet.
    pub(crate) fn new(polity: &'a Path, seeded: &'a Seeded, cores: Cores) -> Subject<'a> {
        Subject { polity, seeded, cores, server: None }
    }

    /// Starts Polity anew, with nothing in its memory.
    pub(crate) fn restart(&mut self) -> Result<&Server> {
        self.start(true)
    }

    /// Starts Polity so that it remembers nothing.
    pub(crate) fn restart_without_memory(&mut self) -> Result<&Server> {
        self.start(false)
    }

    fn start(&mut self, remembers: bool) -> Result<&Server> {
        if let Some(server) = self.server.take() {
            server.stop()?;
        }
        let (data, url) = (self.seeded.store.data(), self.seeded.store.url());
        let setting = Setting { polity: self.polity, data: &data, database_url: url.as_deref(), log: None, remembers };
        self.server = Some(Server::polity(&setting, Some(self.cores))?);
        self.server()
    }

    /// The server.
    pub(crate) fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("the server was not started")
    }

    /// Processor time of the server of the database so far; none where it is embedded.
    pub(crate) fn database_used(&self) -> Result<Duration> {
        self.seeded.store.used()
    }
}
