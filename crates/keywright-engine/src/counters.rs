//! Counters of limits. A check takes from every limit of every subject it belongs to, or from none.
//!
//! Short windows are counted in this process. Long ones, credits and budgets are counted in the
//! store: units are taken there in small chunks ahead of use and spent here, so that most checks
//! wait for nothing, and neither a crash nor a second node serves more than the limit.

mod leases;
mod subject;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keywright_core::key::Key;
use keywright_core::limit::{Charge, Limits, Retry, RuleName, Standing, State};
use keywright_core::time::Timestamp;
use keywright_store::Store;
use smallvec::SmallVec;

use crate::EngineError;
use leases::Leases;
pub use subject::Subject;
use subject::{Counted, Mode, later};

/// Limits of a check that need no memory of their own. More would make every answer larger, also of keys
/// that have none.
const LIMITS_INLINE: usize = 4;
/// Subjects of a check: the key's line, its owner, tenant, customer, the address and the operation.
const SUBJECTS_INLINE: usize = 6;
/// Times that a check asks the store for units before it gives up: others may spend what it got.
const ROUNDS_MAX: usize = 64;
/// Parts of the table of subjects, so that two checks seldom wait for one lock.
const PARTS: usize = 64;
/// Parts swept at a time, so that a million subjects are never looked at at once.
const PARTS_SWEPT: usize = 4;
/// How long what was parked is kept: a little more than the longest window that is counted here.
const PARKED_MS: u64 = 90_000;

/// How the limits of a check stand after it.
pub type Standings = SmallVec<[(RuleName, Standing); LIMITS_INLINE]>;

/// The limit that refused a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRefusal {
    /// Which.
    pub name: RuleName,
    /// When the same check would pass.
    pub retry: Retry,
}

/// What the counters said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charged {
    /// The limit to wait for longest; `None` = all had room, and everything was taken.
    pub refusal: Option<LimitRefusal>,
    /// How every limit stands.
    pub standings: Standings,
}

/// The counters of this node.
#[derive(Debug)]
pub struct Counters {
    parts: Box<[Part]>,
    leases: Leases,
    mode: Mode,
    /// What the process before this one had counted by itself, until its windows are over.
    parked: Mutex<HashMap<(String, String), State>>,
    parked_until: Timestamp,
    /// The part that is swept next.
    next_part: AtomicUsize,
    /// The latest moment of a check, in milliseconds: when a limit that is set meanwhile changes.
    seen_at: AtomicI64,
}

/// A part of the table of subjects.
type Part = Mutex<HashMap<Box<str>, Arc<Subject>>>;

/// What taking came to without waiting.
#[expect(
    clippy::large_enum_variant,
    reason = "returned once, and a box would allocate in each check"
)]
enum Tried {
    Done(Charged),
    /// These limits need units from the store first: the subject's and the limit's place.
    Lacking(SmallVec<[(usize, usize, u64); 2]>),
}

