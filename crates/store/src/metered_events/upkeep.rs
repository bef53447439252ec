//! Upkeep of runs, in steps that hold up nobody: they get their filters after a
//! start, are merged so that few are asked, and go when all their events may be
//! forgotten.

use polity_api::scalar::Timestamp;
use uuid::Uuid;

use super::entry::{self, CHUNK, Entry};
use super::filter::{Filter, Filters};
use super::run::{self, RunRow, RunState};
use crate::{Db, Error};

/// So many runs of about the same size are merged into one.
const FANOUT: usize = 4;
/// Chunks that are read of a run at a time.
const READ: i64 = 16;
/// Chunks that one unit writes.
const WRITE: usize = 128;
/// Chunks that one unit removes.
const REMOVE: i64 = 512;

/// Does what is most urgent of the upkeep of runs; tells whether there may be
/// more to do. At most one of its calls runs at a time in a process.
///
/// # Errors
/// What the engine refused.
pub async fn step(db: &Db, filters: &Filters, now: Timestamp) -> Result<bool, Error> {
    let oldest = super::oldest_day(now);
    let runs = db.read("metered_runs", (), |tx, ()| Box::pin(tx.all(&run::ALL, ()))).await?;
    filters.keep_only(&runs.iter().map(|run| run.run_id).collect::<Vec<_>>());
    let whole = || runs.iter().filter(|run| run.state == RunState::Whole);
    if let Some(run) = runs.iter().find(|run| run.state == RunState::Leaving) {
        remove(db, run.run_id).await?;
    } else if let Some(run) = whole().find(|run| super::day(run.newest_at) < oldest) {
        leave(db, vec![run.clone()], None).await?;
    } else if let Some(run) = whole().find(|run| !filters.decided(run.run_id)) {
        let filter = filter(db, filters, run).await?;
        filters.put(run.run_id, filter);
    } else if let Some(run) = runs.iter().find(|run| run.state == RunState::Building) {
        // Whoever was building it did not come to the end.
        leave(db, vec![run.clone()], None).await?;
    } else if let Some(due) = db.is_embedded().then(|| due(whole().cloned().collect())).flatten() {
        merge(db, filters, due, oldest).await?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// The runs to merge: all up to the largest size of which there are enough.
fn due(mut runs: Vec<RunRow>) -> Option<Vec<RunRow>> {
    let mut per_size = [0; i64::BITS as usize];
    for run in &runs {
        if let Some(count) = per_size.get_mut(size(run)) {
            *count += 1;
        }
    }
    let largest = per_size.iter().rposition(|count| *count >= FANOUT)?;
    runs.retain(|run| size(run) <= largest);
    Some(runs)
}

/// Runs of one size differ at most by the fanout.
fn size(run: &RunRow) -> usize {
    (run.events / super::NEWEST).max(1).ilog(FANOUT as i64) as usize
}

/// Writes the entries of some runs into a new one that takes their place.
async fn merge(db: &Db, filters: &Filters, inputs: Vec<RunRow>, oldest_day: u16) -> Result<(), Error> {
    let expected: i64 = inputs.iter().map(|run| run.events).sum();
    let mut filter = filters.room_for(usize::try_from(expected).unwrap_or_default());
    let mut output = run::new(RunState::Building, &[]);
    db.write("new_metered_run", output.clone(), |tx, run| {
        Box::pin(async move { tx.execute(&run::INSERT, run).await.map(drop) })
    })
    .await?;
    let mut readers: Vec<Reader> = inputs.iter().map(|run| Reader::of(run.run_id)).collect();
    let mut merged = Vec::new();
    loop {
        for reader in readers.iter_mut().filter(|reader| reader.is_empty()) {
            reader.read(db).await?;
        }
        readers.retain(|reader| !reader.is_empty());
        // Up to here every reader knows all that its run has.
        let Some(until) = readers.iter().filter_map(|reader| reader.entries.last().copied()).min() else { break };
        let mut next: Vec<Entry> = readers.iter_mut().flat_map(|reader| reader.take(until)).collect();
        entry::tidy(&mut next, oldest_day);
        if let Some(filter) = &mut filter {
            next.iter().for_each(|entry| filter.add(*entry));
        }
        run::count(&mut output, &next);
        merged.append(&mut next);
        while merged.len() >= WRITE * CHUNK {
            let rest = merged.split_off(WRITE * CHUNK);
            write(db, output.run_id, std::mem::replace(&mut merged, rest)).await?;
        }
    }
    write(db, output.run_id, merged).await?;
    // It is asked as soon as it is whole.
    filters.put(output.run_id, filter);
    leave(db, inputs, Some(output)).await
}

async fn write(db: &Db, run: Uuid, entries: Vec<Entry>) -> Result<(), Error> {
    db.write("write_metered_run", (run, entries), |tx, (run, entries)| Box::pin(run::write_chunks(tx, *run, entries)))
        .await
}

/// Has runs leave, and the one be asked that has all their entries.
async fn leave(db: &Db, leaving: Vec<RunRow>, whole: Option<RunRow>) -> Result<(), Error> {
    db.write("swap_metered_runs", (leaving, whole), |tx, (leaving, whole)| {
        Box::pin(async move {
            for run in leaving {
                tx.execute(&run::UPDATE, &RunRow { state: RunState::Leaving, ..run.clone() }).await?;
            }
            if let Some(run) = whole {
                tx.execute(&run::UPDATE, &RunRow { state: RunState::Whole, ..run.clone() }).await?;
            }
            Ok(())
        })
    })
    .await
}

async fn remove(db: &Db, run: Uuid) -> Result<(), Error> {
    db.write("remove_metered_run", run, |tx, run| {
        Box::pin(async move {
            if tx.execute(&run::DELETE_CHUNKS, &(*run, REMOVE)).await? == 0 {
                tx.execute(&run::DELETE, &(*run,)).await?;
            }
            Ok(())
        })
    })
    .await
}

/// The filter of a run, from what it has; none when there is no room.
async fn filter(db: &Db, filters: &Filters, run: &RunRow) -> Result<Option<Filter>, Error> {
    let Some(mut filter) = filters.room_for(usize::try_from(run.events).unwrap_or_default()) else { return Ok(None) };
    let mut reader = Reader::of(run.run_id);
    loop {
        reader.read(db).await?;
        if reader.is_empty() {
            return Ok(Some(filter));
        }
        reader.entries.drain(..).for_each(|entry| filter.add(entry));
    }
}

/// Reads a run from its first chunk to its last.
struct Reader {
    run: Uuid,
    /// The first hash of the last chunk that was read.
    after: Vec<u8>,
    /// What was read and not taken, in order.
    entries: Vec<Entry>,
}

impl Reader {
    fn of(run: Uuid) -> Reader {
        Reader { run, after: Vec::new(), entries: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads some chunks more.
    async fn read(&mut self, db: &Db) -> Result<(), Error> {
        let from = (self.run, self.after.clone(), READ);
        let chunks = db.read("read_metered_run", from, |tx, from| Box::pin(tx.all(&run::CHUNKS_AFTER, from.clone())));
        for chunk in chunks.await? {
            self.entries.extend(entry::from_bytes(&chunk.entries));
            self.after = chunk.first_hash;
        }
        Ok(())
    }

    /// Takes the entries up to one of them.
    fn take(&mut self, until: Entry) -> Vec<Entry> {
        let rest = self.entries.split_off(self.entries.partition_point(|entry| *entry <= until));
        std::mem::replace(&mut self.entries, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(events: &[i64]) -> Option<Vec<i64>> {
        let one = |events: &i64| RunRow { events: *events * super::super::NEWEST, ..run::new(RunState::Whole, &[]) };
        due(events.iter().map(one).collect()).map(|due| due.iter().map(|r| r.events / super::super::NEWEST).collect())
    }

    #[test]
    fn runs_are_merged_when_there_are_four_of_a_size() {
        assert_eq!(sizes(&[]), None);
        assert_eq!(sizes(&[1, 1, 1, 5, 5, 5, 20]), None);
        assert_eq!(sizes(&[20, 1, 1, 1, 2, 5]), Some(vec![1, 1, 1, 2]));
        // What is smaller comes along: it would be merged soon anyway.
        assert_eq!(sizes(&[20, 1, 4, 5, 6, 7]), Some(vec![1, 4, 5, 6, 7]));
    }
}
