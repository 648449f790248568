//! What the tenant and the caller's own rights allow a key to be. The rules themselves stand in
//! core; here they get the fields of the request as their paths.

use keywright_api::error::Detail;
use keywright_api::key::expiry_detail;
use keywright_core::access::Permission;
use keywright_core::key::{Attributes, Kind, Purpose};
use keywright_core::policy::{ExpiryWish, GrantLimit};
use keywright_core::scope::Grant;
use keywright_core::tenant::{EnvironmentName, Tenant};
use keywright_core::time::Timestamp;
use keywright_engine::compiled::CompiledTenant;

use crate::caller::{Caller, InTenant, Principal};
use crate::error::{ApiError, ApiResult};

/// The prefix of the scopes that operate Keywright itself.
const MANAGEMENT: &str = "keywright:";

/// Scopes and roles that exist, and that the caller may give away.
///
/// # Errors
/// Every one that does not, with its path; `forbidden` for rights beyond the caller's.
pub fn check_grants(
    context: &InTenant,
    compiled: &CompiledTenant,
    kind: Kind,
    purpose: Option<Purpose>,
    attributes: &Attributes,
) -> ApiResult<()> {
    let mut details = Vec::new();
    let limit = GrantLimit::of(purpose);
    for (index, grant) in attributes.scopes.iter().enumerate() {
        if let Err(unknown) = compiled.catalogue.check_grants(std::slice::from_ref(grant)) {
            let fix = "use a scope of the tenant's catalogue, or add it there first";
            details.push(Detail::new(
                format!("scopes[{index}]"),
                unknown.to_string(),
                fix,
            ));
        } else if is_management(grant) && kind != Kind::System {
            let problem = format!("`{grant}` operates Keywright, which only system keys can do");
            let fix = "give `\"kind\": \"system\"`";
            details.push(Detail::new(format!("scopes[{index}]"), problem, fix));
        } else {
            let path = format!("scopes[{index}]");
            details.extend(forbidden(
                limit,
                compiled,
                path,
                std::slice::from_ref(grant),
            ));
        }
    }
    for (index, role) in attributes.roles.iter().enumerate() {
        if !compiled.has_role(role) {
            let problem = format!("the tenant has no role `{role}`");
            let fix = "use a role of the tenant, or add it first";
            details.push(Detail::new(format!("roles[{index}]"), problem, fix));
        } else {
            let held: Vec<Grant> = compiled.role_grants(role).cloned().collect();
            details.extend(forbidden(limit, compiled, format!("roles[{index}]"), &held));
        }
    }
    if !details.is_empty() {
        return Err(ApiError::invalid(details));
    }
    within_own_rights(context, compiled, attributes)
}

/// A plan that exists.
///
/// # Errors
/// One that does not, with its path.
pub fn check_plan(compiled: &CompiledTenant, attributes: &Attributes) -> ApiResult<()> {
    match &attributes.plan {
        Some(plan) if !compiled.has_plan(plan) => Err(ApiError::invalid_field(
            "plan",
            format!("the tenant has no plan `{plan}`"),
            "use a plan of the tenant, or add it first",
        )),
        _ => Ok(()),
    }
}

/// What the purpose of a key has against one of its scopes or roles.
fn forbidden(
    limit: GrantLimit,
    compiled: &CompiledTenant,
    path: String,
    grants: &[Grant],
) -> Option<Detail> {
    let refusal = limit.check(&compiled.catalogue, grants).err()?;
    let fix = "leave it out, or make a key of another purpose";
    Some(Detail::new(path, refusal.to_string(), fix))
}

/// Nobody hands out rights over Keywright that they do not have (trust S6).
fn within_own_rights(
    context: &InTenant,
    compiled: &CompiledTenant,
    attributes: &Attributes,
) -> ApiResult<()> {
    let direct = attributes.scopes.iter();
    let by_role = attributes
        .roles
        .iter()
        .flat_map(|role| compiled.role_grants(role));
    let beyond = direct
        .chain(by_role)
        .filter(|grant| is_management(grant))
        .find(|grant| !may_give(context, compiled, grant));
    match beyond {
        Some(grant) => Err(ApiError::forbidden().describe(format!(
            "you cannot give `{grant}` to a key without having it yourself"
        ))),
        None => Ok(()),
    }
}

fn may_give(context: &InTenant, compiled: &CompiledTenant, grant: &Grant) -> bool {
    match &context.caller.principal {
        Principal::User(_) => context.has(Permission::WriteTenant),
        Principal::Key(key) => {
            let held = &key.grants.effective;
            let wanted = compiled.catalogue.scopes_under(grant);
            wanted.iter().all(|scope| held.allows(scope))
        }
    }
}

/// Whether a grant reaches the scopes that operate Keywright.
#[must_use]
pub fn is_management(grant: &Grant) -> bool {
    grant.to_string().starts_with(MANAGEMENT)
}

/// The environment of a new key.
///
/// # Errors
/// One that the tenant does not have.
pub fn environment(tenant: &Tenant, wish: Option<EnvironmentName>) -> ApiResult<EnvironmentName> {
    let environments = &tenant.settings.environments;
    let names = || {
        environments
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match wish {
        Some(name) if tenant.settings.environment(&name).is_some() => Ok(name),
        Some(name) => Err(ApiError::invalid_field(
            "environment",
            format!("the tenant has no environment `{name}`"),
            format!("use one of: {}", names()),
        )),
        None => environments
            .first()
            .map(|environment| environment.name.clone())
            .ok_or_else(|| ApiError::internal("a tenant without environments")),
    }
}

/// The end of a key's life under the tenant's policy, in whole seconds as the API shows it.
///
/// # Errors
/// What the policy has against it.
pub fn expiry(
    tenant: &Tenant,
    wish: ExpiryWish,
    purpose: Option<Purpose>,
    environment: &EnvironmentName,
    now: Timestamp,
) -> ApiResult<Option<Timestamp>> {
    tenant
        .settings
        .expiry
        .expiry(wish, purpose, environment, now)
        .map_err(|refusal| ApiError::invalid(vec![expiry_detail(wish, refusal)]))
}

/// The caller's user, who owns what they create; a system key creates for its own owner.
#[must_use]
pub fn own_user(caller: &Caller) -> Option<keywright_core::id::UserId> {
    match &caller.principal {
        Principal::User(user) => Some(user.user.id),
        Principal::Key(key) => key.owner.as_ref().map(|owner| owner.id),
    }
}
