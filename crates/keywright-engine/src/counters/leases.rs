//! Units taken ahead in the store. Whoever finds the door open carries the wishes of all that wait
//! before it: one transaction for many, however slow the disk is.

use std::sync::{Arc, Mutex};

use keywright_core::limit::{Rule, RuleName};
use keywright_core::time::Timestamp;
use keywright_store::{ParkedCounter, Store, UnitsGrant, UnitsWish};
use tokio::sync::{Mutex as AsyncMutex, oneshot};

use super::lock;
use super::subject::Subject;
use crate::EngineError;

/// Wishes of one transaction: some milliseconds of rows.
const WISHES_MAX: usize = 256;

/// Nodes that share what is left, where there are several: more only makes the parts smaller.
const NODES_ASSUMED: u32 = 4;

/// The way to the store.
#[derive(Debug)]
pub(super) struct Leases {
    store: Store,
    /// Whether other nodes count the same limits.
    shared: bool,
    waiting: Mutex<Vec<Waiting>>,
    door: AsyncMutex<()>,
}

#[derive(Debug)]
struct Waiting {
    wish: Wish,
    answer: oneshot::Sender<UnitsGrant>,
}

/// A wish that outlives who made it.
#[derive(Debug)]
struct Wish {
    subject: Arc<Subject>,
    name: RuleName,
    rule: Rule,
    exact: bool,
    needed: u64,
    unused: Option<(u64, Timestamp)>,
}

impl Leases {
    pub(super) fn new(store: Store, shared: bool) -> Self {
        Self {
            store,
            shared,
            waiting: Mutex::default(),
            door: AsyncMutex::default(),
        }
    }

    /// Gets units for one limit of a subject, unless somebody else has meanwhile.
    pub(super) async fn acquire(
        &self,
        subject: &Arc<Subject>,
        place: usize,
        needed: u64,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let _one_at_a_time = subject.asking.lock().await;
        let wish = {
            let counted = lock(&subject.counted);
            match counted.get(place) {
                Some(it) if matches!(it.look(needed, now), super::subject::Look::Lacks) => Wish {
                    subject: subject.clone(),
                    name: it.name.clone(),
                    rule: it.rule,
                    exact: it.exact,
                    needed,
                    unused: it.unused(now),
                },
                _ => return Ok(()),
            }
        };
        let name = wish.name.clone();
        let grant = self.ask(wish, now).await?;
        let mut counted = lock(&subject.counted);
        if let Some(it) = counted.iter_mut().find(|it| it.name == name) {
            it.returned(now);
            it.granted(&grant, needed, self.shared, now);
        }
        Ok(())
    }

    /// Gives back what has lapsed.
    pub(super) async fn give_back(
        &self,
        subject: &Arc<Subject>,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let _one_at_a_time = subject.asking.lock().await;
        let wishes: Vec<Wish> = {
            let mut counted = lock(&subject.counted);
            let lapsed = counted.iter_mut().filter_map(|it| {
                let unused = it.unused(now)?;
                it.returned(now);
                Some(Wish {
                    subject: subject.clone(),
                    name: it.name.clone(),
                    rule: it.rule,
                    exact: true,
                    needed: 0,
                    unused: Some(unused),
                })
            });
            lapsed.collect()
        };
        for wish in wishes {
            self.ask(wish, now).await?;
        }
        Ok(())
    }

    /// Keeps what was counted here for the next process.
    pub(super) async fn park(&self, parked: &[ParkedCounter]) -> Result<(), EngineError> {
        Ok(self.store.park_counters(parked).await?)
    }

    /// Forgets what was counted for a subject.
    pub(super) async fn forget(
        &self,
        id: &str,
        known: Option<&Subject>,
    ) -> Result<(), EngineError> {
        let _asking = match known {
            Some(subject) => Some(subject.asking.lock().await),
            None => None,
        };
        self.store.reset_counters(id).await?;
        if let Some(subject) = known {
            for counted in lock(&subject.counted).iter_mut() {
                counted.forget();
            }
        }
        Ok(())
    }

    async fn ask(&self, wish: Wish, now: Timestamp) -> Result<UnitsGrant, EngineError> {
        let (answer, mut answered) = oneshot::channel();
        lock(&self.waiting).push(Waiting { wish, answer });
        let _open = self.door.lock().await;
        loop {
            if let Ok(grant) = answered.try_recv() {
                return Ok(grant);
            }
            let carried: Vec<Waiting> = {
                let mut waiting = lock(&self.waiting);
                let count = waiting.len().min(WISHES_MAX);
                waiting.drain(..count).collect()
            };
            if carried.is_empty() {
                // Whoever carried the wish could not bring it to the store.
                return Err(EngineError::Contended);
            }
            self.carry(carried, now).await?;
        }
    }

    async fn carry(&self, carried: Vec<Waiting>, now: Timestamp) -> Result<(), EngineError> {
        let names: Vec<String> = carried.iter().map(|it| it.wish.name.to_string()).collect();
        let wishes: Vec<UnitsWish<'_>> = carried
            .iter()
            .zip(&names)
            .map(|(Waiting { wish, .. }, name)| UnitsWish {
                subject: wish.subject.id(),
                name,
                rule: wish.rule,
                needed: wish.needed,
                nodes: if self.shared { NODES_ASSUMED } else { 1 },
                exact: wish.exact,
                unused: wish.unused,
            })
            .collect();
        let grants = self.store.lease_units(&wishes, now).await?;
        for (waiting, grant) in carried.into_iter().zip(grants) {
            // Whoever asked may be gone; what was granted to it lapses.
            let _ = waiting.answer.send(grant);
        }
        Ok(())
    }
}
