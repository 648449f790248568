//! A check, from the presented text to the verdict: parse, find, judge, settle, record. One exit.

use std::net::IpAddr;
use std::sync::Arc;

use keywright_core::denial::Denial;
use keywright_core::id::TenantId;
use keywright_core::permission::Expression;
use keywright_core::restriction::{Circumstances, Restrictions};
use keywright_core::tenant::EnvironmentName;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::Digest;
use keywright_core::token::{self, Presented};
use keywright_core::verify::{Request, Rule, Trace, Verdict, judge, settle};
use keywright_store::Rehash;

use crate::compiled::CompiledKey;
use crate::zones::civil_time;
use crate::{Engine, EngineError};

/// What is asked of [`Engine::verify`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Check<'a> {
    /// The presented key; of a pair, its public part.
    pub key: &'a str,
    /// The presented secret of a pair.
    pub secret: Option<&'a str>,
    /// The environment of the verifier; `None` = not asked.
    pub environment: Option<&'a EnvironmentName>,
    /// The permissions that the operation needs.
    pub permissions: Option<&'a Expression>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// What else restrictions ask about. A country and a network that are not given are looked up.
    pub circumstances: Circumstances<'a>,
    /// Whose keys the asker may know of; `None` = every tenant's. The others are unknown keys.
    pub tenants: Option<&'a [TenantId]>,
    /// Decide only: the key's last use is not noted.
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
}

/// A key that was found, and by which pepper.
struct Found {
    key: Arc<CompiledKey>,
    digest: Digest,
    secret: Option<Digest>,
}

impl Engine {
    /// Whether the presented key may do this, now.
    ///
    /// # Errors
    /// When the store cannot be asked: the check is undecided, and nothing may pass.
    pub async fn verify(
        &self,
        check: &Check<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Result<Checked, EngineError> {
        let found = self.find(check, trace).await?;
        let checked = match &found {
            None => Checked {
                verdict: Verdict::refused(Denial::InvalidKey),
                key: None,
            },
            Some(found) => self.decide(found, check, now, trace),
        };
        self.record(check, found, &checked, now);
        Ok(checked)
    }

    async fn find(
        &self,
        check: &Check<'_>,
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
        for pepper in std::iter::once(peppers.current()).chain(peppers.previous()) {
            let digest = pepper.digest(check.key);
            let key = match self.cache.cached(&digest) {
                Some(key) => Some(key),
                None => self.cache.find(&digest).await?,
            };
            let visible = |key: &Arc<CompiledKey>| {
                check
                    .tenants
                    .is_none_or(|tenants| tenants.contains(&key.tenant.tenant.id))
            };
            if let Some(key) = key.filter(visible) {
                trace.step(Rule::Find, true, || format!("the key is {}", key.id));
                let secret = check.secret.map(|secret| pepper.digest(secret));
                return Ok(Some(Found {
                    key,
                    digest,
                    secret,
                }));
            }
        }
        trace.step(Rule::Find, false, || "no key has this digest".into());
        Ok(None)
    }

    fn decide(
        &self,
        found: &Found,
        check: &Check<'_>,
        now: Timestamp,
        trace: &mut impl Trace,
    ) -> Checked {
        let facts = found.key.facts();
        let request = Request {
            secret: found.secret,
            environment: check.environment,
            permissions: check.permissions,
            address: check.address,
            circumstances: match facts.restrictions {
                Some(restrictions) => self.complete(restrictions, check),
                None => check.circumstances,
            },
        };
        let verdict = settle(judge(facts, &request, now, trace), facts, now);
        // Nothing is told of a key whose secret was wrong.
        let known = verdict.denial != Some(Denial::InvalidKey);
        Checked {
            verdict,
            key: known.then(|| found.key.clone()),
        }
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
                secret: check.secret.map(|secret| current.digest(secret)),
            });
        }
    }
}
