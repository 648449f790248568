//! Signing in and out, and the caller's own account. Passwords and tokens are read here and nowhere
//! else; a failed attempt answers the same, in the same time, whatever was wrong (trust V21).

pub mod me;
pub mod password;
pub mod refresh;
pub mod sessions;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use keywright_core::change::{Actor, Change, SessionOperation, SessionTokens, Who};
use keywright_core::id::{SessionId, UserId};
use keywright_core::secret::Secret;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::Digest;
use keywright_core::user::{Carrier, PasswordHash, Session};
use keywright_seal::password as sealed_password;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::client_address::{client_address, peer};
use crate::error::{ApiError, ApiResult};
use crate::guard::headers::RequestId;
use crate::origin;
use crate::session_token::{self, Use};

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(refresh::refresh_session))
        .routes(routes!(sign_out::sign_out))
        .routes(routes!(me::get_me))
        .routes(routes!(password::change_password))
        .routes(routes!(
            sessions::list_sessions,
            sessions::end_other_sessions
        ))
        .routes(routes!(sessions::end_session))
        .routes(routes!(set_up::set_up))
        .routes(routes!(set_up::accept_invitation))
}

/// A caller who is not known yet.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// From where.
    pub address: IpAddr,
    /// The request.
    pub request_id: String,
    /// The program.
    pub user_agent: Option<String>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        Ok(Self {
            address: client_address(
                peer(&parts.extensions),
                &parts.headers,
                &app.options.trusted_proxies,
            ),
            request_id: RequestId::of(&parts.extensions),
            user_agent: parts
                .headers
                .get(header::USER_AGENT)
                .and_then(|value| value.to_str().ok())
                .map(|text| text.chars().take(256).collect()),
        })
    }
}

impl Visitor {
    /// Who stands in the audit trail for what this visitor did as `user`, or as nobody.
    ///
    /// # Errors
    /// When the store is in trouble.
    pub async fn actor(&self, app: &App, user: Option<UserId>) -> ApiResult<Actor> {
        let origin = match user {
            Some(user) => origin::seal(app, user, self.address, self.user_agent.as_deref()).await?,
            None => None,
        };
        let who = user.map_or(Who::Anonymous, Who::User);
        Ok(Actor {
            who,
            origin,
            request_id: Some(self.request_id.clone()),
        })
    }
}

/// The tokens of a session, in the only moment in which they exist as text.
pub struct Tokens {
    /// The access token, or the cookie.
    pub access: Secret,
    /// The refresh token; cookies have none.
    pub refresh: Option<Secret>,
}

impl Tokens {
    /// New ones.
    #[must_use]
    pub fn mint(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Bearer => Self {
                access: session_token::mint(Use::Access),
                refresh: Some(session_token::mint(Use::Refresh)),
            },
            Carrier::Cookie => Self {
                access: session_token::mint(Use::Cookie),
                refresh: None,
            },
        }
    }

    /// What is stored; `replaces` is the digest of the token that bought these.
    #[must_use]
    pub fn digests(&self, replaces: Option<Digest>) -> SessionTokens {
        SessionTokens {
            access: session_token::digest(self.access.expose()),
            refresh: self
                .refresh
                .as_ref()
                .map(|token| session_token::digest(token.expose())),
            replaces,
        }
    }
}

/// A new session of a user, as a change, and its tokens.
#[must_use]
pub fn begin_session(
    app: &App,
    user: UserId,
    carrier: Carrier,
    actor: &Actor,
) -> (Session, Tokens, Change) {
    let now = app.now();
    let tokens = Tokens::mint(carrier);
    let session = Session {
        id: SessionId::new(now, &mut app.entropy()),
        user,
        carrier,
        created_at: now,
        renewed_at: now,
        access_expires_at: access_end(app, carrier, now),
        expires_at: after(now, app.options.session_life),
        origin: actor.origin.clone(),
    };
    let change = Change::Session(
        SessionOperation::SignIn,
        Box::new(session.clone()),
        Some(tokens.digests(None)),
    );
    (session, tokens, change)
}

/// When the tokens of a session that is begun or renewed now stop working.
#[must_use]
pub fn access_end(app: &App, carrier: Carrier, now: Timestamp) -> Timestamp {
    let life = match carrier {
        Carrier::Bearer => app.options.access_token_life,
        Carrier::Cookie => app.options.cookie_idle,
    };
    after(now, life)
}

fn after(now: Timestamp, span: std::time::Duration) -> Timestamp {
    now.plus_milliseconds(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// Whether the password is right. Without a stored one it takes as long, and is not.
///
/// # Errors
/// When the work cannot be done.
pub async fn password_matches(
    app: &App,
    stored: Option<PasswordHash>,
    password: Secret,
) -> ApiResult<bool> {
    let keyring = app.keyring.load_full();
    with_hasher(app, move || match stored {
        Some(stored) => sealed_password::verify(&keyring, stored.as_str(), &password),
        None => sealed_password::dummy_verify(&keyring, &password),
    })
    .await
}

/// The verifier of a new password that the policy allows.
///
/// # Errors
/// A weak password, at `path`.
pub async fn new_password(
    app: &App,
    path: &str,
    password: Secret,
    context: &[&str],
) -> ApiResult<PasswordHash> {
    sealed_password::policy::check(password.expose(), context).map_err(|weak| {
        ApiError::invalid_field(path, weak.to_string(), "choose a longer or less common one")
    })?;
    let keyring = app.keyring.load_full();
    let hashed = with_hasher(app, move || sealed_password::hash(&keyring, &password)).await?;
    hashed.map(PasswordHash::new).map_err(ApiError::internal)
}

/// Runs slow work on its own thread, a few at a time.
async fn with_hasher<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> ApiResult<T> {
    let _turn = app
        .password_hashes
        .acquire()
        .await
        .map_err(ApiError::internal)?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)
}
