//! Every interleaving of a node whose lease ends and is renewed, of somebody who revokes a key on
//! another node and waits, and of a check, tried by loom on the engine's own source.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[expect(dead_code, reason = "the text of the library")]
#[path = "../src/freshness.rs"]
mod freshness;
#[expect(dead_code, unreachable_pub, reason = "the text of the library")]
#[path = "../src/lease.rs"]
mod lease;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
}

mod clock {
    use std::fmt::Debug;
    use std::time::Duration;

    pub(crate) trait Monotonic: Debug + Send + Sync {
        fn now(&self) -> Duration;
    }
}

use std::time::Duration;

use clock::Monotonic;
use freshness::Freshness;
use lease::{Consistency, LEASE, Lease, Standing};
use loom::sync::atomic::AtomicBool;
use loom::sync::{Arc, Mutex};
use loom::thread;
use sync::{AtomicU64, Ordering};

/// Past the end of a lease that was renewed at the start.
const LATER: u64 = 6_000;

/// The time of everybody, in milliseconds.
#[derive(Clone, Debug)]
struct Time(Arc<AtomicU64>);

impl Monotonic for Time {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The node's row in the database.
struct Row {
    applied: u64,
    leased_until: Duration,
    fenced_at: Duration,
}

struct Model {
    time: Time,
    consistency: Consistency,
    /// The feed's last position: the key is revoked at position 1.
    committed: AtomicU64,
    row: Mutex<Row>,
    /// The revocation was answered, and it was said to be in force everywhere.
    complete: AtomicBool,
    freshness: Freshness,
    lease: Lease,
}

impl Model {
    /// A node that renewed its lease at the start, and holds the key in memory since then.
    fn new(consistency: Consistency) -> Self {
        let time = Time(Arc::new(AtomicU64::new(0)));
        let lease = Lease::none_yet(consistency, std::sync::Arc::new(time.clone()));
        lease.extend(Duration::ZERO);
        Self {
            row: Mutex::new(Row {
                applied: 0,
                leased_until: LEASE,
                fenced_at: consistency.serves(),
            }),
            time,
            consistency,
            committed: AtomicU64::new(0),
            complete: AtomicBool::new(false),
            freshness: Freshness::new(0, 1),
            lease,
        }
    }

    fn follow(&self) {
        if self.committed.load(Ordering::SeqCst) == 1 {
            self.freshness.invalidate(0, 1);
            self.freshness.advance(1);
        }
    }

    /// A round of `server::cluster`.
    fn renew(&self) {
        let (asked_at, applied) = (self.time.now(), self.freshness.applied());
        {
            let mut row = self.row.lock().unwrap();
            let now = self.time.now();
            *row = Row {
                applied,
                leased_until: now + LEASE,
                fenced_at: now + self.consistency.serves(),
            };
        }
        self.follow();
        self.lease.extend(asked_at);
    }

    /// A call on another node: commits, then looks once at who has not confirmed.
    fn revoke(&self) {
        self.committed.store(1, Ordering::SeqCst);
        let row = self.row.lock().unwrap();
        let now = self.time.now();
        if row.applied >= 1 || (row.leased_until <= now && row.fenced_at <= now) {
            self.complete.store(true, Ordering::SeqCst);
        }
    }

    /// A check of the key: as it was remembered, unless that is stale.
    fn accepts(&self) -> bool {
        let term = self.lease.begin();
        let remembered = self.freshness.is_fresh(0, 0);
        let revoked = !remembered && self.committed.load(Ordering::SeqCst) == 1;
        !revoked && self.lease.standing_of(term) != Standing::Lost
    }
}

fn no_check_after_a_complete_answer_accepts(consistency: Consistency, later: u64) {
    let mut model = loom::model::Builder::new();
    // Two find each of the orders that the code must keep when it is broken; three take a minute.
    model.preemption_bound = Some(2);
    model.check(move || {
        let model = Arc::new(Model::new(consistency));
        let run = |work: fn(&Model, u64)| {
            let model = model.clone();
            thread::spawn(move || work(&model, later))
        };
        let threads = [
            run(|model, later| model.time.0.store(later, Ordering::SeqCst)),
            run(|model, _| model.revoke()),
            run(|model, _| model.renew()),
        ];
        let was_complete = model.complete.load(Ordering::SeqCst);
        let accepted = model.accepts();
        assert!(!(was_complete && accepted), "accepted after the answer");
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn no_check_after_a_complete_answer_accepts_strict() {
    no_check_after_a_complete_answer_accepts(Consistency::Strict, LATER);
}

#[test]
fn no_check_after_a_complete_answer_accepts_bounded() {
    let bound = Duration::from_secs(300);
    no_check_after_a_complete_answer_accepts(Consistency::Bounded(bound), LATER);
    no_check_after_a_complete_answer_accepts(Consistency::Bounded(bound), 301_000);
}
