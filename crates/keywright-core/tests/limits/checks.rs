//! What may be set: every bad field is named, and good limits become the rules that they mean.

use keywright_core::limit::{
    Adaptive, Algorithm, Budget, Burst, Credits, Limits, Meter, MeterName, Period, Refill,
    RefillEvery, Requests, Rule, Transfer,
};

/// The limits of the documentation's example.
fn example() -> Limits {
    Limits {
        requests: Requests {
            second: Some(100),
            minute: Some(1_000),
            hour: Some(10_000),
            day: Some(100_000),
            month: None,
        },
        burst: Some(Burst {
            max_burst: 200,
            window_s: 60,
        }),
        transfer: Transfer {
            upload_mbps: Some(10),
            download_mbps: Some(50),
            total_gb_per_day: Some(100),
        },
        ..Limits::default()
    }
}

fn fields(limits: &Limits) -> Vec<String> {
    let problems = limits.check().err().unwrap_or_default();
    problems
        .into_iter()
        .map(|problem| problem.field.into_owned())
        .collect()
}

fn meter(name: &str, amount_milli: u64) -> Meter {
    Meter {
        name: name.parse().unwrap(),
        budget: Budget {
            amount_milli,
            period: None,
        },
    }
}

#[test]
fn the_example_can_be_meant_and_so_can_nothing() {
    assert_eq!(example().check(), Ok(()));
    assert_eq!(Limits::default().check(), Ok(()));
    assert!(Limits::default().is_empty());
    assert!(Limits::default().rules().is_empty());
}

#[test]
fn the_example_becomes_its_rules() {
    let rules = example().rules();
    let names: Vec<String> = rules.iter().map(|(name, _)| name.to_string()).collect();
    let expected = [
        "per_second",
        "per_minute",
        "per_hour",
        "per_day",
        "upload",
        "download",
        "transfer_day",
    ];
    assert_eq!(names, expected);
    let second = Rule::Burst {
        sliding: false,
        period: Period::Second,
        limit: 100,
        max_burst: 200,
        over_s: 60,
    };
    assert_eq!(rules[0].1, second);
    let (period, limit) = (Period::Minute, 1_000);
    assert_eq!(rules[1].1, Rule::FixedWindow { period, limit });
    assert_eq!(rules[5].1.limit(), 6_250_000);
    assert_eq!(rules[6].1.limit(), 100_000_000_000);
}

#[test]
fn a_bucket_bursts_by_its_capacity() {
    let limits = Limits {
        algorithm: Algorithm::TokenBucket,
        ..example()
    };
    let bucket = |capacity, refill, period| Rule::Bucket {
        capacity,
        refill,
        period,
    };
    let rules = limits.rules();
    assert_eq!(rules[0].1, bucket(200, 100, Period::Second));
    assert_eq!(rules[1].1, bucket(1_000, 1_000, Period::Minute));
}

#[test]
fn meters_and_credits_are_named_in_the_rules() {
    let credits = Credits {
        amount: 5,
        refill: None,
    };
    let limits = Limits {
        credits: Some(credits),
        meters: vec![meter("tokens", 7_000)],
        ..Limits::default()
    };
    let rules = limits.rules();
    assert_eq!(rules[0].0.to_string(), "credits");
    assert_eq!(rules[1].0.to_string(), "meter:tokens");
    assert_eq!(rules[1].1.limit(), 7_000);
}

