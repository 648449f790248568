//! The hot path: finds presented keys in memory, lets `keywright-core` judge them, and follows the
//! change feed so that what it remembers is never staler than what was answered.
//!
//! [`Engine::verify`] is the door. Background work is offered as functions that the server drives
//! ([`Engine::catch_up`], [`Engine::flush`]), so that tests drive them too.

pub mod clock;
pub mod compiled;
pub mod counters;
mod freshness;
pub mod lease;
pub mod places;
pub mod request_signing;
pub mod zones;

mod cache;
mod guesses;
mod last_use;
#[cfg(test)]
mod lease_tests;
mod rehash;
mod replay;
mod verify;

/// The atomics of [`freshness`].
mod sync {
    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
}

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use keywright_core::id::TenantId;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::PepperRing;
use keywright_seal::envelope::EnvelopeError;
use keywright_store::{Store, StoreError};
use thiserror::Error;
use tokio::sync::Mutex;

pub use crate::verify::{Check, Checked};

use crate::cache::{KeyCache, bounded};
use crate::clock::SystemMonotonic;
use crate::compiled::CompiledTenant;
use crate::counters::Counters;
use crate::guesses::Guesses;
use crate::last_use::Waiting;
use crate::lease::Lease;
use crate::places::Places;
use crate::rehash::Rehashes;
use crate::replay::Replays;

/// Rows of the change feed read at once: a page of memory, and a bulk change in a few reads.
const FEED_PAGE: u32 = 1_000;

/// Longest wait for a page of the feed: a little more than a statement may take.
const FEED_TIMEOUT: Duration = Duration::from_secs(3);
/// Last uses written in one transaction: after an outage there may be many, and changes wait meanwhile.
const LAST_USES: usize = 1_000;

/// The engine cannot decide. This is trouble, not a refusal.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The store could not be asked.
    #[error("the store could not be asked")]
    Store(#[from] StoreError),
    /// Others took every unit that this check got from the store, too often.
    #[error("the counters of limits are contended")]
    Contended,
    /// Too many keys that nobody knows were looked up of late; a key that is not cached has to wait.
    #[error("too many unknown keys were presented; try again in {seconds} s")]
    TooManyGuesses {
        /// When to try again.
        seconds: u64,
    },
    /// The key would pass, but this node has lost its lease: it may have been revoked meanwhile.
    #[error("this node has no lease, so what it remembers may be over")]
    LeaseLost,
    /// The database took the question for the feed and says nothing.
    #[error("the change feed is not answered")]
    FeedSilent,
    /// The feed does not hold a change that was committed.
    #[error("the change feed ends at {applied}, before the change at {wanted}")]
    Behind {
        /// The last position that it holds.
        applied: u64,
        /// The position of the change.
        wanted: u64,
    },
    /// The sealed secret of a pair cannot be opened.
    #[error("the secret of a pair cannot be opened to check a signature")]
    Sealed(#[from] EnvelopeError),
    /// No nonce more can be remembered, so no signature more can be accepted.
    #[error("too many signed requests within ten minutes to remember")]
    ReplayMemoryFull,
}

/// Decides checks.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    cache: KeyCache,
    peppers: ArcSwap<PepperRing>,
    guesses: Guesses,
    waiting: Waiting,
    rehashes: Rehashes,
    replays: Replays,
    places: ArcSwap<Places>,
    catching_up: Mutex<()>,
    counters: Arc<Counters>,
    lease: Lease,
}

