//! From stored values back to core's: what does not decode is an error that names its table, column and row.

use std::str::FromStr;

use keywright_core::time::Timestamp;
use keywright_core::token::digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// Where a value stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
}

impl Place<'_> {
    pub(crate) fn inconsistent(self, column: &'static str) -> StoreError {
        StoreError::inconsistent(self.table, column, self.row)
    }

    /// A value that prints and parses.
    pub(crate) fn parse<T: FromStr>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.inconsistent(column))
    }

    /// Such a value, where it may be absent.
    pub(crate) fn parse_optional<T: FromStr>(
        self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, StoreError> {
        text.map(|text| self.parse(column, text)).transpose()
    }

    /// A value that a core function names.
    pub(crate) fn named<T>(self, column: &'static str, found: Option<T>) -> Result<T, StoreError> {
        found.ok_or_else(|| self.inconsistent(column))
    }

    /// Values that print and parse, as a JSON array.
    pub(crate) fn list<T: FromStr>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<Vec<T>, StoreError> {
        let texts: Vec<String> = self.json(column, text)?;
        texts.iter().map(|text| self.parse(column, text)).collect()
    }

    pub(crate) fn json<T: DeserializeOwned>(
        self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|_| self.inconsistent(column))
    }

    pub(crate) fn digest(self, column: &'static str, bytes: &[u8]) -> Result<Digest, StoreError> {
        self.array(column, bytes).map(Digest::from_bytes)
    }

    pub(crate) fn array<const N: usize>(
        self,
        column: &'static str,
        bytes: &[u8],
    ) -> Result<[u8; N], StoreError> {
        bytes.try_into().map_err(|_| self.inconsistent(column))
    }

    pub(crate) fn count(self, column: &'static str, number: i64) -> Result<u64, StoreError> {
        u64::try_from(number).map_err(|_| self.inconsistent(column))
    }
}

/// An SQL number. Counters of changes do not reach the end of `i64` in any life.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A moment that may be absent, as SQL's NULL.
pub(crate) fn milliseconds(moment: Option<Timestamp>) -> Option<i64> {
    moment.map(Timestamp::milliseconds)
}

/// The other way.
pub(crate) fn moment(milliseconds: Option<i64>) -> Option<Timestamp> {
    milliseconds.map(Timestamp::from_milliseconds)
}

/// A JSON array of values that print.
pub(crate) fn list<T: ToString>(values: &[T]) -> Result<String, StoreError> {
    json(&values.iter().map(ToString::to_string).collect::<Vec<_>>())
}

pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::other)
}
