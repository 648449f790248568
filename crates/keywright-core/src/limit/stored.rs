//! A state as text, for a counter that outlives the process: its kind, then its numbers.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write as _};
use core::str::FromStr;

use thiserror::Error;

use super::bucket::Level;
use super::credits::Account;
use super::sliding::Ring;
use super::state::{Kept, State, Window};
use crate::time::Timestamp;

/// The text is not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the text is not the state of a limit")]
pub struct InvalidState;

/// The numbers of a state, in their order.
pub(super) struct Numbers<'a>(core::str::Split<'a, char>);

impl Numbers<'_> {
    pub(super) fn next<T: FromStr>(&mut self) -> Option<T> {
        self.0.next()?.parse().ok()
    }

    pub(super) fn moment(&mut self) -> Option<Timestamp> {
        self.next().map(Timestamp::from_milliseconds)
    }
}

/// Adds a number to a text of numbers.
pub(super) fn add(text: &mut String, number: impl fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, " {number}");
}

impl Window {
    fn write(self, text: &mut String) {
        add(text, self.start.milliseconds());
        add(text, self.used);
    }

    fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        Some(Self {
            start: numbers.moment()?,
            used: numbers.next()?,
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let kind = match &self.0 {
            Kept::Untouched => "untouched",
            Kept::Window(window) => {
                window.write(&mut text);
                "window"
            }
            Kept::Sliding(ring) => {
                ring.write(&mut text);
                "sliding"
            }
            Kept::Burst(kept) => {
                kept.0.write(&mut text);
                kept.1.write(&mut text);
                "burst"
            }
            Kept::SlidingBurst(kept) => {
                kept.1.write(&mut text);
                kept.0.write(&mut text);
                "sliding_burst"
            }
            Kept::Bucket(level) => {
                level.write(&mut text);
                "bucket"
            }
            Kept::Credits(account) => {
                account.write(&mut text);
                "credits"
            }
        };
        write!(formatter, "{kind}{text}")
    }
}

impl FromStr for State {
    type Err = InvalidState;

    fn from_str(text: &str) -> Result<Self, InvalidState> {
        let mut words = text.split(' ');
        let kind = words.next().unwrap_or_default();
        let mut numbers = Numbers(words);
        let kept = read(kind, &mut numbers).ok_or(InvalidState)?;
        match numbers.0.next() {
            None => Ok(Self(kept)),
            Some(_) => Err(InvalidState),
        }
    }
}

fn read(kind: &str, numbers: &mut Numbers<'_>) -> Option<Kept> {
    Some(match kind {
        "untouched" => Kept::Untouched,
        "window" => Kept::Window(Window::read(numbers)?),
        "sliding" => Kept::Sliding(Box::new(Ring::read(numbers)?)),
        "burst" => Kept::Burst(Box::new((Window::read(numbers)?, Level::read(numbers)?))),
        "sliding_burst" => {
            let level = Level::read(numbers)?;
            Kept::SlidingBurst(Box::new((Ring::read(numbers)?, level)))
        }
        "bucket" => Kept::Bucket(Level::read(numbers)?),
        "credits" => Kept::Credits(Account::read(numbers)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloc::string::ToString;

    use proptest::prelude::*;

    use crate::limit::{Credits, Period, Rule, State};
    use crate::time::Timestamp;

    fn rules() -> impl Strategy<Value = Rule> {
        let period = prop::sample::select(Period::ALL);
        let window = (period, 1..1_000_u64);
        prop_oneof![
            window
                .clone()
                .prop_map(|(period, limit)| Rule::FixedWindow { period, limit }),
            window
                .clone()
                .prop_map(|(period, limit)| Rule::SlidingWindow { period, limit }),
            (window.clone(), any::<bool>()).prop_map(|((period, limit), sliding)| Rule::Burst {
                sliding,
                period,
                limit,
                max_burst: limit * 2,
                over_s: 60
            }),
            window.prop_map(|(period, limit)| Rule::Bucket {
                capacity: limit,
                refill: limit,
                period
            }),
            (1..1_000_u64).prop_map(|amount| Rule::Credits(Credits {
                amount,
                refill: None
            })),
        ]
    }

    proptest! {
        #[test]
        fn a_state_survives_being_written(rule in rules(), taken in prop::collection::vec((0..100_000_i64, 1..9_u64), 0..30)) {
            let mut state = State::default();
            let mut now = Timestamp::from_milliseconds(1_700_000_000_000);
            for (elapsed, cost) in taken {
                now = now.plus_milliseconds(elapsed);
                rule.take(&mut state, cost, now);
                prop_assert_eq!(&state.to_string().parse::<State>().unwrap(), &state);
            }
        }

        #[test]
        fn reading_never_panics(text in "(window|sliding|burst|bucket|credits)?[ 0-9-]{0,60}") {
            if let Ok(state) = text.parse::<State>() {
                prop_assert_eq!(state.to_string().parse::<State>().unwrap(), state);
            }
        }
    }
}
