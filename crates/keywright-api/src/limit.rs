//! Limits on the wire, in the spelling that clients of older systems know (`perSecond`, `maxBurst`).

use std::collections::BTreeMap;

use keywright_core::limit::{
    Algorithm, Budget, Burst, Credits, Limits, Meter, Period, Refill, RefillEvery, Requests,
    Transfer,
};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::error::Problems;
use crate::field;
use crate::json::Object;
use crate::verify::LimitBody;

/// Thousandths of a meter's unit: the smallest part that is counted.
const MILLI: f64 = 1_000.0;

/// What a key may use. Everything may be left out; what is left out is not limited.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = RateLimit)]
pub struct LimitsBody {
    /// Requests in periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RequestsBody>)]
    pub requests: Option<Object<RequestsBody>>,
    /// How requests are counted: `fixed_window` (the default), `sliding_window` or `token_bucket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "fixed_window")]
    pub algorithm: Option<String>,
    /// How far the shortest period's limit may be exceeded for a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BurstBody>)]
    pub burst: Option<Object<BurstBody>>,
    /// Speed and amount of data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BandwidthBody>)]
    pub bandwidth: Option<Object<BandwidthBody>>,
    /// Bytes of a request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub payload_bytes_max: Option<u64>,
    /// A balance that requests are paid from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CreditsBody>)]
    pub credits: Option<Object<CreditsBody>>,
    /// Named budgets, such as `cpu_seconds` or `tokens`, that the protected service reports against.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, MeterBody>)]
    pub meters: BTreeMap<String, Object<MeterBody>>,
    /// Takes no unit ahead of use: each check of a long period then waits for the store.
    #[serde(skip_serializing_if = "is_false")]
    pub exact: bool,
}

/// Requests in periods that begin at full seconds, minutes, hours, days and months of UTC.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = RateLimitRequests)]
pub struct RequestsBody {
    /// In a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 100)]
    pub per_second: Option<u64>,
    /// In a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 1000)]
    pub per_minute: Option<u64>,
    /// In an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 10000)]
    pub per_hour: Option<u64>,
    /// In a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 100000)]
    pub per_day: Option<u64>,
    /// In a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub per_month: Option<u64>,
}

/// How far the shortest period's limit may be exceeded: up to `maxBurst` in one period, where what goes
/// beyond the limit is drawn from an allowance that refills evenly within `burstWindow`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RateLimitBurst)]
pub struct BurstBody {
    /// `false` = as if it were not there.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub enabled: bool,
    /// Requests in one period at most.
    #[schema(minimum = 1, example = 200)]
    pub max_burst: u64,
    /// Seconds in which the allowance refills.
    #[schema(minimum = 1, example = 60)]
    pub burst_window: u32,
}

/// Speed and amount of data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = RateLimitBandwidth)]
pub struct BandwidthBody {
    /// Towards the service, in 10^6 bits a second; kept by the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 10)]
    pub upload_mbps: Option<u32>,
    /// From the service, in 10^6 bits a second; kept by the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 50)]
    pub download_mbps: Option<u32>,
    /// Both ways, in 10^9 bytes a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 100)]
    pub total_gb_per_day: Option<u32>,
}

/// A balance that requests are paid from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RateLimitCredits)]
pub struct CreditsBody {
    /// The first balance, and the most that refills restore.
    #[schema(minimum = 1, example = 1000)]
    pub amount: u64,
    /// What comes back, and when; without it, what is spent is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RefillBody>)]
    pub refill: Option<Object<RefillBody>>,
}

/// What comes back to a balance.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RateLimitRefill)]
pub struct RefillBody {
    /// `daily`, `weekly` (on Mondays) or `monthly`, at midnight UTC.
    #[schema(example = "monthly")]
    pub interval: String,
    /// Credits of each refill.
    #[schema(minimum = 1, example = 1000)]
    pub amount: u64,
    /// The day of a monthly refill, from 1; in shorter months the last day. Without it, the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 31)]
    pub day: Option<u8>,
}

/// A budget.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RateLimitMeter)]
pub struct MeterBody {
    /// How much, to three decimals.
    #[serde(serialize_with = "amount")]
    #[schema(minimum = 0.001, example = 3600)]
    pub amount: f64,
    /// `second`, `minute`, `hour`, `day` or `month`; without it, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "day")]
    pub per: Option<String>,
}

/// The limits of a key and how they stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KeyLimits)]
pub struct KeyLimitsBody {
    /// What applies: the key's own limits over those of its plan.
    #[serde(rename = "rateLimit")]
    pub rate_limit: LimitsBody,
    /// The plan; `null` when it has none.
    pub plan: Option<String>,
    /// How each limit stands.
    pub limits: Vec<LimitBody>,
}

