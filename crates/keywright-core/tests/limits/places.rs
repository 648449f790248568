//! Concurrency against a list of holders.

use keywright_core::limit::{LeaseId, Places, Retry};
use proptest::prelude::*;

use crate::calendar::at;

#[derive(Clone, Debug)]
enum Event {
    Acquire { id: u128, lives: i64 },
    Renew { id: u128, lives: i64 },
    Release { id: u128 },
}

fn any_event() -> impl Strategy<Value = Event> {
    let id = || 0..8_u128;
    prop_oneof![
        3 => (id(), -5..100_i64).prop_map(|(id, lives)| Event::Acquire { id, lives }),
        1 => (id(), -5..100_i64).prop_map(|(id, lives)| Event::Renew { id, lives }),
        1 => id().prop_map(|id| Event::Release { id }),
    ]
}

/// Every lease that was ever given: holder, end.
#[derive(Default)]
struct Model {
    leases: Vec<(u128, i64)>,
    seen: i64,
}

impl Model {
    fn live(&self, now: i64) -> usize {
        let now = self.seen.max(now);
        self.leases.iter().filter(|(_, end)| *end > now).count()
    }

    fn renew(&mut self, id: u128, end: i64, now: i64) -> bool {
        let now = self.seen.max(now);
        let mut live = self.leases.iter_mut().filter(|(_, end)| *end > now);
        let Some(lease) = live.find(|(holder, _)| *holder == id) else {
            return false;
        };
        lease.1 = lease.1.max(end);
        self.seen = now;
        true
    }

    fn acquire(&mut self, limit: usize, id: u128, end: i64, now: i64) -> bool {
        if self.renew(id, end, now) {
            return true;
        }
        let fits = end > self.seen.max(now) && self.live(now) < limit;
        if fits {
            self.seen = self.seen.max(now);
            self.leases.push((id, end));
        }
        fits
    }

    fn release(&mut self, id: u128, now: i64) -> bool {
        let now = self.seen.max(now);
        let place = self
            .leases
            .iter()
            .position(|(holder, end)| *holder == id && *end > now);
        let Some(place) = place else { return false };
        self.leases.remove(place);
        self.seen = now;
        true
    }
}

proptest! {
    #[test]
    fn places_are_held_as_the_list_says(
        limit in 1..5_u32, events in prop::collection::vec((-10..40_i64, any_event()), 0..80),
    ) {
        let (mut places, mut model) = (Places::with_room(limit), Model::default());
        let mut now = 1_000_000;
        for (step, event) in events {
            now += step;
            let (got, expected) = match event {
                Event::Acquire { id, lives } => (
                    places.acquire(limit, LeaseId(id), at(now + lives), at(now)),
                    model.acquire(limit as usize, id, now + lives, now),
                ),
                Event::Renew { id, lives } => (
                    places.renew(LeaseId(id), at(now + lives), at(now)),
                    model.renew(id, now + lives, now),
                ),
                Event::Release { id } => (places.release(LeaseId(id), at(now)), model.release(id, now)),
            };
            prop_assert_eq!(got, expected);
            let live = model.live(now);
            prop_assert!(live <= limit as usize);
            prop_assert_eq!(places.in_use(at(now)) as usize, live);
            let standing = places.peek(limit, at(now));
            prop_assert_eq!(standing.remaining as usize, limit as usize - live);
            match standing.refusal {
                None => prop_assert!(live < limit as usize),
                Some(Retry::AfterMs(wait_ms)) => {
                    let then = now + i64::try_from(wait_ms).unwrap();
                    prop_assert_eq!(model.live(then - 1), limit as usize);
                    prop_assert!(model.live(then) < limit as usize);
                }
                Some(Retry::Never) => prop_assert!(false, "a place always comes back"),
            }
        }
    }
}

#[test]
fn a_lease_lapses_at_its_moment() {
    let mut places = Places::with_room(1);
    let (one, two) = (LeaseId(1), LeaseId(2));
    assert!(places.acquire(1, one, at(1_000), at(0)));
    assert!(!places.acquire(1, two, at(2_000), at(999)));
    assert_eq!(places.peek(1, at(999)).refusal, Some(Retry::AfterMs(1)));
    assert!(places.acquire(1, two, at(2_000), at(1_000)));
    assert!(!places.renew(one, at(3_000), at(1_000)));
    assert!(!places.release(one, at(1_000)));
    assert!(places.release(two, at(1_500)));
    assert_eq!(places.in_use(at(1_500)), 0);
}

#[test]
fn a_lowered_limit_lets_nobody_in_until_enough_have_left() {
    let mut places = Places::with_room(3);
    for (id, end) in [(1, 3_000), (2, 1_000), (3, 2_000)] {
        assert!(places.acquire(3, LeaseId(id), at(end), at(0)));
    }
    assert_eq!(places.peek(1, at(0)).refusal, Some(Retry::AfterMs(3_000)));
    assert_eq!(places.peek(2, at(0)).refusal, Some(Retry::AfterMs(2_000)));
    assert!(!places.acquire(1, LeaseId(4), at(9_000), at(2_999)));
    assert!(places.acquire(1, LeaseId(4), at(9_000), at(3_000)));
}

#[test]
fn lapsed_leases_are_forgotten() {
    let mut places = Places::with_room(2);
    for turn in 0..1_000_i64 {
        let id = LeaseId(u128::from(turn.unsigned_abs()));
        assert!(places.acquire(2, id, at(turn + 1), at(turn)));
    }
    let mut fresh = Places::with_room(2);
    assert!(fresh.acquire(2, LeaseId(999), at(1_000), at(999)));
    assert_eq!(places, fresh);
}
