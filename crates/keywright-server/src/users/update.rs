//! `update_user`: `PATCH /api/v1/tenant/{tenant}/users/{user}`.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use keywright_api::patch::Patch;
use keywright_api::user::{UpdateUser, UserBody};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};
use keywright_core::user::{Membership, TenantRole};

use super::get::show;
use crate::app::App;
use crate::auth::sessions::endings;
use crate::body::JsonBytes;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::etag;
use crate::path::PathParts;

/// Changes a user: role in this tenant, name, and whether the user works at all
///
/// Disabling ends the user's sessions and refuses the user's keys at once. A user who belongs to several
/// tenants can be renamed and disabled by platform administrators only.
#[utoipa::path(
    patch, path = "/api/v1/tenant/{tenant}/users/{user}", operation_id = "update_user",
    tag = "users", request_body = UpdateUser,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("user" = String, Path, description = "Identifier of the user"),
           ("If-Match" = Option<String>, Header, description = "The version it was decided on")),
    responses((status = 200, body = UserBody)),
)]
pub async fn update_user(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteUsers)?;
    let (user, membership) = super::find(&app, &context.tenant, path.get("user")?).await?;
    etag::check(&headers, user.version)?;
    let edit = body
        .parse::<UpdateUser>()?
        .validate()
        .map_err(ApiError::invalid)?;
    let role = edit.role.unwrap_or(membership.role);
    super::guard_roles(&context, &[membership.role, role])?;
    let disabled = edit.disabled == Some(true);
    let leaves = role != TenantRole::Owner || disabled;
    if membership.role == TenantRole::Owner && leaves {
        super::keep_an_owner(&app, &context.tenant, user.id).await?;
    }
    let mut after = user.clone();
    match edit.name {
        Patch::Missing => {}
        Patch::Null => after.name = None,
        Patch::Value(name) => after.name = Some(name),
    }
    match edit.disabled {
        None => {}
        Some(true) => after.disabled_at = after.disabled_at.or(Some(app.now())),
        Some(false) => after.disabled_at = None,
    }
    let mut changes = Vec::new();
    if after != user {
        super::guard_account(&app, &context, &user).await?;
        after.version = user.version.saturating_add(1);
        changes.push(Change::User(
            Edit::update(user.clone(), after.clone()),
            None,
        ));
    }
    if role != membership.role {
        let changed = Membership {
            role,
            ..membership.clone()
        };
        changes.push(Change::Membership(Edit::update(membership, changed)));
    }
    if disabled {
        changes.extend(endings(&app, user.id, None).await?);
    }
    if !changes.is_empty() {
        app.change(&context.caller.actor(&app).await?, &changes)
            .await?;
    }
    Ok(show(&after, Some(role)))
}
