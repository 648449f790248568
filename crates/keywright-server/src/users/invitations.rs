//! A tenant's open invitations: `list_invitations`, `withdraw_invitation`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::user::InvitationBody;
use keywright_core::access::Permission;
use keywright_core::change::{Change, InvitationOperation};
use keywright_core::id::InvitationId;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Lists open invitations
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/invitations", operation_id = "list_invitations",
    tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = Vec<InvitationBody>)),
)]
pub async fn list_invitations(State(app): State<App>, context: InTenant) -> ApiResult<Response> {
    context.require(Permission::ReadUsers)?;
    let invitations = app.store.invitations(Some(context.tenant.id)).await?;
    let now = app.now();
    let open = invitations.iter().filter(|it| now < it.expires_at);
    let shown: Vec<_> = open.map(InvitationBody::new).collect();
    Ok(answer(StatusCode::OK, &shown))
}

/// Withdraws an invitation
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/invitations/{invitation}",
    operation_id = "withdraw_invitation", tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("invitation" = String, Path, description = "Identifier of the invitation")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn withdraw_invitation(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteUsers)?;
    let id: InvitationId = path
        .get("invitation")?
        .parse()
        .map_err(|_| ApiError::not_found())?;
    let invitations = app.store.invitations(Some(context.tenant.id)).await?;
    let found = invitations
        .into_iter()
        .find(|invitation| invitation.id == id);
    let invitation = found.ok_or_else(ApiError::not_found)?;
    super::guard_roles(&context, &[invitation.role])?;
    let change = Change::Invitation(InvitationOperation::Withdraw, Box::new(invitation), None);
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(
        StatusCode::OK,
        &SuccessBody::new("Invitation withdrawn"),
    ))
}
