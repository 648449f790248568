//! A check, from the presented text to the verdict: parse, find, judge, settle, record. One exit.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use keywright_core::denial::Denial;
use keywright_core::id::TenantId;
use keywright_core::limit::Charge;
use keywright_core::permission::Expression;
use keywright_core::restriction::{Circumstances, Restrictions};
use keywright_core::tenant::EnvironmentName;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::Digest;
use keywright_core::token::{self, Presented};
use keywright_core::verify::{PresentedIn, Request, Rule, Trace, Verdict, judge, settle};
use keywright_store::Rehash;

use crate::compiled::CompiledKey;
use crate::counters::Charged;
use crate::guesses::Exhausted;
use crate::lease::{Standing, Term};
use crate::request_signing::{self, Signed};
use crate::zones::civil_time;
use crate::{Engine, EngineError};

/// What is asked of [`Engine::verify`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Check<'a> {
    /// The presented key; of a pair, its public part.
    pub key: &'a str,
    /// The presented secret of a pair.
    pub secret: Option<&'a str>,
    /// The request, when it was signed with the pair's secret instead.
    pub signed: Option<Signed<'a>>,
    /// The environment of the verifier; `None` = not asked.
    pub environment: Option<&'a EnvironmentName>,
    /// Where in the original request the key stood.
    pub presented_in: PresentedIn,
    /// The permissions that the operation needs.
    pub permissions: Option<&'a Expression>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What else restrictions ask about. A country and a network that are not given are looked up.
    pub circumstances: Circumstances<'a>,
    /// Whose keys the asker may know of; `None` = every tenant's. The others are unknown keys.
    pub tenants: Option<&'a [TenantId]>,
    /// What the request costs.
    pub charge: Charge<'a>,
    /// Decide only: the key's last use is not noted, and nothing is taken from limits.
    pub dry_run: bool,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Checked")
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// What a check found.
#[derive(Clone)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// The key, when it was found and its secret was right. It is not to be told of otherwise.
    pub key: Option<Arc<CompiledKey>>,
    /// What its limits said; nothing when an earlier rule refused.
    pub charged: Charged,
    /// How far this node may be trusted with it; never [`Standing::Lost`] for a key that may pass.
    pub standing: Standing,
}

/// A key that was found, and by which pepper.
struct Found {
    key: Arc<CompiledKey>,
    digest: Digest,
    secret: Option<Digest>,
    signature: Option<request_signing::Found>,
}

impl Engine {
    /// Whether the presented key may do this, now.
    ///
    /// # Errors
    /// When the store cannot be asked, or must not be for the moment, or the key would pass and the lease
    /// is lost: the check is undecided, and nothing may pass.
    pub async fn verify(
        &self,
        check: &Check<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Result<Checked, EngineError> {
        // Before anything is looked up: see `lease`.
        let term = self.lease.begin();
        let mut found = self.find(check, now, trace).await?;
        if let (Some(found), Some(signed)) = (&mut found, &check.signed) {
            let memory = (&self.replays, &**self.peppers.load());
            let proved = request_signing::prove(&found.key, check, signed, memory, now)?;
            found.signature = Some(proved);
        }
        let (verdict, key, charged) = match &found {
            None => (
                Verdict::refused(Denial::InvalidKey),
                None,
                Charged::default(),
            ),
            Some(found) => self.decide(found, check, term, now, trace).await?,
        };
        let standing = self.lease.standing_of(term);
        if verdict.allowed() && standing == Standing::Lost {
            return Err(EngineError::LeaseLost);
        }
        let checked = Checked {
            verdict,
            key,
            charged,
            standing,
        };
        self.record(check, found, &checked, now);
        Ok(checked)
    }

    async fn find(
        &self,
        check: &Check<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Result<Option<Found>, EngineError> {
        let parsed = token::parse(check.key);
        // The secret of a pair finds nothing: it is only ever compared.
        let usable =
            matches!(&parsed, Ok(presented) if !matches!(presented, Presented::PairSecret { .. }));
        trace.step(Rule::Parse, usable, || match parsed {
            Ok(Presented::PairSecret { .. }) => {
                "the secret of a pair was presented in place of its public key".into()
            }
            Ok(_) => "the text has the form of a key".into(),
            Err(problem) => problem.to_string(),
        });
        if !usable {
            return Ok(None);
        }
        let peppers = self.peppers.load();
        let visible = |key: &Arc<CompiledKey>| {
            check
                .tenants
                .is_none_or(|tenants| tenants.contains(&key.tenant.tenant.id))
        };
        // In memory, and then in the store with the former pepper first: a key only ever moves to the
        // current one, so it cannot slip from where is looked last to where was looked before.
        let newest_first = [Some(peppers.current()), peppers.previous()];
        let mut found = newest_first.into_iter().flatten().find_map(|pepper| {
            let digest = pepper.digest(check.key);
            let key = self.cache.cached(&digest).filter(visible)?;
            Some((pepper, digest, key))
        });
        let mut guessed = false;
        for pepper in newest_first.into_iter().rev().flatten() {
            let digest = pepper.digest(check.key);
            if found.is_some() || self.cache.is_absent(&digest) {
                continue;
            }
            self.guesses.admit(now).map_err(too_many)?;
            let key = self.cache.find(&digest).await?;
            guessed |= key.is_none();
            found = key.filter(visible).map(|key| (pepper, digest, key));
        }
        if let Some((pepper, digest, key)) = found {
            trace.step(Rule::Find, true, || format!("the key is {}", key.id));
            let secret = check.secret.map(|secret| pepper.digest(secret));
            return Ok(Some(Found {
                key,
                digest,
                secret,
                signature: None,
            }));
        }
        if guessed {
            self.guesses.missed(now);
        }
        trace.step(Rule::Find, false, || "no key has this digest".into());
        Ok(None)
    }

    /// Looks up what the rules of the key ask about and the asker did not say.
    fn complete<'a>(&self, rules: &Restrictions, check: &Check<'a>) -> Circumstances<'a> {
        let mut known = check.circumstances;
        known.zone_clock = Some(civil_time);
        if !rules.countries.is_empty() && known.country.is_none() {
            let places = self.places.load();
            known.country = check.address.and_then(|address| places.country(address));
        }
        if !rules.networks.is_empty() && known.network.is_none() {
            let places = self.places.load();
            known.network = check.address.and_then(|address| places.network(address));
        }
        known
    }

