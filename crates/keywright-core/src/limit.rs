//! Limits: what may be set for a key, a plan or a tenant, and the pure arithmetic that keeps it. A
//! limit never lets one too many through, and a refused request uses nothing up. Start reading at
//! [`Limits`], then [`Rule`], which counts one thing.

mod adaptive;
mod bucket;
mod burst;
mod charge;
mod check;
mod chunk;
mod concurrency;
mod credits;
mod name;
mod overlay;
mod period;
mod rule;
mod sliding;
mod state;
mod stored;
mod text;

use alloc::vec::Vec;

pub use adaptive::{Adaptive, Report, WHOLE_PERMILLE, scale};
pub use charge::{Amount, Charge};
pub use check::LimitProblem;
pub use chunk::{Lease, chunk, grant};
pub use concurrency::{LeaseId, Places};
pub use credits::{Credits, Refill, RefillEvery};
pub use name::{InvalidMeterName, MeterName, RuleName, Unit};
pub use period::Period;
pub use rule::{Refused, Retry, Rule, Standing, take_all};
pub use state::{Recorded, State};
pub use stored::InvalidState;
pub use text::InvalidLimits;

/// What is limited. Default = nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests in each period.
    pub requests: Requests,
    /// How requests are counted.
    pub algorithm: Algorithm,
    /// How far the shortest period's limit may be exceeded for a moment.
    pub burst: Option<Burst>,
    /// Whether nodes must not lease units ahead of use.
    pub exact: bool,
    /// Requests at the same time.
    pub concurrency: Option<u32>,
    /// Bytes of a request's body.
    pub payload_bytes_max: Option<u64>,
    /// How fast and how much data.
    pub transfer: Transfer,
    /// A balance.
    pub credits: Option<Credits>,
    /// Named budgets that the protected service reports against.
    pub meters: Vec<Meter>,
    /// Whether limits shrink while the service suffers.
    pub adaptive: Option<Adaptive>,
}

/// Requests in each period; `None` = unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// In a second.
    pub second: Option<u64>,
    /// In a minute.
    pub minute: Option<u64>,
    /// In an hour.
    pub hour: Option<u64>,
    /// In a day.
    pub day: Option<u64>,
    /// In a month.
    pub month: Option<u64>,
}

/// How requests are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// In periods aligned to UTC.
    #[default]
    FixedWindow,
    /// In any span as long as the period.
    SlidingWindow,
    /// From a bucket that fills evenly.
    TokenBucket,
}

named!(Algorithm {
    FixedWindow = "fixed_window",
    SlidingWindow = "sliding_window",
    TokenBucket = "token_bucket",
});

/// How far the shortest period's limit may be exceeded. With windows, what goes beyond the limit is drawn from an
/// allowance that refills evenly; with a token bucket, `max_burst` is its capacity and `window_s` bounds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Requests in one period at most.
    pub max_burst: u64,
    /// Seconds in which the allowance refills.
    pub window_s: u32,
}

/// How fast and how much data; `None` = unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Towards the service, in 10^6 bits a second.
    pub upload_mbps: Option<u32>,
    /// From the service, in 10^6 bits a second.
    pub download_mbps: Option<u32>,
    /// Both ways, in 10^9 bytes a day, UTC.
    pub total_gb_per_day: Option<u32>,
}

/// A named budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// What is measured: `cpu_seconds`, `tokens`, anything.
    pub name: MeterName,
    /// How much.
    pub budget: Budget,
}

/// An amount, for each period or once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Thousandths of the meter's unit.
    pub amount_milli: u64,
    /// `None` = once for ever.
    pub period: Option<Period>,
}

/// Bytes a second of 10^6 bits a second.
const BYTES_PER_MBPS: u64 = 1_000_000 / 8;
/// Bytes of a gigabyte, as sold: decimal.
const BYTES_PER_GB: u64 = 1_000_000_000;

impl Requests {
    /// The limits that are set, shortest period first.
    pub fn set(&self) -> impl Iterator<Item = (Period, u64)> + use<> {
        let all = [
            (Period::Second, self.second),
            (Period::Minute, self.minute),
            (Period::Hour, self.hour),
            (Period::Day, self.day),
            (Period::Month, self.month),
        ];
        all.into_iter()
            .filter_map(|(period, limit)| Some((period, limit?)))
    }
}

impl Budget {
    /// How the budget counts, in thousandths of its unit.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match self.period {
            Some(period) => Rule::FixedWindow {
                period,
                limit: self.amount_milli,
            },
            None => Rule::Credits(Credits {
                amount: self.amount_milli,
                refill: None,
            }),
        }
    }
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Everything to count, each under its name. Concurrency is counted by [`Places`], and the size of one payload
    /// needs no counting.
    #[must_use]
    pub fn rules(&self) -> Vec<(RuleName, Rule)> {
        let mut rules = Vec::new();
        for (index, (period, limit)) in self.requests.set().enumerate() {
            let burst = self.burst.filter(|_| index == 0);
            let rule = self.request_rule(period, limit, burst);
            rules.push((RuleName::Requests(period), rule));
        }
        let speeds = [
            (RuleName::Upload, self.transfer.upload_mbps),
            (RuleName::Download, self.transfer.download_mbps),
        ];
        for (name, mbps) in speeds {
            rules.extend(mbps.map(|mbps| (name, speed_rule(mbps))));
        }
        rules.extend(self.transfer.total_gb_per_day.map(|gigabytes| {
            let limit = u64::from(gigabytes) * BYTES_PER_GB;
            let period = Period::Day;
            (RuleName::TransferDay, Rule::FixedWindow { period, limit })
        }));
        let credits = self.credits.map(Rule::Credits);
        rules.extend(credits.map(|rule| (RuleName::Credits, rule)));
        for meter in &self.meters {
            rules.push((RuleName::Meter(meter.name.clone()), meter.budget.rule()));
        }
        rules
    }

    fn request_rule(&self, period: Period, limit: u64, burst: Option<Burst>) -> Rule {
        match (self.algorithm, burst) {
            (Algorithm::TokenBucket, burst) => Rule::Bucket {
                capacity: burst.map_or(limit, |burst| burst.max_burst),
                refill: limit,
                period,
            },
            (algorithm, Some(burst)) => Rule::Burst {
                sliding: algorithm == Algorithm::SlidingWindow,
                period,
                limit,
                max_burst: burst.max_burst,
                over_s: burst.window_s,
            },
            (Algorithm::FixedWindow, None) => Rule::FixedWindow { period, limit },
            (Algorithm::SlidingWindow, None) => Rule::SlidingWindow { period, limit },
        }
    }
}

/// A bucket of one second's bytes.
const fn speed_rule(mbps: u32) -> Rule {
    let bytes = mbps as u64 * BYTES_PER_MBPS;
    Rule::Bucket {
        capacity: bytes,
        refill: bytes,
        period: Period::Second,
    }
}
