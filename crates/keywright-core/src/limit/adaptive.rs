//! Adaptive limits: they shrink while the protected service suffers and recover when it heals, by
//! additive increase and multiplicative decrease (Chiu and Jain, 1989), as TCP does.

use super::rule::Rule;

/// When a limit adapts, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adaptive {
    /// Percent of the limit that always stay, 1 to 100.
    pub floor_percent: u8,
    /// Milliseconds above which the service suffers.
    pub target_latency_ms: u32,
    /// Percent of failed requests above which it suffers, 0 to 100.
    pub max_error_percent: u8,
}

/// What the protected service reports of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Milliseconds that its requests took, by whatever percentile the operator watches.
    pub latency_ms: u32,
    /// Requests that failed.
    pub errors: u64,
    /// All requests, failed ones among them. 0 = nothing happened: counts as healthy.
    pub total: u64,
}

/// The whole limit.
pub const WHOLE_PERMILLE: u32 = 1000;
/// Each healthy report gives back 5 % of the limit: from the lowest floor in twenty reports.
const INCREASE_PERMILLE: u32 = 50;
/// Each report of suffering leaves 70 % of what was: half the pressure in two reports.
const DECREASE_PERCENT: u32 = 70;

impl Adaptive {
    /// The next share of the limit, in permille, after a report.
    #[must_use]
    pub fn step(&self, current_permille: u32, report: &Report) -> u32 {
        let next = if self.suffers(report) {
            current_permille.saturating_mul(DECREASE_PERCENT) / 100
        } else {
            current_permille.saturating_add(INCREASE_PERMILLE)
        };
        next.clamp(self.floor_permille(), WHOLE_PERMILLE)
    }

    fn floor_permille(&self) -> u32 {
        (u32::from(self.floor_percent) * 10).min(WHOLE_PERMILLE)
    }

    fn suffers(&self, report: &Report) -> bool {
        let errors = u128::from(report.errors) * 100;
        let bearable = u128::from(report.total) * u128::from(self.max_error_percent);
        report.total > 0 && (report.latency_ms > self.target_latency_ms || errors > bearable)
    }
}

/// A limit at a share of it, rounded down, but never 0.
#[must_use]
pub fn scale(limit: u64, permille: u32) -> u64 {
    let scaled = u128::from(limit) * u128::from(permille.min(WHOLE_PERMILLE));
    u64::try_from(scaled / u128::from(WHOLE_PERMILLE)).map_or(limit, |scaled| scaled.max(1))
}

impl Rule {
    /// The rule at a share of its limit. A balance is no speed and stays.
    #[must_use]
    pub fn scaled(&self, permille: u32) -> Self {
        let share = |limit| scale(limit, permille);
        let mut rule = *self;
        match &mut rule {
            Self::FixedWindow { limit, .. } | Self::SlidingWindow { limit, .. } => {
                *limit = share(*limit);
            }
            Self::Burst {
                limit, max_burst, ..
            } => (*limit, *max_burst) = (share(*limit), share(*max_burst)),
            Self::Bucket {
                capacity, refill, ..
            } => (*capacity, *refill) = (share(*capacity), share(*refill)),
            Self::Credits(_) => {}
        }
        rule
    }
}
