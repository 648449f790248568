//! Whoever limits apply to, with what is counted for it.

use std::sync::{Arc, Mutex};

use keywright_core::limit::{Limits, Period, Retry, Rule, RuleName, Standing, State};
use keywright_core::time::Timestamp;
use keywright_store::{ParkedCounter, UnitsGrant};
use tokio::sync::Mutex as AsyncMutex;

use super::lock;

/// Longest life of units that were taken ahead from what refills evenly: spent later than this they
/// would come back too early (trust D7).
const AHEAD_MS_MAX: i64 = 1_000;
/// How soon a refusal of the store is asked about again where other nodes may have given units back.
const RECHECK_SHARED_MS: u64 = 1_000;
/// The same where nobody else counts.
const RECHECK_ALONE_MS: u64 = 60_000;

/// How this node counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// Before this, somebody else counted what this node does not know; `None` = all is known.
    pub(crate) known_since: Option<Timestamp>,
    /// Whether other nodes count the same limits.
    pub(crate) shared: bool,
}

/// Whoever limits apply to: a key's line, a tenant, an address.
#[derive(Debug)]
pub struct Subject {
    pub(super) id: Box<str>,
    pub(super) counted: Mutex<Vec<Counted>>,
    /// One request to the store at a time.
    pub(super) asking: AsyncMutex<()>,
}

/// One limit of a subject.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) name: RuleName,
    pub(super) rule: Rule,
    pub(super) exact: bool,
    held: Held,
}

/// What is known of a limit here.
#[derive(Debug)]
enum Held {
    /// All of it.
    Here(State),
    /// Units that were taken ahead in the store.
    Ahead(Ahead),
}

/// Units that were taken ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    /// Left to spend.
    pub(super) units: u64,
    /// When they were granted, the latest of them.
    pub(super) granted_at: Timestamp,
    /// When they can no longer be spent.
    lapses_at: Timestamp,
    /// How the limit stood in the store.
    there: Option<Standing>,
    /// A refusal that need not be asked about again until then: for how many units, and when they come.
    refused: Option<Refused>,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    needed: u64,
    ask_again_at: Timestamp,
    /// `None` = never.
    free_at: Option<Timestamp>,
}

/// Whether units can be taken.
pub(super) enum Look {
    Fits,
    /// Not before the store has been asked.
    Lacks,
    Refuses(Retry),
}

impl Subject {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            counted: Mutex::default(),
            asking: AsyncMutex::default(),
        }
    }

    /// The name under which the store counts.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sets the limits. What was counted stays counted, as far as a limit of the name is still there.
    pub(super) fn set(
        &self,
        limits: &Limits,
        mode: Mode,
        new_at: Option<Timestamp>,
        counted_before: impl Fn(&RuleName) -> Option<State>,
        now: Timestamp,
    ) {
        let mut counted = lock(&self.counted);
        let mut before = std::mem::take(&mut *counted);
        for (name, rule) in limits.rules() {
            if matches!(name, RuleName::Upload | RuleName::Download) {
                // Kept where the bytes pass.
                continue;
            }
            let known = before.iter().position(|it| it.name == name);
            let exact = limits.exact;
            counted.push(match known.map(|place| before.swap_remove(place)) {
                Some(known) => Counted {
                    exact,
                    ..known.with(rule, mode, now)
                },
                None => Counted {
                    held: Held::begin(&rule, mode, new_at, || counted_before(&name)),
                    name,
                    rule,
                    exact,
                },
            });
        }
    }

    /// Whether nobody refers to the subject but the table, and forgetting it loses nothing.
    pub(super) fn is_idle(self: &Arc<Self>, now: Timestamp) -> bool {
        Arc::strong_count(self) == 1 && lock(&self.counted).iter().all(|it| it.is_whole(now))
    }

    /// Whether there are units to give back.
    pub(super) fn has_lapsed(&self, now: Timestamp) -> bool {
        lock(&self.counted)
            .iter()
            .any(|it| it.unused(now).is_some())
    }

    /// Spends no unit from now on that was taken ahead, and tells what was counted here.
    pub(super) fn park(&self, now: Timestamp, parked: &mut Vec<ParkedCounter>) {
        for counted in lock(&self.counted).iter_mut() {
            let whole = counted.is_whole(now);
            match &mut counted.held {
                Held::Ahead(ahead) => ahead.lapses_at = Timestamp::default(),
                Held::Here(state) if !whole => parked.push(ParkedCounter {
                    subject: self.id.to_string(),
                    name: counted.name.to_string(),
                    state: state.clone(),
                }),
                Held::Here(_) => {}
            }
        }
    }
}

