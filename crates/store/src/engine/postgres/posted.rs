//! Statements that were sent and whose results nobody waits for before the end
//! of the transaction.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_postgres::error::SqlState;

/// One of them, and what it changed.
pub(super) type Sent = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + Send>>;

/// All those of a transaction.
///
/// Their answers still have to be taken as they come: a connection hands over what arrives in order and keeps little of
/// it, so an answer that nobody takes holds up those behind it, and among them the one the unit waits for.
#[derive(Default)]
pub(super) struct Posted {
    /// Those without an answer yet, in order, which is the order of the answers.
    open: VecDeque<Sent>,
    /// What was refused, in order.
    refused: Vec<tokio_postgres::Error>,
}

impl Posted {
    /// Takes one that is on its way.
    pub(super) fn push(&mut self, statement: Sent) {
        self.open.push_back(statement);
    }

    /// Takes the answers that have arrived; whoever polls is woken by the next.
    pub(super) fn listen(&mut self, cx: &mut Context<'_>) {
        while let Some(first) = self.open.front_mut() {
            match first.as_mut().poll(cx) {
                Poll::Pending => break,
                Poll::Ready(answer) => {
                    self.refused.extend(answer.err());
                    self.open.pop_front();
                }
            }
        }
    }

    /// The first refusal; those after it are refused because of it. Where all were, it was none of them.
    pub(super) async fn first_refusal(mut self) -> Option<tokio_postgres::Error> {
        for statement in self.open {
            self.refused.extend(statement.await.err());
        }
        let cause = self.refused.iter().position(|error| !is_aborted(error)).unwrap_or(0);
        self.refused.into_iter().nth(cause)
    }
}

/// Whether a statement was refused only because one before it was.
pub(super) fn is_aborted(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}
