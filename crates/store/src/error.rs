//! What can go wrong between a unit of work and the disk.

/// An error of the store. Never shown to a caller: the operation that meets it
/// turns a broken constraint into a field error, and the rest into a 500 or 503.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row with the same unique value exists; the text names the columns, as
    /// in `organizations.name_key`.
    #[error("unique constraint on {0}")]
    Unique(String),
    /// The engine failed.
    #[error("sqlite: {0}")]
    Lite(rusqlite::Error),
    /// PostgreSQL refused a statement.
    #[error("postgresql: {0}")]
    Postgres(tokio_postgres::Error),
    /// There is no connection to PostgreSQL, or it broke; nothing was committed.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke while a unit was being committed, or the disk failed: it may have happened.
    #[error("the connection or the disk failed during a commit: nobody knows whether it happened")]
    OutcomeUnknown,
    /// The unit lost against others again and again.
    #[error("a unit of work collided with others too often")]
    Conflict,
    /// The unit went on after a statement of it had been refused.
    #[error("a unit of work went on after a refused statement")]
    Spoiled,
    /// A column does not hold what its row expects.
    #[error("column {0} holds a value of another kind")]
    Column(&'static str),
    /// The URL of the database cannot be used.
    #[error("the URL of the database is not usable: {0}")]
    BadUrl(String),
    /// The certificates to trust cannot be used.
    #[error("the certificates of the database are not usable: {0}")]
    BadCertificate(String),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The unit ran beyond its time budget.
    #[error("a unit of work took too long and was interrupted")]
    Interrupted,
    /// The commit this unit was to share failed; the unit did not happen.
    #[error("the group commit failed")]
    GroupLost,
    /// SQLite rolled the transaction back by itself, as after an error of the disk; the unit did not happen.
    #[error("the transaction was rolled back by the database")]
    RolledBack,
    /// Too many units of work are waiting.
    #[error("too many units of work are waiting")]
    Overloaded,
    /// The store is shut down, or could not begin a transaction.
    #[error("the store is not available")]
    Closed,
    /// The unit panicked; it left no trace.
    #[error("unit of work {0} panicked")]
    Panicked(&'static str),
    /// The unit awaited something other than its statements.
    #[error("unit of work {0} awaited something other than the store")]
    ForeignAwait(&'static str),
    /// A newer release wrote this database.
    #[error("the database has schema {found}, this release knows up to {known}: run a newer release")]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest version this release knows.
        known: i64,
    },
    /// A migration that was applied is not the one in this binary.
    #[error("migration {0} was applied with another text: this database belongs to another build")]
    ChangedMigration(i64),
    /// A migration found the tables it changes in use again and again.
    #[error("migration {0} gave up: others use its tables without a pause; end long transactions and migrate again")]
    TablesInUse(i64),
    /// A server was to start on the target of a transfer: its next pass would
    /// take away what is written there.
    #[error("the database is the target of a transfer that is not finished: run polity transfer --final")]
    Unfinished,
    /// A database or a backup is not what it should be; the text says where.
    #[error("{0}")]
    Damaged(String),
    /// A transfer to another engine cannot be done so; the text says why.
    #[error("{0}")]
    Transfer(String),
}

impl Error {
    /// Whether a row broke the unique constraint on `columns`.
    #[must_use]
    pub fn is_unique(&self, columns: &str) -> bool {
        matches!(self, Error::Unique(found) if found == columns)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        if let rusqlite::Error::SqliteFailure(code, message) = &error {
            if matches!(code.extended_code, SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY) {
                let text = message.as_deref().unwrap_or_default();
                return Error::Unique(text.trim_start_matches("UNIQUE constraint failed: ").to_owned());
            }
            if code.code == rusqlite::ErrorCode::OperationInterrupted {
                return Error::Interrupted;
            }
        }
        Error::Lite(error)
    }
}
