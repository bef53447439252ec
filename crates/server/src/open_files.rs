//! The number of files the process may have open: each connection is one, and
//! the limit a process begins with is often a tenth of what a server needs.

use crate::accept::MAX_CONNECTIONS;

/// Files beside the connections of clients: the database, its connections, the log, webhooks.
const OTHERS: u64 = 500;

/// Raises the limit as far as the system allows, and says so where that is not enough for all connections.
pub(crate) fn raise_limit() {
    let needed = MAX_CONNECTIONS as u64 + OTHERS;
    match raised() {
        Ok(Some(limit)) if limit < needed => {
            tracing::warn!(limit, needed, "the process may open few files, so fewer connections are accepted");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files is not raised"),
    }
}

/// The limit from now on, none where there is none.
#[cfg(unix)]
fn raised() -> std::io::Result<Option<u64>> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}

#[cfg(not(unix))]
fn raised() -> std::io::Result<Option<u64>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn as_many_files_can_be_open_as_the_system_allows() {
        super::raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
