//! Tenants over HTTP: `create_tenant`, `list_tenants`, `get_tenant`, `update_tenant`.

pub mod create;
pub mod get;
pub mod list;
pub mod update;

use axum::response::Response;
use http::{StatusCode, header};
use keywright_api::tenant::TenantBody;
use keywright_core::change::{Change, Edit};
use keywright_core::id::TenantId;
use keywright_core::role::Role;
use keywright_core::scope::Catalogue;
use keywright_core::tenant::{Settings, Slug, Tenant};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::body::answer;
use crate::etag;

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create::create_tenant, list::list_tenants))
        .routes(routes!(get::get_tenant, update::update_tenant))
}

/// The changes that make a tenant with the common scopes, roles and settings.
#[must_use]
pub fn founding(app: &App, slug: Slug, name: String) -> (Tenant, Vec<Change>) {
    let now = app.now();
    let tenant = Tenant {
        id: TenantId::new(now, &mut app.entropy()),
        settings: Settings::new(&slug),
        slug,
        name,
        suspended_at: None,
        created_at: now,
        version: 1,
    };
    let id = tenant.id;
    let mut changes = vec![Change::Tenant(Edit::create(tenant.clone()))];
    let entries = Catalogue::common().entries().to_vec();
    changes.extend(
        entries
            .into_iter()
            .map(|entry| Change::Scope(id, Edit::create(entry))),
    );
    changes.extend(
        Role::common()
            .into_iter()
            .map(|role| Change::Role(id, Edit::create(role))),
    );
    (tenant, changes)
}

/// The answer that shows a tenant, with its `ETag`.
#[must_use]
pub fn show(status: StatusCode, tenant: &Tenant) -> Response {
    let mut response = answer(status, &TenantBody::new(tenant));
    response
        .headers_mut()
        .insert(header::ETAG, etag::of(tenant.version));
    response
}