/// A whole number as one: clients read `100`, not `100.0`.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(crate) fn amount<S: Serializer>(amount: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "amounts are not negative and below 2^53"
    )]
    let whole = *amount as u64;
    if amount.fract() == 0.0 {
        serializer.serialize_u64(whole)
    } else {
        serializer.serialize_f64(*amount)
    }
}

const fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl LimitsBody {
    /// What is meant, with every problem at its path below `path`.
    pub(crate) fn read(&self, path: &str, problems: &mut Problems) -> Limits {
        let at = |member: &str| format!("{path}.{member}");
        let algorithm = field::one_of(
            &at("algorithm"),
            self.algorithm.as_deref(),
            Algorithm::ALL,
            Algorithm::as_str,
            problems,
        );
        let requests = self.requests.as_ref().map(|Object(it)| Requests {
            second: it.per_second,
            minute: it.per_minute,
            hour: it.per_hour,
            day: it.per_day,
            month: it.per_month,
        });
        let burst = self.burst.as_ref().filter(|Object(it)| it.enabled);
        let transfer = self.bandwidth.as_ref().map(|Object(it)| Transfer {
            upload_mbps: it.upload_mbps,
            download_mbps: it.download_mbps,
            total_gb_per_day: it.total_gb_per_day,
        });
        let limits = Limits {
            requests: requests.unwrap_or_default(),
            algorithm: algorithm.unwrap_or_default(),
            burst: burst.map(|Object(it)| Burst {
                max_burst: it.max_burst,
                window_s: it.burst_window,
            }),
            exact: self.exact,
            // Kept where requests run, and by reports of them, which do not exist yet: not taken either.
            concurrency: None,
            adaptive: None,
            payload_bytes_max: self.payload_bytes_max,
            transfer: transfer.unwrap_or_default(),
            credits: self.credits(path, problems),
            meters: self.meters(path, problems),
        };
        for problem in limits.check().err().into_iter().flatten() {
            problems.add(at(&problem.field), problem.problem, problem.fix);
        }
        limits
    }

    fn credits(&self, path: &str, problems: &mut Problems) -> Option<Credits> {
        let Object(credits) = self.credits.as_ref()?;
        let refill = credits.refill.as_ref().and_then(|Object(refill)| {
            let day = refill.day;
            let every = match (refill.interval.as_str(), day) {
                ("daily", None) => RefillEvery::Daily,
                ("weekly", None) => RefillEvery::Weekly,
                ("monthly", day) => RefillEvery::Monthly {
                    day: day.unwrap_or(1),
                },
                ("daily" | "weekly", Some(_)) => {
                    let fix = "remove it, or refill `monthly`";
                    let path = format!("{path}.credits.refill.day");
                    problems.add(path, "is only for monthly refills", fix);
                    return None;
                }
                _ => {
                    let fix = "use `daily`, `weekly` or `monthly`";
                    let path = format!("{path}.credits.refill.interval");
                    problems.add(path, "is not one of the known values", fix);
                    return None;
                }
            };
            let amount = refill.amount;
            Some(Refill { amount, every })
        });
        Some(Credits {
            amount: credits.amount,
            refill,
        })
    }

    fn meters(&self, path: &str, problems: &mut Problems) -> Vec<Meter> {
        let mut meters = Vec::with_capacity(self.meters.len());
        for (name, Object(meter)) in &self.meters {
            let at = |member: &str| format!("{path}.meters.{name}{member}");
            let fix = "choose another name, such as `cpu_seconds`";
            let parsed = field::parsed(&at(""), Some(name), str::parse, fix, problems);
            let period = field::one_of(
                &at(".per"),
                meter.per.as_deref(),
                Period::ALL,
                Period::as_str,
                problems,
            );
            let amount_milli = milli(&at(".amount"), meter.amount, problems);
            if let (Some(name), Some(amount_milli)) = (parsed, amount_milli) {
                meters.push(Meter {
                    name,
                    budget: Budget {
                        amount_milli,
                        period,
                    },
                });
            }
        }
        meters
    }

    /// The limits as they are shown; `None` when nothing is limited.
    #[must_use]
    pub fn new(limits: &Limits) -> Option<Self> {
        if limits.is_empty() {
            return None;
        }
        let Requests {
            second,
            minute,
            hour,
            day,
            month,
        } = limits.requests;
        let transfer = limits.transfer;
        let requests = (limits.requests != Requests::default()).then_some(Object(RequestsBody {
            per_second: second,
            per_minute: minute,
            per_hour: hour,
            per_day: day,
            per_month: month,
        }));
        let bandwidth = (transfer != Transfer::default()).then_some(Object(BandwidthBody {
            upload_mbps: transfer.upload_mbps,
            download_mbps: transfer.download_mbps,
            total_gb_per_day: transfer.total_gb_per_day,
        }));
        let algorithm = limits.algorithm;
        Some(Self {
            requests,
            algorithm: (algorithm != Algorithm::default()).then(|| algorithm.as_str().into()),
            burst: limits.burst.map(|burst| {
                Object(BurstBody {
                    enabled: true,
                    max_burst: burst.max_burst,
                    burst_window: burst.window_s,
                })
            }),
            bandwidth,
            payload_bytes_max: limits.payload_bytes_max,
            credits: limits.credits.map(credits_body),
            meters: limits.meters.iter().map(meter_body).collect(),
            exact: limits.exact,
        })
    }
}

