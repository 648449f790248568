//! Decisions in process: one, among many keys, and the first after a start.

use std::hint::black_box;

use anyhow::ensure;
use keywright_core::permission::Expression;
use keywright_core::token::digest::{Pepper, PepperId};
use keywright_engine::{Check, Engine};
use stats_alloc::Region;

use crate::house::{House, NOW, PEPPER, peppers, text};
use crate::report::{Bar, Table, median, nanoseconds, seconds};

/// Rounds of each side.
const ROUNDS: usize = 15;
/// Keys of the smaller side.
pub(crate) const FEW: u64 = 1_000;
/// The number of the key that has limits, far above those of the others.
const LIMITED: u64 = 3_999_999_998;
/// Checks of a round.
const CHECKS: u64 = 50_000;

/// Runs a future that is ready at once, as a check of a cached key is.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

fn check<'a>(key: &'a str, wanted: &'a Expression) -> Check<'a> {
    Check {
        key,
        permissions: Some(wanted),
        address: Some([203, 0, 113, 7].into()),
        ..Check::default()
    }
}

fn passes(engine: &Engine, check: &Check<'_>) -> bool {
    now(engine.verify(check, NOW, &mut ()))
        .is_some_and(|checked| checked.is_ok_and(|checked| checked.verdict.allowed()))
}

/// A cached key with three scopes, an address rule and an expression, against the HMAC alone.
pub(crate) async fn decision(house: &House, table: &mut Table) -> anyhow::Result<()> {
    let engine = house.engine().await?;
    let key = text(8);
    let wanted: Expression = "api:read AND (users:manage OR api:write)".parse()?;
    let check = check(&key, &wanted);
    ensure!(
        engine.verify(&check, NOW, &mut ()).await?.verdict.allowed(),
        "the key must pass"
    );
    let pepper = Pepper::new(PepperId(1), &PEPPER);
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(nanoseconds(|| {
            for _ in 0..CHECKS {
                black_box(passes(&engine, black_box(&check)));
            }
        }));
        floor.push(nanoseconds(|| {
            for _ in 0..CHECKS {
                black_box(pepper.digest(black_box(&key)));
            }
        }));
    }
    let each = |rounds: Vec<f64>| median(rounds) / CHECKS as f64;
    let (ours, floor) = (each(ours), each(floor));
    table.number(
        "decision in process, cached, 3 scopes, address rule, expression",
        ours,
        "ns",
        Bar::AtMost(1_000.0),
    );
    table.ratio(
        "the same, against the HMAC of the key alone",
        ours,
        "ns",
        ("HMAC-SHA-256", floor),
        Bar::None,
    );
    let region = Region::new(crate::ALLOCATOR);
    for _ in 0..CHECKS {
        black_box(passes(&engine, black_box(&check)));
    }
    let allocations = region.change().allocations as f64 / CHECKS as f64;
    table.number(
        "allocations of a decision",
        allocations,
        "",
        Bar::AtMost(0.001),
    );
    limited(house, &engine, floor, table).await
}

/// The same with four limits: two counted in the process, two in units taken ahead in the database, whose
/// transactions are part of the time.
async fn limited(
    house: &House,
    engine: &Engine,
    floor: f64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let key = text(LIMITED);
    let dry = Check {
        key: &key,
        dry_run: true,
        ..Check::default()
    };
    if engine.verify(&dry, NOW, &mut ()).await?.key.is_none() {
        let change = crate::house::limited(house.tenant, house.owner, LIMITED)?;
        house.commit(&[change]).await?;
        engine.follow().await?;
    }
    let wanted: Expression = "api:read AND (users:manage OR api:write)".parse()?;
    let check = check(&key, &wanted);
    let (mut rounds, mut allocations) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let region = Region::new(crate::ALLOCATOR);
        let (took, all) = seconds(async {
            for _ in 0..CHECKS {
                let checked = engine.verify(black_box(&check), NOW, &mut ()).await?;
                ensure!(checked.verdict.allowed(), "the key must pass");
            }
            Ok(())
        })
        .await;
        all?;
        rounds.push(took * 1e9 / CHECKS as f64);
        allocations.push(region.change().allocations as f64 / CHECKS as f64);
    }
    table.ratio(
        "decision in process, the same with 4 limits, against the HMAC",
        median(rounds),
        "ns",
        ("HMAC-SHA-256", floor),
        Bar::AtMost(1_000.0 / floor),
    );
    table.number(
        "allocations of a decision with 4 limits, transactions included",
        median(allocations),
        "",
        Bar::None,
    );
    Ok(())
}

