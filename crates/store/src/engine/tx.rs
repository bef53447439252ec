//! What a unit of work gets: its transaction, on either engine.
//!
//! What PostgreSQL is waited for with is boxed for each statement: else it would
//! be a part of the future of every unit, as often as the unit has statements,
//! and be moved about on SQLite too, where it is never used.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use uuid::Uuid;

use crate::Error;
use crate::engine::changes::Epoch;
use crate::engine::postgres::PgTx;
use crate::engine::postgres::wire::PgRow;
use crate::engine::row::{Each, FromRow, Next, Source};
use crate::engine::sql::{Query, Statement};
use crate::engine::sqlite;
use crate::engine::sqlite::near::Near;
use crate::engine::sqlite::uncommitted::Uncommitted;
use crate::engine::value::{Param, Params};

/// One unit of work in progress.
pub struct Tx<'c> {
    handle: Handle<'c>,
    mode: Mode,
    /// Where in the row of changes the unit began, before it read anything.
    epoch: Epoch,
    /// Subjects whose rows it changed.
    touched: Mutex<Vec<Uuid>>,
    /// What units have changed that are committed together with this one.
    uncommitted: Option<&'c Uncommitted>,
    statements: AtomicU32,
}

/// Whether a unit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

#[derive(Clone, Copy)]
enum Handle<'c> {
    /// Of a unit that runs where it was called.
    Near(&'c Near<'c>),
    Lite(&'c Mutex<Connection>),
    Postgres(&'c PgTx<'c>),
}

impl<'c> Tx<'c> {
    fn new(handle: Handle<'c>, mode: Mode, epoch: Epoch) -> Self {
        Tx { handle, mode, epoch, touched: Mutex::default(), uncommitted: None, statements: AtomicU32::new(0) }
    }

    /// Of a unit that reads where it was called.
    pub(crate) fn near(near: &'c Near<'c>, epoch: Epoch) -> Self {
        Tx::new(Handle::Near(near), Mode::Read, epoch)
    }

    /// Of a unit that reads on a thread.
    pub(crate) fn reading(conn: &'c Mutex<Connection>, epoch: Epoch) -> Self {
        Tx::new(Handle::Lite(conn), Mode::Read, epoch)
    }

    /// Of a unit that writes, committed together with others.
    pub(crate) fn writing(conn: &'c Mutex<Connection>, epoch: Epoch, uncommitted: &'c Uncommitted) -> Self {
        Tx { uncommitted: Some(uncommitted), ..Tx::new(Handle::Lite(conn), Mode::Write, epoch) }
    }

    /// Of a unit on PostgreSQL.
    pub(crate) fn postgres(tx: &'c PgTx<'c>, mode: Mode, epoch: Epoch) -> Self {
        Tx::new(Handle::Postgres(tx), mode, epoch)
    }

    /// Whether what the unit reads may be remembered: what one that reads does,
    /// and what one that writes to an embedded database does, once it is
    /// committed. What it or another has changed by then has a newer number than
    /// its epoch. Elsewhere a unit that writes believes nothing that is remembered.
    #[must_use]
    pub fn may_remember(&self) -> bool {
        self.mode == Mode::Read || self.uncommitted.is_some()
    }

    /// Whether what is remembered of these subjects, and still holds, is what
    /// the unit would read: for one that reads; and for one that writes to an
    /// embedded database, where nobody writes beside it, unless they were changed
    /// by it or by one before it that is committed with it. Elsewhere a unit that
    /// writes decides on rows of its own transaction.
    #[must_use]
    pub fn may_believe(&self, subjects: impl IntoIterator<Item = Uuid> + Clone) -> bool {
        match self.uncommitted {
            None => self.mode == Mode::Read,
            Some(uncommitted) => {
                let touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
                !uncommitted.has(subjects.clone()) && !subjects.into_iter().any(|subject| touched.contains(&subject))
            }
        }
    }

