//! Limits under many checks at once: what is granted is the limit, never more.
#![expect(clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::sync::Arc;

use keywright_core::denial::Denial;
use keywright_core::limit::{Charge, Limits, Retry};
use keywright_core::time::Timestamp;
use keywright_engine::Check;
use keywright_engine::counters::{Charged, Subject};

use crate::support::{House, NOW};

/// Checks at once.
const TASKS: usize = 64;

fn limits(text: &str) -> Limits {
    text.parse().unwrap()
}

async fn charge(house: &House, subject: &Arc<Subject>, cost: u64, now: Timestamp) -> Charged {
    let charge = Charge {
        cost,
        ..Charge::default()
    };
    let subjects = [subject.clone()];
    let charged = house
        .engine
        .counters()
        .charge(&subjects, &charge, now, false);
    charged.await.unwrap()
}

/// How many of endless requests pass.
async fn granted(house: &Arc<House>, subject: &Arc<Subject>, now: Timestamp) -> u64 {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (house, subject) = (house.clone(), subject.clone());
        tasks.spawn(async move {
            let mut passed = 0;
            while charge(&house, &subject, 1, now).await.refusal.is_none() {
                passed += 1;
            }
            passed
        });
    }
    tasks.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_granted_the_limit_and_no_more() {
    let house = Arc::new(House::new().await);
    for (index, (text, most)) in [
        ("per_second=100", 100),
        ("per_second=100 burst=150/60", 150),
        ("per_minute=500 algorithm=token_bucket", 500),
        ("per_minute=500 algorithm=sliding_window", 500),
        ("per_hour=700", 700),
        ("per_day=333 exact=true", 333),
        ("per_month=1000 algorithm=sliding_window", 1_000),
        ("per_day=1000 algorithm=token_bucket", 1_000),
        ("credits=450", 450),
        (
            "per_second=300 per_minute=900 per_hour=900 per_day=900 credits=250",
            250,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("subject-{index}");
        let subject = house
            .engine
            .counters()
            .subject(&id, &limits(text), Some(NOW));
        assert_eq!(granted(&house, &subject, NOW).await, most, "{text}");
    }
}

#[tokio::test]
async fn a_refused_request_takes_nothing_from_any_limit() {
    let house = House::new().await;
    let counters = house.engine.counters();
    let wide = counters.subject("a-wide", &limits("per_second=10 per_day=50"), Some(NOW));
    let narrow = counters.subject("b-narrow", &limits("per_minute=3 credits=100"), Some(NOW));
    let both = [wide, narrow];
    let mut standings = Vec::new();
    for round in 0..6 {
        let charged = counters
            .charge(&both, &Charge::default(), NOW, false)
            .await
            .unwrap();
        let remaining: Vec<u64> = charged
            .standings
            .iter()
            .map(|(_, it)| it.remaining)
            .collect();
        assert_eq!(charged.refusal.is_none(), round < 3);
        standings.push(remaining);
    }
    assert_eq!(standings[2], [7, 47, 0, 97]);
    assert_eq!(
        standings[3..],
        [
            standings[2].clone(),
            standings[2].clone(),
            standings[2].clone()
        ]
    );
    let dry = counters
        .charge(&both[..1], &Charge::default(), NOW, true)
        .await
        .unwrap();
    assert!(dry.refusal.is_none());
    assert_eq!(dry.standings[0].1.remaining, 7);
}

#[tokio::test]
async fn a_refusal_says_when_the_request_would_pass_and_then_it_does() {
    let house = House::new().await;
    for (index, text) in [
        "per_second=2",
        "per_hour=2",
        "per_day=2 algorithm=token_bucket",
        "per_minute=2 algorithm=sliding_window",
    ]
    .into_iter()
    .enumerate()
    {
        let subject =
            house
                .engine
                .counters()
                .subject(&format!("s{index}"), &limits(text), Some(NOW));
        for _ in 0..2 {
            assert_eq!(charge(&house, &subject, 1, NOW).await.refusal, None);
        }
        let refused = charge(&house, &subject, 1, NOW).await.refusal.unwrap();
        let Retry::AfterMs(wait) = refused.retry else {
            unreachable!("{text}")
        };
        let early = NOW.plus_milliseconds(i64::try_from(wait).unwrap() - 1);
        assert!(
            charge(&house, &subject, 1, early).await.refusal.is_some(),
            "{text}"
        );
        let then = NOW.plus_milliseconds(i64::try_from(wait).unwrap());
        assert_eq!(
            charge(&house, &subject, 1, then).await.refusal,
            None,
            "{text}"
        );
        let never = charge(&house, &subject, 3, then).await.refusal.unwrap();
        assert_eq!(never.retry, Retry::Never, "{text}");
    }
}

#[tokio::test]
async fn what_was_counted_survives_the_process_and_what_is_not_known_counts_as_spent() {
    let house = House::new().await;
    let text = "per_minute=10 per_day=100 credits=40";
    let subject = house
        .engine
        .counters()
        .subject("line", &limits(text), Some(NOW));
    for _ in 0..7 {
        assert_eq!(charge(&house, &subject, 1, NOW).await.refusal, None);
    }
    // A crash: nothing is given back.
    let house = house.restarted(NOW.plus_milliseconds(1)).await;
    let subject = house
        .engine
        .counters()
        .subject("line", &limits(text), Some(NOW));
    let refused = charge(&house, &subject, 1, NOW.plus_milliseconds(1)).await;
    assert_eq!(refused.refusal.unwrap().name.to_string(), "per_minute");
    let next = NOW.plus_milliseconds(60_000);
    let mut passed = 0;
    for _ in 0..10 {
        passed += u64::from(charge(&house, &subject, 1, next).await.refusal.is_none());
    }
    assert_eq!(passed, 10);
    let standings = house.engine.counters().standings(&[subject], next);
    let remaining = |name: &str| {
        let found = standings.iter().find(|(it, _)| it.to_string() == name);
        found.unwrap().1.remaining
    };
    // At most what was taken ahead is forfeit: a tenth of what was left.
    assert!(
        (73..=83).contains(&remaining("per_day")),
        "{}",
        remaining("per_day")
    );
    assert!(
        (19..=23).contains(&remaining("credits")),
        "{}",
        remaining("credits")
    );
}

#[tokio::test]
async fn an_end_in_peace_forfeits_nothing_and_forgets_nothing() {
    let house = House::new().await;
    let text = "per_minute=30 per_day=100 credits=40";
    let set = |house: &House| house.engine.counters().subject("line", &limits(text), None);
    let next = NOW.plus_milliseconds(60_000);
    let subject = set(&house);
    for _ in 0..7 {
        assert_eq!(charge(&house, &subject, 1, next).await.refusal, None);
    }
    house.engine.end(next).await.unwrap();
    let house = Arc::new(house.restarted(next).await);
    assert_eq!(granted(&house, &set(&house), next).await, 23);
    // What was not seen before is whole: everything that was counted is known.
    let other = house
        .engine
        .counters()
        .subject("other", &limits(text), None);
    assert_eq!(granted(&house, &other, next).await, 30);
    let then = next.plus_milliseconds(60_000);
    assert_eq!(granted(&house, &set(&house), then).await, 10);
}

#[tokio::test]
async fn a_key_is_refused_by_its_limits_and_a_plan_acts_on_all_its_keys_at_once() {
    let house = House::new().await;
    let plan = house.plan("free", "per_day=2").await;
    let (key, text) = house
        .key_with(|key| {
            key.attributes.plan = Some(plan.name.clone());
            key.attributes.limits = limits("payload_bytes=10");
        })
        .await;
    let verify = async |bytes: u64, dry_run: bool| {
        let charge = Charge {
            bytes,
            ..Charge::default()
        };
        let check = Check {
            key: &text,
            charge,
            dry_run,
            ..Check::default()
        };
        house.engine.verify(&check, NOW, &mut ()).await.unwrap()
    };
    assert_eq!(
        verify(11, false).await.verdict.denial,
        Some(Denial::PayloadTooLarge)
    );
    assert_eq!(verify(10, true).await.verdict.denial, None);
    assert_eq!(verify(10, false).await.verdict.denial, None);
    assert_eq!(verify(10, false).await.verdict.denial, None);
    let refused = verify(10, false).await;
    assert_eq!(refused.verdict.denial, Some(Denial::RateLimited));
    assert_eq!(refused.charged.refusal.unwrap().name.to_string(), "per_day");
    house.change_plan(&plan, "per_day=3").await;
    assert_eq!(verify(10, false).await.verdict.denial, None);
    assert_eq!(
        verify(10, false).await.verdict.denial,
        Some(Denial::RateLimited)
    );
    let line = key.lineage.to_string();
    house.engine.counters().reset(&line).await.unwrap();
    assert_eq!(verify(10, false).await.verdict.denial, None);
}

#[tokio::test]
async fn another_way_of_counting_forgets_nothing() {
    let house = House::new().await;
    let counters = house.engine.counters();
    let mut spent = 0;
    for text in [
        "per_minute=10",
        "per_minute=10 algorithm=token_bucket",
        "per_minute=10 algorithm=sliding_window",
        "per_minute=10 burst=20/60",
        "per_minute=10",
        "per_minute=10",
    ] {
        let subject = counters.subject("line", &limits(text), Some(NOW));
        let refused = charge(&house, &subject, 2, NOW).await.refusal;
        spent += if refused.is_none() { 2 } else { 0 };
    }
    // A burst may have come from either part, so more may count as taken than was; never less.
    assert!((8..=10).contains(&spent), "{spent}");
}

#[tokio::test]
async fn subjects_that_nobody_needs_are_forgotten() {
    let house = House::new().await;
    let counters = house.engine.counters();
    for index in 0..100 {
        let subject = counters.subject(
            &format!("s{index}"),
            &limits("per_second=5 per_day=10"),
            Some(NOW),
        );
        assert_eq!(charge(&house, &subject, 1, NOW).await.refusal, None);
    }
    assert_eq!(counters.len(), 100);
    house.engine.flush(NOW).await.unwrap();
    assert_eq!(counters.len(), 100, "something is counted for them");
    for _ in 0..16 {
        // A part of them at a time.
        house.engine.flush(NOW.plus_days(1)).await.unwrap();
    }
    assert!(counters.is_empty());
}
