//! Who calls: a signed-in user or a system key, from where, and what they may do in a tenant.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use keywright_api::code::Code;
use keywright_core::access::{Permission, Reach, key_reach, user_reach};
use keywright_core::change::{Actor, Change, SessionOperation, Who};
use keywright_core::denial::Denial;
use keywright_core::restriction::Circumstances;
use keywright_core::tenant::Tenant;
use keywright_core::user::{Carrier, Membership, Session, User};
use keywright_engine::Check;
use keywright_engine::compiled::CompiledKey;

use crate::app::App;
use crate::auth::access_end;
use crate::client_address::{client_address, peer};
use crate::credential::Credential;
use crate::csrf;
use crate::error::{ApiError, ApiResult};
use crate::guard::attempts::Source;
use crate::guard::headers::RequestId;
use crate::path::PathParts;
use crate::session_token::{self, Use};

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// From where.
    pub address: IpAddr,
    /// The request.
    pub request_id: String,
    user_agent: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A signed-in user.
    User(Arc<SignedIn>),
    /// A system key.
    Key(Arc<CompiledKey>),
}

/// A signed-in user.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
    /// The user's roles.
    pub memberships: Vec<Membership>,
}

impl Caller {
    /// The signed-in user.
    ///
    /// # Errors
    /// `forbidden` for a system key: the operation is about a person's own account.
    pub fn signed_in(&self) -> ApiResult<&SignedIn> {
        match &self.principal {
            Principal::User(user) => Ok(user),
            Principal::Key(_) => {
                Err(ApiError::forbidden().describe("this operation is for signed-in users"))
            }
        }
    }

