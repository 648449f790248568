//! What a leaf says of a change: the fields that changed, before and after. Personal data stands as
//! `"sealed"`, so that erasing a person never breaks a leaf; secrets have no field here at all.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::json::{Object, quoted};
use crate::change::{Change, Edit, InvitationOperation, SessionOperation, SigningKeyRecord};
use crate::key::{Key, State};
use crate::plan::{Plan, PlanName};
use crate::restriction::{Clients, Restrictions};
use crate::role::Role;
use crate::scope::CatalogueEntry;
use crate::tenant::Tenant;
use crate::time::Timestamp;
use crate::user::{Invitation, Membership, Session, User};

/// What stands for a value that is personal.
const SEALED: &str = "\"sealed\"";

/// A field of a thing.
struct Field {
    name: &'static str,
    /// Tells whether it changed; never printed.
    compared: String,
    /// The value as JSON.
    printed: String,
}

/// Whether what the change tells of succeeded.
pub(super) fn succeeded(change: &Change) -> bool {
    match change {
        Change::Event(event) => event.success,
        Change::Key { .. }
        | Change::Tenant(_)
        | Change::Scope(..)
        | Change::Role(..)
        | Change::Plan(..)
        | Change::User(..)
        | Change::Membership(_)
        | Change::Session(..)
        | Change::Invitation(..)
        | Change::RequestSigning(_)
        | Change::SigningKey(_) => true,
    }
}

/// The changed fields as a JSON object of `[before, after]`.
pub(super) fn changes(change: &Change) -> String {
    match change {
        Change::Key { change, .. } => {
            difference(change.before.as_deref(), change.after.as_deref(), key)
        }
        Change::Tenant(it) => edit(it, tenant),
        Change::Scope(_, it) => edit(it, scope),
        Change::Role(_, it) => edit(it, role),
        Change::Plan(_, it) => edit(it, plan),
        Change::User(it, password) => {
            let mut fields = edit(it, user);
            if password.is_some() {
                let comma = if fields.len() > 2 { "," } else { "" };
                fields.pop();
                fields.push_str(&format!("{comma}\"password\":[null,\"set\"]}}"));
            }
            fields
        }
        Change::Membership(it) => edit(it, membership),
        Change::Session(operation, it, _) => match operation {
            SessionOperation::SignIn => difference(None, Some(&**it), session),
            // The tokens are new, and no field of the session itself.
            SessionOperation::Renew => String::from("{}"),
            SessionOperation::End => difference(Some(&**it), None, session),
        },
        Change::Invitation(operation, it, _) => match operation {
            InvitationOperation::Create => difference(None, Some(&**it), invitation),
            InvitationOperation::Accept | InvitationOperation::Withdraw => {
                difference(Some(&**it), None, invitation)
            }
        },
        Change::RequestSigning(_) => String::from("{\"secret\":[null,\"set\"]}"),
        Change::SigningKey(it) => edit(it, signing_key),
        Change::Event(_) => String::from("{}"),
    }
}

fn edit<T>(edit: &Edit<T>, fields: impl Fn(&T) -> Vec<Field>) -> String {
    difference(edit.before(), edit.after(), fields)
}

fn difference<T>(
    before: Option<&T>,
    after: Option<&T>,
    fields: impl Fn(&T) -> Vec<Field>,
) -> String {
    let (before, after) = (before.map(&fields), after.map(&fields));
    let mut object = Object::new();
    let named = after.as_ref().or(before.as_ref());
    for (index, field) in named.into_iter().flatten().enumerate() {
        let side = |fields: &Option<Vec<Field>>| -> (String, String) {
            let found = fields.as_ref().and_then(|fields| fields.get(index));
            found.map_or_else(
                || (null(), null()),
                |field| (field.compared.clone(), field.printed.clone()),
            )
        };
        let ((was, was_printed), (is, is_printed)) = (side(&before), side(&after));
        if was != is {
            object.raw(field.name, &format!("[{was_printed},{is_printed}]"));
        }
    }
    object.finish()
}

fn key(key: &Key) -> Vec<Field> {
    let attributes = &key.attributes;
    let (state, reason) = match &key.state {
        State::Active => ("active", None),
        State::Disabled { .. } => ("disabled", None),
        State::Revoked { reason, .. } => ("revoked", reason.as_deref()),
    };
    vec![
        field("name", maybe(attributes.name.as_deref())),
        field("description", maybe(attributes.description.as_deref())),
        field("format", quoted(key.format.as_str())),
        field("kind", quoted(key.kind.as_str())),
        field(
            "purpose",
            maybe(key.purpose.map(|purpose| purpose.as_str())),
        ),
        field("hint", quoted(&key.hint)),
        field("environment", quoted(key.environment.as_str())),
        field(
            "owner",
            maybe(key.owner.map(|owner| owner.to_string()).as_deref()),
        ),
        field("state", quoted(state)),
        field("reason", maybe(reason)),
        field("scopes", list(&attributes.scopes)),
        field("roles", list(&attributes.roles)),
        field("tags", list(&attributes.tags)),
        field("metadata", maybe(attributes.metadata.as_deref())),
        field("external_id", maybe(attributes.external_id.as_deref())),
        field("ip_allow", list(&attributes.addresses.allow)),
        field("ip_deny", list(&attributes.addresses.deny)),
        field("limits", quoted(&attributes.limits.to_string())),
        field(
            "plan",
            maybe(attributes.plan.as_ref().map(PlanName::as_str)),
        ),
        field(
            "restrictions",
            restrictions(attributes.restrictions.as_deref()),
        ),
        field("not_before", moment(attributes.not_before)),
        field("expires_at", moment(key.expires_at)),
        field("lineage", quoted(&key.lineage.to_string())),
        field("version", format!("{}", key.version)),
    ]
}

