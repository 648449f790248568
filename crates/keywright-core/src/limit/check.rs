//! Whether limits can be meant: every number in range, none that another makes pointless. Lists all
//! problems, each with the field in the API's spelling and what to do.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::period::Period;
use super::{Limits, RefillEvery};
use crate::limits::{
    BURST_WINDOW_SECONDS_MAX, CONCURRENCY_MAX, LIMIT_MAX, METERS_MAX, TARGET_LATENCY_MS_MAX,
    TRANSFER_GB_MAX, TRANSFER_MBPS_MAX,
};

/// One field that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {problem}; {fix}")]
pub struct LimitProblem {
    /// The field's path from the set of limits, as in `requests.perMinute`.
    pub field: Cow<'static, str>,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: &'static str,
}

/// What to do about a limit of 0.
const INSTEAD_OF_ZERO: &str = "leave it out for no limit, or disable the key to refuse everything";

/// Thousandths of a unit.
const MILLI: u64 = 1000;

type Field = Cow<'static, str>;

#[derive(Default)]
struct Problems(Vec<LimitProblem>);

impl Problems {
    fn add(&mut self, field: impl Into<Field>, problem: impl Into<String>, fix: &'static str) {
        self.0.push(LimitProblem {
            field: field.into(),
            problem: problem.into(),
            fix,
        });
    }

    fn number(&mut self, field: impl Into<Field>, value: Option<u64>, max: u64) {
        match value {
            Some(0) => self.add(field, "is 0", INSTEAD_OF_ZERO),
            Some(value) if value > max => self.add(
                field,
                format!("is above {max}"),
                "give a smaller number, or leave it out for no limit",
            ),
            _ => {}
        }
    }

    fn within(&mut self, field: &'static str, value: u64, range: core::ops::RangeInclusive<u64>) {
        if !range.contains(&value) {
            let (least, most) = (range.start(), range.end());
            let problem = format!("is not between {least} and {most}");
            self.add(field, problem, "give a number in this range");
        }
    }
}

impl Limits {
    /// Whether the limits can be meant.
    ///
    /// # Errors
    /// Every problem.
    pub fn check(&self) -> Result<(), Vec<LimitProblem>> {
        let mut problems = Problems::default();
        self.check_requests(&mut problems);
        self.check_burst(&mut problems);
        self.check_transfer(&mut problems);
        self.check_credits(&mut problems);
        self.check_meters(&mut problems);
        if let Some(adaptive) = self.adaptive {
            let latency = u64::from(adaptive.target_latency_ms);
            let most = u64::from(TARGET_LATENCY_MS_MAX);
            problems.within(
                "adaptive.floorPercent",
                adaptive.floor_percent.into(),
                1..=100,
            );
            problems.within("adaptive.targetLatencyMs", latency, 1..=most);
            let errors = adaptive.max_error_percent.into();
            problems.within("adaptive.maxErrorPercent", errors, 0..=100);
        }
        if problems.0.is_empty() {
            Ok(())
        } else {
            Err(problems.0)
        }
    }

    fn check_requests(&self, problems: &mut Problems) {
        let mut shorter: Option<(Period, u64)> = None;
        for (period, limit) in self.requests.set() {
            problems.number(field_of(period), Some(limit), LIMIT_MAX);
            if let Some((other, _)) = shorter.filter(|(_, other)| limit < *other && limit > 0) {
                let problem = format!(
                    "is below {}, which can then never be reached (overlapping windows)",
                    field_of(other)
                );
                problems.add(
                    field_of(period),
                    problem,
                    "raise it, or leave one of them out",
                );
            }
            shorter = Some((period, limit));
        }
    }

    fn check_burst(&self, problems: &mut Problems) {
        let Some(burst) = self.burst else { return };
        problems.number("burst.maxBurst", Some(burst.max_burst), LIMIT_MAX);
        let window = u64::from(burst.window_s);
        problems.within(
            "burst.burstWindow",
            window,
            1..=BURST_WINDOW_SECONDS_MAX.into(),
        );
        let mut set = self.requests.set();
        let Some((period, limit)) = set.next() else {
            let fix = "set a limit in `requests`, or leave the burst out";
            problems.add("burst", "has no limit of requests to exceed", fix);
            return;
        };
        if burst.max_burst <= limit && burst.max_burst > 0 {
            let problem = format!("is not above {}, which it extends", field_of(period));
            let fix = "raise it, or leave the burst out";
            problems.add("burst.maxBurst", problem, fix);
        }
        if let Some((longer, most)) = set.next().filter(|(_, most)| burst.max_burst > *most) {
            let problem = format!("is above {} ({most}), which comes first", field_of(longer));
            problems.add("burst.maxBurst", problem, "lower it, or raise that limit");
        }
    }

    fn check_transfer(&self, problems: &mut Problems) {
        let transfer = self.transfer;
        let wide = |value: Option<u32>| value.map(u64::from);
        let speed = TRANSFER_MBPS_MAX.into();
        problems.number(
            "concurrency",
            wide(self.concurrency),
            CONCURRENCY_MAX.into(),
        );
        problems.number("payloadBytesMax", self.payload_bytes_max, LIMIT_MAX);
        problems.number("bandwidth.uploadMbps", wide(transfer.upload_mbps), speed);
        problems.number(
            "bandwidth.downloadMbps",
            wide(transfer.download_mbps),
            speed,
        );
        let total = wide(transfer.total_gb_per_day);
        problems.number("bandwidth.totalGbPerDay", total, TRANSFER_GB_MAX.into());
    }

    fn check_credits(&self, problems: &mut Problems) {
        let Some(credits) = self.credits else { return };
        problems.number("credits.amount", Some(credits.amount), LIMIT_MAX);
        let Some(refill) = credits.refill else { return };
        problems.number("credits.refill.amount", Some(refill.amount), LIMIT_MAX);
        if refill.amount > credits.amount && credits.amount > 0 && refill.amount <= LIMIT_MAX {
            problems.add(
                "credits.refill.amount",
                "is above credits.amount, above which the balance never rises",
                "lower it, or raise credits.amount",
            );
        }
        if let RefillEvery::Monthly { day } = refill.every {
            problems.within("credits.refill.day", day.into(), 1..=31);
        }
    }

    fn check_meters(&self, problems: &mut Problems) {
        if self.meters.len() > METERS_MAX {
            let problem = format!("has more than {METERS_MAX} meters");
            problems.add("meters", problem, "keep those that matter");
        }
        for (index, meter) in self.meters.iter().enumerate() {
            let amount = Some(meter.budget.amount_milli);
            let field = format!("meters.{}.amount", meter.name);
            problems.number(field, amount, LIMIT_MAX * MILLI);
            let mut before = self.meters.iter().take(index);
            if before.any(|other| other.name == meter.name) {
                let field = format!("meters.{}", meter.name);
                problems.add(field, "is there twice", "keep one of them");
            }
        }
    }
}

const fn field_of(period: Period) -> &'static str {
    match period {
        Period::Second => "requests.perSecond",
        Period::Minute => "requests.perMinute",
        Period::Hour => "requests.perHour",
        Period::Day => "requests.perDay",
        Period::Month => "requests.perMonth",
    }
}
