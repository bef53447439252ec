//! Why a server could not start or stop.

use std::path::Path;

/// An error of starting or stopping a server; its text says everything. What a
/// request meets is `polity_ops::Error`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is missing, malformed or unknown.
    #[error("{0}")]
    Config(String),
    /// A file, directory or socket could not be used.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried, with the name of the file.
        what: String,
        /// Why it failed.
        cause: std::io::Error,
    },
    /// Another process uses the data directory.
    #[error("another polity runs on {0}: stop it, or choose another --data-dir")]
    InUse(String),
    /// Another process uses the file of the database.
    #[error("another polity uses the database {0}: stop it, or choose another database")]
    DatabaseInUse(String),
    /// A backup, a transfer or a trial cannot be done so; the text names what is wrong.
    #[error("{0}")]
    Backup(String),
    /// The operation table and the mounted functions differ.
    #[error("operation {0}")]
    Mount(String),
    /// The database could not be migrated or opened.
    #[error("database: {0}")]
    Store(polity_store::Error),
    /// The rules could not be set up.
    #[error("{}", why(.0))]
    Ops(polity_ops::Error),
}

impl Error {
    /// For `map_err`: says what was tried with a file.
    pub(crate) fn io(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let what = format!("cannot {what} {}", path.display());
        move |cause| Error::Io { what, cause }
    }
}

impl From<polity_store::Error> for Error {
    fn from(error: polity_store::Error) -> Self {
        Error::Store(error)
    }
}

impl From<polity_ops::Error> for Error {
    fn from(error: polity_ops::Error) -> Self {
        Error::Ops(error)
    }
}

/// At the start nobody else reads the message, so the cause comes out.
fn why(error: &polity_ops::Error) -> String {
    error.cause.as_ref().map_or_else(|| error.message.clone(), ToString::to_string)
}