impl Held {
    fn begin(
        rule: &Rule,
        mode: Mode,
        new_at: Option<Timestamp>,
        counted_before: impl FnOnce() -> Option<State>,
    ) -> Self {
        if is_stored(rule, mode) {
            return Self::Ahead(Ahead::default());
        }
        if let Some(state) = counted_before() {
            return Self::Here(state);
        }
        let lost_before = mode.known_since;
        let lost_before = lost_before.filter(|since| new_at.is_none_or(|new_at| new_at < *since));
        Self::Here(match lost_before {
            Some(since) => rule.after_loss(since),
            None => rule.state(),
        })
    }
}

/// Whether a limit is counted in the store: what outlives a restart, and where others count too, all.
fn is_stored(rule: &Rule, mode: Mode) -> bool {
    let period = match rule {
        Rule::FixedWindow { period, .. }
        | Rule::SlidingWindow { period, .. }
        | Rule::Burst { period, .. }
        | Rule::Bucket { period, .. } => *period,
        Rule::Credits(_) => return true,
    };
    mode.shared || period > Period::Minute
}

impl Counted {
    /// The same with another rule: what was taken stays taken, whatever the kind of the rule.
    fn with(self, rule: Rule, mode: Mode, now: Timestamp) -> Self {
        let held = match self.held {
            Held::Ahead(ahead) if is_stored(&rule, mode) => Held::Ahead(Ahead {
                refused: None,
                ..ahead
            }),
            Held::Here(state) => Held::Here(rule.adopt(&self.rule, state, now)),
            held @ Held::Ahead(_) => held,
        };
        Self { rule, held, ..self }
    }

    /// Whether `needed` units can be taken.
    pub(super) fn look(&self, needed: u64, now: Timestamp) -> Look {
        match &self.held {
            Held::Here(state) => match self.rule.refusal(state, needed, now) {
                None => Look::Fits,
                Some(retry) => Look::Refuses(retry),
            },
            Held::Ahead(ahead) => ahead.look(needed, now),
        }
    }

    pub(super) fn take(&mut self, cost: u64, now: Timestamp) {
        match &mut self.held {
            Held::Here(state) => self.rule.take(state, cost, now),
            Held::Ahead(ahead) => ahead.units = ahead.units.saturating_sub(cost),
        }
    }

    pub(super) fn standing(&self, needed: u64, now: Timestamp) -> Standing {
        match &self.held {
            Held::Here(state) => self.rule.peek(state, needed, now),
            Held::Ahead(ahead) => {
                let since = |at: Timestamp| u64::try_from(now.milliseconds() - at.milliseconds());
                match ahead.there.filter(|_| now < ahead.known_until(&self.rule)) {
                    Some(there) => {
                        let passed = since(ahead.granted_at).unwrap_or(0);
                        let units = if now < ahead.lapses_at {
                            ahead.units
                        } else {
                            0
                        };
                        let reset_ms = there.reset_ms.map(|reset| reset.saturating_sub(passed));
                        Standing {
                            remaining: there.remaining.saturating_add(units),
                            reset_ms,
                            refusal: None,
                            ..there
                        }
                    }
                    None => self.rule.peek(&State::default(), 0, now),
                }
            }
        }
    }

