//! Random sequences of operations by four people, with every kind of token,
//! working or not, against a server and against a model of it. After each step
//! the two must agree on the status of the reply, on what every person sees of
//! every organization, and on every token there ever was.
//!
//! The seeds are the same on every run. `POLITY_MODEL_SEED=7` runs one of
//! them, `POLITY_MODEL_SEQUENCES=1000` runs more.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

mod compare;
mod random;
mod real;
mod step;
mod world;

use compare::compare;
use random::Random;
use real::Real;
use step::Step;
use world::World;

const SEQUENCES: u64 = 24;
const STEPS: usize = 60;
/// Sequences that run at the same time.
const AT_ONCE: usize = 2;

/// Where most sequences begin: two organizations with two people in each. By
/// chance alone few would come so far.
const BEGINNING: &[Step] = &[
    Step::Create { by: 0, name: 0 },
    Step::Switch { by: 0, organization: 0 },
    Step::Invite { by: 4, user: 1 },
    Step::Accept { by: 1, invitation: 0 },
    Step::Switch { by: 1, organization: 0 },
    Step::Create { by: 2, name: 1 },
    Step::Switch { by: 2, organization: 1 },
    Step::Invite { by: 6, user: 1 },
    Step::Invite { by: 6, user: 3 },
    Step::Accept { by: 1, invitation: 1 },
];

/// How often each step was done and refused.
type Tally = BTreeMap<String, (u32, u32)>;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

async fn sequence(seed: u64) -> Tally {
    let (mut random, mut world, mut tally) = (Random(seed), World::default(), Tally::new());
    let mut real = Real::start(&mut world).await;
    let mut log = Vec::new();
    let beginning = if seed.is_multiple_of(4) { &[] } else { BEGINNING };
    for n in 0..STEPS {
        let step = beginning.get(n).copied().unwrap_or_else(|| random.step(&world));
        let (status, text) = real.take(step, &world).await;
        let outcome = world.apply(step);
        let expected = outcome.err().unwrap_or(200);
        log.push(format!("{:>3} {step:?} -> {status}", log.len()));
        let told = || format!("seed {seed}, run it alone with POLITY_MODEL_SEED={seed}:\n{}", log.join("\n"));
        assert!(status == expected, "the server says {status} {text}, the model {expected}; {}", told());
        let seen = compare(&real, &world).await.unwrap_or_else(|difference| panic!("{difference}\n{}", told()));
        real.memberships.extend(seen);
        let (done, refused) = tally.entry(step.name()).or_default();
        *if outcome.is_ok() { done } else { refused } += 1;
    }
    real.server.stop().await;
    tally
}

#[test]
fn the_server_and_the_model_agree_after_every_step() {
    let alone = setting("POLITY_MODEL_SEED");
    let count = setting("POLITY_MODEL_SEQUENCES").unwrap_or(SEQUENCES);
    let seeds: Vec<u64> = alone.map_or_else(|| (1..=count).collect(), |seed| vec![seed]);
    println!("seeds {seeds:?}, {STEPS} steps each");
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().expect("a runtime");
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ended = runtime.block_on(sequence(*seed));
                    let mut tally = tally.lock().expect("no other thread has failed");
                    for (name, (done, refused)) in ended {
                        let sum = tally.entry(name).or_default();
                        *sum = (sum.0 + done, sum.1 + refused);
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no thread has failed");
    println!("done and refused: {tally:#?}");
    if alone.is_none() && count >= SEQUENCES {
        prove_coverage(&tally);
    }
}

/// Every step was done and, where it can be, refused; else the agreement says little.
fn prove_coverage(tally: &Tally) {
    const NEVER_REFUSED: [&str; 3] = ["Login", "ResetPassword", "Wait"];
    assert_eq!(tally.len(), 25, "some step was never taken: {:?}", tally.keys());
    for (name, (done, refused)) in tally {
        assert!(*done > 0, "{name} was never done");
        assert!(*refused > 0 || NEVER_REFUSED.contains(&name.as_str()), "{name} was never refused");
    }
}
