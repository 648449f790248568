//! `list_users` of a tenant, and `list_all_users` of the installation.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use keywright_api::user::UserBody;
use keywright_core::access::Permission;
use keywright_core::id::TenantId;
use keywright_store::UserSort;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::{Caller, InTenant};
use crate::error::ApiResult;
use crate::paging::Paging;
use crate::query::Query;

/// Filters of a list of users.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ListUsers {
    /// Found in address and name.
    #[param(max_length = 200)]
    search: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1, maximum = 100_000)]
    page: Option<u32>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u32>,
    /// Where to go on: the `X-Next-Cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the users of a tenant
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/users", operation_id = "list_users", tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"), ListUsers),
    responses((status = 200, body = Vec<UserBody>)),
)]
pub async fn list_users(
    State(app): State<App>,
    context: InTenant,
    uri: Uri,
    Query(query): Query<ListUsers>,
) -> ApiResult<Response> {
    context.require(Permission::ReadUsers)?;
    page(&app, Some(context.tenant.id), &uri, query).await
}

/// Lists every user of the installation
///
/// For platform administrators.
#[utoipa::path(
    get, path = "/api/v1/users", operation_id = "list_all_users", tag = "users",
    params(ListUsers), responses((status = 200, body = Vec<UserBody>)),
)]
pub async fn list_all_users(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<ListUsers>,
) -> ApiResult<Response> {
    caller.require_platform()?;
    page(&app, None, &uri, query).await
}

async fn page(
    app: &App,
    tenant: Option<TenantId>,
    uri: &Uri,
    query: ListUsers,
) -> ApiResult<Response> {
    let list = format!(
        "users {}",
        tenant.map(|tenant| tenant.to_string()).unwrap_or_default()
    );
    let paging = Paging {
        page: query.page,
        per_page: query.per_page,
        cursor: query.cursor,
    };
    let request = paging.request(app, &list, UserSort::default(), false)?;
    let page = app
        .store
        .users_page(tenant, query.search.as_deref(), &request)
        .await?;
    let shown = |member: &keywright_store::Member| UserBody::new(&member.user, member.role, None);
    Ok(paging.answer(app, &list, uri, &page, shown))
}
