//! Checks over HTTP. No rule stands here: the question goes to the engine and its verdict back.

pub mod fields;
pub mod verify;
pub mod verify_batch;

use axum::extract::FromRequestParts;
use http::request::Parts;
use keywright_api::verify::{
    LimitBody, Question, VerifiedKey, VerifiedOwner, VerifyAnswer, VerifyRequest,
};
use keywright_core::access::{Permission, Reach, key_reach, user_reach};
use keywright_core::denial::Denial;
use keywright_core::id::TenantId;
use keywright_core::limit::Charge;
use keywright_core::signature::claimed_keyid;
use keywright_core::time::Timestamp;
use keywright_core::verify::Step;
use keywright_engine::compiled::CompiledKey;
use keywright_engine::counters::Charged;
use keywright_engine::request_signing::Signed;
use keywright_engine::{Check, Checked};

use crate::app::App;
use crate::caller::{Caller, Principal};
use crate::credential::{Credential, X_API_KEY};
use crate::error::{ApiError, ApiResult};
use crate::guard::headers::RequestId;

/// Whoever may ask about keys.
#[derive(Debug)]
pub struct Asker {
    /// Whose keys they may ask about; `None` = everybody's.
    pub tenants: Option<Vec<TenantId>>,
    /// The request.
    pub request_id: String,
}

impl FromRequestParts<App> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let anonymous = !parts.headers.contains_key(http::header::AUTHORIZATION)
            && !parts.headers.contains_key(X_API_KEY);
        if app.options.open_verify && anonymous {
            // Still refuses a key in the URL.
            Credential::from_parts(parts)?;
            return Ok(Self {
                tenants: None,
                request_id: RequestId::of(&parts.extensions),
            });
        }
        let caller = Caller::from_request_parts(parts, app).await?;
        let tenants = match &caller.principal {
            Principal::User(it) if it.user.platform_admin => None,
            Principal::User(it) => {
                let may = |role| user_reach(it.user.id, false, Some(role), Permission::Verify);
                let reached = it.memberships.iter().filter(|m| may(m.role) == Reach::All);
                Some(reached.map(|membership| membership.tenant).collect())
            }
            Principal::Key(key) => {
                let reach = key_reach(&key.grants.effective, Permission::Verify);
                Some(
                    (reach == Reach::All)
                        .then_some(key.tenant.tenant.id)
                        .into_iter()
                        .collect(),
                )
            }
        };
        if tenants.as_ref().is_some_and(Vec::is_empty) {
            return Err(ApiError::forbidden());
        }
        Ok(Self {
            tenants,
            request_id: caller.request_id,
        })
    }
}

/// What was found about one key, before it is printed.
pub struct Found {
    checked: Checked,
    question: Question,
    steps: Option<Vec<Step>>,
    now: Timestamp,
}

/// Asks the engine.
///
/// # Errors
/// A question that cannot be meant, with its fields; trouble of the store.
pub async fn ask(
    app: &App,
    asker: &Asker,
    request: &VerifyRequest<'_>,
    now: Timestamp,
) -> ApiResult<Found> {
    let mut question = request.validate().map_err(ApiError::invalid)?;
    question.address = question.address.map(|address| address.to_canonical());
    let signed = request.signed();
    // What cannot be read names no key, which is a refusal like any other.
    let claimed = signed
        .as_ref()
        .filter(|_| request.key.is_none())
        .map(|it| claimed_keyid(it.signature.input).unwrap_or_default())
        .unwrap_or_default();
    let keyring = app.keyring.load();
    let signed = signed.as_ref().map(|it| Signed {
        message: it.message(),
        signature: it.signature,
        keyring: &keyring,
    });
    let check = Check {
        key: request.key.as_ref().map_or(&*claimed, |key| key.as_str()),
        signed,
        secret: request.secret.as_ref().map(|secret| secret.as_str()),
        environment: question.environment.as_ref(),
        presented_in: question.presented_in,
        permissions: question.permissions.as_ref(),
        address: question.address,
        circumstances: request.circumstances(&question),
        tenants: asker.tenants.as_deref(),
        charge: Charge {
            cost: question.cost,
            bytes: question.bytes,
            meters: &question.meters,
        },
        dry_run: request.dry_run,
    };
    if !request.explain {
        let checked = app.engine.verify(&check, now, &mut ()).await?;
        return Ok(Found {
            checked,
            question,
            steps: None,
            now,
        });
    }
    let mut steps = Vec::new();
    let checked = app.engine.verify(&check, now, &mut steps).await?;
    Ok(Found {
        checked,
        question,
        steps: Some(steps),
        now,
    })
}

impl Found {
    /// The answer, borrowed from what the engine holds.
    #[must_use]
    pub fn answer<'a>(&'a self, request_id: &'a str) -> VerifyAnswer<'a> {
        let key = self.checked.key.as_deref();
        let answer = match (self.checked.verdict.denial, key) {
            (None, Some(key)) => {
                VerifyAnswer::allowed(shown(key), self.checked.verdict.warning, request_id)
            }
            (denial, key) => {
                let denial = denial.unwrap_or(Denial::InvalidKey);
                let answer = VerifyAnswer::refused(denial, key.map(shown), request_id);
                self.advised(denial, key, answer)
            }
        }
        .stale_for(self.checked.standing.stale_for_seconds());
        let charged = &self.checked.charged;
        let limits = charged.standings.iter();
        let limits = limits.map(|(name, standing)| LimitBody::new(name, standing));
        let retry = charged.refusal.as_ref().map(|refusal| refusal.retry);
        let answer = answer.limited(limits.collect(), retry);
        match &self.steps {
            Some(steps) => answer.explained(steps.clone()),
            None => answer,
        }
    }

    /// What the limits said.
    #[must_use]
    pub const fn charged(&self) -> &Charged {
        &self.checked.charged
    }

    /// What the caller can do about some refusals.
    fn advised<'a>(
        &self,
        denial: Denial,
        key: Option<&CompiledKey>,
        answer: VerifyAnswer<'a>,
    ) -> VerifyAnswer<'a> {
        match (denial, key, &self.question.permissions) {
            (Denial::InsufficientScope, Some(key), Some(wanted)) => {
                let required: Vec<_> = wanted.scopes().collect();
                answer.lacking(&required, &key.grants.effective.to_vec())
            }
            (Denial::Paused, Some(key), _) => match seconds_left(key, self.now) {
                Some(seconds) => answer.retrying(seconds),
                None => answer,
            },
            _ => answer,
        }
    }
}

/// Whole seconds until the end of the key's pause.
fn seconds_left(key: &CompiledKey, now: Timestamp) -> Option<u64> {
    let end = key.facts().restrictions?.paused_until?;
    let left = end.milliseconds().saturating_sub(now.milliseconds());
    u64::try_from(left).ok().map(|left| left.div_ceil(1_000))
}

fn shown(key: &CompiledKey) -> VerifiedKey<'_> {
    let labels = key.labels.as_deref();
    VerifiedKey {
        key_id: key.id,
        name: key.name.as_deref(),
        tenant: &key.tenant.tenant.slug,
        environment: &key.environment,
        owner: key.owner.as_deref().map(|owner| VerifiedOwner {
            id: owner.id,
            email: Some(&owner.email),
        }),
        external_id: labels.and_then(|it| it.external_id.as_deref()),
        scopes: &key.grants.scopes,
        roles: &key.grants.roles,
        metadata: labels.and_then(|it| it.metadata.as_deref()),
        expires_at: key.expires_at.map(Timestamp::seconds),
    }
}
