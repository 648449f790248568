//! How many failures are written down one by one (trust S20): a flood of them must neither fill the trail
//! nor keep the disk busy. Those that are not are counted, and the next that is tells how many.

use std::sync::{Mutex, PoisonError};

use keywright_core::time::Timestamp;

/// Failures recorded in a second.
const RECORDED_MAX: u32 = 10;

/// What was recorded in this second, and what was not since the last record.
#[derive(Debug, Default)]
pub struct Records(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    second: i64,
    recorded: u32,
    passed_over: u64,
}

impl Records {
    /// Whether to record a failure now; if so, how many were not since the last one.
    pub fn admit(&self, now: Timestamp) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.second != now.seconds() {
            state.second = now.seconds();
            state.recorded = 0;
        }
        if state.recorded >= RECORDED_MAX {
            state.passed_over += 1;
            return None;
        }
        state.recorded += 1;
        Some(std::mem::take(&mut state.passed_over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_told_with_the_next_record() {
        let records = Records::default();
        let at = |seconds: i64| Timestamp::from_milliseconds(seconds * 1_000);
        for _ in 0..RECORDED_MAX {
            assert_eq!(records.admit(at(1)), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(records.admit(at(1)), None);
        }
        assert_eq!(records.admit(at(2)), Some(7));
        assert_eq!(records.admit(at(2)), Some(0));
    }
}
