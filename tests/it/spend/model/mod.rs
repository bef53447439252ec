//! Random sequences of events, leases, budgets, new periods, and crashes with
//! requests on their way, against servers and against a model of them. After
//! each step the two must agree on every sum, on everything that was announced,
//! and on whether spend is stopped.
//!
//! The seeds are the same on every run. `POLITY_MODEL_SEED=7` runs one of them,
//! `POLITY_MODEL_SEQUENCES=100` runs more.

mod compare;
mod host;
mod random;
mod real;
mod steps;
mod world;

use std::collections::BTreeMap;

use host::Host;
pub use random::Random;
use real::Real;

const SEQUENCES: u64 = 12;
const STEPS: usize = 120;
/// Sequences against processes that are killed: starting one takes long.
const KILLED: u64 = 2;

/// How often each step was done, and how often it was refused.
type Tally = BTreeMap<&'static str, (u32, u32)>;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

fn seeds(count: u64) -> Vec<u64> {
    let count = setting("POLITY_MODEL_SEQUENCES").unwrap_or(count);
    setting("POLITY_MODEL_SEED").map_or_else(|| (1..=count).collect(), |seed| vec![seed])
}

async fn sequence(host: Host, seed: u64, tally: &mut Tally) {
    let mut real = Real::start(host, Random(seed)).await;
    for _ in 0..STEPS {
        let outcome = real.step(tally).await;
        if let Err(difference) = outcome {
            let log = real.log.join("\n");
            panic!("{difference}\nseed {seed}, run it alone with POLITY_MODEL_SEED={seed}:\n{log}");
        }
    }
    if let Err(difference) = real.end().await {
        panic!("{difference}\nseed {seed}, run it alone with POLITY_MODEL_SEED={seed}:\n{}", real.log.join("\n"));
    }
    tally.entry("crash without an answer").or_default().0 += real.unanswered;
    real.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sums_and_what_is_announced_of_them_are_those_of_the_model_after_every_step() {
    let (seeds, mut tally) = (seeds(SEQUENCES), Tally::new());
    for seed in &seeds {
        sequence(Host::inside().await, *seed, &mut tally).await;
    }
    println!("seeds {seeds:?}, {STEPS} steps each; done and refused: {tally:?}");
    if seeds.len() >= usize::try_from(SEQUENCES).expect("a small number") {
        for (name, (done, refused)) in &tally {
            assert!(*done > 0, "{name} never happened");
            let may_be = ["record", "lease", "commit", "extend"].contains(name);
            assert!(*refused > 0 || !may_be, "{name} was never refused");
        }
        assert_eq!(tally.len(), 13, "some step was never taken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_killed_count_nothing_twice_and_lose_nothing() {
    let (seeds, mut tally) = (seeds(KILLED), Tally::new());
    for seed in &seeds {
        sequence(Host::processes().await, 1000 + seed, &mut tally).await;
    }
    println!("seeds {seeds:?}, {STEPS} steps each; done and refused: {tally:?}");
    let enough = tally["crash"].0 >= 5 && tally["crash without an answer"].0 > 0;
    assert!(enough || seeds.len() == 1, "few crashes prove little");
}