    fn record(&self, check: &Check<'_>, found: Option<Found>, checked: &Checked, now: Timestamp) {
        let Some(found) = found else { return };
        if !checked.verdict.allowed() || check.dry_run {
            return;
        }
        self.waiting.note(&found.key, now, check.address);
        let peppers = self.peppers.load();
        let current = peppers.current();
        if found.key.pepper != current.id() {
            self.rehashes.offer(Rehash {
                tenant: found.key.tenant.tenant.id,
                key: found.key.id,
                former: found.digest,
                pepper: current.id(),
                lookup: current.digest(check.key),
                secret: match found.signature {
                    Some(proved) => proved.rehashed,
                    None => check.secret.map(|secret| current.digest(secret)),
                },
            });
        }
    }

    /// Judges, and where the rules are met lets the counters decide.
    async fn decide(
        &self,
        found: &Found,
        check: &Check<'_>,
        term: Term,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Result<(Verdict, Option<Arc<CompiledKey>>, Charged), EngineError> {
        let facts = found.key.facts();
        let request = Request {
            secret: found.secret,
            signature: found.signature.as_ref().map(|found| found.proof),
            environment: check.environment,
            presented_in: check.presented_in,
            permissions: check.permissions,
            address: check.address,
            circumstances: match facts.restrictions {
                Some(restrictions) => self.complete(restrictions, check),
                None => check.circumstances,
            },
            bytes: check.charge.bytes,
        };
        let mut judgement = judge(facts, &request, now, trace);
        let mut charged = Charged::default();
        if let (Ok(()), Some(limits)) = (judgement, &found.key.limits) {
            // What would not be answered uses nothing up.
            if self.lease.standing_of(term) == Standing::Lost {
                return Err(EngineError::LeaseLost);
            }
            let subjects = &limits.subjects;
            charged = self
                .counters
                .charge(subjects, &check.charge, now, check.dry_run)
                .await?;
            trace.step(Rule::Limits, charged.refusal.is_none(), || {
                explain(&charged)
            });
            if let Some(refusal) = &charged.refusal {
                judgement = Err(refusal.name.denial());
            }
        }
        let verdict = settle(judgement, facts, now);
        // Nothing is told of a key whose secret was wrong.
        let known = verdict.denial != Some(Denial::InvalidKey);
        Ok((verdict, known.then(|| found.key.clone()), charged))
    }
}

fn explain(charged: &Charged) -> String {
    let mut text = String::new();
    for (name, standing) in &charged.standings {
        let (remaining, limit) = (standing.remaining, standing.limit);
        let _ = write!(text, "{name}: {remaining} of {limit} left; ");
    }
    match &charged.refusal {
        Some(refusal) => {
            let _ = write!(text, "{} has no room for the request", refusal.name);
        }
        None => text.truncate(text.trim_end_matches("; ").len()),
    }
    text
}

fn too_many(exhausted: Exhausted) -> EngineError {
    // Rounded up, and at least a second.
    let seconds = u64::try_from(exhausted.milliseconds).unwrap_or(0) / 1_000 + 1;
    EngineError::TooManyGuesses { seconds }
}
