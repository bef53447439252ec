//! Floors that run: each is started when it is first needed, and ends with the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cores::Cores;
use crate::operations::Floor;
use crate::server::Server;

/// The floors of a run.
pub(crate) struct Floors {
    binary: PathBuf,
    cores: Cores,
    /// The tokens they know.
    tokens: PathBuf,
    /// Their databases.
    directory: PathBuf,
    organizations: u64,
    running: BTreeMap<Floor, Server>,
}

impl Floors {
    /// None runs yet.
    pub(crate) fn new(binary: &Path, cores: Cores, tokens: PathBuf, directory: &Path, organizations: u64) -> Floors {
        let (binary, directory) = (binary.to_owned(), directory.to_owned());
        Floors { binary, cores, tokens, directory, organizations, running: BTreeMap::new() }
    }

    /// A floor that runs.
    pub(crate) fn running(&mut self, floor: Floor) -> Result<&Server> {
        if !self.running.contains_key(&floor) {
            let directory = self.directory.join(format!("floor-{}-{}", floor.name(), self.organizations));
            std::fs::create_dir_all(&directory)?;
            let (tokens, directory) = (self.tokens.to_string_lossy(), directory.to_string_lossy());
            let organizations = self.organizations.to_string();
            let mut arguments = vec![floor.name(), "--tokens", &tokens, "--directory", &directory];
            arguments.extend(["--organizations", &organizations]);
            let server = Server::floor(&self.binary, &arguments, self.cores)?;
            self.running.insert(floor, server);
        }
        self.running.get(&floor).context("the floor does not run")
    }
}
