//! What a connection is waiting for, and since when: written by its stream and its requests, read by
//! the timer of the connection. Plain atomics, so that a request costs no timer of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;

/// No byte of a request yet, on a fresh connection.
const FRESH: u8 = 0;
/// Part of a request's head is there.
const HEAD: u8 = 1;
/// Between requests.
const IDLE: u8 = 2;

/// `blocked_since` of a connection whose client takes what we write.
const NOT_BLOCKED: u64 = u64::MAX;

/// What the timer of a connection has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Look again after this time.
    Wait(Duration),
    /// Nothing is in flight: say good-bye.
    Close,
    /// The client is too slow: drop it.
    Abort,
}

/// Milliseconds of a connection's life.
#[derive(Debug)]
enum Clock {
    SinceOpened(Instant),
    #[cfg(test)]
    Manual(AtomicU64),
}

/// The state of one connection. Its requests may run on other threads (HTTP/2).
#[derive(Debug)]
pub(super) struct Activity {
    clock: Clock,
    phase: AtomicU8,
    /// Milliseconds, by `clock`, at which the phase began.
    since: AtomicU64,
    blocked_since: AtomicU64,
    in_flight: AtomicU32,
    multiplexed: AtomicBool,
    draining: AtomicBool,
    unread_body: AtomicBool,
    /// Whether nobody reads the rest of that body, so that no request can follow it.
    ends_unread: AtomicBool,
    /// Whether the body of the one request at a time of HTTP/1 came too late.
    body_late: Arc<AtomicBool>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::SinceOpened(Instant::now()),
            phase: AtomicU8::new(FRESH),
            since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(NOT_BLOCKED),
            in_flight: AtomicU32::new(0),
            multiplexed: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            unread_body: AtomicBool::new(false),
            ends_unread: AtomicBool::new(false),
            body_late: Arc::default(),
        }
    }

    /// Bytes have come in; `first` are those of this read.
    pub(super) fn received(&self, first: &[u8]) {
        let phase = self.phase.load(Relaxed);
        if phase == HEAD || self.in_flight.load(Relaxed) > 0 {
            return;
        }
        // HTTP/2 (RFC 9113, 3.4) sends frames at any time, which begin no request.
        if phase == FRESH && first.starts_with(b"PRI") {
            self.multiplexed.store(true, Relaxed);
        }
        if !self.is_multiplexed() {
            self.enter(HEAD);
        }
    }

    /// A request has its head. The guard ends it when dropped.
    pub(super) fn begin(self: &Arc<Self>, http2: bool) -> InFlight {
        if http2 {
            self.multiplexed.store(true, Relaxed);
        } else {
            self.body_late.store(false, Relaxed);
            self.unread_body.store(false, Relaxed);
            self.ends_unread.store(false, Relaxed);
        }
        self.hold()
    }

    /// Something of a request goes on beside its response. The guard ends it when dropped.
    pub(super) fn hold(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Whether the body of a request came too late: shared by HTTP/1's one request at a time, and
    /// one each for the requests of HTTP/2.
    pub(super) fn late_flag(&self) -> Arc<AtomicBool> {
        if self.is_multiplexed() {
            Arc::default()
        } else {
            Arc::clone(&self.body_late)
        }
    }

    /// Whether the client takes bytes at the moment.
    pub(super) fn wrote(&self, blocked: bool) {
        let since = self.blocked_since.load(Relaxed);
        if blocked && since == NOT_BLOCKED {
            self.blocked_since.store(self.now(), Relaxed);
        } else if !blocked && since != NOT_BLOCKED {
            self.blocked_since.store(NOT_BLOCKED, Relaxed);
        }
    }

    /// A body was dropped before its end.
    pub(super) fn left_body_unread(&self) {
        self.unread_body.store(true, Relaxed);
    }

    /// The rest of a body that was dropped is left where it is: the connection ends with its response.
    pub(super) fn ends_with_response(&self) {
        self.ends_unread.store(true, Relaxed);
    }

    /// Whether the response of HTTP/1 that is due now is the last of the connection.
    pub(super) fn closes_after_response(&self) -> bool {
        self.is_draining() || self.ends_unread.load(Relaxed)
    }

    /// Whether the client may still be sending when we close: it would be reset and might never see
    /// our answer.
    pub(super) fn has_unread_input(&self) -> bool {
        self.unread_body.load(Relaxed)
            || (self.phase.load(Relaxed) == HEAD && self.in_flight.load(Relaxed) == 0)
    }

    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// The listener shuts down: idle connections get a last, shorter while.
    pub(super) fn drain(&self) {
        self.draining.store(true, Relaxed);
        if self.phase.load(Relaxed) != HEAD {
            self.since.store(self.now(), Relaxed);
        }
    }

    /// What is to be done now.
    pub(super) fn step(&self, limits: &Limits) -> Step {
        let now = self.now();
        let blocked = now.saturating_sub(self.blocked_since.load(Relaxed));
        if blocked >= milliseconds(limits.write_blocked) {
            return Step::Abort;
        }
        let rest = interval(limits);
        if self.in_flight.load(Relaxed) > 0 {
            return Step::Wait(rest);
        }
        let phase = self.phase.load(Relaxed);
        let limit = match phase {
            HEAD => limits.header_read,
            _ if self.is_draining() => limits.drain_idle,
            FRESH if !self.is_multiplexed() => limits.header_read,
            _ => limits.idle,
        };
        let waited = Duration::from_millis(now.saturating_sub(self.since.load(Relaxed)));
        match limit.checked_sub(waited) {
            Some(left) if !left.is_zero() => Step::Wait(left.min(rest)),
            _ if phase == HEAD => Step::Abort,
            _ => Step::Close,
        }
    }

    fn enter(&self, phase: u8) {
        self.since.store(self.now(), Relaxed);
        self.phase.store(phase, Relaxed);
    }

    fn now(&self) -> u64 {
        match &self.clock {
            Clock::SinceOpened(opened_at) => milliseconds(opened_at.elapsed()),
            #[cfg(test)]
            Clock::Manual(now) => now.load(Relaxed),
        }
    }
}

