//! Keys met under a former pepper, to be stored under the current one: only a presented key can be
//! digested anew, so a pepper's change completes as keys are used (trust S1).

use std::sync::{Mutex, PoisonError};

use keywright_store::Rehash;

/// Keys waiting; beyond it a key waits for its next use.
const WAITING_MAX: usize = 10_000;

/// The keys that wait.
#[derive(Debug, Default)]
pub(crate) struct Rehashes(Mutex<Vec<Rehash>>);

impl Rehashes {
    /// Adds a key, unless too many wait or it waits already.
    pub(crate) fn offer(&self, rehash: Rehash) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = waiting.last().is_some_and(|last| last.key == rehash.key);
        if waiting.len() < WAITING_MAX && !known {
            waiting.push(rehash);
        }
    }

    /// Takes what waits, each key once.
    pub(crate) fn take(&self) -> Vec<Rehash> {
        let mut waiting = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        waiting.sort_by_key(|rehash| rehash.key);
        waiting.dedup_by_key(|rehash| rehash.key);
        waiting
    }
}
