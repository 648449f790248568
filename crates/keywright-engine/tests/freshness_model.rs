//! Every interleaving of readers that fill the cache and a follower that applies a revocation, tried
//! by loom on the engine's own source.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../src/freshness.rs"]
mod freshness;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
}

use freshness::Freshness;
use loom::sync::Arc;
use loom::sync::Mutex;
use loom::sync::atomic::AtomicBool;
use loom::thread;
use sync::{AtomicU64, Ordering};

/// The database: whether the key is revoked, and the feed position of the last commit.
struct Truth {
    revoked: AtomicBool,
    committed: AtomicU64,
}

/// The cache: what was loaded (revoked?) and the stamp of its load.
type Cached = Mutex<Option<(bool, u64)>>;

fn check(truth: &Truth, cache: &Cached, freshness: &Freshness) -> bool {
    let cached = *cache.lock().unwrap();
    if let Some((revoked, stamp)) = cached
        && freshness.is_fresh(0, stamp)
    {
        return !revoked;
    }
    let stamp = freshness.begin_load();
    let revoked = truth.revoked.load(Ordering::SeqCst);
    *cache.lock().unwrap() = Some((revoked, stamp));
    !revoked
}

#[test]
fn no_check_that_starts_after_a_revocation_was_answered_accepts_the_key() {
    let mut model = loom::model::Builder::new();
    // Every bug of this kind that is known needs two forced switches; unbounded it takes minutes.
    model.preemption_bound = Some(3);
    model.check(|| {
        let truth = Arc::new(Truth {
            revoked: AtomicBool::new(false),
            committed: AtomicU64::new(0),
        });
        let cache: Arc<Cached> = Arc::new(Mutex::new(None));
        let freshness = Arc::new(Freshness::new(0, 1));
        let answered = Arc::new(AtomicBool::new(false));

        let reader = {
            let (truth, cache, freshness) = (truth.clone(), cache.clone(), freshness.clone());
            thread::spawn(move || {
                check(&truth, &cache, &freshness);
            })
        };
        let revoker = {
            let (truth, freshness, answered) = (truth.clone(), freshness.clone(), answered.clone());
            thread::spawn(move || {
                truth.revoked.store(true, Ordering::SeqCst);
                truth.committed.store(1, Ordering::SeqCst);
                freshness.invalidate(0, 1);
                freshness.advance(1);
                answered.store(true, Ordering::SeqCst);
            })
        };
        let was_answered = answered.load(Ordering::SeqCst);
        let accepted = check(&truth, &cache, &freshness);
        assert!(
            !(was_answered && accepted),
            "accepted after the revocation was answered"
        );
        reader.join().unwrap();
        revoker.join().unwrap();
        assert!(!check(&truth, &cache, &freshness), "accepted at rest");
    });
}

#[test]
fn facts_loaded_before_a_change_are_stale_after_it() {
    loom::model(|| {
        let freshness = Freshness::new(7, 16);
        let before = freshness.begin_load();
        assert!(freshness.is_fresh(3, before));
        freshness.invalidate(3, 8);
        freshness.advance(8);
        assert!(!freshness.is_fresh(3, before));
        assert!(freshness.is_fresh(4, before), "another slot is untouched");
        assert!(freshness.is_fresh(3, freshness.begin_load()));
        freshness.invalidate_all(9);
        assert!(!freshness.is_fresh(4, before));
    });
}

#[test]
fn positions_never_go_back() {
    loom::model(|| {
        let freshness = Freshness::new(7, 1);
        freshness.invalidate(0, 9);
        freshness.invalidate(0, 8);
        freshness.advance(9);
        freshness.advance(8);
        assert_eq!(freshness.applied(), 9);
        assert!(!freshness.is_fresh(0, 8));
    });
}
