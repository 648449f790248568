//! The plain model: what was taken, as a list, and whether one more fits, by looking at all of it.

use keywright_core::limit::{Credits, Period, RefillEvery, Rule};
use keywright_core::time::DAY_MS;
use proptest::prelude::*;

use crate::calendar::{DAYS, day, naive_start};

/// What was taken under one rule.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    rule: Rule,
    /// Moment and cost, in order; a clock that stepped back counts as standing still.
    pub(crate) taken: Vec<(i64, u64)>,
    /// Moment and tokens drawn from a burst's allowance.
    drawn: Vec<(i64, u64)>,
}

impl Model {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            rule,
            taken: Vec::new(),
            drawn: Vec::new(),
        }
    }

    fn seen(&self, now: i64) -> i64 {
        let latest = self.taken.iter().map(|(at, _)| *at).max();
        latest.unwrap_or(now).max(now)
    }

    /// Whether `cost` fits at `now`.
    pub(crate) fn fits(&self, cost: u64, now: i64) -> bool {
        let now = self.seen(now);
        if cost == 0 {
            return true;
        }
        match self.rule {
            Rule::FixedWindow { period, limit } => self.in_window(period, now) + cost <= limit,
            Rule::SlidingWindow { period, limit } => self.in_slots(period, now) + cost <= limit,
            Rule::Bucket {
                capacity,
                refill,
                period,
            } => conforms(&self.taken, cost, now, capacity, refill, period.length_ms()),
            Rule::Burst {
                limit,
                max_burst,
                over_s,
                ..
            } => {
                let allowance = max_burst - limit;
                let draw = self.draw(cost, now);
                self.in_burst(now) + cost <= max_burst
                    && (draw == 0
                        || conforms(&self.drawn, draw, now, allowance, allowance, over_s * 1000))
            }
            Rule::Credits(credits) => cost <= balance(credits, &self.taken, now),
        }
    }

    pub(crate) fn take(&mut self, cost: u64, now: i64) {
        if cost == 0 {
            return;
        }
        let now = self.seen(now);
        let draw = self.draw(cost, now);
        if draw > 0 {
            self.drawn.push((now, draw));
        }
        self.taken.push((now, cost));
    }

    fn in_window(&self, period: Period, now: i64) -> u64 {
        let start = naive_start(period, now);
        self.sum(|at| at >= start)
    }

    /// Moments count as their slot's begin, and until that is longer ago than the period.
    fn in_slots(&self, period: Period, now: i64) -> u64 {
        let length = i64::from(period.length_ms());
        let slot = length / i64::from(period.slots());
        self.sum(|at| now / slot * slot - at / slot * slot <= length)
    }

    fn in_burst(&self, now: i64) -> u64 {
        match self.rule {
            Rule::Burst {
                sliding: true,
                period,
                ..
            } => self.in_slots(period, now),
            Rule::Burst { period, .. } => self.in_window(period, now),
            _ => 0,
        }
    }

    fn draw(&self, cost: u64, now: i64) -> u64 {
        let Rule::Burst { limit, .. } = self.rule else {
            return 0;
        };
        let used = self.in_burst(now);
        (used + cost).saturating_sub(limit.max(used))
    }

    fn sum(&self, counts: impl Fn(i64) -> bool) -> u64 {
        let counting = self.taken.iter().filter(|(at, _)| counts(*at));
        counting.map(|(_, cost)| cost).sum()
    }
}

/// A bucket, by its definition and without a level: over every span that ends now, no more may flow than the
/// capacity and what the span refills.
fn conforms(
    taken: &[(i64, u64)],
    cost: u64,
    now: i64,
    capacity: u64,
    refill: u64,
    over_ms: u32,
) -> bool {
    let wide = |number: u64| i128::from(number);
    let over_ms = i128::from(over_ms);
    let mut flow = wide(cost);
    if flow > wide(capacity) {
        return false;
    }
    taken.iter().rev().all(|(at, cost)| {
        flow += wide(*cost);
        flow * over_ms <= wide(capacity) * over_ms + wide(refill) * i128::from(now - at)
    })
}

