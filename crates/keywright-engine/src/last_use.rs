//! When and from where a key was last used: remembered beside the cached key, written in batches.
//! A crash loses at most one interval of it (trust D8); nothing here touches the database.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use keywright_core::id::KeyId;
use keywright_core::time::Timestamp;
use keywright_store::LastUseRecord;

use crate::compiled::CompiledKey;

/// Keys waiting to be written. At one use a second each this is far above what a node serves
/// between two flushes; beyond it a use is forgotten and the key's next one counts.
const WAITING_MAX: usize = 1_000_000;

/// The last use of one key.
#[derive(Debug, Default)]
pub(crate) struct LastUse(Mutex<Option<(Timestamp, Option<IpAddr>)>>);

/// The keys used since the last flush, and what earlier ones could not write.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    used: Mutex<Vec<Arc<CompiledKey>>>,
    unwritten: Mutex<BTreeMap<KeyId, LastUseRecord>>,
}

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
            let mut waiting = self.used.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Keeps what could not be written for the next flush, of each key the latest use.
    pub(crate) fn put_back(&self, records: &[LastUseRecord]) {
        let mut unwritten = self
            .unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for record in records {
            if unwritten.len() < WAITING_MAX || unwritten.contains_key(&record.key) {
                unwritten.insert(record.key, *record);
            }
        }
    }

    /// Takes what is to be written, each key once.
    pub(crate) fn take(&self) -> Vec<LastUseRecord> {
        let keys = {
            let mut waiting = self.used.lock().unwrap_or_else(PoisonError::into_inner);
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
        let mut records = {
            let mut unwritten = self
                .unwritten
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *unwritten)
        };
        records.extend(
            keys.into_iter()
                .filter_map(taken)
                .map(|record| (record.key, record)),
        );
        records.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use keywright_core::id::TenantId;
    use keywright_core::token::Entropy;

    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    /// The use of the key that was made at `made`.
    fn record(made: i64, at: i64) -> LastUseRecord {
        let made = Timestamp::from_milliseconds(made);
        LastUseRecord {
            tenant: TenantId::new(made, &mut Zeros),
            key: KeyId::new(made, &mut Zeros),
            at: Timestamp::from_milliseconds(at),
            address: None,
        }
    }

    #[test]
    fn what_could_not_be_written_waits_for_the_next_flush_once() {
        let waiting = Waiting::default();
        waiting.put_back(&[record(1, 5), record(2, 5)]);
        waiting.put_back(&[record(1, 6)]);
        assert_eq!(waiting.take(), [record(1, 6), record(2, 5)]);
        assert!(waiting.take().is_empty());
    }
}