/// Random cached keys out of many, against random ones out of a thousand.
pub(crate) fn many_keys(
    house: &House,
    few: &Engine,
    many: &Engine,
    table: &mut Table,
) -> anyhow::Result<()> {
    let wanted: Expression = "api:read".parse()?;
    let (mut of_few, mut of_many, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    let memory = scattered();
    for round in 0..ROUNDS as u64 {
        of_few.push(walk(few, &wanted, FEW, round));
        of_many.push(walk(many, &wanted, house.keys, round));
        reads.push(wander(&memory));
    }
    table.ratio(
        &format!("cached check in process among {} keys", house.keys),
        median(of_many),
        "ns",
        ("among 1 000", median(of_few)),
        Bar::AtMost(1.2),
    );
    table.number(
        "for comparison: one read at random in 256 MiB",
        median(reads),
        "ns",
        Bar::None,
    );
    Ok(())
}

/// Numbers in an order that no processor guesses: each says which to read next.
fn scattered() -> Vec<u32> {
    const NUMBERS: u32 = 1 << 26;
    // A full-period generator modulo a power of two (Hull and Dobell): one cycle through all.
    (0..NUMBERS)
        .map(|number| number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % NUMBERS)
        .collect()
}

/// Nanoseconds of one read, each depending on the one before.
fn wander(memory: &[u32]) -> f64 {
    const READS: u32 = 200_000;
    let mut place = 1;
    let took = nanoseconds(|| {
        for _ in 0..READS {
            place = memory.get(place as usize).copied().unwrap_or(0);
        }
    });
    black_box(place);
    took / f64::from(READS)
}

/// An engine that has the first `keys` keys in memory.
pub(crate) async fn load(house: &House, keys: u64) -> anyhow::Result<Engine> {
    let engine = house.engine().await?;
    for number in 0..keys {
        let key = text(number);
        let check = Check {
            key: &key,
            dry_run: true,
            ..Check::default()
        };
        engine.verify(&check, NOW, &mut ()).await?;
    }
    Ok(engine)
}

/// Nanoseconds of a check of random keys; making their texts is not counted.
fn walk(engine: &Engine, wanted: &Expression, keys: u64, round: u64) -> f64 {
    const STEPS: u64 = 20_000;
    let texts: Vec<String> = (0..STEPS)
        .map(|step| text((step + round * STEPS).wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys))
        .collect();
    let took = nanoseconds(|| {
        for key in &texts {
            black_box(passes(
                engine,
                &Check {
                    dry_run: true,
                    ..check(key, wanted)
                },
            ));
        }
    });
    took / STEPS as f64
}

/// From nothing to the first answer.
pub(crate) async fn start(house: &House, table: &mut Table) -> anyhow::Result<()> {
    let key = text(house.keys / 2);
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let (took, answered) = seconds(async {
            let store = house.reopened().await?;
            let engine = Engine::new(store, peppers()?, 1_000_000, NOW).await?;
            let check = Check {
                key: &key,
                dry_run: true,
                ..Check::default()
            };
            let checked = engine.verify(&check, NOW, &mut ()).await?;
            ensure!(checked.key.is_some(), "the key must be found");
            anyhow::Ok(())
        })
        .await;
        answered?;
        rounds.push(took * 1_000.0);
    }
    let what = format!("start to first answer with {} keys", house.keys);
    table.number(&what, median(rounds), "ms", Bar::AtMost(1_000.0));
    Ok(())
}
