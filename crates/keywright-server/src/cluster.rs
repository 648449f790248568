//! This node among the others on the same database: it follows what they change, keeps its lease, and
//! waits until what it changed itself is in force on all of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keywright_engine::EngineError;
use keywright_engine::lease::LEASE;
use keywright_seal::entropy::random_bytes;
use keywright_store::{FeedListener, Laggard, Renewal, StoreError};
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use crate::app::App;
use crate::error::chain;
use crate::propagation::Propagation;

/// How often the lease is renewed: several may fail before it ends.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// Longest round of reading the feed and renewing the lease: a connection that says nothing must
/// not use up the lease.
const ROUND_MAX: Duration = Duration::from_secs(2);
/// The pause after a round that failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The first pause between two looks at who has not confirmed: a healthy node takes a few.
const LOOK_FIRST: Duration = Duration::from_millis(1);
/// The longest of these pauses.
const LOOK_MAX: Duration = Duration::from_millis(25);
/// Longest wait for the others: whoever falls silent has no lease after this.
const WAIT_MAX: Duration = LEASE.saturating_add(Duration::from_secs(1));
/// Longest farewell at shutdown.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// This node.
#[derive(Debug)]
pub struct Node {
    /// New at each start: another process never speaks for this one.
    id: String,
    /// The position up to which changes are known to be in force on every other node. What a node
    /// has confirmed holds for ever: one that comes back applies it before it accepts anything.
    confirmed: AtomicU64,
    /// Whoever looks who has not confirmed, looks for all who wait.
    looking: Mutex<()>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            id: hex::encode(random_bytes::<16>()),
            confirmed: AtomicU64::new(0),
            looking: Mutex::default(),
        }
    }
}

/// What was last told of this node.
#[derive(Default)]
struct Told {
    applied: Option<u64>,
    at: Duration,
}

