//! The limiter against a naive list of what happened, and its promises.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const START: i64 = 1_700_000_000;
const ACCOUNT: AccountDigest = [7; 32];

fn source(number: u32) -> Source {
    Source::of(Ipv4Addr::from(0x0a00_0000 + number).into())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second).unwrap()
}

fn wait(result: Result<(), RetryAfter>) -> i64 {
    result.map_or_else(|later| i64::try_from(later.seconds).unwrap(), |()| 0)
}

/// A sign-in that fails; how long it would have had to wait instead.
fn sign_in(attempts: &Attempts, source: Source, second: i64) -> i64 {
    let waits = wait(attempts.check(source, Some(ACCOUNT), at(second)));
    if waits == 0 {
        attempts.failed(source, Some(ACCOUNT), at(second));
    }
    waits
}

#[test]
fn sixty_bad_credentials_in_a_minute_refuse_a_network_for_a_minute() {
    let attempts = Attempts::default();
    for _ in 0..59 {
        attempts.failed(source(1), None, at(0));
    }
    assert_eq!(wait(attempts.check(source(1), None, at(0))), 0);
    attempts.failed(source(1), None, at(59));
    assert_eq!(wait(attempts.check(source(1), None, at(59))), 60);
    assert_eq!(wait(attempts.check(source(1), None, at(118))), 1);
    assert_eq!(wait(attempts.check(source(1), None, at(119))), 0);
    assert_eq!(wait(attempts.check(source(2), None, at(59))), 0);
}

#[test]
fn a_bad_credential_counts_for_a_minute() {
    let attempts = Attempts::default();
    for _ in 0..59 {
        attempts.failed(source(1), None, at(0));
    }
    attempts.failed(source(1), None, at(60));
    assert_eq!(wait(attempts.check(source(1), None, at(60))), 0);
}

#[test]
fn sign_ins_slow_down_after_five_failures_and_stop_after_ten() {
    let attempts = Attempts::default();
    let mut second = 0;
    let mut waits = Vec::new();
    for _ in 0..10 {
        let waited = sign_in(&attempts, source(1), second);
        waits.push(waited);
        if waited > 0 {
            assert_eq!(sign_in(&attempts, source(1), second + waited - 1), 1);
            second += waited;
            assert_eq!(sign_in(&attempts, source(1), second), 0);
        }
    }
    assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16]);
    assert_eq!(sign_in(&attempts, source(1), second), 1800);
    assert_eq!(sign_in(&attempts, source(1), second + 1799), 1);
    assert_eq!(sign_in(&attempts, source(1), second + 1800), 0);
    assert_eq!(sign_in(&attempts, source(1), second + 1800), 0);
}

#[test]
fn tries_without_an_outcome_count() {
    let attempts = Attempts::default();
    for _ in 0..5 {
        assert_eq!(wait(attempts.check(source(1), Some(ACCOUNT), at(0))), 0);
    }
    assert_eq!(wait(attempts.check(source(1), Some(ACCOUNT), at(0))), 1);
}

#[test]
fn a_success_forgets_the_failures() {
    let attempts = Attempts::default();
    for _ in 0..5 {
        sign_in(&attempts, source(1), 0);
    }
    attempts.succeeded(source(1), ACCOUNT);
    for _ in 0..5 {
        assert_eq!(sign_in(&attempts, source(1), 0), 0);
    }
    assert_eq!(sign_in(&attempts, source(1), 0), 1);
}

#[test]
fn one_time_tokens_have_five_tries_from_a_network() {
    let attempts = Attempts::default();
    for _ in 0..5 {
        assert_eq!(wait(attempts.check_one_time(source(1), at(0))), 0);
    }
    assert_eq!(wait(attempts.check_one_time(source(1), at(1))), 1799);
    assert_eq!(wait(attempts.check_one_time(source(2), at(1))), 0);
    assert_eq!(wait(attempts.check_one_time(source(1), at(1800))), 0);
    attempts.one_time_succeeded(source(2));
    for _ in 0..5 {
        assert_eq!(wait(attempts.check_one_time(source(2), at(2))), 0);
    }
}

#[test]
fn failures_of_many_networks_make_strangers_wait_but_not_those_who_were_there() {
    let attempts = Attempts::default();
    attempts.succeeded(source(1), ACCOUNT);
    for stranger in 0..100 {
        assert_eq!(sign_in(&attempts, source(1000 + stranger), 0), 0);
    }
    assert_eq!(sign_in(&attempts, source(2), 0), 10);
    assert_eq!(sign_in(&attempts, source(2), 9), 1);
    assert_eq!(sign_in(&attempts, source(1), 9), 0);
    assert_eq!(sign_in(&attempts, source(2), 10), 0);
    assert_eq!(sign_in(&attempts, source(2), 10), 10);
    let other = wait(attempts.check(source(3), Some([8; 32]), at(10)));
    assert_eq!(other, 0);
}

