//! What the cache holds: keys and tenants in the form that a check reads. Facts, never verdicts.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use keywright_core::id::{KeyId, UserId};
use keywright_core::key::{Key, Purpose, State};
use keywright_core::limit::Limits;
use keywright_core::plan::PlanName;
use keywright_core::policy::GrantLimit;
use keywright_core::restriction::{AddressRules, Restrictions};
use keywright_core::role::RoleName;
use keywright_core::scope::{Catalogue, EffectiveGrants, Grant};
use keywright_core::tenant::{EnvironmentName, Tenant};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Digest, PepperId};
use keywright_core::verify::KeyFacts;
use keywright_store::{OwnerRecord, TenantFacts, VerifyRecord};

use crate::counters::{Counters, Subject};
use crate::last_use::LastUse;

/// Sets of grants that a tenant's keys share. Above this many they are no longer shared, which
/// costs memory and nothing else.
const SHARED_MAX: usize = 10_000;

/// A tenant as checks see it.
#[derive(Debug)]
pub struct CompiledTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its scopes with what they imply.
    pub catalogue: Catalogue,
    /// The feed position from which it was loaded.
    pub(crate) loaded_at: u64,
    roles: HashMap<RoleName, Box<[Grant]>>,
    plans: HashMap<PlanName, Limits>,
    shared: Mutex<Shared>,
}

/// What the keys of a tenant have in common, kept once.
#[derive(Debug, Default)]
struct Shared {
    grants: HashMap<(GrantLimit, Vec<Grant>, Vec<RoleName>), Arc<CompiledGrants>>,
    owners: HashMap<UserId, Arc<OwnerRecord>>,
    environments: Vec<Arc<EnvironmentName>>,
}

/// The grants of a key, as given and with all that they imply.
#[derive(Debug)]
pub struct CompiledGrants {
    /// Granted directly.
    pub scopes: Box<[Grant]>,
    /// The roles.
    pub roles: Box<[RoleName]>,
    /// Everything that follows, less what the key's purpose keeps it from.
    pub effective: EffectiveGrants,
}

/// A key as checks see it.
#[derive(Debug)]
pub struct CompiledKey {
    /// Identifier.
    pub id: KeyId,
    /// Its tenant.
    pub tenant: Arc<CompiledTenant>,
    /// The user that it belongs to.
    pub owner: Option<Arc<OwnerRecord>>,
    /// What it may do.
    pub grants: Arc<CompiledGrants>,
    /// Where it works.
    pub environment: Arc<EnvironmentName>,
    /// What it is for.
    pub purpose: Option<Purpose>,
    /// End of its life.
    pub expires_at: Option<Timestamp>,
    /// Name for people.
    pub name: Option<Box<str>>,
    /// What else an answer shows; absent for keys that have none of it.
    pub labels: Option<Box<Labels>>,
    pub(crate) pepper: PepperId,
    pub(crate) loaded_at: u64,
    pub(crate) last_use: LastUse,
    /// What limits apply; `None` = none.
    pub limits: Option<Box<KeyLimits>>,
    /// `None` = as [`Conditions::default`], as most are: a key costs memory a million times.
    conditions: Option<Box<Conditions>>,
}

/// What the operator's own systems know a key by.
#[derive(Debug)]
pub struct Labels {
    /// The end customer in the operator's own system.
    pub external_id: Option<Box<str>>,
    /// A JSON object as text.
    pub metadata: Option<Box<str>>,
}

/// The limits of a key, and whoever else's it is held to.
#[derive(Debug)]
pub struct KeyLimits {
    /// Bytes that a request's body may have.
    pub payload_bytes_max: Option<u64>,
    /// Whose counters a check takes from, in the order of their names.
    pub subjects: Box<[Arc<Subject>]>,
}

/// What most keys are without.
#[derive(Debug, PartialEq)]
struct Conditions {
    state: State,
    not_before: Option<Timestamp>,
    addresses: AddressRules,
    restrictions: Option<Box<Restrictions>>,
    secret: Option<Digest>,
    sealed_secret: Option<Box<[u8]>>,
}

/// Of every key that has no conditions of its own.
static UNCONDITIONAL: LazyLock<Conditions> = LazyLock::new(Conditions::default);

impl Default for Conditions {
    fn default() -> Self {
        Self {
            state: State::Active,
            not_before: None,
            addresses: AddressRules::none(),
            restrictions: None,
            secret: None,
            sealed_secret: None,
        }
    }
}

impl CompiledTenant {
    /// Compiles a tenant whose load began at the feed position `loaded_at`.
    pub(crate) fn new(facts: TenantFacts, loaded_at: u64) -> Self {
        Self {
            tenant: facts.tenant,
            catalogue: facts.catalogue,
            loaded_at,
            roles: facts
                .roles
                .into_iter()
                .map(|role| (role.name, role.grants.into()))
                .collect(),
            plans: facts
                .plans
                .into_iter()
                .map(|plan| (plan.name, plan.limits))
                .collect(),
            shared: Mutex::default(),
        }
    }

    /// Whether the tenant has this role.
    #[must_use]
    pub fn has_role(&self, name: &RoleName) -> bool {
        self.roles.contains_key(name)
    }

    /// What a role grants; nothing when it is gone.
    pub fn role_grants(&self, name: &RoleName) -> impl Iterator<Item = &Grant> {
        self.roles.get(name).into_iter().flatten()
    }

