//! What a key may be: how long it may live, by the tenant's expiry policy and the wish of whoever
//! creates it, and what its purpose keeps it from holding.

mod grants;

use alloc::vec;
use alloc::vec::Vec;

use thiserror::Error;

use crate::key::Purpose;
use crate::limits::{EXPIRY_DAYS_MAX, EXPIRY_RULES_MAX};
use crate::tenant::EnvironmentName;
use crate::time::Timestamp;

pub use grants::{ForbiddenGrant, GrantLimit};

/// The longest lives that a tenant allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryPolicy {
    /// Life in days of a key that is created without a wish; 0 = never expires.
    pub default_days: u32,
    /// Whether a key may never expire where no rule limits it.
    pub never_allowed: bool,
    /// Longest lives; all rules that match a key hold, so the shortest wins.
    pub rules: Vec<ExpiryRule>,
}

/// One longest life. `None` matches every purpose or environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryRule {
    /// The purpose it is about.
    pub purpose: Option<Purpose>,
    /// The environment it is about.
    pub environment: Option<EnvironmentName>,
    /// The longest life in days, at least 1.
    pub max_days: u32,
}

/// What the creator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryWish {
    /// Nothing: the policy decides.
    Default,
    /// `expires_in_days: 0`.
    Never,
    /// `expires_in_days: n`.
    Days(u32),
    /// `expires_at`.
    At(Timestamp),
}

/// A life that the policy does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExpiryRefusal {
    /// The moment is not in the future.
    #[error("the expiry lies in the past; give a later moment")]
    Past,
    /// More than the longest allowed life.
    #[error("the tenant's policy allows at most {max_days} days for this purpose and environment")]
    TooLong {
        /// The longest life in days.
        max_days: u32,
    },
    /// The key would never expire, which the policy forbids.
    #[error("the tenant's policy does not allow keys that never expire; give `expires_in_days`")]
    NeverForbidden,
}

/// A policy that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPolicy {
    /// A rule of 0 days, or of more than a century.
    #[error("a longest life is between 1 and {EXPIRY_DAYS_MAX} days")]
    MaxDays,
    /// The default is over a century.
    #[error("the default life is between 0 (never) and {EXPIRY_DAYS_MAX} days")]
    DefaultDays,
    /// Too many rules.
    #[error("a policy has at most {EXPIRY_RULES_MAX} rules")]
    TooManyRules,
}

impl ExpiryPolicy {
    /// Requirement A8's defaults: automation in production 90 days, development 30, staging 7.
    #[must_use]
    pub fn common() -> Self {
        let rule = |purpose, environment: &str, max_days| ExpiryRule {
            purpose,
            environment: environment.parse().ok(),
            max_days,
        };
        Self {
            default_days: 90,
            never_allowed: true,
            rules: vec![
                rule(Some(Purpose::Automation), "production", 90),
                rule(None, "development", 30),
                rule(None, "staging", 7),
            ],
        }
    }

    /// Whether the policy can be meant.
    ///
    /// # Errors
    /// The first number out of range.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        if self.rules.len() > EXPIRY_RULES_MAX {
            return Err(InvalidPolicy::TooManyRules);
        }
        if self.default_days > EXPIRY_DAYS_MAX {
            return Err(InvalidPolicy::DefaultDays);
        }
        let sane = |rule: &ExpiryRule| (1..=EXPIRY_DAYS_MAX).contains(&rule.max_days);
        if self.rules.iter().all(sane) {
            Ok(())
        } else {
            Err(InvalidPolicy::MaxDays)
        }
    }

    /// The longest life in days for such a key, if it is limited.
    #[must_use]
    pub fn max_days(&self, purpose: Option<Purpose>, environment: &EnvironmentName) -> Option<u32> {
        let temporary = must_end_soon(purpose).then_some(TEMPORARY_DAYS_MAX);
        self.rules
            .iter()
            .filter(|rule| rule.purpose.is_none() || rule.purpose == purpose)
            .filter(|rule| {
                rule.environment
                    .as_ref()
                    .is_none_or(|name| name == environment)
            })
            .map(|rule| rule.max_days)
            .chain(temporary)
            .min()
    }

    /// When a key that is created now ends; `None` = never.
    ///
    /// # Errors
    /// What the policy does not allow; a default is shortened to the policy instead.
    pub fn expiry(
        &self,
        wish: ExpiryWish,
        purpose: Option<Purpose>,
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, ExpiryRefusal> {
        let max_days = self.max_days(purpose, environment);
        match wish {
            ExpiryWish::Default => Ok(self.default_expiry(purpose, max_days, now)),
            ExpiryWish::Never => match max_days {
                Some(max_days) => Err(ExpiryRefusal::TooLong { max_days }),
                None if !self.never_allowed => Err(ExpiryRefusal::NeverForbidden),
                None => Ok(None),
            },
            ExpiryWish::Days(days) => match max_days {
                Some(max_days) if days > max_days => Err(ExpiryRefusal::TooLong { max_days }),
                _ => Ok(Some(now.plus_days(days))),
            },
            ExpiryWish::At(at) if at <= now => Err(ExpiryRefusal::Past),
            ExpiryWish::At(at) => match max_days {
                Some(max_days) if at > now.plus_days(max_days) => {
                    Err(ExpiryRefusal::TooLong { max_days })
                }
                _ => Ok(Some(at)),
            },
        }
    }

    fn default_expiry(
        &self,
        purpose: Option<Purpose>,
        max_days: Option<u32>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if must_end_soon(purpose) {
            let days = max_days.map_or(TEMPORARY_DAYS, |max| max.min(TEMPORARY_DAYS));
            return Some(now.plus_days(days));
        }
        let default = match self.default_days {
            0 if self.never_allowed => None,
            0 => Some(EXPIRY_DAYS_MAX),
            days => Some(days),
        };
        match (default, max_days) {
            (Some(default), Some(max)) => Some(default.min(max)),
            (default, max) => default.or(max),
        }
        .map(|days| now.plus_days(days))
    }
}