#[test]
fn a_full_map_forgets_its_oldest_entry() {
    let mut map: Bounded<u32, u32> = Bounded::new(2);
    *map.entry(1) = 10;
    *map.entry(2) = 20;
    *map.entry(1) = 11;
    *map.entry(3) = 30;
    assert_eq!(
        (map.get(&1), map.get(&2), map.get(&3)),
        (None, Some(&20), Some(&30))
    );
    assert_eq!((map.entries.len(), map.order.len()), (2, 2));
}

/// What a network does next: after some seconds, it fails, succeeds, or presents a bad key.
#[derive(Clone, Debug)]
enum Deed {
    SignInFails,
    SignInSucceeds,
    BadKey,
}

fn deeds() -> impl Strategy<Value = Vec<(u32, i64, Deed)>> {
    let pause = prop_oneof![8 => Just(0), 8 => 0..4_i64, 2 => 4..70_i64, 1 => 1700..1900_i64];
    let deed = prop_oneof![
        6 => Just(Deed::SignInFails),
        1 => Just(Deed::SignInSucceeds),
        8 => Just(Deed::BadKey),
    ];
    prop::collection::vec((0..3_u32, pause, deed), 0..400)
}

/// Everything that happened, and the rules as one would explain them.
#[derive(Default)]
struct History {
    bad: Vec<(u32, i64)>,
    refused: Vec<(u32, i64)>,
    tries: Vec<(u32, i64)>,
}

impl History {
    fn source_waits(&self, network: u32, now: i64) -> i64 {
        let refused = self.refused.iter().rfind(|(of, _)| *of == network);
        refused.map_or(0, |(_, at)| (at + 60 - now).max(0))
    }

    fn fail(&mut self, network: u32, now: i64) {
        self.bad.push((network, now));
        let recent = |(of, at): &&(u32, i64)| *of == network && *at > now - 60;
        if self.bad.iter().filter(recent).count() == 60 {
            self.bad.retain(|(of, _)| *of != network);
            self.refused.push((network, now));
        }
    }

    fn sign_in_waits(&self, network: u32, now: i64) -> i64 {
        let tries: Vec<i64> = self
            .tries
            .iter()
            .filter(|(of, _)| *of == network)
            .map(|(_, at)| *at)
            .collect();
        let Some(last) = tries.last() else { return 0 };
        // Only the tries since the last silence of half an hour count, the present one included.
        let mut row = 1;
        while row < tries.len() && tries[tries.len() - row] - tries[tries.len() - row - 1] < 1800 {
            row += 1;
        }
        let waits = match row {
            _ if now - last >= 1800 => 0,
            0..5 => 0,
            5..10 => [1, 2, 4, 8, 16][row - 5],
            _ => 1800,
        };
        (last + waits - now).max(0)
    }
}

proptest! {
    #[test]
    fn the_limiter_agrees_with_a_list_of_everything_that_happened(deeds in deeds()) {
        let attempts = Attempts::default();
        let mut history = History::default();
        let mut now = 0;
        for (network, pause, deed) in deeds {
            now += pause;
            let account = (!matches!(deed, Deed::BadKey)).then_some(ACCOUNT);
            let mut waits = history.source_waits(network, now);
            if waits == 0 && account.is_some() {
                waits = history.sign_in_waits(network, now);
            }
            prop_assert_eq!(wait(attempts.check(source(network), account, at(now))), waits);
            if waits > 0 {
                continue;
            }
            if account.is_some() {
                history.tries.push((network, now));
            }
            if matches!(deed, Deed::SignInSucceeds) {
                attempts.succeeded(source(network), ACCOUNT);
                history.tries.retain(|(of, _)| *of != network);
            } else {
                attempts.failed(source(network), account, at(now));
                history.fail(network, now);
            }
        }
    }

    #[test]
    fn failures_of_others_never_block_a_source_with_good_history(
        others in prop::collection::vec((2..500_u32, 0..3_i64), 0..1500),
    ) {
        let attempts = Attempts::default();
        attempts.succeeded(source(1), ACCOUNT);
        let mut now = 0;
        for (other, pause) in others {
            now += pause;
            sign_in(&attempts, source(other), now);
            attempts.failed(source(other), None, at(now));
            prop_assert_eq!(wait(attempts.check(source(1), Some(ACCOUNT), at(now))), 0);
            attempts.succeeded(source(1), ACCOUNT);
        }
    }

    #[test]
    fn a_stranger_who_waits_as_told_gets_in_whatever_others_do(
        before in prop::collection::vec((2..500_u32, 0..2_i64), 0..600),
        during in prop::collection::vec((2..500_u32, 0..2_i64), 0..600),
    ) {
        let attempts = Attempts::default();
        let mut now = 0;
        for (other, pause) in before {
            now += pause;
            sign_in(&attempts, source(other), now);
        }
        let told = wait(attempts.check(source(1), Some(ACCOUNT), at(now)));
        prop_assert!(told == 0 || told == i64::from(STRANGER_WAIT_SECONDS));
        let due = now + told;
        for (other, pause) in during {
            now = (now + pause).min(due);
            sign_in(&attempts, source(other), now);
        }
        if told > 0 {
            prop_assert_eq!(wait(attempts.check(source(1), Some(ACCOUNT), at(due))), 0);
        }
    }
}
