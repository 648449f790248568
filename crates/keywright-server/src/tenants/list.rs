//! `list_tenants`: `GET /api/v1/tenants`.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use keywright_api::tenant::TenantBody;
use keywright_store::{Page, TenantSort, Total};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::{Caller, Principal};
use crate::error::ApiResult;
use crate::paging::Paging;
use crate::query::Query;

/// Filters of a list of tenants.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ListTenants {
    /// Found in slug and name; for platform administrators.
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

/// Lists tenants
///
/// Platform administrators see all, others those that they belong to.
#[utoipa::path(
    get, path = "/api/v1/tenants", operation_id = "list_tenants", tag = "tenants",
    params(ListTenants), responses((status = 200, body = Vec<TenantBody>)),
)]
pub async fn list_tenants(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<ListTenants>,
) -> ApiResult<Response> {
    const LIST: &str = "tenants";
    let paging = Paging {
        page: query.page,
        per_page: query.per_page,
        cursor: query.cursor,
    };
    let request = paging.request(&app, LIST, TenantSort::default(), false)?;
    let page = match &caller.principal {
        Principal::User(it) if it.user.platform_admin => {
            app.store
                .tenants_page(query.search.as_deref(), &request)
                .await?
        }
        Principal::User(it) => {
            let mut own = Vec::new();
            for membership in &it.memberships {
                own.extend(app.store.tenant(&membership.tenant.to_string()).await?);
            }
            own.sort_by(|a, b| a.slug.cmp(&b.slug));
            Page {
                total: Total::Exact(own.len() as u64),
                items: own,
                next: None,
            }
        }
        Principal::Key(key) => {
            let own = vec![key.tenant.tenant.clone()];
            Page {
                total: Total::Exact(1),
                items: own,
                next: None,
            }
        }
    };
    Ok(paging.answer(&app, LIST, &uri, &page, TenantBody::new))
}
