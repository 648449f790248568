//! The header fields that tell of limits: `RateLimit` and `RateLimit-Policy` of the IETF's draft
//! (draft-ietf-httpapi-ratelimit-headers-10, structured fields), the older `X-RateLimit-*` in delta
//! seconds, and `Retry-After`. Whoever asked for a check passes them on as they are.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use keywright_core::limit::{Period, Retry, RuleName, Standing, Unit};
use keywright_engine::counters::Charged;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const OLD_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const OLD_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const OLD_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Adds the fields, if anything is limited.
pub fn add(headers: &mut HeaderMap, charged: &Charged) {
    let (mut policies, mut states) = (String::new(), String::new());
    for (name, standing) in &charged.standings {
        item(&mut policies, name, &policy(name, standing));
        item(&mut states, name, &state(standing));
    }
    let refusing = charged.refusal.as_ref().map(|refusal| &refusal.name);
    let tightest = charged
        .standings
        .iter()
        .min_by_key(|(name, standing)| (Some(name) != refusing, standing.remaining));
    let Some((_, tightest)) = tightest else {
        return;
    };
    put(headers, POLICY, &policies);
    put(headers, LIMIT, &states);
    put(headers, OLD_LIMIT, &tightest.limit.to_string());
    put(headers, OLD_REMAINING, &tightest.remaining.to_string());
    if let Some(reset) = tightest.reset_ms {
        put(headers, OLD_RESET, &seconds(reset).to_string());
    }
    let retry = charged.refusal.as_ref().map(|refusal| refusal.retry);
    if let Some(Retry::AfterMs(wait)) = retry {
        put(headers, header::RETRY_AFTER, &seconds(wait).to_string());
    }
}

fn item(list: &mut String, name: &RuleName, parameters: &str) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    // Names of limits have no character that a structured string escapes.
    let _ = write!(list, "\"{name}\"{parameters}");
}

fn policy(name: &RuleName, standing: &Standing) -> String {
    let mut parameters = format!(";q={}", standing.limit);
    if let Some(window) = window(name) {
        let _ = write!(parameters, ";w={window}");
    }
    match name.unit() {
        Unit::Bytes => parameters.push_str(";qu=\"content-bytes\""),
        Unit::ConcurrentRequests => parameters.push_str(";qu=\"concurrent-requests\""),
        // The draft knows no other units; requests are its default.
        Unit::Requests | Unit::Credits | Unit::Milli => {}
    }
    parameters
}

fn state(standing: &Standing) -> String {
    let mut parameters = format!(";r={}", standing.remaining);
    if let Some(reset) = standing.reset_ms {
        let _ = write!(parameters, ";t={}", seconds(reset));
    }
    parameters
}

/// Seconds of the limit's window; of a month, the longest.
fn window(name: &RuleName) -> Option<u32> {
    let period = match name {
        RuleName::Requests(period) => *period,
        RuleName::TransferDay => Period::Day,
        RuleName::Upload | RuleName::Download => Period::Second,
        RuleName::Concurrency | RuleName::Payload | RuleName::Credits | RuleName::Meter(_) => {
            return None;
        }
    };
    Some(period.length_ms() / 1_000)
}

const fn seconds(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(1_000)
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use keywright_engine::counters::LimitRefusal;

    use super::*;

    fn standing(limit: u64, remaining: u64, reset_ms: u64) -> Standing {
        Standing {
            limit,
            remaining,
            reset_ms: Some(reset_ms),
            refusal: None,
        }
    }

    #[test]
    fn every_limit_is_told_in_both_forms() {
        let mut charged = Charged::default();
        let (second, day) = (RuleName::Requests(Period::Second), RuleName::TransferDay);
        charged
            .standings
            .push((second.clone(), standing(100, 42, 30)));
        charged
            .standings
            .push((day, standing(1_000, 999, 86_399_001)));
        let mut headers = HeaderMap::new();
        add(&mut headers, &charged);
        let read = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(
            read("ratelimit-policy"),
            Some(r#""per_second";q=100;w=1, "transfer_day";q=1000;w=86400;qu="content-bytes""#)
        );
        assert_eq!(
            read("ratelimit"),
            Some(r#""per_second";r=42;t=1, "transfer_day";r=999;t=86400"#)
        );
        assert_eq!(read("x-ratelimit-limit"), Some("100"));
        assert_eq!(read("x-ratelimit-remaining"), Some("42"));
        assert_eq!(read("x-ratelimit-reset"), Some("1"));
        assert_eq!(read("retry-after"), None);
        charged.refusal = Some(LimitRefusal {
            name: second,
            retry: Retry::AfterMs(1_001),
        });
        let mut headers = HeaderMap::new();
        add(&mut headers, &charged);
        assert_eq!(headers.get("retry-after").unwrap(), "2");
    }

    #[test]
    fn without_limits_there_are_no_fields() {
        let mut headers = HeaderMap::new();
        add(&mut headers, &Charged::default());
        assert!(headers.is_empty());
    }
}
