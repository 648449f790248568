//! Users of a tenant over HTTP, and their invitations.

pub mod create;
pub mod get;
pub mod invitations;
pub mod list;
pub mod remove;
pub mod sessions;
pub mod update;

use keywright_core::access::Permission;
use keywright_core::id::UserId;
use keywright_core::tenant::Tenant;
use keywright_core::user::{Membership, TenantRole, User};
use keywright_store::{PageRequest, UserSort};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::create_user, list::list_users))
        .routes(routes!(list::list_all_users))
        .routes(routes!(
            get::get_user,
            update::update_user,
            remove::remove_user
        ))
        .routes(routes!(
            sessions::list_user_sessions,
            sessions::end_user_sessions
        ))
        .routes(routes!(invitations::list_invitations))
        .routes(routes!(invitations::withdraw_invitation))
}

/// Refuses, at `path`, a user who is not a member of the tenant.
///
/// # Errors
/// `validation_failed`.
pub async fn require_member(app: &App, tenant: &Tenant, user: UserId, path: &str) -> ApiResult<()> {
    let memberships = app.store.memberships(user).await?;
    if memberships
        .iter()
        .any(|membership| membership.tenant == tenant.id)
    {
        return Ok(());
    }
    let fix = "give the identifier of a user of this tenant";
    Err(ApiError::invalid_field(
        path,
        "is not a user of this tenant",
        fix,
    ))
}

/// A member of the tenant, by the identifier in the path. Anybody else does not exist.
///
/// # Errors
/// `not_found`.
pub async fn find(app: &App, tenant: &Tenant, id: &str) -> ApiResult<(User, Membership)> {
    let id: UserId = id.parse().map_err(|_| ApiError::not_found())?;
    let membership = app
        .store
        .memberships(id)
        .await?
        .into_iter()
        .find(|membership| membership.tenant == tenant.id)
        .ok_or_else(ApiError::not_found)?;
    let record = app.store.user(id).await?.ok_or_else(ApiError::not_found)?;
    Ok((record.user, membership))
}

/// Refuses to touch owners unless the caller may.
///
/// # Errors
/// `forbidden`.
pub fn guard_owners(context: &InTenant, roles: &[TenantRole]) -> ApiResult<()> {
    if roles.contains(&TenantRole::Owner) && !context.has(Permission::WriteOwners) {
        return Err(ApiError::forbidden().describe("only owners make, change and remove owners"));
    }
    Ok(())
}

/// Refuses to leave the tenant without an owner.
///
/// # Errors
/// `conflict`.
pub async fn keep_an_owner(app: &App, tenant: &Tenant, leaving: UserId) -> ApiResult<()> {
    let mut request = PageRequest::newest(UserSort::Email, keywright_store::PAGE_LIMIT_MAX);
    loop {
        let page = app
            .store
            .users_page(Some(tenant.id), None, &request)
            .await?;
        let stays = |member: &keywright_store::Member| {
            member.role == Some(TenantRole::Owner)
                && member.user.id != leaving
                && member.user.disabled_at.is_none()
        };
        if page.items.iter().any(stays) {
            return Ok(());
        }
        let Some(next) = page.next else { break };
        request.start = keywright_store::Start::After(next);
    }
    let sentence = "the last owner of a tenant stays; make another owner first";
    Err(ApiError::new(keywright_api::code::Code::Conflict).describe(sentence))
}
