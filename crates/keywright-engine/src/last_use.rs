//! When and from where a key was last used: remembered beside the cached key, written in batches.
//! A crash loses at most one interval of it (trust D8); nothing here touches the database.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use keywright_core::time::Timestamp;
use keywright_store::LastUseRecord;

use crate::compiled::CompiledKey;

/// Keys waiting to be written. At one use a second each this is far above what a node serves
/// between two flushes; beyond it a use is forgotten and the key's next one counts.
const WAITING_MAX: usize = 1_000_000;

/// The last use of one key.
#[derive(Debug, Default)]
pub(crate) struct LastUse(Mutex<Option<(Timestamp, Option<IpAddr>)>>);

/// The keys used since the last flush.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Vec<Arc<CompiledKey>>>);

impl Waiting {
    /// Notes a use. Only the first since the last flush takes the list's lock.
    pub(crate) fn note(&self, key: &Arc<CompiledKey>, at: Timestamp, address: Option<IpAddr>) {
        let first = {
            let mut last = key
                .last_use
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let first = last.is_none();
            if last.is_none_or(|(known, _)| known <= at) {
                *last = Some((at, address));
            }
            first
        };
        if first {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < WAITING_MAX {
                waiting.push(key.clone());
            } else {
                drop(waiting);
                *key.last_use
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }

    /// Takes what is to be written.
    pub(crate) fn take(&self) -> Vec<LastUseRecord> {
        let keys = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        let taken = |key: Arc<CompiledKey>| {
            let mut last = key
                .last_use
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            last.take().map(|(at, address)| LastUseRecord {
                tenant: key.tenant.tenant.id,
                key: key.id,
                at,
                address,
            })
        };
        keys.into_iter().filter_map(taken).collect()
    }
}