impl Counters {
    /// Counters that begin at `started_at`. What this process' predecessor counted by itself is taken over
    /// if it ended in peace; otherwise it is not known, and its windows count as spent.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn begin(store: Store, started_at: Timestamp) -> Result<Self, EngineError> {
        let shared = store.is_shared();
        // Where nodes share, none counts by itself.
        let parked = if shared {
            Some(Vec::new())
        } else {
            store.unpark_counters().await?
        };
        let known_since = parked.is_none().then_some(started_at);
        let parked = parked.unwrap_or_default().into_iter();
        let parked = parked.map(|counter| ((counter.subject, counter.name), counter.state));
        Ok(Self {
            parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect(),
            leases: Leases::new(store, shared),
            mode: Mode {
                known_since,
                shared,
            },
            parked: Mutex::new(parked.collect()),
            parked_until: later(started_at, PARKED_MS),
            seen_at: AtomicI64::new(started_at.milliseconds()),
            next_part: AtomicUsize::new(0),
        })
    }

    /// The subject of this name with these limits. What was counted for it before stays counted.
    /// `new_at` = when it came into being, if nothing can have been counted for it before.
    pub fn subject(&self, id: &str, limits: &Limits, new_at: Option<Timestamp>) -> Arc<Subject> {
        let mut part = lock(self.part(id));
        let subject = match part.get(id) {
            Some(known) => known.clone(),
            None => {
                let subject = Arc::new(Subject::new(id));
                part.insert(id.into(), subject.clone());
                subject
            }
        };
        drop(part);
        let now = Timestamp::from_milliseconds(self.seen_at.load(Ordering::Relaxed));
        let counted_before = |name: &RuleName| {
            let mut parked = lock(&self.parked);
            if parked.is_empty() {
                return None;
            }
            parked.remove(&(id.to_owned(), name.to_string()))
        };
        subject.set(limits, self.mode, new_at, counted_before, now);
        subject
    }

    /// The subject of a key with these limits: its line, so that rotating the key does not reset them.
    pub fn subject_of(&self, key: &Key, limits: &Limits) -> Arc<Subject> {
        let new_at = (key.lineage == key.id).then(|| key.id.made_at());
        self.subject(&key.lineage.to_string(), limits, new_at)
    }

    /// Takes what a request costs from every limit of every subject, or from none. With `dry_run`
    /// only looks. The order of `subjects` must be that of their names.
    ///
    /// # Errors
    /// When units are needed and the store cannot be asked: the check is undecided.
    pub async fn charge(
        &self,
        subjects: &[Arc<Subject>],
        charge: &Charge<'_>,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<Charged, EngineError> {
        self.seen_at
            .fetch_max(now.milliseconds(), Ordering::Relaxed);
        for _ in 0..ROUNDS_MAX {
            let lacking = match attempt(subjects, charge, now, dry_run) {
                Tried::Done(charged) => return Ok(charged),
                Tried::Lacking(lacking) => lacking,
            };
            for (subject, place, needed) in lacking {
                let Some(subject) = subjects.get(subject) else {
                    continue;
                };
                self.leases.acquire(subject, place, needed, now).await?;
            }
        }
        Err(EngineError::Contended)
    }

    /// How the limits of subjects stand. Takes nothing and asks nobody.
    #[must_use]
    pub fn standings(&self, subjects: &[Arc<Subject>], now: Timestamp) -> Standings {
        let mut standings = Standings::new();
        for subject in subjects {
            for counted in lock(&subject.counted).iter() {
                standings.push((counted.name.clone(), counted.standing(0, now)));
            }
        }
        standings
    }

    /// Forgets what was counted for a subject, here and in the store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn reset(&self, id: &str) -> Result<(), EngineError> {
        let known = lock(self.part(id)).get(id).cloned();
        self.leases.forget(id, known.as_deref()).await
    }

    /// Gives units back that were taken ahead and not used in time, and drops subjects that nobody
    /// refers to and whose limits are whole. Does a part of them each time.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<(), EngineError> {
        if now >= self.parked_until {
            lock(&self.parked).clear();
        }
        let first = self.next_part.fetch_add(PARTS_SWEPT, Ordering::Relaxed);
        let parts = self.parts.iter().cycle().skip(first % PARTS);
        for part in parts.take(PARTS_SWEPT) {
            let lapsed = {
                let mut subjects = lock(part);
                subjects.retain(|_, subject| !subject.is_idle(now));
                let subjects = subjects.values();
                subjects
                    .filter(|subject| subject.has_lapsed(now))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            for subject in lapsed {
                self.leases.give_back(&subject, now).await?;
            }
        }
        Ok(())
    }

    /// Gives every unit back that was taken ahead, and keeps what was counted here for the next process:
    /// this one ends in peace.
    ///
    /// # Errors
    /// When the store cannot be written; what was held is forfeit then.
    pub(crate) async fn end(&self, now: Timestamp) -> Result<(), EngineError> {
        let mut parked = Vec::new();
        for part in &self.parts {
            let subjects: Vec<_> = lock(part).values().cloned().collect();
            for subject in subjects {
                subject.park(now, &mut parked);
                self.leases.give_back(&subject, now).await?;
            }
        }
        if !self.mode.shared {
            self.leases.park(&parked).await?;
        }
        Ok(())
    }

    /// Subjects held in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).len()).sum()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part(&self, id: &str) -> &Part {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
        let place = usize::try_from(hash % PARTS as u64).unwrap_or(0);
        // INVARIANT: there are PARTS parts.
        #[expect(clippy::indexing_slicing, reason = "a remainder by the length")]
        &self.parts[place]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes from all or none, under the locks of all.
fn attempt(subjects: &[Arc<Subject>], charge: &Charge<'_>, now: Timestamp, dry_run: bool) -> Tried {
    let mut guards: SmallVec<[MutexGuard<'_, Vec<Counted>>; SUBJECTS_INLINE]> = subjects
        .iter()
        .map(|subject| lock(&subject.counted))
        .collect();
    let mut refusal: Option<LimitRefusal> = None;
    let mut lacking = SmallVec::new();
    for (subject, counted) in guards.iter().enumerate() {
        for (place, counted) in counted.iter().enumerate() {
            let amount = charge.of(&counted.name);
            match counted.look(amount.needed, now) {
                subject::Look::Fits => {}
                subject::Look::Lacks => lacking.push((subject, place, amount.needed)),
                subject::Look::Refuses(retry) => {
                    if refusal.as_ref().is_none_or(|worst| retry > worst.retry) {
                        let name = counted.name.clone();
                        refusal = Some(LimitRefusal { name, retry });
                    }
                }
            }
        }
    }
    if refusal.is_none() && !lacking.is_empty() {
        return Tried::Lacking(lacking);
    }
    let mut standings = Standings::new();
    for counted in &mut guards {
        for counted in counted.iter_mut() {
            let amount = charge.of(&counted.name);
            if refusal.is_none() && !dry_run {
                counted.take(amount.cost, now);
            }
            let standing = counted.standing(0, now);
            standings.push((counted.name.clone(), standing));
        }
    }
    Tried::Done(Charged { refusal, standings })
}
