//! What every handler shares, and the one way to make a change.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use keywright_core::change::{Actor, Change};
use keywright_core::time::Timestamp;
use keywright_core::user::User;
use keywright_engine::Engine;
use keywright_engine::clock::{Clock, SystemMonotonic};
use keywright_engine::lease::Lease;
use keywright_seal::entropy::OsEntropy;
use keywright_seal::keyring::{Keyring, KeyringSource};
use keywright_store::{Store, Tx};
use tokio::sync::Semaphore;

use crate::cluster::{self, Node};
use crate::error::ApiResult;
use crate::guard::attempts::Attempts;
use crate::guard::headers;
use crate::guard::records::Records;
use crate::idempotency::{Idempotent, InProgress};
use crate::options::Options;

/// Password hashes at once: each takes 19 MiB and a core for tens of milliseconds.
const PASSWORD_HASHES_MAX: usize = 4;

/// What every handler shares. Cloning is cheap.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The parts of an [`App`].
pub struct Inner {
    /// The database.
    pub store: Store,
    /// Checks.
    pub engine: Engine,
    /// Root keys and peppers.
    pub keyring: ArcSwap<Keyring>,
    /// Where the keyring comes from, for its rotation.
    pub keyring_source: KeyringSource,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub options: Options,
    /// Failed credentials.
    pub attempts: Attempts,
    /// Failures that are written down.
    pub records: Records,
    /// This node, when others may serve from the same database.
    pub node: Option<Node>,
    pub(crate) password_hashes: Semaphore,
    pub(crate) in_progress: InProgress,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Store,
        engine: Engine,
        keyring: Keyring,
        keyring_source: KeyringSource,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let shared = store.is_shared();
        let engine = if shared {
            let clock = Arc::new(SystemMonotonic);
            engine.under(Lease::none_yet(options.consistency, clock))
        } else {
            engine
        };
        Self(Arc::new(Inner {
            node: shared.then(Node::default),
            store,
            engine,
            keyring: ArcSwap::from_pointee(keyring),
            keyring_source,
            clock,
            options,
            attempts: Attempts::default(),
            records: Records::default(),
            password_hashes: Semaphore::new(PASSWORD_HASHES_MAX),
            in_progress: InProgress::default(),
        }))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Randomness for new identifiers and secrets.
    #[must_use]
    pub const fn entropy(&self) -> OsEntropy {
        OsEntropy
    }

    /// Makes changes, all or none, and returns when they are in force for every check that starts
    /// from now on, on every node that may still accept keys. What could not be confirmed is told
    /// in the response's header (see [`crate::propagation`]).
    ///
    /// # Errors
    /// When a thing has changed since it was read, exists already, or the store is in trouble.
    pub async fn change(&self, actor: &Actor, changes: &[Change]) -> ApiResult<()> {
        self.change_once(actor, changes, None).await
    }

    /// Like [`App::change`], remembering the answer in the same transaction for a caller that sent
    /// an `Idempotency-Key`.
    ///
    /// # Errors
    /// As there.
    pub async fn change_once(
        &self,
        actor: &Actor,
        changes: &[Change],
        answer: Option<(&Idempotent, u16, &[u8])>,
    ) -> ApiResult<()> {
        let mut tx = self.store.begin().await?;
        let now = self.now();
        for change in changes {
            tx.apply(change).await?;
        }
        if let Some((idempotent, status, body)) = answer {
            idempotent.remember(&mut tx, status, body, now).await?;
        }
        self.commit(tx, actor, changes).await
    }

    /// Like [`App::change`], for a session of an account that was proven by its password: only if the
    /// account is still as it was then. Otherwise a sign-in that began before a change of the password
    /// would outlive it.
    ///
    /// # Errors
    /// `conflict` when the account has changed; as there.
    pub async fn change_proven(
        &self,
        actor: &Actor,
        changes: &[Change],
        proven: &User,
    ) -> ApiResult<()> {
        let mut tx = self.store.begin().await?;
        tx.hold_user(proven.id, proven.version).await?;
        for change in changes {
            tx.apply(change).await?;
        }
        self.commit(tx, actor, changes).await
    }

    async fn commit(&self, tx: Tx, actor: &Actor, changes: &[Change]) -> ApiResult<()> {
        let position = tx.commit(actor, self.now()).await?;
        self.engine.catch_up(position.0).await?;
        // What no cache holds has no position, and for new keys nobody has to wait.
        if position.0 > 0 && !changes.iter().all(Change::is_new_key) {
            let propagation = cluster::wait_for_others(self, position.0).await;
            headers::note_propagation(propagation);
        }
        Ok(())
    }
}