/// The longest time after which a connection must be looked at: a phase that begins right after a
/// look has not passed its limit at the next one.
pub(super) fn interval(limits: &Limits) -> Duration {
    limits
        .header_read
        .min(limits.idle)
        .min(limits.write_blocked)
        .max(Duration::from_millis(1))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A request in flight, from its head to the end of its response.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl InFlight {
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Relaxed) == 1 {
            self.0.enter(IDLE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::default()
    }

    fn activity() -> Arc<Activity> {
        Arc::new(Activity {
            clock: Clock::Manual(AtomicU64::new(0)),
            ..Activity::new()
        })
    }

    fn pass(activity: &Activity, seconds: u64) {
        let Clock::Manual(now) = &activity.clock else {
            return;
        };
        now.fetch_add(seconds * 1000, Relaxed);
    }

    #[test]
    fn a_fresh_connection_is_closed_without_a_request_at_the_header_limit() {
        let activity = activity();
        pass(&activity, 9);
        assert_eq!(activity.step(&limits()), Step::Wait(Duration::from_secs(1)));
        pass(&activity, 1);
        assert_eq!(activity.step(&limits()), Step::Close);
    }

    #[test]
    fn dripping_bytes_do_not_move_the_header_limit() {
        let activity = activity();
        for _ in 0..9 {
            activity.received(b"X");
            pass(&activity, 1);
        }
        activity.received(b"X");
        assert_eq!(activity.step(&limits()), Step::Wait(Duration::from_secs(1)));
        pass(&activity, 1);
        assert_eq!(activity.step(&limits()), Step::Abort);
    }

    #[test]
    fn a_request_in_flight_has_no_limit_here_and_idling_begins_at_its_end() {
        let activity = activity();
        activity.received(b"GET");
        let request = activity.begin(false);
        pass(&activity, 500);
        assert_eq!(
            activity.step(&limits()),
            Step::Wait(Duration::from_secs(10))
        );
        drop(request);
        pass(&activity, 59);
        assert_eq!(activity.step(&limits()), Step::Wait(Duration::from_secs(1)));
        pass(&activity, 1);
        assert_eq!(activity.step(&limits()), Step::Close);
    }

    #[test]
    fn http2_frames_between_requests_start_no_header_limit() {
        let activity = activity();
        activity.received(b"PRI * HTTP/2.0\r\n");
        pass(&activity, 30);
        activity.received(b"ping");
        assert_eq!(
            activity.step(&limits()),
            Step::Wait(Duration::from_secs(10))
        );
        pass(&activity, 30);
        assert_eq!(activity.step(&limits()), Step::Close);
    }

    #[test]
    fn a_client_that_takes_nothing_is_dropped_even_with_a_request_in_flight() {
        let activity = activity();
        let _request = activity.begin(false);
        activity.wrote(true);
        pass(&activity, 29);
        activity.wrote(true);
        assert_ne!(activity.step(&limits()), Step::Abort);
        activity.wrote(false);
        pass(&activity, 30);
        assert_ne!(activity.step(&limits()), Step::Abort);
        activity.wrote(true);
        pass(&activity, 30);
        assert_eq!(activity.step(&limits()), Step::Abort);
    }

    #[test]
    fn draining_shortens_idling_but_not_a_head_that_has_begun() {
        let idle = activity();
        pass(&idle, 5);
        idle.drain();
        assert_eq!(idle.step(&limits()), Step::Wait(Duration::from_millis(500)));
        let begun = activity();
        begun.received(b"GET");
        begun.drain();
        pass(&begun, 9);
        assert_eq!(begun.step(&limits()), Step::Wait(Duration::from_secs(1)));
    }

    #[test]
    fn only_http2_requests_have_a_late_flag_of_their_own() {
        let activity = activity();
        let _one = activity.begin(false);
        assert!(Arc::ptr_eq(&activity.late_flag(), &activity.late_flag()));
        let _two = activity.begin(true);
        assert!(!Arc::ptr_eq(&activity.late_flag(), &activity.late_flag()));
    }
}