    /// Units to give back, and when they were granted.
    pub(super) fn unused(&self, now: Timestamp) -> Option<(u64, Timestamp)> {
        match &self.held {
            Held::Ahead(ahead) if ahead.units > 0 && now >= ahead.lapses_at => {
                Some((ahead.units, ahead.granted_at))
            }
            Held::Ahead(_) | Held::Here(_) => None,
        }
    }

    /// Notes that lapsed units were given back.
    pub(super) fn returned(&mut self, now: Timestamp) {
        if self.unused(now).is_some()
            && let Held::Ahead(ahead) = &mut self.held
        {
            ahead.units = 0;
        }
    }

    /// Notes what the store granted, or why it did not.
    pub(super) fn granted(
        &mut self,
        grant: &UnitsGrant,
        needed: u64,
        shared: bool,
        now: Timestamp,
    ) {
        let lapses_at = lapse_of(&self.rule, now);
        let Held::Ahead(ahead) = &mut self.held else {
            return;
        };
        let refused = grant.standing.refusal.filter(|_| grant.units < needed);
        let refused = refused.map(|retry| {
            let recheck = if shared {
                RECHECK_SHARED_MS
            } else {
                RECHECK_ALONE_MS
            };
            let (wait, free_at) = match retry {
                Retry::AfterMs(wait) => (wait.min(recheck), Some(later(now, wait))),
                Retry::Never => (recheck, None),
            };
            Refused {
                needed,
                ask_again_at: later(now, wait),
                free_at,
            }
        });
        *ahead = Ahead {
            units: ahead.units.saturating_add(grant.units),
            granted_at: now,
            lapses_at,
            there: Some(grant.standing),
            refused,
        };
    }

    /// Nothing was ever counted.
    pub(super) fn forget(&mut self) {
        self.held = match self.held {
            Held::Here(_) => Held::Here(self.rule.state()),
            Held::Ahead(_) => Held::Ahead(Ahead::default()),
        };
    }

    fn is_whole(&self, now: Timestamp) -> bool {
        match &self.held {
            Held::Here(state) => {
                let standing = self.rule.peek(state, 0, now);
                standing.remaining >= standing.limit
            }
            Held::Ahead(ahead) => ahead.units == 0,
        }
    }
}

impl Ahead {
    fn look(&self, needed: u64, now: Timestamp) -> Look {
        if now < self.lapses_at && needed <= self.units {
            return Look::Fits;
        }
        match self.refused {
            Some(refused) if refused.needed <= needed && now < refused.ask_again_at => {
                Look::Refuses(match refused.free_at {
                    Some(free_at) => Retry::AfterMs(between(now, free_at).max(1)),
                    None => Retry::Never,
                })
            }
            _ if needed == 0 => Look::Fits,
            _ => Look::Lacks,
        }
    }

    /// Until when the last answer of the store says something of the present.
    fn known_until(&self, rule: &Rule) -> Timestamp {
        match rule {
            Rule::FixedWindow { period, .. } | Rule::Burst { period, .. } => {
                period.end(self.granted_at)
            }
            Rule::SlidingWindow { period, .. } | Rule::Bucket { period, .. } => self
                .granted_at
                .plus_milliseconds(i64::from(period.length_ms())),
            Rule::Credits(_) => Timestamp::from_milliseconds(i64::MAX),
        }
    }
}

/// When units lapse that are granted now.
fn lapse_of(rule: &Rule, now: Timestamp) -> Timestamp {
    match rule {
        Rule::FixedWindow { period, .. } => period.end(now),
        Rule::SlidingWindow { period, .. }
        | Rule::Burst { period, .. }
        | Rule::Bucket { period, .. } => {
            let tenth = i64::from(period.length_ms()) / 10;
            now.plus_milliseconds(tenth.min(AHEAD_MS_MAX))
        }
        Rule::Credits(_) => Timestamp::from_milliseconds(i64::MAX),
    }
}

/// A moment so much later.
pub(super) fn later(at: Timestamp, milliseconds: u64) -> Timestamp {
    at.plus_milliseconds(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.milliseconds().saturating_sub(from.milliseconds())).unwrap_or(0)
}