    /// Refuses everybody but platform administrators.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require_platform(&self) -> ApiResult<&SignedIn> {
        match &self.principal {
            Principal::User(user) if user.user.platform_admin => Ok(user),
            Principal::User(_) | Principal::Key(_) => Err(ApiError::forbidden()),
        }
    }

    /// Who stands in the audit trail, with address and program sealed.
    pub async fn actor(&self, app: &App) -> ApiResult<Actor> {
        let (who, subject) = match &self.principal {
            Principal::User(user) => (Who::User(user.user.id), Some(user.user.id)),
            Principal::Key(key) => (Who::Key(key.id), key.owner.as_ref().map(|owner| owner.id)),
        };
        let origin = match subject {
            Some(subject) => {
                crate::origin::seal(app, subject, self.address, self.user_agent.as_deref()).await?
            }
            None => None,
        };
        Ok(Actor {
            who,
            origin,
            request_id: Some(self.request_id.clone()),
        })
    }

    fn reach(&self, tenant: &Tenant, permission: Permission) -> Reach {
        match &self.principal {
            Principal::User(signed_in) => {
                let role = signed_in
                    .memberships
                    .iter()
                    .find(|membership| membership.tenant == tenant.id)
                    .map(|membership| membership.role);
                user_reach(
                    signed_in.user.id,
                    signed_in.user.platform_admin,
                    role,
                    permission,
                )
            }
            Principal::Key(key) if key.tenant.tenant.id == tenant.id => {
                key_reach(&key.grants.effective, permission)
            }
            Principal::Key(_) => Reach::Nothing,
        }
    }

    fn belongs_to(&self, tenant: &Tenant) -> bool {
        match &self.principal {
            Principal::User(it) => {
                it.user.platform_admin || it.memberships.iter().any(|m| m.tenant == tenant.id)
            }
            Principal::Key(key) => key.tenant.tenant.id == tenant.id,
        }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let address = client_address(
            peer(&parts.extensions),
            &parts.headers,
            &app.options.trusted_proxies,
        );
        let principal = authenticate(parts, app, address).await?;
        let caller = Self {
            principal,
            address,
            request_id: RequestId::of(&parts.extensions),
            user_agent: parts
                .headers
                .get(header::USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(|text| text.chars().take(USER_AGENT_CHARACTERS_MAX).collect()),
        };
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// Characters of a `User-Agent` that are kept.
const USER_AGENT_CHARACTERS_MAX: usize = 256;

async fn authenticate(parts: &Parts, app: &App, address: IpAddr) -> ApiResult<Principal> {
    let source = Source::of(address);
    let Some(credential) = Credential::from_parts(parts)? else {
        return match csrf::cookie(app, &parts.headers) {
            Some(cookie) => with_cookie(parts, app, &cookie).await,
            None => Err(ApiError::new(Code::MissingKey)),
        };
    };
    let now = app.now();
    app.attempts
        .check(source, None, now)
        .map_err(|later| ApiError::new(Code::TooManyAttempts).retry_after(later.seconds))?;
    let principal = match session_token::read(Use::Access, credential.key.expose()) {
        Some(digest) => signed_in(app, &digest, Carrier::Bearer)
            .await
            .map(Principal::User),
        None => system_key(app, &credential, address, &parts.headers)
            .await
            .map(Principal::Key),
    };
    if let Err(error) = &principal
        && matches!(error.code(), Code::InvalidKey | Code::Unauthenticated)
    {
        app.attempts.failed(source, None, now);
    }
    principal
}

async fn with_cookie(parts: &Parts, app: &App, cookie: &str) -> ApiResult<Principal> {
    let digest = session_token::read(Use::Cookie, cookie)
        .ok_or_else(|| ApiError::new(Code::SessionExpired))?;
    let signed_in = signed_in(app, &digest, Carrier::Cookie).await?;
    keep_awake(app, &signed_in.session).await?;
    let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe {
        csrf::check(app, parts, &signed_in.session)?;
    }
    Ok(Principal::User(signed_in))
}

/// A cookie lives on as long as it is used: past half of its idle time it gets the whole of it again.
async fn keep_awake(app: &App, session: &Session) -> ApiResult<()> {
    let now = app.now();
    let whole = access_end(app, Carrier::Cookie, now);
    let left = session
        .access_expires_at
        .milliseconds()
        .saturating_sub(now.milliseconds());
    if left > whole.milliseconds().saturating_sub(now.milliseconds()) / 2 {
        return Ok(());
    }
    let renewed = Session {
        renewed_at: now,
        access_expires_at: whole,
        ..session.clone()
    };
    let actor = Actor {
        who: Who::User(session.user),
        origin: None,
        request_id: None,
    };
    let change = Change::Session(SessionOperation::Renew, Box::new(renewed), None);
    match app.change(&actor, &[change]).await {
        // Signed out at the same time.
        Err(error) if error.code() == Code::Conflict => Err(ApiError::new(Code::SessionExpired)),
        outcome => outcome,
    }
}

async fn signed_in(
    app: &App,
    digest: &keywright_core::token::digest::Digest,
    carrier: Carrier,
) -> ApiResult<Arc<SignedIn>> {
    let now = app.now();
    let session = app
        .store
        .session_by_access(digest)
        .await?
        .filter(|session| session.carrier == carrier)
        .ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
    if now >= session.access_expires_at || now >= session.expires_at {
        return Err(ApiError::new(Code::SessionExpired));
    }
    let user = app
        .store
        .user(session.user)
        .await?
        .map(|record| record.user)
        .filter(|user| user.disabled_at.is_none())
        .ok_or_else(|| ApiError::new(Code::Unauthenticated))?;
    let memberships = app.store.memberships(user.id).await?;
    Ok(Arc::new(SignedIn {
        user,
        session,
        memberships,
    }))
}

async fn system_key(
    app: &App,
    credential: &Credential,
    address: IpAddr,
    headers: &HeaderMap,
) -> ApiResult<Arc<CompiledKey>> {
    let told = |name| {
        let value = headers.get(name)?;
        // What is no text is no site, and must not pass for a header that is absent.
        Some(value.to_str().unwrap_or_default())
    };
    let check = Check {
        key: credential.key.expose(),
        secret: credential.secret.as_ref().map(|secret| secret.expose()),
        address: Some(address),
        circumstances: Circumstances {
            origin: told(header::ORIGIN),
            referrer: told(header::REFERER),
            ..Circumstances::default()
        },
        ..Check::default()
    };
    let checked = app.engine.verify(&check, app.now(), &mut ()).await?;
    match (checked.verdict.denial, checked.key) {
        (None, Some(key)) => Ok(key),
        (denial, _) => Err(ApiError::new(Code::from(
            denial.unwrap_or(Denial::InvalidKey),
        ))),
    }
}

/// A caller in the tenant of the path. A tenant that the caller has nothing to do with answers as
/// one that does not exist.
#[derive(Clone, Debug)]
pub struct InTenant {
    /// Who.
    pub caller: Caller,
    /// Where.
    pub tenant: Tenant,
}

impl InTenant {
    /// How far the caller reaches with a permission.
    ///
    /// # Errors
    /// `forbidden` when not at all.
    pub fn require(&self, permission: Permission) -> ApiResult<Reach> {
        match self.caller.reach(&self.tenant, permission) {
            Reach::Nothing => Err(ApiError::forbidden()),
            reach => Ok(reach),
        }
    }

    /// Whether the caller has the permission for the whole tenant.
    #[must_use]
    pub fn has(&self, permission: Permission) -> bool {
        self.caller.reach(&self.tenant, permission) == Reach::All
    }
}

impl FromRequestParts<App> for InTenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let path = PathParts::from_request_parts(parts, app).await?;
        let tenant = app
            .store
            .tenant(path.get("tenant")?)
            .await?
            .filter(|tenant| caller.belongs_to(tenant))
            .ok_or_else(ApiError::not_found)?;
        Ok(Self { caller, tenant })
    }
}
