//! The limiter of guesses: bad credentials of a network, sign-ins to an account, tries of one-time
//! tokens. In memory, bounded, and without a clock of its own.
//!
//! Nobody can lock somebody else out. An account is locked only for the network that failed; failures
//! from many networks make a stranger wait once before each try, however many others fail meanwhile;
//! and a network from which the account was signed in to before does not even wait.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keywright_core::time::Timestamp;

pub use crate::client_address::SourceNetwork as Source;

/// Names an account without saying which: a digest of what was typed as its name, whether or not
/// such an account exists.
pub type AccountDigest = [u8; 32];

/// Bad credentials of a network before it is refused (trust S5).
pub const BAD_CREDENTIALS_MAX: usize = 60;
/// The time in which they count, and for which the network is then refused, in seconds.
pub const BAD_CREDENTIALS_SECONDS: u32 = 60;
/// Failed sign-ins to an account from a network before the next one has to wait.
pub const SIGN_INS_FREE: u32 = 5;
/// Failed sign-ins to an account from a network before they are locked (PCI DSS 8.3.4).
pub const SIGN_INS_MAX: u32 = 10;
/// How long a lock lasts, and how long failures are remembered, in seconds (PCI DSS 8.3.4).
pub const LOCK_SECONDS: u32 = 30 * 60;
/// Failed sign-ins to an account from all strange networks before strangers have to wait: far beyond
/// what a person and their programs get wrong.
pub const STRANGERS_FREE: u32 = 100;
/// How long each try of a stranger then waits, in seconds: bearable for a person.
pub const STRANGER_WAIT_SECONDS: u32 = 10;
/// Tries of one-time tokens from a network (trust S5).
pub const ONE_TIME_TRIES_MAX: u32 = 5;

/// Entries of each kind: about 30 MB when a flood from as many networks fills them all.
const ENTRIES_MAX: usize = 100_000;

/// The caller has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Seconds until it may try again, at least 1.
    pub seconds: u64,
}

/// What was tried and failed of late. Shared by all requests.
#[derive(Debug)]
pub struct Attempts {
    /// Whether any credential was ever bad: until then a check costs no lock.
    any: AtomicBool,
    records: Mutex<Records>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self::with_entries(ENTRIES_MAX)
    }
}

impl Attempts {
    fn with_entries(entries_max: usize) -> Self {
        Self {
            any: AtomicBool::new(false),
            records: Mutex::new(Records::new(entries_max)),
        }
    }

    /// Whether `source` may present a credential, and, with an account, whether it may try to sign in
    /// to that. Such a try counts as failed from here on, until [`Attempts::succeeded`]: tries at the
    /// same time, and tries that hang up before the answer, are no way around the limit.
    ///
    /// # Errors
    /// [`RetryAfter`], when it has to wait.
    pub fn check(
        &self,
        source: Source,
        account: Option<AccountDigest>,
        now: Timestamp,
    ) -> Result<(), RetryAfter> {
        if account.is_none() && !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let now = seconds(now);
        let mut records = self.records();
        records.check_source(source, now)?;
        match account {
            Some(account) => records.check_sign_in(account, source, now),
            None => Ok(()),
        }
    }

    /// The credential was bad. For an account the try was counted by [`Attempts::check`]; this counts
    /// it for the network too.
    pub fn failed(&self, source: Source, _account: Option<AccountDigest>, now: Timestamp) {
        self.any.store(true, Ordering::Relaxed);
        self.records().fail_source(source, seconds(now));
    }

    /// The sign-in to `account` succeeded: its failures from this network are forgotten, and the
    /// network is no stranger from now on.
    pub fn succeeded(&self, source: Source, account: AccountDigest) {
        let mut records = self.records();
        *records.pairs.entry((account, source)) = Pair {
            known: true,
            ..Pair::default()
        };
    }

    /// Whether `source` may try a one-time token (an invitation, a set-up link, a reset). The try
    /// counts as failed from here on, until [`Attempts::one_time_succeeded`].
    ///
    /// # Errors
    /// [`RetryAfter`], when it has tried too many.
    pub fn check_one_time(&self, source: Source, now: Timestamp) -> Result<(), RetryAfter> {
        let now = seconds(now);
        let mut records = self.records();
        let tries = records.one_time.entry(source);
        if tries.count(now) >= ONE_TIME_TRIES_MAX {
            return Err(until(tries.last.saturating_add(LOCK_SECONDS), now));
        }
        tries.add(now);
        Ok(())
    }

