//! Starting: how long until the server is ready, what it takes when nobody
//! asks it anything, and how large the binary is.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::operations;
use crate::process;
use crate::rounds::median;
use crate::seeded::Seeded;
use crate::subject::Subject;
use crate::wrk::{Order, Wrk};

/// How often it is started.
const STARTS: usize = 10;
/// Longest time to use each token once, in whole seconds.
const WARMING: Duration = Duration::from_secs(60);
/// How long a server is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(2);

/// What was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// From the start of the process to the first 200 on `/readyz`: the median, in milliseconds.
    pub(crate) ready_ms: f64,
    /// Memory of a server nobody asked anything, in MiB.
    pub(crate) idle_mib: f64,
    /// The part of it that is not a mapped file.
    pub(crate) idle_anonymous_mib: f64,
    /// Memory when each token was used once, in MiB.
    pub(crate) warm_mib: f64,
    /// The part of it that is not a mapped file.
    pub(crate) warm_anonymous_mib: f64,
    /// How many tokens were used.
    pub(crate) tokens: usize,
    /// Size of the binary, in MiB.
    pub(crate) binary_mib: f64,
}

/// Starts the server some times.
#[expect(clippy::disallowed_methods, reason = "nothing happens while it is left alone")]
pub(crate) fn measure(polity: &Path, seeded: &Seeded, wrk: &Wrk, subject: &mut Subject<'_>) -> Result<Start> {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        took.push(subject.restart()?.took.as_secs_f64() * 1e3);
    }
    std::thread::sleep(IDLE);
    let server = subject.server()?;
    let (idle_mib, idle_anonymous_mib) = process::pss_mib(server.pid())?;
    let file = wrk.file("sessions", &operations::get(&seeded.sessions))?;
    let told = wrk.run(&server.address, &file, Order::Once, WARMING, 16)?;
    let (warm_mib, warm_anonymous_mib) = process::pss_mib(server.pid())?;
    Ok(Start {
        ready_ms: median(took.into_iter()),
        idle_mib,
        idle_anonymous_mib,
        warm_mib,
        warm_anonymous_mib,
        tokens: usize::try_from(told.requests - told.refused)?.min(seeded.sessions.len()),
        binary_mib: polity.metadata()?.len() as f64 / f64::from(1 << 20),
    })
}
