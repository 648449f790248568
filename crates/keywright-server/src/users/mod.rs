//! Users of a tenant over HTTP, and their invitations.

pub mod create;
pub mod get;
pub mod invitations;
pub mod list;
pub mod remove;
pub mod sessions;
pub mod update;

use keywright_core::access::{Permission, within};
use keywright_core::id::UserId;
use keywright_core::tenant::Tenant;
use keywright_core::user::{Membership, TenantRole, User};
use keywright_store::{PageRequest, UserSort};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::{InTenant, Principal};
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

/// Refuses to give or touch a role that may do more than the caller (trust S6): owners are for owners, and
/// a system key is no way around what it may not do itself.
///
/// # Errors
/// `forbidden`.
pub fn guard_roles(context: &InTenant, roles: &[TenantRole]) -> ApiResult<()> {
    if roles.contains(&TenantRole::Owner) && !context.has(Permission::WriteOwners) {
        return Err(ApiError::forbidden().describe("only owners make, change and remove owners"));
    }
    if let Principal::Key(key) = &context.caller.principal
        && !roles
            .iter()
            .all(|role| within(&key.grants.effective, *role))
    {
        let sentence = "a key gives and touches only roles that may do no more than itself";
        return Err(ApiError::forbidden().describe(sentence));
    }
    Ok(())
}

/// An account that other tenants share, or that operates the platform, is not one tenant's to change.
///
/// # Errors
/// `forbidden`.
pub async fn guard_account(app: &App, context: &InTenant, user: &User) -> ApiResult<()> {
    let shared = app.store.memberships(user.id).await?.len() > 1;
    if (shared || user.platform_admin) && !context.has(Permission::Platform) {
        let sentence = "this account is shared with other tenants; remove the user instead";
        return Err(ApiError::forbidden().describe(sentence));
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
