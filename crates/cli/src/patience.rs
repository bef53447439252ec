//! Asks again while the server is away, for the commands that go on: it may only be restarting.

use std::time::Duration;

use crate::error::{Exit, Failure, Result};
use crate::output;

/// How long to wait before asking again, at first; twice as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the server answers, whenever it does. That it is away is told once; what it refuses is a failure.
pub(crate) async fn until_answered<T>(mut ask: impl AsyncFnMut() -> polity_client::Result<T>) -> Result<T> {
    let mut wait = FIRST_WAIT;
    loop {
        let error = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let told = format!("{error}: asking again until there is an answer");
        let failure: Box<Failure> = error.into();
        if failure.exit != Exit::Unavailable {
            return Err(failure);
        }
        if wait == FIRST_WAIT {
            output::note(&told);
        }
        tokio::time::sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
}