    /// The one-time token was good.
    pub fn one_time_succeeded(&self, source: Source) {
        *self.records().one_time.entry(source) = Streak::default();
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // Counters are never half-written.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since the epoch, which is how exactly this counts.
fn seconds(now: Timestamp) -> u32 {
    u32::try_from(now.seconds()).unwrap_or(u32::MAX)
}

fn until(moment: u32, now: u32) -> RetryAfter {
    RetryAfter {
        seconds: u64::from(moment.saturating_sub(now).max(1)),
    }
}

#[derive(Debug)]
struct Records {
    sources: Bounded<Source, BadCredentials>,
    pairs: Bounded<(AccountDigest, Source), Pair>,
    strangers: Bounded<AccountDigest, Streak>,
    one_time: Bounded<Source, Streak>,
}

impl Records {
    fn new(entries_max: usize) -> Self {
        Self {
            sources: Bounded::new(entries_max),
            pairs: Bounded::new(entries_max),
            strangers: Bounded::new(entries_max),
            one_time: Bounded::new(entries_max),
        }
    }

    fn check_source(&self, source: Source, now: u32) -> Result<(), RetryAfter> {
        match self.sources.get(&source) {
            Some(record) if now < record.refused_until => Err(until(record.refused_until, now)),
            _ => Ok(()),
        }
    }

    fn fail_source(&mut self, source: Source, now: u32) {
        let record = self.sources.entry(source);
        let is_old = |at: &u32| at.saturating_add(BAD_CREDENTIALS_SECONDS) <= now;
        while record.failed.front().is_some_and(is_old) {
            record.failed.pop_front();
        }
        record.failed.push_back(now);
        if record.failed.len() >= BAD_CREDENTIALS_MAX {
            record.failed.clear();
            record.refused_until = now.saturating_add(BAD_CREDENTIALS_SECONDS);
        }
    }

    fn check_sign_in(
        &mut self,
        account: AccountDigest,
        source: Source,
        now: u32,
    ) -> Result<(), RetryAfter> {
        let strangers = self.strangers.entry(account);
        let pair = self.pairs.entry((account, source));
        let free_at = pair.streak.free_at(now);
        if now < free_at {
            return Err(until(free_at, now));
        }
        if !pair.known {
            if strangers.count(now) >= STRANGERS_FREE {
                pair.wait(now)?;
            }
            strangers.add(now);
        }
        pair.streak.add(now);
        Ok(())
    }
}

/// The bad credentials of a network.
#[derive(Debug, Default)]
struct BadCredentials {
    failed: VecDeque<u32>,
    refused_until: u32,
}

/// An account as seen from one network.
#[derive(Debug, Default)]
struct Pair {
    streak: Streak,
    /// Whether a sign-in from there has succeeded before.
    known: bool,
    /// When a stranger may make its next try. Its own wait: nobody else can make it longer.
    waits_until: Option<u32>,
}

impl Pair {
    fn wait(&mut self, now: u32) -> Result<(), RetryAfter> {
        let moment = *self
            .waits_until
            .get_or_insert(now.saturating_add(STRANGER_WAIT_SECONDS));
        if now < moment {
            return Err(until(moment, now));
        }
        self.waits_until = None;
        Ok(())
    }
}

/// Failures in a row, forgotten half an hour after the last.
#[derive(Debug, Default)]
struct Streak {
    failures: u32,
    last: u32,
}

impl Streak {
    fn count(&self, now: u32) -> u32 {
        if now >= self.last.saturating_add(LOCK_SECONDS) {
            0
        } else {
            self.failures
        }
    }

    fn add(&mut self, now: u32) {
        self.failures = self.count(now).saturating_add(1);
        self.last = now;
    }

    /// When the next try is free: at once for the first few, then after 1, 2, 4, 8, 16 seconds, then
    /// when all is forgotten.
    fn free_at(&self, now: u32) -> u32 {
        match self.count(now) {
            0..SIGN_INS_FREE => 0,
            failures @ SIGN_INS_FREE..SIGN_INS_MAX => {
                self.last.saturating_add(1 << (failures - SIGN_INS_FREE))
            }
            _ => self.last.saturating_add(LOCK_SECONDS),
        }
    }
}

/// A map that forgets its oldest entry when it is full.
#[derive(Debug)]
struct Bounded<K, V> {
    entries_max: usize,
    entries: HashMap<K, V>,
    /// The keys of `entries`, oldest first.
    order: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V: Default> Bounded<K, V> {
    fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    fn entry(&mut self, key: K) -> &mut V {
        if !self.entries.contains_key(&key) {
            if self.entries.len() >= self.entries_max
                && let Some(oldest) = self.order.pop_front()
            {
                self.entries.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.entries.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests;