/// What else restricts a key, as one object; members without a rule are left out.
fn restrictions(rules: Option<&Restrictions>) -> String {
    let Some(rules) = rules else { return null() };
    let mut object = Object::new();
    let mut put = |name, printed: String| {
        if printed != "[]" {
            object.raw(name, &printed);
        }
    };
    match &rules.clients {
        None => {}
        Some(Clients::Referrers(sites)) => put("referrers", list(sites)),
        Some(Clients::Android(apps)) => put("android_apps", list(apps)),
        Some(Clients::Ios(bundles)) => put("ios_bundles", list(bundles)),
    }
    put("countries_allow", list(&rules.countries.allow));
    put("countries_deny", list(&rules.countries.deny));
    put("networks_allow", list(&rules.networks.allow));
    put("networks_deny", list(&rules.networks.deny));
    put("time_windows", list(&rules.windows));
    if let Some(end) = rules.paused_until {
        put("paused_until", moment(Some(end)));
    }
    object.finish()
}

fn tenant(tenant: &Tenant) -> Vec<Field> {
    let settings = &tenant.settings;
    let environments: Vec<String> = settings
        .environments
        .iter()
        .map(|environment| format!("{}={}", environment.name, environment.tag.as_str()))
        .collect();
    let rules: Vec<String> = settings
        .expiry
        .rules
        .iter()
        .map(|rule| {
            let purpose = rule.purpose.map_or("*", |purpose| purpose.as_str());
            let environment = rule.environment.as_ref().map_or("*", |name| name.as_str());
            format!("{purpose} {environment} {}", rule.max_days)
        })
        .collect();
    vec![
        field("slug", quoted(tenant.slug.as_str())),
        field("name", quoted(&tenant.name)),
        field("suspended_at", moment(tenant.suspended_at)),
        field("prefix", quoted(settings.opaque.prefix().as_str())),
        field(
            "random_length",
            format!("{}", settings.opaque.random_length()),
        ),
        field("alphabet", quoted(settings.opaque.alphabet().name())),
        field("default_format", quoted(settings.default_format.as_str())),
        field("jwt_algorithm", quoted(settings.jwt_algorithm.name())),
        field("audience", quoted(&settings.audience)),
        field("environments", list(&environments)),
        field(
            "query_credentials",
            format!("{}", settings.query_credentials),
        ),
        field("default_days", format!("{}", settings.expiry.default_days)),
        field(
            "never_allowed",
            format!("{}", settings.expiry.never_allowed),
        ),
        field("expiry_rules", list(&rules)),
    ]
}

fn scope(entry: &CatalogueEntry) -> Vec<Field> {
    vec![
        field("scope", quoted(entry.scope.as_str())),
        field("description", quoted(&entry.description)),
        field("implies", list(&entry.implies)),
    ]
}

fn role(role: &Role) -> Vec<Field> {
    vec![
        field("name", quoted(role.name.as_str())),
        field("description", quoted(&role.description)),
        field("scopes", list(&role.grants)),
    ]
}

fn plan(plan: &Plan) -> Vec<Field> {
    vec![
        field("name", quoted(plan.name.as_str())),
        field("description", quoted(&plan.description)),
        field("limits", quoted(&plan.limits.to_string())),
    ]
}

fn user(user: &User) -> Vec<Field> {
    vec![
        personal("email", Some(&user.email)),
        personal("name", user.name.as_deref()),
        field("platform_admin", format!("{}", user.platform_admin)),
        field("disabled_at", moment(user.disabled_at)),
    ]
}

fn membership(membership: &Membership) -> Vec<Field> {
    vec![field("role", quoted(membership.role.as_str()))]
}

fn session(session: &Session) -> Vec<Field> {
    vec![
        field("user", quoted(&session.user.to_string())),
        field("carrier", quoted(session.carrier.as_str())),
        field("expires_at", moment(Some(session.expires_at))),
    ]
}

fn invitation(invitation: &Invitation) -> Vec<Field> {
    vec![
        personal("email", invitation.email.as_deref()),
        field("role", quoted(invitation.role.as_str())),
        field("expires_at", moment(Some(invitation.expires_at))),
    ]
}

fn signing_key(key: &SigningKeyRecord) -> Vec<Field> {
    vec![
        field("kid", quoted(&key.kid)),
        field("algorithm", quoted(key.algorithm.name())),
        field("active_at", moment(Some(key.active_at))),
        field("retired_at", moment(key.retired_at)),
    ]
}

fn null() -> String {
    String::from("null")
}

fn maybe(text: Option<&str>) -> String {
    text.map_or_else(null, quoted)
}

fn field(name: &'static str, value: String) -> Field {
    Field {
        name,
        compared: value.clone(),
        printed: value,
    }
}

/// The value cannot stand here; that it changed can.
fn personal(name: &'static str, text: Option<&str>) -> Field {
    Field {
        name,
        compared: maybe(text),
        printed: text.map_or_else(null, |_| SEALED.into()),
    }
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(null, |at| quoted(&super::rfc3339(at)))
}

fn list<T: ToString>(values: &[T]) -> String {
    let printed: Vec<String> = values
        .iter()
        .map(|value| quoted(&value.to_string()))
        .collect();
    format!("[{}]", printed.join(","))
}
