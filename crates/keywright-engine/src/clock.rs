//! The present moment: the only place that reads the wall clock, and the one that tells spans.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keywright_core::time::Timestamp;

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The wall clock, latched: it never goes back, so that a clock set back revives no expired key
/// (trust R9). A step forward and back makes it stand still until the true time catches up.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the wall clock"
        )]
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_milliseconds(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

/// A clock that stands until it is moved, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.milliseconds()))
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.load(Ordering::Relaxed))
    }
}

/// Tells how much time passes, whatever the wall clock is set to.
pub trait Monotonic: Debug + Send + Sync {
    /// The time since some moment, the same one always.
    fn now(&self) -> Duration;
}

/// The time since the machine was started. On Linux it runs on while the machine sleeps, unlike
/// `Instant`: who wakes up must not take an old lease for a good one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemMonotonic;

impl Monotonic for SystemMonotonic {
    fn now(&self) -> Duration {
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(clock);
        Duration::new(
            u64::try_from(time.tv_sec).unwrap_or(0),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    }
}

/// A clock of spans that stands until it is moved, for tests and simulations.
#[derive(Debug)]
pub struct ManualMonotonic(AtomicU64);

impl ManualMonotonic {
    /// A clock that stands at `now`, to the millisecond.
    #[must_use]
    pub fn new(now: Duration) -> Self {
        let clock = Self(AtomicU64::new(0));
        clock.set(now);
        clock
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: Duration) {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Monotonic for ManualMonotonic {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}
