//! What a leaf says of a change: the fields that changed, before and after. Personal data stands as
//! `"sealed"`, so that erasing a person never breaks a leaf; secrets have no field here at all.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::json::{Object, quoted};
use crate::change::{Change, Edit, SigningKeyRecord};
use crate::key::{Key, State};
use crate::role::Role;
use crate::scope::CatalogueEntry;
use crate::tenant::Tenant;
use crate::time::Timestamp;
use crate::user::{Invitation, Membership, Session, User};

/// A field and its value as JSON.
type Field = (&'static str, String);

/// Whether what the change tells of succeeded.
pub(super) fn succeeded(change: &Change) -> bool {
    match change {
        Change::Event(event) => event.success,
        Change::Key { .. }
        | Change::Tenant(_)
        | Change::Scope(..)
        | Change::Role(..)
        | Change::User(..)
        | Change::Membership(_)
        | Change::Session(..)
        | Change::Invitation(..)
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
        Change::Session(_, it, _) => difference(None, Some(&**it), session),
        Change::Invitation(_, it, _) => difference(None, Some(&**it), invitation),
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
    for (index, (name, _)) in named.into_iter().flatten().enumerate() {
        let value = |side: &Option<Vec<Field>>| {
            let field = side.as_ref().and_then(|fields| fields.get(index));
            field.map_or_else(null, |(_, value)| value.clone())
        };
        let (was, is) = (value(&before), value(&after));
        if was != is {
            object.raw(name, &format!("[{was},{is}]"));
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
        ("name", maybe(attributes.name.as_deref())),
        ("description", maybe(attributes.description.as_deref())),
        ("format", quoted(key.format.as_str())),
        ("kind", quoted(key.kind.as_str())),
        ("purpose", maybe(key.purpose.map(|purpose| purpose.as_str()))),
        ("hint", quoted(&key.hint)),
        ("environment", quoted(key.environment.as_str())),
        ("owner", maybe(key.owner.map(|owner| owner.to_string()).as_deref())),
        ("state", quoted(state)),
        ("reason", maybe(reason)),
        ("scopes", list(&attributes.scopes)),
        ("roles", list(&attributes.roles)),
        ("tags", list(&attributes.tags)),
        ("metadata", maybe(attributes.metadata.as_deref())),
        ("external_id", maybe(attributes.external_id.as_deref())),
        ("ip_allow", list(&attributes.addresses.allow)),
        ("ip_deny", list(&attributes.addresses.deny)),
        ("not_before", moment(attributes.not_before)),
        ("expires_at", moment(key.expires_at)),
        ("lineage", quoted(&key.lineage.to_string())),
        ("version", format!("{}", key.version)),
    ]
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
        ("slug", quoted(tenant.slug.as_str())),
        ("name", quoted(&tenant.name)),
        ("suspended_at", moment(tenant.suspended_at)),
        ("prefix", quoted(settings.opaque.prefix().as_str())),
        ("random_length", format!("{}", settings.opaque.random_length())),
        ("alphabet", quoted(settings.opaque.alphabet().name())),
        ("default_format", quoted(settings.default_format.as_str())),
        ("jwt_algorithm", quoted(settings.jwt_algorithm.name())),
        ("audience", quoted(&settings.audience)),
        ("environments", list(&environments)),
        ("default_days", format!("{}", settings.expiry.default_days)),
        ("never_allowed", format!("{}", settings.expiry.never_allowed)),
        ("expiry_rules", list(&rules)),
    ]
}

fn scope(entry: &CatalogueEntry) -> Vec<Field> {
    vec![
        ("scope", quoted(entry.scope.as_str())),
        ("description", quoted(&entry.description)),
        ("implies", list(&entry.implies)),
    ]
}

fn role(role: &Role) -> Vec<Field> {
    vec![
        ("name", quoted(role.name.as_str())),
        ("description", quoted(&role.description)),
        ("scopes", list(&role.grants)),
    ]
}

fn user(user: &User) -> Vec<Field> {
    // The value cannot stand here; that it changed can.
    vec![
        ("email", personal(Some(&user.email))),
        ("name", personal(user.name.as_deref())),
        ("platform_admin", format!("{}", user.platform_admin)),
        ("disabled_at", moment(user.disabled_at)),
    ]
}

fn membership(membership: &Membership) -> Vec<Field> {
    vec![("role", quoted(membership.role.as_str()))]
}

fn session(session: &Session) -> Vec<Field> {
    vec![
        ("user", quoted(&session.user.to_string())),
        ("carrier", quoted(session.carrier.as_str())),
        ("expires_at", moment(Some(session.expires_at))),
    ]
}

fn invitation(invitation: &Invitation) -> Vec<Field> {
    vec![
        ("email", personal(invitation.email.as_deref())),
        ("role", quoted(invitation.role.as_str())),
        ("expires_at", moment(Some(invitation.expires_at))),
    ]
}

fn signing_key(key: &SigningKeyRecord) -> Vec<Field> {
    vec![
        ("kid", quoted(&key.kid)),
        ("algorithm", quoted(key.algorithm.name())),
        ("active_at", moment(Some(key.active_at))),
        ("retired_at", moment(key.retired_at)),
    ]
}

fn null() -> String {
    String::from("null")
}

fn maybe(text: Option<&str>) -> String {
    text.map_or_else(null, quoted)
}

fn personal(text: Option<&str>) -> String {
    text.map_or_else(null, |_| quoted("sealed"))
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(null, |at| quoted(&super::rfc3339(at)))
}

fn list<T: ToString>(values: &[T]) -> String {
    let printed: Vec<String> = values.iter().map(|value| quoted(&value.to_string())).collect();
    format!("[{}]", printed.join(","))
}
