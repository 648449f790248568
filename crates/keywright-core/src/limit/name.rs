//! The names of what is counted: they stand in answers, headers, metrics and denials.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use super::period::Period;
use crate::limits::METER_NAME_BYTES_MAX;

/// A meter's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterName(Box<str>);

/// The text is not a meter's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a meter's name is 1 to {METER_NAME_BYTES_MAX} characters of a-z, 0-9 and `_`, beginning with a letter"
)]
pub struct InvalidMeterName;

impl FromStr for MeterName {
    type Err = InvalidMeterName;

    fn from_str(text: &str) -> Result<Self, InvalidMeterName> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && text.len() <= METER_NAME_BYTES_MAX && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidMeterName)
        }
    }
}

impl MeterName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MeterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Names one limit of a set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleName {
    /// Requests in a period.
    Requests(Period),
    /// Requests at the same time.
    Concurrency,
    /// The size of one payload.
    Payload,
    /// Speed towards the service.
    Upload,
    /// Speed from the service.
    Download,
    /// Data of a day.
    TransferDay,
    /// The balance.
    Credits,
    /// A budget.
    Meter(MeterName),
}

/// In what a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A request, or what it costs.
    Requests,
    /// Requests that run.
    ConcurrentRequests,
    /// Bytes.
    Bytes,
    /// Credits.
    Credits,
    /// Thousandths of a meter's unit.
    Milli,
}

impl RuleName {
    /// In what it counts.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        match self {
            Self::Requests(_) => Unit::Requests,
            Self::Concurrency => Unit::ConcurrentRequests,
            Self::Payload | Self::Upload | Self::Download | Self::TransferDay => Unit::Bytes,
            Self::Credits => Unit::Credits,
            Self::Meter(_) => Unit::Milli,
        }
    }
}

impl fmt::Display for RuleName {
    /// `per_second`, `concurrency`, `transfer_day`, `meter:tokens`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(period) => write!(formatter, "per_{}", period.as_str()),
            Self::Concurrency => formatter.write_str("concurrency"),
            Self::Payload => formatter.write_str("payload"),
            Self::Upload => formatter.write_str("upload"),
            Self::Download => formatter.write_str("download"),
            Self::TransferDay => formatter.write_str("transfer_day"),
            Self::Credits => formatter.write_str("credits"),
            Self::Meter(name) => write!(formatter, "meter:{name}"),
        }
    }
}
