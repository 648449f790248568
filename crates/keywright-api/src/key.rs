//! Keys on the wire: what creates, changes and shows them.

mod body;
mod create;
mod restrictions;
mod update;

pub use body::{CreatedKey, KeyBody, KeyDetails, KeyView, OwnerBody};
pub use create::{CreateKey, NewKey, expiry_detail};
pub use restrictions::{AndroidAppBody, RestrictionsBody, TimeWindowBody};
pub use update::{KeyEdit, RevokeKey, UpdateKey};

use keywright_core::limits::{EXPIRY_DAYS_MAX, TAG_BYTES_MAX, TAGS_MAX};
use keywright_core::plan::PlanName;
use keywright_core::policy::ExpiryWish;
use keywright_core::restriction::{Cidr, RULES_MAX};
use keywright_core::time::Timestamp;

use crate::error::Problems;
use crate::field::{self, Lines};

fn tags(values: &[String], problems: &mut Problems) -> Vec<String> {
    let read = |tag: &str| {
        field::text(
            "",
            Some(tag),
            TAG_BYTES_MAX,
            Lines::One,
            &mut Problems::new(),
        )
        .ok_or("is not a tag of 1 to 64 bytes without control characters")
    };
    field::list("tags", values, TAGS_MAX, read, problems)
}

fn plan(value: Option<&str>, problems: &mut Problems) -> Option<PlanName> {
    let fix = "give the name of a plan of the tenant";
    field::parsed("plan", value, str::parse::<PlanName>, fix, problems)
}

fn addresses(path: &str, values: &[String], problems: &mut Problems) -> Box<[Cidr]> {
    field::list(path, values, RULES_MAX, str::parse::<Cidr>, problems).into()
}

/// The wish for an end of life. At most one of the two may be there.
fn expiry_wish(days: Option<i64>, at: Option<i64>, problems: &mut Problems) -> Option<ExpiryWish> {
    if days.is_some() && at.is_some() {
        problems.add(
            "expires_at",
            "stands next to `expires_in_days`",
            "give one of the two",
        );
        return None;
    }
    let days = days
        .and_then(|days| field::number("expires_in_days", days, 0..=EXPIRY_DAYS_MAX, problems))
        .map(|days| {
            if days == 0 {
                ExpiryWish::Never
            } else {
                ExpiryWish::Days(days)
            }
        });
    let at = at
        .and_then(|at| field::moment("expires_at", at, problems))
        .map(ExpiryWish::At);
    days.or(at)
}

/// A life must begin before it ends.
fn life(not_before: Option<Timestamp>, expires_at: Option<Timestamp>, problems: &mut Problems) {
    if let (Some(begin), Some(end)) = (not_before, expires_at)
        && begin >= end
    {
        problems.add(
            "not_before",
            "is not before the expiry",
            "give an earlier moment",
        );
    }
}

#[cfg(test)]
mod tests;