    /// Whether the tenant has this plan.
    #[must_use]
    pub fn has_plan(&self, name: &PlanName) -> bool {
        self.plans.contains_key(name)
    }

    /// A key's own limits over those of its plan.
    #[must_use]
    pub fn limits(&self, own: &Limits, plan: Option<&PlanName>) -> Limits {
        match plan.and_then(|plan| self.plans.get(plan)) {
            Some(plan) => own.over(plan),
            None => own.clone(),
        }
    }

    fn grants(
        &self,
        limit: GrantLimit,
        scopes: Vec<Grant>,
        roles: Vec<RoleName>,
    ) -> Arc<CompiledGrants> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = (limit, scopes, roles);
        if let Some(known) = shared.grants.get(&wanted) {
            return known.clone();
        }
        // A role that is gone grants nothing.
        let by_role = wanted.2.iter().flat_map(|name| self.role_grants(name));
        let held: Vec<Grant> = by_role.chain(&wanted.1).cloned().collect();
        let compiled = Arc::new(CompiledGrants {
            scopes: wanted.1.clone().into(),
            roles: wanted.2.clone().into(),
            effective: limit.effective(&self.catalogue, &held),
        });
        if shared.grants.len() < SHARED_MAX {
            shared.grants.insert(wanted, compiled.clone());
        }
        compiled
    }

    fn owner(&self, owner: OwnerRecord) -> Arc<OwnerRecord> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared
            .owners
            .get(&owner.id)
            .filter(|known| ***known == owner)
        {
            return known.clone();
        }
        let owner = Arc::new(owner);
        if shared.owners.len() < SHARED_MAX {
            shared.owners.insert(owner.id, owner.clone());
        }
        owner
    }

    fn environment(&self, name: EnvironmentName) -> Arc<EnvironmentName> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.environments.iter().find(|known| ***known == name) {
            return known.clone();
        }
        let name = Arc::new(name);
        shared.environments.push(name.clone());
        name
    }
}

impl CompiledKey {
    /// Compiles a key whose load began at the feed position `loaded_at`.
    pub(crate) fn new(
        record: VerifyRecord,
        tenant: Arc<CompiledTenant>,
        loaded_at: u64,
        counters: &Counters,
    ) -> Self {
        let limits = key_limits(&record.key, &tenant, counters);
        let VerifyRecord {
            key,
            credentials,
            owner,
            sealed_secret,
        } = record;
        let attributes = key.attributes;
        let labels = Labels {
            external_id: attributes.external_id.map(Into::into),
            metadata: attributes.metadata.map(Into::into),
        };
        let labelled = labels.external_id.is_some() || labels.metadata.is_some();
        let conditions = Conditions {
            state: key.state,
            not_before: attributes.not_before,
            addresses: attributes.addresses,
            restrictions: attributes.restrictions,
            secret: credentials.secret,
            sealed_secret: sealed_secret.map(Into::into),
        };
        Self {
            id: key.id,
            owner: owner.map(|owner| tenant.owner(owner)),
            grants: tenant.grants(
                GrantLimit::of(key.purpose),
                attributes.scopes,
                attributes.roles,
            ),
            environment: tenant.environment(key.environment),
            purpose: key.purpose,
            expires_at: key.expires_at,
            name: attributes.name.map(Into::into),
            labels: labelled.then(|| Box::new(labels)),
            pepper: credentials.pepper,
            loaded_at,
            last_use: LastUse::default(),
            limits,
            conditions: (conditions != *UNCONDITIONAL).then(|| Box::new(conditions)),
            tenant,
        }
    }

    /// Of a pair whose requests are signed: its secret, sealed.
    pub(crate) fn sealed_secret(&self) -> Option<&[u8]> {
        self.conditions().sealed_secret.as_deref()
    }

    fn conditions(&self) -> &Conditions {
        match &self.conditions {
            Some(own) => own,
            None => &UNCONDITIONAL,
        }
    }

    /// The facts that `core::verify::judge` reads.
    #[must_use]
    pub fn facts(&self) -> KeyFacts<'_> {
        let conditions = self.conditions();
        KeyFacts {
            secret: conditions.secret.as_ref(),
            signed: conditions.sealed_secret.is_some(),
            state: &conditions.state,
            not_before: conditions.not_before,
            expires_at: self.expires_at,
            owner_active: self.owner.as_ref().is_none_or(|owner| owner.active),
            tenant_active: self.tenant.tenant.suspended_at.is_none(),
            environment: &self.environment,
            query_allowed: self.tenant.tenant.settings.query_credentials
                || self.purpose.is_some_and(Purpose::is_publishable),
            addresses: &conditions.addresses,
            restrictions: conditions.restrictions.as_deref(),
            grants: &self.grants.effective,
            payload_bytes_max: self.limits.as_ref().and_then(|it| it.payload_bytes_max),
        }
    }
}

fn key_limits(key: &Key, tenant: &CompiledTenant, counters: &Counters) -> Option<Box<KeyLimits>> {
    let limits = tenant.limits(&key.attributes.limits, key.attributes.plan.as_ref());
    if limits.is_empty() {
        return None;
    }
    let own = counters.subject_of(key, &limits);
    Some(Box::new(KeyLimits {
        payload_bytes_max: limits.payload_bytes_max,
        subjects: Box::new([own]),
    }))
}