/// A balance, day by day from the first taking.
fn balance(credits: Credits, taken: &[(i64, u64)], now: i64) -> u64 {
    let mut balance = credits.amount;
    let Some((first, _)) = taken.first() else {
        return balance;
    };
    let mut next = taken.iter().peekable();
    for today in day(*first)..=day(now) {
        let midnight = i64::try_from(today).unwrap() * DAY_MS;
        if midnight > *first
            && let Some(refill) = credits.refill
            && comes(refill.every, today)
        {
            balance = credits.amount.min(balance + refill.amount);
        }
        while let Some((_, cost)) = next.next_if(|(at, _)| day(*at) == today) {
            balance -= cost;
        }
    }
    balance
}

/// Whether a refill comes at the begin of a day.
pub(crate) fn comes(every: RefillEvery, today: usize) -> bool {
    match every {
        RefillEvery::Daily => true,
        // The fifth day of 1970 was a Monday.
        RefillEvery::Weekly => today % 7 == 4,
        RefillEvery::Monthly { day } => {
            let date = DAYS[today].2;
            let is_last = DAYS[today + 1].2 == 1;
            date == i64::from(day) || (is_last && date < i64::from(day))
        }
    }
}

/// Any period.
pub(crate) fn any_period() -> impl Strategy<Value = Period> {
    prop::sample::select(Period::ALL)
}

/// Any balance with any refill.
pub(crate) fn any_credits() -> impl Strategy<Value = Credits> {
    let every = prop_oneof![
        Just(RefillEvery::Daily),
        Just(RefillEvery::Weekly),
        (1..=31_u8).prop_map(|day| RefillEvery::Monthly { day }),
    ];
    let refill = prop::option::weighted(0.8, (1..=30_u64, every));
    (1..=30_u64, refill).prop_map(|(amount, refill)| Credits {
        amount,
        refill: refill.map(|(amount, every)| keywright_core::limit::Refill { amount, every }),
    })
}

/// Any rule, with numbers so small that limits are met.
pub(crate) fn any_rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        (any_period(), 1..=30_u64).prop_map(|(period, limit)| Rule::FixedWindow { period, limit }),
        (any_period(), 1..=30_u64)
            .prop_map(|(period, limit)| Rule::SlidingWindow { period, limit }),
        (any_period(), 1..=30_u64, 1..=30_u64).prop_map(|(period, capacity, refill)| {
            Rule::Bucket {
                capacity,
                refill,
                period,
            }
        }),
        any_burst(),
        any_credits().prop_map(Rule::Credits),
    ]
}

/// Any burst.
pub(crate) fn any_burst() -> impl Strategy<Value = Rule> {
    let window = prop_oneof![1..=10_u32, 1..=4_000_u32, 1..=2_678_400_u32];
    (any::<bool>(), any_period(), 1..=30_u64, 1..=30_u64, window).prop_map(
        |(sliding, period, limit, more, over_s)| Rule::Burst {
            sliding,
            period,
            limit,
            max_burst: limit + more,
            over_s,
        },
    )
}

/// Milliseconds between two requests under a rule: nothing, little, a slot, about a period, many; sometimes back.
pub(crate) fn any_step(rule: Rule) -> impl Strategy<Value = i64> {
    let length = i64::from(match rule {
        Rule::FixedWindow { period, .. }
        | Rule::SlidingWindow { period, .. }
        | Rule::Burst { period, .. }
        | Rule::Bucket { period, .. } => period.length_ms(),
        Rule::Credits(_) => Period::Day.length_ms() * 2,
    });
    let over = match rule {
        Rule::Burst { over_s, .. } => i64::from(over_s) * 1000,
        _ => length,
    };
    prop_oneof![
        4 => Just(0),
        2 => 1..=20_i64,
        4 => 0..=length / 10,
        2 => Just(length / 20),
        3 => length / 2..=length * 3 / 2,
        1 => Just(length),
        1 => 0..=length * 4,
        1 => 0..=over,
        1 => -20..=-1_i64,
        1 => -length * 2..=0,
    ]
}

/// A rule, a first moment, and steps and costs.
pub(crate) fn any_story() -> impl Strategy<Value = (Rule, i64, Vec<(i64, u64)>)> {
    any_rule().prop_flat_map(story_of)
}

/// A first moment within 1971 to 2170, and steps and costs for this rule.
pub(crate) fn story_of(rule: Rule) -> impl Strategy<Value = (Rule, i64, Vec<(i64, u64)>)> {
    let cost = prop_oneof![6 => Just(1), 3 => 0..=8_u64, 1 => 0..=70_u64];
    let steps = prop::collection::vec((any_step(rule), cost), 1..60);
    (Just(rule), 31_536_000_000..6_300_000_000_000_i64, steps)
}
