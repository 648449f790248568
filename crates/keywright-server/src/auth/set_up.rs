//! One-time links: the first set-up of an installation, and invitations to a tenant.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::code::Code;
use keywright_api::session::{Setup, TokenBody};
use keywright_api::user::AcceptInvitation;
use keywright_core::change::{Actor, Change, Edit, InvitationOperation};
use keywright_core::id::{InvitationId, UserId};
use keywright_core::secret::Secret;
use keywright_core::tenant::Slug;
use keywright_core::user::{
    Carrier, Invitation, Membership, PasswordHash, TenantRole, User, normalise_email,
};

use super::{Visitor, begin_session, sign_in};
use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::error::{ApiError, ApiResult};
use crate::guard::attempts::Source;
use crate::session_token::{self, Use};
use crate::tenants;
use keywright_store::UserRecord;

/// Days that a set-up link works: the operator is sitting in front of the screen that shows it.
const SETUP_DAYS: u32 = 1;

/// Makes the first administrator of an installation
///
/// With the one-time token that the first start printed.
#[utoipa::path(
    post, path = "/api/v1/auth/setup", operation_id = "set_up", tag = "auth", request_body = Setup,
    responses((status = 201, body = TokenBody)),
)]
pub async fn set_up(
    State(app): State<App>,
    visitor: Visitor,
    body: JsonBytes,
) -> ApiResult<Response> {
    let wish = body
        .parse::<Setup>()?
        .validate()
        .map_err(ApiError::invalid)?;
    let invitation = redeem(&app, &visitor, &wish.token).await?;
    // A link that was never used stands in some log: with an administrator there, it is worth nothing.
    if invitation.tenant.is_some() || app.store.has_platform_admin().await? {
        return Err(ApiError::new(Code::InvalidCredentials));
    }
    let hashed = super::new_password(&app, "password", wish.password, &[&wish.email]).await?;
    let slug = match wish.tenant {
        Some(slug) => slug,
        None => "default".parse().map_err(ApiError::internal)?,
    };
    let (user, mut changes) = first_administrator(&app, wish.email, hashed, &slug).await?;
    changes.push(Change::Invitation(
        InvitationOperation::Accept,
        Box::new(invitation),
        None,
    ));
    admit(&app, &visitor, user, None, changes).await
}

/// Accepts an invitation
///
/// A new user chooses a password; one who has an account proves it with the password.
#[utoipa::path(
    post, path = "/api/v1/auth/invitations/accept", operation_id = "accept_invitation",
    tag = "auth", request_body = AcceptInvitation, responses((status = 201, body = TokenBody)),
)]
pub async fn accept_invitation(
    State(app): State<App>,
    visitor: Visitor,
    body: JsonBytes,
) -> ApiResult<Response> {
    let acceptance = body
        .parse::<AcceptInvitation>()?
        .validate()
        .map_err(ApiError::invalid)?;
    let invitation = redeem(&app, &visitor, &acceptance.token).await?;
    let (Some(tenant), Some(email)) = (invitation.tenant, invitation.email.clone()) else {
        return Err(ApiError::new(Code::InvalidCredentials));
    };
    let role = invitation.role;
    let mut changes = vec![Change::Invitation(
        InvitationOperation::Accept,
        Box::new(invitation),
        None,
    )];
    let mut proven = None;
    let user = match app.store.user_by_email(&email).await? {
        Some(record) => {
            let user = known_account(&app, &visitor, record, acceptance.password).await?;
            proven = Some(user.clone());
            user.id
        }
        None => {
            let hashed =
                super::new_password(&app, "password", acceptance.password, &[&email]).await?;
            let user = new_user(&app, email, acceptance.name, false);
            let id = user.id;
            changes.push(Change::User(Edit::create(user), Some(hashed)));
            id
        }
    };
    changes.push(Change::Membership(Edit::create(Membership {
        tenant,
        user,
        role,
    })));
    admit(&app, &visitor, user, proven.as_ref(), changes).await
}

/// The account that the password proves. Whoever may invite holds the token, so the limits of the front door
/// hold here too.
async fn known_account(
    app: &App,
    visitor: &Visitor,
    record: UserRecord,
    password: Secret,
) -> ApiResult<User> {
    let source = Source::of(visitor.address);
    let account = *session_token::digest(&record.user.email).as_bytes();
    app.attempts
        .check(source, Some(account), app.now())
        .map_err(|later| ApiError::new(Code::TooManyAttempts).retry_after(later.seconds))?;
    let proven = super::password_matches(app, record.password, password).await?;
    if !proven || record.user.disabled_at.is_some() {
        let known = Some(record.user.id);
        return Err(sign_in::refused(app, visitor, source, (account, known)).await?);
    }
    app.attempts.succeeded(source, account);
    Ok(record.user)
}