/// Thousandths of an amount.
pub(crate) fn milli(path: &str, amount: f64, problems: &mut Problems) -> Option<u64> {
    let thousandths = amount * MILLI;
    // Above this, neighbouring thousandths are the same number.
    let exact = (0.0..9e15).contains(&thousandths);
    if !exact || (thousandths - thousandths.round()).abs() > 1e-3 {
        let fix = "give a number with at most three decimals";
        problems.add(path, "is not an amount that can be counted", fix);
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a whole number within bounds"
    )]
    let thousandths = thousandths.round() as u64;
    Some(thousandths)
}

/// An amount of thousandths.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "amounts stay below 2^53")]
pub fn from_milli(thousandths: u64) -> f64 {
    thousandths as f64 / MILLI
}

fn meter_body(meter: &Meter) -> (String, Object<MeterBody>) {
    let body = MeterBody {
        amount: from_milli(meter.budget.amount_milli),
        per: meter.budget.period.map(|period| period.as_str().into()),
    };
    (meter.name.to_string(), Object(body))
}

fn credits_body(credits: Credits) -> Object<CreditsBody> {
    let refill = credits.refill.map(|refill| {
        let (interval, day) = match refill.every {
            RefillEvery::Daily => ("daily", None),
            RefillEvery::Weekly => ("weekly", None),
            RefillEvery::Monthly { day } => ("monthly", Some(day)),
        };
        Object(RefillBody {
            interval: interval.into(),
            amount: refill.amount,
            day,
        })
    });
    Object(CreditsBody {
        amount: credits.amount,
        refill,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::json;

    fn read(text: &str) -> Result<Limits, Vec<String>> {
        let body: LimitsBody = json::parse(text.as_bytes()).unwrap();
        let mut problems = Problems::new();
        let limits = body.read("rateLimit", &mut problems);
        let result = problems.finish(limits);
        result.map_err(|details| details.into_iter().map(|detail| detail.path).collect())
    }

    #[test]
    fn the_well_known_form_comes_back_as_it_was() {
        let text = r#"{"requests":{"perSecond":100,"perMinute":1000,"perHour":10000,"perDay":100000},"burst":{"enabled":true,"maxBurst":200,"burstWindow":60},"bandwidth":{"uploadMbps":10,"downloadMbps":50,"totalGbPerDay":100}}"#;
        let shown = LimitsBody::new(&read(text).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&shown).unwrap(), text);
    }

    #[test]
    fn everything_comes_back() {
        let text = r#"{"requests":{"perMonth":5},"algorithm":"token_bucket","payloadBytesMax":10,"credits":{"amount":9,"refill":{"interval":"monthly","amount":4,"day":31}},"meters":{"cpu_seconds":{"amount":0.25,"per":"day"},"tokens":{"amount":7}},"exact":true}"#;
        let shown = LimitsBody::new(&read(text).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&shown).unwrap(), text);
        assert_eq!(LimitsBody::new(&read("{}").unwrap()), None);
        let off =
            r#"{"requests":{"perDay":5},"burst":{"enabled":false,"maxBurst":0,"burstWindow":0}}"#;
        assert_eq!(read(off).unwrap().to_string(), "per_day=5");
    }

    #[test]
    fn every_problem_is_named_at_its_path() {
        let bad = r#"{"requests":{"perSecond":0,"perMinute":10,"perHour":5},"algorithm":"leaky","burst":{"maxBurst":1,"burstWindow":0},"credits":{"amount":1,"refill":{"interval":"hourly","amount":1}},"meters":{"Bad":{"amount":1},"good":{"amount":0.0001,"per":"week"}}}"#;
        let paths = read(bad).unwrap_err();
        for path in [
            "rateLimit.algorithm",
            "rateLimit.requests.perSecond",
            "rateLimit.requests.perHour",
            "rateLimit.burst.burstWindow",
            "rateLimit.credits.refill.interval",
            "rateLimit.meters.Bad",
            "rateLimit.meters.good.per",
            "rateLimit.meters.good.amount",
        ] {
            assert!(paths.iter().any(|it| it == path), "{path} in {paths:?}");
        }
    }
}