impl Engine {
    /// An engine over `store` that caches at most `capacity` keys and begins to count at `now`.
    /// What an earlier process counted in windows of a minute and less is only known if it ended in peace;
    /// otherwise they count as spent.
    ///
    /// # Errors
    /// When the store cannot be asked for the position of its feed.
    pub async fn new(
        store: Store,
        peppers: PepperRing,
        capacity: usize,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let position = store.feed_position().await?;
        let counters = Arc::new(Counters::begin(store.clone(), now).await?);
        Ok(Self {
            cache: KeyCache::new(store.clone(), capacity, position, counters.clone()),
            counters,
            store,
            peppers: ArcSwap::from_pointee(peppers),
            guesses: Guesses::default(),
            waiting: Waiting::default(),
            rehashes: Rehashes::default(),
            replays: Replays::default(),
            places: ArcSwap::default(),
            catching_up: Mutex::new(()),
            lease: Lease::alone(Arc::new(SystemMonotonic)),
        })
    }

    /// The same as a node among others, which accepts only under this lease.
    #[must_use]
    pub fn under(self, lease: Lease) -> Self {
        Self { lease, ..self }
    }

    /// The lease under which keys are accepted.
    #[must_use]
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The peppers in use.
    #[must_use]
    pub fn peppers(&self) -> Arc<PepperRing> {
        self.peppers.load_full()
    }

    /// Uses other peppers from now on.
    pub fn set_peppers(&self, peppers: PepperRing) {
        self.peppers.store(Arc::new(peppers));
    }

    /// Refuses signatures made before `at`: they may have been used before this node could remember.
    pub fn accept_signatures_since(&self, at: Timestamp) {
        self.replays.begin(at);
    }

    /// Looks addresses up in these from now on.
    pub fn set_places(&self, places: Places) {
        self.places.store(Arc::new(places));
    }

    /// A tenant as checks see it.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Arc<CompiledTenant>>, EngineError> {
        self.cache.tenant(id).await
    }

    /// Puts every change up to `position` in force on this node, before it is answered.
    ///
    /// # Errors
    /// When the feed cannot be read.
    pub async fn catch_up(&self, position: u64) -> Result<(), EngineError> {
        if self.cache.applied() < position {
            // In bounded time, also behind a follower that waits for the database.
            bounded(self.follow()).await?;
        }
        let applied = self.cache.applied();
        if applied < position {
            return Err(EngineError::Behind {
                applied,
                wanted: position,
            });
        }
        Ok(())
    }

    /// Puts the changes in force that the feed holds by now.
    ///
    /// # Errors
    /// When the feed cannot be read.
    pub async fn follow(&self) -> Result<(), EngineError> {
        let _one_at_a_time = self.catching_up.lock().await;
        loop {
            let reading = self.store.feed_after(self.cache.applied(), FEED_PAGE);
            // Whoever holds the lock up keeps every other change from being answered.
            let rows = tokio::time::timeout(FEED_TIMEOUT, reading)
                .await
                .map_err(|_| EngineError::FeedSilent)??;
            self.cache.apply(&rows);
            if rows.len() < FEED_PAGE as usize {
                return Ok(());
            }
        }
    }

    /// Writes what was put off: last uses, and digests under the current pepper.
    ///
    /// # Errors
    /// When the store cannot be written. Last uses then wait for the next call; digests are offered
    /// again when their key is used again.
    pub async fn flush(&self, now: Timestamp) -> Result<(), EngineError> {
        let used = self.waiting.take();
        for (number, page) in used.chunks(LAST_USES).enumerate() {
            if let Err(error) = self.store.record_last_use(page).await {
                let written = number.saturating_mul(LAST_USES);
                self.waiting
                    .put_back(used.get(written..).unwrap_or_default());
                return Err(error.into());
            }
        }
        let rehashes = self.rehashes.take();
        if !rehashes.is_empty() {
            self.store.rehash(&rehashes, now).await?;
        }
        self.counters.sweep(now).await
    }

    /// What limits count.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Writes what was put off, for the last time: nothing that was taken ahead is forfeit.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn end(&self, now: Timestamp) -> Result<(), EngineError> {
        self.flush(now).await?;
        self.counters.end(now).await
    }

    /// Keys held in memory.
    #[must_use]
    pub fn cached_keys(&self) -> usize {
        self.cache.len()
    }

    /// The position up to which the change feed is in force on this node.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.cache.applied()
    }
}
