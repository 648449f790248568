//! The read-through cache of compiled keys and tenants: bounded, one load at a time for each key,
//! absent keys too, and never staler than the change feed that was applied.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use keywright_core::id::TenantId;
use keywright_core::token::digest::Digest;
use keywright_store::{Changed, FeedRow, Store, StoreError};
use quick_cache::sync::Cache;

use crate::EngineError;
use crate::compiled::{CompiledKey, CompiledTenant};
use crate::counters::Counters;
use crate::freshness::Freshness;

/// Slots of the keys' freshness: 512 KiB, and one change in a million keys spoils 15 neighbours.
const KEY_SLOTS: usize = 1 << 16;
/// Slots of the tenants' freshness.
const TENANT_SLOTS: usize = 1 << 12;
/// Digests remembered as absent: guesses cost memory until here, then push each other out.
const ABSENT_MAX: usize = 100_000;
/// Tenants held compiled.
const TENANTS_MAX: usize = 100_000;

/// Longest wait for what is not in memory, however many reads it takes and whoever makes them: those who
/// wait for another's load would else wait for each load that fails before theirs.
const LOAD: Duration = Duration::from_secs(2);

/// The cache.
#[derive(Debug)]
pub(crate) struct KeyCache {
    store: Store,
    keys: Cache<Digest, Arc<CompiledKey>>,
    absent: Cache<Digest, u64>,
    tenants: Cache<TenantId, Arc<CompiledTenant>>,
    key_freshness: Freshness,
    tenant_freshness: Freshness,
    counters: Arc<Counters>,
}

impl KeyCache {
    /// An empty cache of at most `capacity` keys, that knows the feed up to `position`.
    pub(crate) fn new(
        store: Store,
        capacity: usize,
        position: u64,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            store,
            counters,
            keys: Cache::new(capacity.max(1)),
            absent: Cache::new(ABSENT_MAX),
            tenants: Cache::new(TENANTS_MAX),
            key_freshness: Freshness::new(position, KEY_SLOTS),
            tenant_freshness: Freshness::new(position, TENANT_SLOTS),
        }
    }

    /// The key, if it is cached and still the truth. Never waits.
    pub(crate) fn cached(&self, digest: &Digest) -> Option<Arc<CompiledKey>> {
        self.keys
            .get(digest)
            .filter(|key| self.is_fresh(digest, key))
    }

    /// The key of this digest, from the cache or the store, in bounded time.
    pub(crate) async fn find(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<CompiledKey>>, EngineError> {
        bounded(self.find_or_load(digest)).await
    }

    /// The tenant, from the cache or the store, in bounded time.
    pub(crate) async fn tenant(
        &self,
        id: TenantId,
    ) -> Result<Option<Arc<CompiledTenant>>, EngineError> {
        bounded(self.tenant_or_load(id)).await
    }

    async fn find_or_load(&self, digest: &Digest) -> Result<Option<Arc<CompiledKey>>, EngineError> {
        loop {
            if let Some(key) = self.cached(digest) {
                return Ok(Some(key));
            }
            self.keys
                .remove_if(digest, |key| !self.is_fresh(digest, key));
            if self.is_absent(digest) {
                return Ok(None);
            }
            // Whoever gets the guard loads; the others wait and look again.
            let Err(guard) = self.keys.get_value_or_guard_async(digest).await else {
                continue;
            };
            if self.is_absent(digest) {
                return Ok(None);
            }
            let Some(key) = self.load(digest).await? else {
                return Ok(None);
            };
            // A refused insert means that the entry was removed meanwhile; the facts still hold
            // for this check, which began before.
            drop(guard.insert(key.clone()));
            return Ok(Some(key));
        }
    }

    async fn tenant_or_load(
        &self,
        id: TenantId,
    ) -> Result<Option<Arc<CompiledTenant>>, EngineError> {
        loop {
            let cached = self.tenants.get(&id);
            if let Some(tenant) = cached.filter(|tenant| self.is_tenant_fresh(tenant)) {
                return Ok(Some(tenant));
            }
            self.tenants
                .remove_if(&id, |tenant| !self.is_tenant_fresh(tenant));
            let Err(guard) = self.tenants.get_value_or_guard_async(&id).await else {
                continue;
            };
            let loaded_at = self.tenant_freshness.begin_load();
            let Some(facts) = self.store.tenant_facts(id).await? else {
                return Ok(None);
            };
            let tenant = Arc::new(CompiledTenant::new(facts, loaded_at));
            drop(guard.insert(tenant.clone()));
            return Ok(Some(tenant));
        }
    }

    /// Puts rows of the change feed, in their order, in force.
    pub(crate) fn apply(&self, rows: &[FeedRow]) {
        for row in rows {
            match &row.what {
                Changed::Key { digest, .. } => {
                    self.key_freshness.invalidate(key_hash(digest), row.seq);
                }
                Changed::Tenant(tenant) => {
                    self.tenant_freshness
                        .invalidate(tenant_hash(*tenant), row.seq);
                }
                Changed::Everything => {
                    self.key_freshness.invalidate_all(row.seq);
                    self.tenant_freshness.invalidate_all(row.seq);
                }
                Changed::SigningKeys(_) => {}
            }
        }
        if let Some(last) = rows.last() {
            self.tenant_freshness.advance(last.seq);
            self.key_freshness.advance(last.seq);
        }
    }

    /// The position up to which the feed is in force.
    pub(crate) fn applied(&self) -> u64 {
        self.key_freshness.applied()
    }

    /// Keys held.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    async fn load(&self, digest: &Digest) -> Result<Option<Arc<CompiledKey>>, EngineError> {
        let loaded_at = self.key_freshness.begin_load();
        let Some(record) = self.store.key_for_verify(digest).await? else {
            self.absent.insert(*digest, loaded_at);
            return Ok(None);
        };
        // A key without its tenant cannot be: the tenant was removed between the two reads.
        let Some(tenant) = self.tenant_or_load(record.key.tenant).await? else {
            return Ok(None);
        };
        let key = CompiledKey::new(record, tenant, loaded_at, &self.counters);
        Ok(Some(Arc::new(key)))
    }

    /// Whether the store said of late that there is no such key.
    pub(crate) fn is_absent(&self, digest: &Digest) -> bool {
        let fresh = |loaded_at| self.key_freshness.is_fresh(key_hash(digest), loaded_at);
        self.absent.get(digest).is_some_and(fresh)
    }

    fn is_fresh(&self, digest: &Digest, key: &CompiledKey) -> bool {
        self.key_freshness.is_fresh(key_hash(digest), key.loaded_at)
            && self.is_tenant_fresh(&key.tenant)
    }

    fn is_tenant_fresh(&self, tenant: &CompiledTenant) -> bool {
        self.tenant_freshness
            .is_fresh(tenant_hash(tenant.tenant.id), tenant.loaded_at)
    }
}

/// Does what needs the store, for as long as a caller waits.
pub(crate) async fn bounded<T>(
    load: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    tokio::time::timeout(LOAD, load)
        .await
        .map_err(|elapsed| StoreError::Unavailable(elapsed.into()))?
}

/// A digest is random already: its first bytes are its hash.
fn key_hash(digest: &Digest) -> u64 {
    first_eight(digest.as_bytes())
}

/// The last bytes of a UUIDv7 are random.
fn tenant_hash(tenant: TenantId) -> u64 {
    tenant.uuid().as_u64_pair().1
}

fn first_eight(bytes: &[u8; 32]) -> u64 {
    bytes
        .first_chunk::<8>()
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}
