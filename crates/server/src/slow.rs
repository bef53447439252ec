//! Units of work that took long, in the log: where their time went.

use std::time::Duration;

use polity_store::Measured;

/// A unit of work that took this long is worth a line.
const SLOW: Duration = Duration::from_millis(50);

/// Writes a line about a unit that took long.
pub(crate) fn log(measured: &Measured) {
    if measured.queued + measured.ran < SLOW {
        return;
    }
    let ms = |time: Duration| time.as_micros() as f64 / 1000.0;
    let (queued_ms, ran_ms, ending_ms) = (ms(measured.queued), ms(measured.ran), ms(measured.ending));
    let Measured { unit, retries, round_trips, .. } = *measured;
    tracing::info!(unit, queued_ms, ran_ms, ending_ms, retries, round_trips, "a unit of work took long");
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// A log in memory.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        /// All of it so far.
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_took_long_is_told_with_where_its_time_went() {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || sink.clone()).finish();
        let ms = Duration::from_millis;
        let unit = |queued, ran| Measured {
            unit: "organizations.get",
            queued: ms(queued),
            ran: ms(ran),
            ending: ms(7),
            ok: true,
            round_trips: 3,
            retries: 2,
        };
        tracing::subscriber::with_default(subscriber, || {
            log(&unit(20, 29));
            log(&unit(21, 29));
        });
        let text = lines.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        for told in ["organizations.get", "queued_ms=21", "ran_ms=29", "ending_ms=7", "retries=2", "round_trips=3"] {
            assert!(text.contains(told), "{told} in {text}");
        }
    }
}
