//! Chunks: however nodes lease, spend, give back, crash and return, no more is served than the limit.

use keywright_core::limit::{Lease, chunk, grant};
use keywright_core::limits::CHUNK_MAX;
use proptest::prelude::*;

use crate::calendar::at;

#[derive(Clone, Debug)]
enum Event {
    Request { cost: u64 },
    GiveBack { cost: u64 },
    Surrender,
    Crash,
    NextWindow,
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => (0..=5_u64).prop_map(|cost| Event::Request { cost }),
        2 => (0..=5_u64).prop_map(|cost| Event::GiveBack { cost }),
        2 => Just(Event::Surrender),
        1 => Just(Event::Crash),
        1 => Just(Event::NextWindow),
    ]
}

proptest! {
    #[test]
    fn what_is_served_held_and_forfeited_is_what_was_granted_and_never_above_the_limit(
        limit in 1..3_000_u64, nodes in 1..5_usize, exact in any::<bool>(),
        events in prop::collection::vec((0..5_usize, any_event()), 0..400),
    ) {
        let mut window = 0;
        let mut leases = vec![Lease::new(at(window)); nodes];
        let mut last = vec![0_u64; nodes]; // spent by each node in this window
        let (mut used, mut served, mut forfeited) = (0_u64, 0_u64, 0_u64);
        for (node, event) in events {
            let node = node % nodes;
            if matches!(event, Event::NextWindow) {
                last.fill(0);
            }
            let (lease, last) = (&mut leases[node], &mut last[node]);
            match event {
                Event::Request { cost } => {
                    let missing = cost.saturating_sub(lease.left(at(window)));
                    let fits = missing <= limit - used;
                    if missing > 0 && let Some(granted) = grant(limit, used, missing, 3, exact) {
                        prop_assert!(granted >= missing && granted <= missing.max(CHUNK_MAX));
                        prop_assert!(!exact || granted == missing);
                        used += granted;
                        lease.add(at(window), granted);
                    }
                    let taken = lease.take(at(window), cost);
                    prop_assert_eq!(taken, fits);
                    if taken {
                        served += cost;
                        *last += cost;
                    }
                }
                Event::GiveBack { cost } => {
                    let cost = cost.min(*last);
                    lease.give_back(at(window), cost);
                    served -= cost;
                    *last -= cost;
                }
                Event::Surrender => used -= if lease.window_start() == at(window) { lease.surrender() } else { 0 },
                Event::Crash => {
                    forfeited += lease.left(at(window));
                    (*lease, *last) = (Lease::new(at(window)), 0);
                }
                Event::NextWindow => {
                    window += 1000;
                    (used, served, forfeited) = (0, 0, 0);
                }
            }
            let held: u64 = leases.iter().map(|lease| lease.left(at(window))).sum();
            prop_assert!(used <= limit);
            prop_assert_eq!(served + held + forfeited, used);
        }
    }

    #[test]
    fn a_chunk_is_a_tenth_of_the_share_within_bounds(remaining in any::<u64>(), nodes in any::<u32>()) {
        let ahead = chunk(remaining, nodes, false);
        prop_assert!(ahead <= remaining.min(CHUNK_MAX));
        prop_assert!(remaining == 0 || ahead >= 1);
        prop_assert_eq!(chunk(remaining, nodes, true), remaining.min(1));
    }
}

#[test]
fn chunks_by_numbers() {
    assert_eq!(chunk(1_000, 1, false), 100);
    assert_eq!(chunk(1_000, 3, false), 33);
    assert_eq!(chunk(10_000, 1, false), 200);
    assert_eq!(chunk(90_000, 3, false), 300);
    assert_eq!(chunk(100_000_000, 3, false), CHUNK_MAX);
    assert_eq!(chunk(9, 1, false), 1);
    assert_eq!(chunk(1_000, 0, false), 100);
    assert_eq!(chunk(0, 1, false), 0);
}

#[test]
fn a_lease_is_void_at_its_windows_edge() {
    let mut lease = Lease::new(at(0));
    lease.add(at(0), 10);
    assert!(lease.take(at(0), 4));
    assert_eq!(lease.left(at(0)), 6);
    assert_eq!(lease.left(at(1000)), 0);
    assert!(!lease.take(at(1000), 1));
    lease.add(at(1000), 3);
    assert_eq!(lease.left(at(1000)), 3);
    // A grant that arrives after its window.
    lease.add(at(0), 50);
    assert_eq!(lease.left(at(1000)), 3);
    assert_eq!(lease.left(at(0)), 0);
    assert_eq!(lease.surrender(), 3);
    assert_eq!(lease.surrender(), 0);
}