/// A temporary key lives a week at most, whatever the policy: longer is not temporary. An emergency is
/// over by then too.
const TEMPORARY_DAYS_MAX: u32 = 7;
/// Days of such a key that is created without a wish (requirement A5).
const TEMPORARY_DAYS: u32 = 1;

/// Whether keys of this purpose end by themselves, whatever the policy says.
const fn must_end_soon(purpose: Option<Purpose>) -> bool {
    matches!(purpose, Some(Purpose::Temporary | Purpose::Emergency))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);

    fn environment(name: &str) -> EnvironmentName {
        name.parse().unwrap()
    }

    #[test]
    fn never_is_allowed_only_where_no_rule_limits_the_key() {
        let policy = ExpiryPolicy::common();
        let production = environment("production");
        assert_eq!(
            policy.expiry(ExpiryWish::Never, None, &production, NOW),
            Ok(None)
        );
        assert_eq!(
            policy.expiry(
                ExpiryWish::Never,
                Some(Purpose::Automation),
                &production,
                NOW
            ),
            Err(ExpiryRefusal::TooLong { max_days: 90 })
        );
        let strict = ExpiryPolicy {
            never_allowed: false,
            ..policy
        };
        assert_eq!(
            strict.expiry(ExpiryWish::Never, None, &production, NOW),
            Err(ExpiryRefusal::NeverForbidden)
        );
    }

    #[test]
    fn the_shortest_matching_rule_wins_and_its_border_is_allowed() {
        let policy = ExpiryPolicy::common();
        let staging = environment("staging");
        let at = |moment| policy.expiry(ExpiryWish::At(moment), None, &staging, NOW);
        let border = NOW.plus_days(7);
        assert_eq!(at(border), Ok(Some(border)));
        assert_eq!(
            at(border.plus_milliseconds(1)),
            Err(ExpiryRefusal::TooLong { max_days: 7 })
        );
        assert_eq!(at(NOW), Err(ExpiryRefusal::Past));
        assert!(at(NOW.plus_milliseconds(1)).is_ok());
        assert!(
            policy
                .expiry(ExpiryWish::Days(7), None, &staging, NOW)
                .is_ok()
        );
        assert!(
            policy
                .expiry(ExpiryWish::Days(8), None, &staging, NOW)
                .is_err()
        );
    }

    #[test]
    fn without_a_wish_the_default_is_shortened_to_the_policy() {
        let policy = ExpiryPolicy::common();
        let life = |purpose, name| {
            policy
                .expiry(ExpiryWish::Default, purpose, &environment(name), NOW)
                .unwrap()
        };
        assert_eq!(life(None, "production"), Some(NOW.plus_days(90)));
        assert_eq!(life(None, "staging"), Some(NOW.plus_days(7)));
        for purpose in [Purpose::Temporary, Purpose::Emergency] {
            assert_eq!(life(Some(purpose), "production"), Some(NOW.plus_days(1)));
        }
    }

    #[test]
    fn temporary_and_emergency_keys_end_within_a_week_whatever_the_policy() {
        let policy = ExpiryPolicy {
            default_days: 0,
            never_allowed: true,
            rules: Vec::new(),
        };
        let production = environment("production");
        for purpose in Purpose::ALL {
            let short = matches!(purpose, Purpose::Temporary | Purpose::Emergency);
            let ask = |wish| policy.expiry(wish, Some(*purpose), &production, NOW);
            let border = NOW.plus_days(7);
            assert_eq!(ask(ExpiryWish::Days(7)), Ok(Some(border)));
            assert_eq!(ask(ExpiryWish::At(border)), Ok(Some(border)));
            for wish in [
                ExpiryWish::Never,
                ExpiryWish::Days(8),
                ExpiryWish::At(border.plus_milliseconds(1)),
            ] {
                assert_eq!(ask(wish).is_err(), short, "{purpose:?} {wish:?}");
            }
            let default = ask(ExpiryWish::Default);
            assert_eq!(default, Ok(short.then(|| NOW.plus_days(1))));
        }
    }
}
