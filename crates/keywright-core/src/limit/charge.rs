//! What one check costs, limit by limit.

use super::{MeterName, RuleName};
use crate::denial::Denial;

/// What a request takes from the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge<'a> {
    /// Requests and credits: 1 for an ordinary request.
    pub cost: u64,
    /// Bytes of its body.
    pub bytes: u64,
    /// Thousandths of meters.
    pub meters: &'a [(MeterName, u64)],
}

impl Default for Charge<'_> {
    fn default() -> Self {
        Self {
            cost: 1,
            bytes: 0,
            meters: &[],
        }
    }
}

/// An amount to take from one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// What is taken.
    pub cost: u64,
    /// What must be there for it. Of budgets that are reported after the fact at least something
    /// must be left, so that a spent one refuses.
    pub needed: u64,
}

impl Charge<'_> {
    /// What the request takes from the limit of this name.
    #[must_use]
    pub fn of(&self, name: &RuleName) -> Amount {
        let reported = |cost: u64| Amount {
            cost,
            needed: cost.max(1),
        };
        match name {
            RuleName::Requests(_) | RuleName::Credits => Amount {
                cost: self.cost,
                needed: self.cost,
            },
            RuleName::TransferDay => reported(self.bytes),
            RuleName::Meter(name) => {
                let found = self.meters.iter().find(|(meter, _)| meter == name);
                reported(found.map_or(0, |(_, cost)| *cost))
            }
            // Kept where the bytes and the requests are: a check does not see them run.
            RuleName::Upload | RuleName::Download | RuleName::Concurrency | RuleName::Payload => {
                Amount { cost: 0, needed: 0 }
            }
        }
    }
}

impl RuleName {
    /// Why a check is refused that does not fit this limit.
    #[must_use]
    pub const fn denial(&self) -> Denial {
        match self {
            Self::Requests(_) | Self::Concurrency => Denial::RateLimited,
            Self::Payload => Denial::PayloadTooLarge,
            Self::Upload | Self::Download | Self::TransferDay => Denial::TransferExceeded,
            Self::Credits | Self::Meter(_) => Denial::QuotaExceeded,
        }
    }
}
