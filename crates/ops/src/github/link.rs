//! Binding an installation to the organization that asked for it.

use crate::ctx::Work;
use crate::error::Result;
use crate::github::wire::Installation;

/// Binds an installation that somebody waits for; tells whether it did.
///
/// # Errors
/// What the store refused.
pub(crate) async fn bind_requested(_: Work<'_>, _: &Installation) -> Result<bool> {
    Ok(false)
}