    /// Whether the database is embedded.
    pub(crate) fn is_embedded(&self) -> bool {
        !matches!(self.handle, Handle::Postgres(_))
    }

    /// Where in the row of changes the unit began: what it reads is remembered under it.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many statements the unit has run that give rows.
    #[must_use]
    pub fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    /// The subjects whose rows were changed so far; the next call tells of later ones.
    pub(crate) fn touched(&self) -> Vec<Uuid> {
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn touch(&self, statement: &Statement, params: &[&dyn Param]) {
        if let Some(subject) = statement.subject(params) {
            let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
            if !touched.contains(&subject) {
                touched.push(subject);
            }
        }
    }

    /// Every row of a statement.
    ///
    /// # Errors
    /// When the engine refuses the statement.
    pub(crate) async fn all<P: Params, R: FromRow>(&self, query: &Query<P, R>, params: P) -> Result<Vec<R>, Error> {
        let mut all = Vec::new();
        let mut each = |row: &mut dyn Source| {
            all.push(R::from_row(row)?);
            Ok(Next::More)
        };
        self.rows(&query.statement, &params.refs(), &mut each).await?;
        Ok(all)
    }

    /// The first row of a statement, if there is one.
    ///
    /// # Errors
    /// When the engine refuses the statement.
    pub(crate) async fn optional<P: Params, R: FromRow>(
        &self,
        query: &Query<P, R>,
        params: P,
    ) -> Result<Option<R>, Error> {
        let mut first = None;
        let mut each = |row: &mut dyn Source| {
            first = Some(R::from_row(row)?);
            Ok(Next::Enough)
        };
        self.rows(&query.statement, &params.refs(), &mut each).await?;
        Ok(first)
    }

    async fn rows(&self, statement: &Statement, params: &[&dyn Param], each: &mut Each<'_>) -> Result<(), Error> {
        self.touch(statement, params);
        self.statements.fetch_add(1, Ordering::Relaxed);
        match self.handle {
            Handle::Near(near) => near.run(|conn| sqlite::rows(conn, statement, params, each)),
            Handle::Lite(conn) => sqlite::rows(conn, statement, params, each),
            Handle::Postgres(tx) => {
                for row in &Box::pin(tx.rows(statement, params)).await? {
                    if each(&mut PgRow::new(row))? == Next::Enough {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// How many rows a statement changed.
    ///
    /// # Errors
    /// When the engine refuses the statement, a broken constraint included.
    pub(crate) async fn execute<P: Params>(&self, query: &Query<P, ()>, params: &P) -> Result<u64, Error> {
        self.change(&query.statement, &params.refs()).await
    }

    async fn change(&self, statement: &Statement, params: &[&dyn Param]) -> Result<u64, Error> {
        let changed = match self.handle {
            Handle::Near(near) => near.run(|conn| sqlite::run(conn, statement, params)),
            Handle::Lite(conn) => sqlite::run(conn, statement, params),
            Handle::Postgres(tx) => Box::pin(tx.execute(statement, params)).await,
        }?;
        if changed > 0 {
            self.touch(statement, params);
        }
        Ok(changed)
    }

    /// Sends a statement of which the unit needs no result: should the engine
    /// refuse it, the whole unit is refused, at the latest in its end.
    ///
    /// # Errors
    /// When the engine refuses the statement at once.
    pub(crate) async fn send<P>(&self, query: &'static Query<P, ()>, params: P) -> Result<(), Error>
    where
        P: Params + 'static,
    {
        let (statement, refs) = (&query.statement, params.refs());
        self.touch(statement, &refs);
        match self.handle {
            Handle::Near(near) => near.run(|conn| sqlite::run(conn, statement, &refs).map(drop)),
            Handle::Lite(conn) => sqlite::run(conn, statement, &refs).map(drop),
            Handle::Postgres(tx) => {
                drop(refs);
                Box::pin(tx.send(statement, Box::new(params))).await
            }
        }
    }
}
