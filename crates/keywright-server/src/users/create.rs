//! `create_user`: `POST /api/v1/tenant/{tenant}/users`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keywright_api::code::Code;
use keywright_api::user::{CreateUser, CreatedInvitation, InvitationBody, NewUser, UserBody};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit, InvitationOperation};
use keywright_core::id::InvitationId;
use keywright_core::secret::Secret;
use keywright_core::user::{Invitation, Membership};

use crate::app::App;
use crate::auth::{self, set_up};
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::idempotency::{Attempt, Idempotent};
use crate::session_token::{self, Use};

/// Days that an invitation works: a week, so that a holiday does not outlast it by much.
const INVITATION_DAYS: u32 = 7;

/// Adds a user
///
/// With a password the user is made at once; without one, an invitation is made, and its token is in
/// this one answer. An address that has an account already can only be invited: its owner proves it.
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/users", operation_id = "create_user", tag = "users",
    request_body = CreateUser,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    responses((status = 201, body = UserBody), (status = 202, body = CreatedInvitation)),
)]
pub async fn create_user(
    State(app): State<App>,
    context: InTenant,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteUsers)?;
    let route = format!("create_user {}", context.tenant.id);
    let attempt = Attempt::begin(&app, &context.caller, &headers, &route, &body.0).await?;
    if let Attempt::Repeated(response) = attempt {
        return Ok(*response);
    }
    let mut wish = body
        .parse::<CreateUser>()?
        .validate()
        .map_err(ApiError::invalid)?;
    super::guard_roles(&context, &[wish.role])?;
    match wish.password.take() {
        Some(password) => with_password(&app, &context, attempt.idempotent(), wish, password).await,
        None => invite(&app, &context, attempt.idempotent(), wish).await,
    }
}

async fn with_password(
    app: &App,
    context: &InTenant,
    once: Option<&Idempotent>,
    wish: NewUser,
    password: Secret,
) -> ApiResult<Response> {
    let hashed = auth::new_password(app, "password", password, &[&wish.email]).await?;
    if app.store.user_by_email(&wish.email).await?.is_some() {
        let sentence = "a user with this address cannot be made; invite them without a password";
        return Err(ApiError::new(Code::Duplicate).describe(sentence));
    }
    let user = set_up::new_user(app, wish.email, wish.name, false);
    let membership = Membership {
        tenant: context.tenant.id,
        user: user.id,
        role: wish.role,
    };
    let shown = UserBody::new(&user, Some(wish.role), None);
    let changes = [
        Change::User(Edit::create(user), Some(hashed)),
        Change::Membership(Edit::create(membership)),
    ];
    let remembered = serde_json::to_vec(&shown).map_err(ApiError::internal)?;
    let created = StatusCode::CREATED;
    let once = once.map(|it| (it, created.as_u16(), remembered.as_slice()));
    app.change_once(&context.caller.actor(app).await?, &changes, once)
        .await?;
    Ok(answer(created, &shown))
}

async fn invite(
    app: &App,
    context: &InTenant,
    once: Option<&Idempotent>,
    wish: NewUser,
) -> ApiResult<Response> {
    let now = app.now();
    let invitation = Invitation {
        id: InvitationId::new(now, &mut app.entropy()),
        tenant: Some(context.tenant.id),
        email: Some(wish.email),
        role: wish.role,
        created_at: now,
        expires_at: now.plus_days(INVITATION_DAYS),
    };
    let token = session_token::mint(Use::Invitation);
    let shown = InvitationBody::new(&invitation);
    let digest = session_token::digest(token.expose());
    // A later invitation says what is meant now; the one before works no more.
    let former = app.store.invitations(Some(context.tenant.id)).await?;
    let former = former.into_iter().filter(|it| it.email == invitation.email);
    let withdrawn = |it| Change::Invitation(InvitationOperation::Withdraw, Box::new(it), None);
    let mut changes: Vec<Change> = former.map(withdrawn).collect();
    changes.push(Change::Invitation(
        InvitationOperation::Create,
        Box::new(invitation),
        Some(digest),
    ));
    let remembered = serde_json::to_vec(&shown).map_err(ApiError::internal)?;
    let accepted = StatusCode::ACCEPTED;
    let once = once.map(|it| (it, accepted.as_u16(), remembered.as_slice()));
    app.change_once(&context.caller.actor(app).await?, &changes, once)
        .await?;
    Ok(answer(
        accepted,
        &CreatedInvitation {
            invitation: shown,
            token,
        },
    ))
}
