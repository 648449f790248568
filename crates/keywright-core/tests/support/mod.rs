//! Owned facts, from which a check's borrowed ones are made.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use keywright_core::key::State;
use keywright_core::permission::Expression;
use keywright_core::policy::GrantLimit;
use keywright_core::restriction::place::{Country, NetworkNumber};
use keywright_core::restriction::window::{CivilTime, Weekday};
use keywright_core::restriction::{AddressRules, Circumstances, Restrictions};
use keywright_core::role::Role;
use keywright_core::scope::{Catalogue, EffectiveGrants, Grant};
use keywright_core::tenant::EnvironmentName;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::Digest;
use keywright_core::verify::{KeyFacts, PresentedIn, Proof, Request};
use std::net::IpAddr;

pub(crate) const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);

/// A key as a check knows it, owned.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) secret: Option<Digest>,
    pub(crate) signed: bool,
    pub(crate) state: State,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) owner_active: bool,
    pub(crate) tenant_active: bool,
    pub(crate) environment: EnvironmentName,
    pub(crate) query_allowed: bool,
    pub(crate) addresses: AddressRules,
    pub(crate) limit: GrantLimit,
    pub(crate) restrictions: Option<Box<Restrictions>>,
    pub(crate) scopes: Vec<Grant>,
    pub(crate) effective: EffectiveGrants,
    pub(crate) payload_bytes_max: Option<u64>,
}

/// A request, owned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) secret: Option<Digest>,
    pub(crate) signature: Option<Proof>,
    pub(crate) environment: Option<EnvironmentName>,
    pub(crate) presented_in: PresentedIn,
    pub(crate) permissions: Option<Expression>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) bytes: u64,
    pub(crate) told: Told,
}

/// What the client says of itself, owned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) origin: Option<String>,
    pub(crate) referrer: Option<String>,
    pub(crate) country: Option<Country>,
    pub(crate) network: Option<NetworkNumber>,
    pub(crate) android_package: Option<String>,
    pub(crate) android_certificate: Option<String>,
    pub(crate) ios_bundle: Option<String>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            secret: None,
            signed: false,
            state: State::Active,
            not_before: None,
            expires_at: None,
            owner_active: true,
            tenant_active: true,
            environment: "production".parse().unwrap(),
            query_allowed: false,
            addresses: AddressRules::default(),
            limit: GrantLimit::None,
            restrictions: None,
            scopes: Vec::new(),
            effective: EffectiveGrants::default(),
            payload_bytes_max: None,
        }
    }
}

impl Facts {
    /// With these scopes and roles of the common tenant.
    pub(crate) fn granting(mut self, scopes: &[&str], roles: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|scope| scope.parse().unwrap()).collect();
        let common = Role::common();
        let by_role = common
            .iter()
            .filter(|role| roles.contains(&role.name.as_str()))
            .flat_map(|role| role.grants.clone());
        let held: Vec<Grant> = by_role.chain(self.scopes.iter().cloned()).collect();
        self.effective = self.limit.effective(&Catalogue::common(), &held);
        self
    }

    pub(crate) fn borrow(&self) -> KeyFacts<'_> {
        KeyFacts {
            secret: self.secret.as_ref(),
            signed: self.signed,
            state: &self.state,
            not_before: self.not_before,
            expires_at: self.expires_at,
            owner_active: self.owner_active,
            tenant_active: self.tenant_active,
            environment: &self.environment,
            query_allowed: self.query_allowed,
            addresses: &self.addresses,
            restrictions: self.restrictions.as_deref(),
            grants: &self.effective,
            payload_bytes_max: self.payload_bytes_max,
        }
    }
}

/// The clock of UTC: what other zones show is the engine's to know.
fn universal_clock(zone: &str, now: Timestamp) -> Option<CivilTime> {
    let minutes = now.seconds() / 60;
    // 1 January 1970 was a Thursday.
    let day = usize::try_from((minutes / 1_440 + 3) % 7).unwrap();
    Some(CivilTime {
        weekday: *Weekday::ALL.get(day).unwrap(),
        minute: u16::try_from(minutes % 1_440).unwrap(),
    })
    .filter(|_| zone == "UTC")
}

impl Ask {
    pub(crate) fn borrow(&self) -> Request<'_> {
        Request {
            secret: self.secret,
            signature: self.signature,
            environment: self.environment.as_ref(),
            presented_in: self.presented_in,
            permissions: self.permissions.as_ref(),
            address: self.address,
            bytes: self.bytes,
            circumstances: Circumstances {
                origin: self.told.origin.as_deref(),
                referrer: self.told.referrer.as_deref(),
                country: self.told.country,
                network: self.told.network,
                android_package: self.told.android_package.as_deref(),
                android_certificate: self.told.android_certificate.as_deref(),
                ios_bundle: self.told.ios_bundle.as_deref(),
                zone_clock: Some(universal_clock),
            },
        }
    }
}
