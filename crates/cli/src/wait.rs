//! Waits for work the server does on its own.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::error::{Exit, Failure, Result};
use crate::output::Output;

/// How long to wait at most.
const LIMIT: Duration = Duration::from_mins(5);
/// How often to look.
const INTERVAL: Duration = Duration::from_millis(500);

/// Looks again and again until `look` finds something, with a spinner for
/// whoever watches.
pub(crate) async fn until<T>(
    output: Output,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    // A progress bar draws on standard error, and only on a terminal.
    let spinner = if output.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    spinner.set_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    let found = tokio::time::timeout(LIMIT, async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    })
    .await;
    spinner.finish_and_clear();
    found.unwrap_or_else(|_| {
        let minutes = LIMIT.as_secs() / 60;
        Err(Failure::new(Exit::Unavailable, format!("{what}: not done after {minutes} minutes"))
            .because("the server goes on without being watched"))
    })
}
