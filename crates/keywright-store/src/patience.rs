//! How long anybody waits for the database, and the gate that shuts when waiting has become pointless. PostgreSQL's own
//! `statement_timeout` helps only while PostgreSQL runs: these limits are kept on our side.

use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::error::StoreError;

/// Longest wait for a connection, new or from the pool: a caller above this is better told.
pub(crate) const CONNECT: Duration = Duration::from_secs(1);
/// Longest wait for a statement with its connection: a page takes ten milliseconds, and callers are
/// promised an answer within two seconds.
pub(crate) const STATEMENT: Duration = Duration::from_secs(2);
/// Milliseconds that PostgreSQL itself may work on a statement: less than [`STATEMENT`], so that one
/// that is merely slow ends cleanly and its connection lives on.
pub(crate) const STATEMENT_ON_SERVER_MS: u32 = 1_500;
/// Longest wait for a statement that touches many rows and that no caller waits for, such as a sweep.
pub(crate) const LONG_STATEMENT: Duration = Duration::from_secs(30);
/// As [`STATEMENT_ON_SERVER_MS`], for those.
pub(crate) const LONG_STATEMENT_ON_SERVER_MS: u32 = 29_000;
/// Longest wait for the one writer of SQLite and for each of its statements: it is in process and a
/// change takes milliseconds, so this is a queue of thousands, or a disk that hangs.
pub(crate) const LITE_WRITER: Duration = Duration::from_secs(10);
/// Longest wait for SQLite's file lock, which only another process can hold.
pub(crate) const LITE_BUSY: Duration = Duration::from_secs(5);
/// Longest wait for connections to end at a stop.
pub(crate) const CLOSE: Duration = Duration::from_secs(5);

/// Failures in a row, without one success between, that shut the gate: one stalled statement does not.
const FAILURES_MAX: u32 = 5;
/// How long a shut gate stays so before one caller may try: short against the five seconds in which
/// everything works again, long against a caller's patience.
const PAUSE_MS: u64 = 500;
/// How long that caller may take before another tries: longer than [`STATEMENT`].
const PROBE_MS: u64 = 2_500;

/// The database has not answered of late, so nobody waits for it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it has not answered of late; one request at a time tries it again")]
pub(crate) struct Shut;

/// Lets callers through while the database answers; when it has stopped to, only one now and then.
/// Thus an outage costs each caller a moment instead of a time-out, and the return no stampede.
#[derive(Debug)]
pub(crate) struct Gate {
    began: Instant,
    failures: AtomicU32,
    /// Milliseconds since `began`; 0 = open.
    shut_until: AtomicU64,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            failures: AtomicU32::new(0),
            shut_until: AtomicU64::new(0),
        }
    }

    /// Does the work if the database is worth asking, for `limit` at most, and learns from it.
    pub(crate) async fn guard<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        if !self.lets_through(self.now()) {
            return Err(StoreError::Unavailable(Shut.into()));
        }
        self.learn(bounded(limit, work).await)
    }

    /// Takes note of how the database did.
    pub(crate) fn learn<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match &outcome {
            Err(error) if error.is_silence() => self.failed(self.now()),
            _ => self.answered(),
        }
        outcome
    }

    /// Whether the database has failed to answer since it answered last.
    pub(crate) fn is_troubled(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    fn lets_through(&self, now: u64) -> bool {
        let until = self.shut_until.load(Ordering::Relaxed);
        // Of all who come when the pause is over, the one that moves its end goes through.
        until == 0
            || now >= until
                && self
                    .shut_until
                    .compare_exchange(
                        until,
                        now.saturating_add(PROBE_MS),
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    )
                    .is_ok()
    }

    fn failed(&self, now: u64) {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        if before.saturating_add(1) >= FAILURES_MAX {
            self.shut_until
                .store(now.saturating_add(PAUSE_MS).max(1), Ordering::Relaxed);
        }
    }

    fn answered(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.shut_until.store(0, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Does the work, for `limit` at most.
pub(crate) async fn bounded<T, E>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => Ok(outcome?),
        Err(elapsed) => Err(StoreError::Unavailable(elapsed.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shut_at(now: u64) -> Gate {
        let gate = Gate::new();
        for _ in 0..FAILURES_MAX {
            assert!(gate.lets_through(now));
            gate.failed(now);
        }
        gate
    }

    #[test]
    fn it_shuts_at_the_fifth_failure_in_a_row_and_not_before() {
        let gate = Gate::new();
        for _ in 1..FAILURES_MAX {
            gate.failed(7);
        }
        assert!(gate.lets_through(7), "one less than the limit");
        gate.answered();
        for _ in 1..FAILURES_MAX {
            gate.failed(7);
        }
        assert!(
            gate.lets_through(7),
            "an answer between begins the count anew"
        );
        gate.failed(7);
        assert!(!gate.lets_through(7));
    }

    #[test]
    fn one_tries_when_the_pause_is_over() {
        let gate = shut_at(1_000);
        assert!(!gate.lets_through(1_000 + PAUSE_MS - 1));
        assert!(gate.lets_through(1_000 + PAUSE_MS));
        assert!(!gate.lets_through(1_000 + PAUSE_MS), "only one");
        assert!(
            gate.lets_through(1_000 + PAUSE_MS + PROBE_MS),
            "the next, when the first never came back"
        );
    }

    #[test]
    fn one_answer_opens_it_for_all() {
        let gate = shut_at(0);
        assert!(gate.is_troubled() && !gate.lets_through(0));
        gate.answered();
        assert!(!gate.is_troubled());
        assert!(gate.lets_through(0) && gate.lets_through(0));
    }

    #[test]
    fn a_failed_try_keeps_it_shut_for_another_pause() {
        let gate = shut_at(0);
        assert!(gate.lets_through(PAUSE_MS));
        gate.failed(PAUSE_MS + 10);
        assert!(!gate.lets_through(2 * PAUSE_MS + 9));
        assert!(gate.lets_through(2 * PAUSE_MS + 10));
    }
}
