//! The hot path: finds presented keys in memory, lets `keywright-core` judge them, and follows the
//! change feed so that what it remembers is never staler than what was answered.
//!
//! [`Engine::verify`] is the door. Background work is offered as functions that the server drives
//! ([`Engine::catch_up`], [`Engine::flush`]), so that tests drive them too.

pub mod clock;
pub mod compiled;
mod freshness;
pub mod places;
pub mod zones;

mod cache;
mod last_use;
mod rehash;
mod verify;

/// The atomics of [`freshness`].
mod sync {
    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
}

use std::sync::Arc;

use arc_swap::ArcSwap;
use keywright_core::id::TenantId;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::PepperRing;
use keywright_store::{Store, StoreError};
use thiserror::Error;
use tokio::sync::Mutex;

pub use crate::verify::{Check, Checked};

use crate::cache::KeyCache;
use crate::compiled::CompiledTenant;
use crate::last_use::Waiting;
use crate::places::Places;
use crate::rehash::Rehashes;

/// Rows of the change feed read at once: a page of memory, and a bulk change in a few reads.
const FEED_PAGE: u32 = 1_000;

/// The engine cannot decide. This is trouble, not a refusal.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The store could not be asked.
    #[error("the store could not be asked")]
    Store(#[from] StoreError),
    /// The feed does not hold a change that was committed.
    #[error("the change feed ends at {applied}, before the change at {wanted}")]
    Behind {
        /// The last position that it holds.
        applied: u64,
        /// The position of the change.
        wanted: u64,
    },
}

/// Decides checks.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    cache: KeyCache,
    peppers: ArcSwap<PepperRing>,
    waiting: Waiting,
    rehashes: Rehashes,
    places: ArcSwap<Places>,
    catching_up: Mutex<()>,
}

impl Engine {
    /// An engine over `store` that caches at most `capacity` keys.
    ///
    /// # Errors
    /// When the store cannot be asked for the position of its feed.
    pub async fn new(
        store: Store,
        peppers: PepperRing,
        capacity: usize,
    ) -> Result<Self, EngineError> {
        let position = store.feed_position().await?;
        Ok(Self {
            cache: KeyCache::new(store.clone(), capacity, position),
            store,
            peppers: ArcSwap::from_pointee(peppers),
            waiting: Waiting::default(),
            rehashes: Rehashes::default(),
            places: ArcSwap::default(),
            catching_up: Mutex::new(()),
        })
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
            self.follow().await?;
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
            let rows = self
                .store
                .feed_after(self.cache.applied(), FEED_PAGE)
                .await?;
            self.cache.apply(&rows);
            if rows.len() < FEED_PAGE as usize {
                return Ok(());
            }
        }
    }

    /// Writes what was put off: last uses, and digests under the current pepper.
    ///
    /// # Errors
    /// When the store cannot be written; what was taken is lost, which costs a display, no right.
    pub async fn flush(&self, now: Timestamp) -> Result<(), EngineError> {
        let used = self.waiting.take();
        if !used.is_empty() {
            self.store.record_last_use(&used).await?;
        }
        let rehashes = self.rehashes.take();
        if !rehashes.is_empty() {
            self.store.rehash(&rehashes, now).await?;
        }
        Ok(())
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