/// The invitation of a token that works. Five wrong ones from a network and it has to wait.
async fn redeem(app: &App, visitor: &Visitor, token: &Secret) -> ApiResult<Invitation> {
    let source = Source::of(visitor.address);
    let now = app.now();
    app.attempts
        .check_one_time(source, now)
        .map_err(|later| ApiError::new(Code::TooManyAttempts).retry_after(later.seconds))?;
    let found = match session_token::read(Use::Invitation, token.expose()) {
        Some(digest) => app.store.invitation_by_token(&digest).await?,
        None => None,
    };
    let invitation = found
        .filter(|invitation| now < invitation.expires_at)
        .ok_or_else(|| ApiError::new(Code::InvalidCredentials))?;
    app.attempts.one_time_succeeded(source);
    Ok(invitation)
}

/// Makes the changes and signs the user in.
async fn admit(
    app: &App,
    visitor: &Visitor,
    user: UserId,
    proven: Option<&User>,
    mut changes: Vec<Change>,
) -> ApiResult<Response> {
    let actor = Actor {
        who: keywright_core::change::Who::User(user),
        ..visitor.actor(app, None).await?
    };
    let (session, tokens, begun) = begin_session(app, user, Carrier::Bearer, &actor);
    changes.push(begun);
    match proven {
        Some(proven) => app.change_proven(&actor, &changes, proven).await?,
        None => app.change(&actor, &changes).await?,
    }
    let refresh = tokens
        .refresh
        .ok_or_else(|| ApiError::internal("no refresh token was made"))?;
    let life = session
        .access_expires_at
        .seconds()
        .saturating_sub(session.created_at.seconds());
    let life = u64::try_from(life).unwrap_or(0);
    Ok(answer(
        StatusCode::CREATED,
        &TokenBody::new(tokens.access, life, refresh),
    ))
}

/// A user as a change makes it.
#[must_use]
pub fn new_user(app: &App, email: String, name: Option<String>, platform_admin: bool) -> User {
    let now = app.now();
    User {
        id: UserId::new(now, &mut app.entropy()),
        email,
        name,
        platform_admin,
        disabled_at: None,
        created_at: now,
        version: 1,
    }
}

/// The changes that make a platform administrator, and the tenant if it is not there.
async fn first_administrator(
    app: &App,
    email: String,
    password: PasswordHash,
    slug: &Slug,
) -> ApiResult<(UserId, Vec<Change>)> {
    let mut changes = Vec::new();
    let tenant = match app.store.tenant(slug.as_str()).await? {
        Some(tenant) => tenant.id,
        None => {
            let (tenant, made) = tenants::founding(app, slug.clone(), slug.to_string());
            changes.extend(made);
            tenant.id
        }
    };
    let user = new_user(app, email, None, true);
    let id = user.id;
    changes.push(Change::User(Edit::create(user), Some(password)));
    let membership = Membership {
        tenant,
        user: id,
        role: TenantRole::Owner,
    };
    changes.push(Change::Membership(Edit::create(membership)));
    Ok((id, changes))
}

/// Makes the administrator and the tenant that the operator named, unless the user is there already.
///
/// # Errors
/// An e-mail address or password that cannot be used; trouble of the store.
pub async fn first_start(app: &App, email: &str, password: Secret, slug: &Slug) -> ApiResult<()> {
    let Some(email) = normalise_email(email) else {
        let fix = "give an address such as ada@example.com";
        return Err(ApiError::invalid_field(
            "admin_email",
            "is not an e-mail address",
            fix,
        ));
    };
    if app.store.user_by_email(&email).await?.is_some() {
        return Ok(());
    }
    let hashed = super::new_password(app, "admin_password", password, &[&email]).await?;
    let (_, changes) = first_administrator(app, email, hashed, slug).await?;
    app.change(&Actor::operator(), &changes).await
}

/// A new one-time set-up link, as long as nobody administers the installation.
///
/// # Errors
/// When the store is in trouble.
pub async fn setup_link(app: &App) -> ApiResult<Option<Secret>> {
    if app.store.has_platform_admin().await? {
        return Ok(None);
    }
    let now = app.now();
    let token = session_token::mint(Use::Invitation);
    let invitation = Invitation {
        id: InvitationId::new(now, &mut app.entropy()),
        tenant: None,
        email: None,
        role: TenantRole::Owner,
        created_at: now,
        expires_at: now.plus_days(SETUP_DAYS),
    };
    let digest = session_token::digest(token.expose());
    let mut changes: Vec<Change> = app
        .store
        .invitations(None)
        .await?
        .into_iter()
        .map(|former| Change::Invitation(InvitationOperation::Withdraw, Box::new(former), None))
        .collect();
    changes.push(Change::Invitation(
        InvitationOperation::Create,
        Box::new(invitation),
        Some(digest),
    ));
    app.change(&Actor::operator(), &changes).await?;
    // After `#`, so that it is sent to no server and stands in no log.
    let link = format!("{}/setup#{}", app.options.public_url, token.expose());
    Ok(Some(Secret::new(link)))
}
