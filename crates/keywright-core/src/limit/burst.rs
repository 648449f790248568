//! Bursts: a window that may be exceeded by what an allowance holds.

use super::rule::Rule;
use super::state::State;
use crate::time::Timestamp;

impl Rule {
    /// A burst waits for its window to empty, for its allowance to fill, or for some of both: the first moment at
    /// which what has left the window and what has come back to the allowance suffice.
    pub(super) fn wait_for_burst_ms(
        &self,
        state: &State,
        cost: u64,
        now: Timestamp,
    ) -> Option<u64> {
        let Self::Burst {
            sliding,
            period,
            limit,
            max_burst,
            ..
        } = *self
        else {
            return None;
        };
        let used = state.used(sliding, period, now);
        let level = state.level();
        let fits_after = |(wait_ms, left): (u64, u64)| {
            let used = used.saturating_sub(left);
            let total = used.saturating_add(cost);
            let draw = total.saturating_sub(limit.max(used));
            let filled_ms = self.shape().wait_ms(&level, draw, now)?;
            (total <= max_burst).then_some(wait_ms.max(filled_ms))
        };
        let edge = (state.window().wait_ms(period, now), used);
        let slots = state.ring().filter(|_| sliding);
        let departures = slots.map(|ring| ring.departures(period, now));
        let edge = (!sliding).then_some(edge);
        core::iter::once((0, 0))
            .chain(edge)
            .chain(departures.into_iter().flatten())
            .filter_map(fits_after)
            .min()
    }

    /// What of a cost exceeds the limit of a window and is drawn from a burst's allowance.
    pub(super) fn over(&self, state: &State, cost: u64, now: Timestamp) -> u64 {
        let Self::Burst {
            sliding,
            period,
            limit,
            ..
        } = *self
        else {
            return 0;
        };
        let used = state.used(sliding, period, now);
        used.saturating_add(cost).saturating_sub(limit.max(used))
    }
}
