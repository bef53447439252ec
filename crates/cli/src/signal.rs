//! The signals that ask a command that goes on to stop.

/// Waits for one of them. Who asks once more does not wait for what is still tidied up.
pub(crate) async fn to_stop() {
    asked().await;
    tokio::spawn(async {
        asked().await;
        std::process::exit(130);
    });
}

/// Waits for an interrupt, a request to end, or the end of the terminal.
#[cfg(unix)]
async fn asked() {
    use tokio::signal::unix::SignalKind;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    tokio::select! {
        () = received(SignalKind::interrupt()) => {}
        () = received(SignalKind::terminate()) => {}
        () = received(SignalKind::hangup()), if minds_hangup(&status) => {}
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn asked() {
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(unix)]
async fn received(kind: tokio::signal::unix::SignalKind) {
    match tokio::signal::unix::signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        // It does what the system does with it.
        Err(_) => std::future::pending().await,
    }
}

/// Whether a hang-up ends this process, by what Linux tells of it. It does not under `nohup`, which listening would
/// undo; where that cannot be told, it does what the system does with it.
#[cfg(unix)]
fn minds_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The first bit is that of signal 1.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 0)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_that_is_ignored_is_not_listened_to() {
        for (status, minds) in [
            ("Name:\tpolity\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n", true),
            ("Name:\tpolity\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n", false),
            ("", false),
        ] {
            assert_eq!(minds_hangup(status), minds, "{status}");
        }
    }
}
