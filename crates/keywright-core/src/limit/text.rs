//! Limits as one line of text, `per_second=100 burst=200/60 credits=1000+500/monthly/31`: what the
//! database keeps and what the audit trail shows. What a newer version wrote is refused, not guessed.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write as _};
use core::str::FromStr;

use thiserror::Error;

use super::{
    Adaptive, Algorithm, Budget, Burst, Credits, Limits, Meter, Period, Refill, RefillEvery,
};

/// The text is not a set of limits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no part of a set of limits")]
pub struct InvalidLimits(String);

impl fmt::Display for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line(String::new());
        for (period, limit) in self.requests.set() {
            line.add(&format!("per_{}", period.as_str()), limit);
        }
        if self.algorithm != Algorithm::default() {
            line.add("algorithm", self.algorithm.as_str());
        }
        if let Some(Burst {
            max_burst,
            window_s,
        }) = self.burst
        {
            line.add("burst", format_args!("{max_burst}/{window_s}"));
        }
        if self.exact {
            line.add("exact", true);
        }
        line.maybe("concurrency", self.concurrency);
        line.maybe("payload_bytes", self.payload_bytes_max);
        line.maybe("upload_mbps", self.transfer.upload_mbps);
        line.maybe("download_mbps", self.transfer.download_mbps);
        line.maybe("gb_per_day", self.transfer.total_gb_per_day);
        if let Some(Credits { amount, refill }) = self.credits {
            let refill = refill.map(printed_refill).unwrap_or_default();
            line.add("credits", format_args!("{amount}{refill}"));
        }
        for Meter { name, budget } in &self.meters {
            let period = budget.period.map(|period| format!("/{}", period.as_str()));
            line.add(
                &format!("meter:{name}"),
                format_args!("{}{}", budget.amount_milli, period.unwrap_or_default()),
            );
        }
        if let Some(adaptive) = self.adaptive {
            let Adaptive {
                floor_percent,
                target_latency_ms,
                max_error_percent,
            } = adaptive;
            line.add(
                "adaptive",
                format_args!("{floor_percent}/{target_latency_ms}/{max_error_percent}"),
            );
        }
        formatter.write_str(&line.0)
    }
}

fn printed_refill(refill: Refill) -> String {
    let every = match refill.every {
        RefillEvery::Daily => String::from("daily"),
        RefillEvery::Weekly => String::from("weekly"),
        RefillEvery::Monthly { day } => format!("monthly/{day}"),
    };
    format!("+{}/{every}", refill.amount)
}

struct Line(String);

impl Line {
    fn add(&mut self, name: &str, value: impl fmt::Display) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{name}={value}");
    }

    fn maybe(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

impl FromStr for Limits {
    type Err = InvalidLimits;

    fn from_str(text: &str) -> Result<Self, InvalidLimits> {
        let mut limits = Self::default();
        for word in text.split_ascii_whitespace() {
            limits
                .read(word)
                .ok_or_else(|| InvalidLimits(word.into()))?;
        }
        Ok(limits)
    }
}

impl Limits {
    fn read(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=')?;
        match name {
            "per_second" => self.requests.second = Some(value.parse().ok()?),
            "per_minute" => self.requests.minute = Some(value.parse().ok()?),
            "per_hour" => self.requests.hour = Some(value.parse().ok()?),
            "per_day" => self.requests.day = Some(value.parse().ok()?),
            "per_month" => self.requests.month = Some(value.parse().ok()?),
            "algorithm" => self.algorithm = Algorithm::from_name(value)?,
            "burst" => {
                let (max_burst, window_s) = value.split_once('/')?;
                self.burst = Some(Burst {
                    max_burst: max_burst.parse().ok()?,
                    window_s: window_s.parse().ok()?,
                });
            }
            "exact" => self.exact = value.parse().ok()?,
            "concurrency" => self.concurrency = Some(value.parse().ok()?),
            "payload_bytes" => self.payload_bytes_max = Some(value.parse().ok()?),
            "upload_mbps" => self.transfer.upload_mbps = Some(value.parse().ok()?),
            "download_mbps" => self.transfer.download_mbps = Some(value.parse().ok()?),
            "gb_per_day" => self.transfer.total_gb_per_day = Some(value.parse().ok()?),
            "credits" => self.credits = Some(credits(value)?),
            "adaptive" => self.adaptive = Some(adaptive(value)?),
            _ => self
                .meters
                .push(meter(name.strip_prefix("meter:")?, value)?),
        }
        Some(())
    }
}

fn credits(value: &str) -> Option<Credits> {
    let (amount, refill) = match value.split_once('+') {
        None => (value, None),
        Some((amount, refill)) => (amount, Some(refill)),
    };
    let refill = match refill {
        None => None,
        Some(refill) => {
            let (amount, every) = refill.split_once('/')?;
            Some(Refill {
                amount: amount.parse().ok()?,
                every: match every.split_once('/') {
                    Some(("monthly", day)) => RefillEvery::Monthly {
                        day: day.parse().ok()?,
                    },
                    None if every == "daily" => RefillEvery::Daily,
                    None if every == "weekly" => RefillEvery::Weekly,
                    _ => return None,
                },
            })
        }
    };
    Some(Credits {
        amount: amount.parse().ok()?,
        refill,
    })
}

fn adaptive(value: &str) -> Option<Adaptive> {
    let mut numbers = value.split('/');
    let adaptive = Adaptive {
        floor_percent: numbers.next()?.parse().ok()?,
        target_latency_ms: numbers.next()?.parse().ok()?,
        max_error_percent: numbers.next()?.parse().ok()?,
    };
    numbers.next().is_none().then_some(adaptive)
}

fn meter(name: &str, value: &str) -> Option<Meter> {
    let (amount, period) = match value.split_once('/') {
        None => (value, None),
        Some((amount, period)) => (amount, Some(Period::from_name(period)?)),
    };
    Some(Meter {
        name: name.parse().ok()?,
        budget: Budget {
            amount_milli: amount.parse().ok()?,
            period,
        },
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloc::string::ToString;

    use super::*;

    #[test]
    fn every_part_is_written_and_read_back() {
        let line = "per_second=100 per_minute=1000 per_hour=10000 per_day=100000 per_month=1000000 \
            algorithm=sliding_window burst=200/60 exact=true concurrency=10 payload_bytes=1048576 \
            upload_mbps=10 download_mbps=50 gb_per_day=100 credits=1000+500/monthly/31 \
            meter:cpu_seconds=100500/day meter:tokens=1000 adaptive=20/250/5";
        let limits: Limits = line.parse().unwrap();
        assert_eq!(limits.to_string(), line);
        assert_eq!(limits.requests.month, Some(1_000_000));
        for line in ["credits=5", "credits=5+5/daily", "credits=5+1/weekly", ""] {
            assert_eq!(line.parse::<Limits>().unwrap().to_string(), line);
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in [
            "per_second",
            "per_second=",
            "per_second=-1",
            "per_week=1",
            "burst=1",
            "credits=1+1/hourly",
            "credits=1+1/daily/3",
            "adaptive=1/2",
            "adaptive=1/2/3/4",
            "meter:=1",
            "meter:a=1/week",
            "algorithm=leaky",
        ] {
            assert!(line.parse::<Limits>().is_err(), "{line}");
        }
    }
}