#[derive(Debug, Error)]
enum RoundError {
    #[error("the change feed could not be read")]
    Engine(#[from] EngineError),
    #[error("the lease could not be renewed")]
    Store(#[from] StoreError),
    #[error("the database does not answer")]
    TimedOut(#[from] tokio::time::error::Elapsed),
}

/// Takes the lease before the first request.
pub(crate) async fn join(app: &App) {
    let joined = tokio::time::timeout(ROUND_MAX, round(app, &mut Told::default())).await;
    if let Err(error) = joined.map_err(RoundError::from).flatten() {
        tracing::warn!(error.cause = %chain(&error), "this node accepts no key yet");
    }
}

/// Follows the change feed, and keeps the lease, until the server stops.
pub(crate) async fn follow(app: App, mut stopped: watch::Receiver<()>) {
    let (mut listener, mut told, mut deaf) = (None, Told::default(), false);
    loop {
        let round = tokio::time::timeout(ROUND_MAX, round(&app, &mut told)).await;
        let failed = round.map_err(RoundError::from).flatten().err();
        match &failed {
            Some(error) if !deaf => {
                tracing::error!(error.cause = %chain(error), "this node does not hear what others change");
            }
            None if deaf => tracing::info!("this node hears again what others change"),
            _ => {}
        }
        deaf = failed.is_some();
        let waiting = async {
            if deaf {
                tokio::time::sleep(RETRY_AFTER).await;
            } else if told.applied.is_none_or(|told| told == app.engine.applied()) {
                wake_up(&app, &mut listener).await;
            }
            // Otherwise more came meanwhile, and is told at once.
        };
        tokio::select! {
            biased;
            _ = stopped.changed() => return,
            () = waiting => {}
        }
    }
}

/// Puts in force what the others changed, and tells it with the next renewal of the lease.
async fn round(app: &App, told: &mut Told) -> Result<(), RoundError> {
    app.engine.follow().await?;
    let Some(node) = &app.node else {
        return Ok(());
    };
    let lease = app.engine.lease();
    let (asked_at, applied) = (lease.now(), app.engine.applied());
    if told.applied.is_some() && asked_at.saturating_sub(told.at) < RENEW_EVERY {
        let news = told.applied != Some(applied);
        if !news || app.store.tell_applied(&node.id, applied).await? {
            told.applied = Some(applied);
            return Ok(());
        }
        // Somebody removed the row.
    }
    let renewal = Renewal {
        node: &node.id,
        name: &app.options.node,
        applied,
        lease: LEASE,
        serves: app.options.consistency.serves(),
    };
    app.store.renew_lease(&renewal).await?;
    (told.applied, told.at) = (Some(applied), asked_at);
    // Until the renewal was written, others may have taken this node for silent and not waited for
    // it. What they changed stands in the feed by now; the lease counts only with it.
    app.engine.follow().await?;
    lease.extend(asked_at);
    Ok(())
}

/// Waits for a hint that something changed. Without a listener, as behind a proxy that cannot
/// listen, there is the poll.
async fn wake_up(app: &App, listener: &mut Option<FeedListener>) {
    if listener.is_none() {
        let made = tokio::time::timeout(ROUND_MAX, app.store.feed_listener()).await;
        match made {
            Ok(Ok(made)) => *listener = Some(made),
            Ok(Err(error)) => {
                tracing::warn!(error.cause = %error, "no wake-ups from the database");
            }
            Err(_) => tracing::warn!("no wake-ups from the database: it does not answer"),
        }
    }
    match listener {
        Some(listener) => listener.wait().await,
        None => tokio::time::sleep(RETRY_AFTER).await,
    }
}

/// Ends the lease, so that nobody waits for this node. To be called when it serves no more.
pub(crate) async fn leave(app: &App) {
    let Some(node) = &app.node else { return };
    app.engine.lease().give_up();
    let left = tokio::time::timeout(LEAVE_MAX, app.store.remove_node(&node.id)).await;
    if !matches!(left, Ok(Ok(()))) {
        tracing::warn!("the other nodes will take this one for silent until its lease ends");
    }
}

/// Waits until no live node accepts what the change at `position` took back. It is in force here.
pub(crate) async fn wait_for_others(app: &App, position: u64) -> Propagation {
    let Some(node) = &app.node else {
        return Propagation::Complete;
    };
    let mut unconfirmed = vec!["*".to_owned()];
    let looking = async {
        let mut pause = LOOK_FIRST;
        loop {
            match laggards(app, node, position).await {
                Ok(laggards) => {
                    let live = laggards.iter().any(|laggard| laggard.live);
                    unconfirmed = laggards.into_iter().map(|laggard| laggard.name).collect();
                    if !live {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(error.cause = %error, "the other nodes could not be asked");
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LOOK_MAX);
        }
    };
    // Whoever is left after the wait is named, live or not.
    let _waited = tokio::time::timeout(WAIT_MAX, looking).await;
    if unconfirmed.is_empty() {
        return Propagation::Complete;
    }
    tracing::warn!(nodes = %unconfirmed.join(" "), "a change is not confirmed by every node");
    Propagation::Pending(unconfirmed)
}

/// Who has not confirmed the change at `position`.
async fn laggards(app: &App, node: &Node, position: u64) -> Result<Vec<Laggard>, StoreError> {
    let confirmed = || node.confirmed.load(Ordering::SeqCst) >= position;
    if confirmed() {
        return Ok(Vec::new());
    }
    let _one_at_a_time = node.looking.lock().await;
    if confirmed() {
        return Ok(Vec::new());
    }
    // Not only for this change: others wait for later ones.
    let highest = app.engine.applied().max(position);
    let mut laggards = app.store.laggards(highest, &node.id).await?;
    let least = laggards.iter().map(|laggard| laggard.applied).min();
    let least = least.unwrap_or(highest);
    node.confirmed.fetch_max(least, Ordering::SeqCst);
    laggards.retain(|laggard| laggard.applied < position);
    Ok(laggards)
}