#[test]
fn every_bad_field_is_named() {
    let too_many = 1_000_000_000_001;
    let limits = Limits {
        requests: Requests {
            second: Some(0),
            minute: Some(too_many),
            hour: Some(10),
            day: Some(20),
            month: Some(19),
        },
        burst: Some(Burst {
            max_burst: 0,
            window_s: 0,
        }),
        concurrency: Some(0),
        payload_bytes_max: Some(too_many),
        transfer: Transfer {
            upload_mbps: Some(0),
            download_mbps: Some(u32::MAX),
            total_gb_per_day: Some(1_000_001),
        },
        credits: Some(Credits {
            amount: 5,
            refill: Some(Refill {
                amount: 6,
                every: RefillEvery::Monthly { day: 32 },
            }),
        }),
        meters: vec![
            meter("tokens", 1),
            meter("cpu_seconds", 0),
            meter("tokens", 1),
        ],
        adaptive: Some(Adaptive {
            floor_percent: 0,
            target_latency_ms: 0,
            max_error_percent: 101,
        }),
        ..Limits::default()
    };
    let expected = [
        "requests.perSecond",
        "requests.perMinute",
        "requests.perHour",
        "requests.perMonth",
        "burst.maxBurst",
        "burst.burstWindow",
        "concurrency",
        "payloadBytesMax",
        "bandwidth.uploadMbps",
        "bandwidth.downloadMbps",
        "bandwidth.totalGbPerDay",
        "credits.refill.amount",
        "credits.refill.day",
        "meters.cpu_seconds.amount",
        "meters.tokens",
        "adaptive.floorPercent",
        "adaptive.targetLatencyMs",
        "adaptive.maxErrorPercent",
    ];
    assert_eq!(fields(&limits), expected);
}

#[test]
fn a_burst_must_lie_between_its_limit_and_the_next() {
    for (max_burst, expected) in [
        (99, vec!["burst.maxBurst"]),
        (100, vec!["burst.maxBurst"]),
        (101, vec![]),
        (1_000, vec![]),
        (1_001, vec!["burst.maxBurst"]),
    ] {
        let mut limits = example();
        let window_s = 60;
        limits.burst = Some(Burst {
            max_burst,
            window_s,
        });
        assert_eq!(fields(&limits), expected, "{max_burst}");
    }
    let mut limits = example();
    limits.requests = Requests::default();
    assert_eq!(fields(&limits), ["burst"]);
}

#[test]
fn windows_that_overlap_are_named_by_the_longer() {
    for (minute, expected) in [
        (99, vec!["requests.perMinute"]),
        (100, vec![]),
        (101, vec![]),
    ] {
        let mut limits = example();
        (limits.burst, limits.requests.minute) = (None, Some(minute));
        assert_eq!(fields(&limits), expected, "{minute}");
    }
}

#[test]
fn the_bounds_of_days_and_numbers() {
    for (day, good) in [(0, false), (1, true), (31, true), (32, false)] {
        let limits = Limits {
            credits: Some(Credits {
                amount: 1,
                refill: Some(Refill {
                    amount: 1,
                    every: RefillEvery::Monthly { day },
                }),
            }),
            ..Limits::default()
        };
        assert_eq!(limits.check().is_ok(), good, "{day}");
    }
    for (month, good) in [
        (0, false),
        (1, true),
        (1_000_000_000_000, true),
        (1_000_000_000_001, false),
    ] {
        let mut limits = Limits::default();
        limits.requests.month = Some(month);
        assert_eq!(limits.check().is_ok(), good, "{month}");
    }
    let many = |count: usize| Limits {
        meters: (0..count).map(|n| meter(&format!("m{n}"), 1)).collect(),
        ..Limits::default()
    };
    assert_eq!(many(16).check(), Ok(()));
    assert_eq!(fields(&many(17)), ["meters"]);
}

#[test]
fn names_of_meters_are_plain() {
    let long = "a".repeat(32);
    for good in ["tokens", "cpu_seconds", "a", "x9_", &long] {
        assert_eq!(good.parse::<MeterName>().unwrap().as_str(), good);
    }
    let longer = "a".repeat(33);
    for bad in [
        "",
        "9x",
        "_x",
        "Tokens",
        "cpu-seconds",
        "tökens",
        "a b",
        &longer,
    ] {
        assert!(bad.parse::<MeterName>().is_err(), "{bad}");
    }
    assert_eq!(Algorithm::from_name("leaky"), None);
    assert_eq!(
        Algorithm::from_name("token_bucket"),
        Some(Algorithm::TokenBucket)
    );
}
