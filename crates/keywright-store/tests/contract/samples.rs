//! Things to store. Everything random comes from a counter, so that a failure repeats.

use keywright_core::change::{Change, Credentials, Edit, SessionTokens, SigningKeyRecord};
use keywright_core::id::{InvitationId, KeyId, SessionId, TenantId, UserId};
use keywright_core::key::{Attributes, Format, Key, Kind, State};
use keywright_core::restriction::app::AndroidApp;
use keywright_core::restriction::place::{Lists, NetworkNumber};
use keywright_core::restriction::window::{TimeWindow, Weekday};
use keywright_core::restriction::{AddressRules, Clients, Restrictions};
use keywright_core::tenant::{Settings, Tenant};
use keywright_core::token::jwt::SigningAlgorithm;
use keywright_core::token::{Digest, Entropy, PepperId};
use keywright_core::user::{Carrier, Invitation, Membership, Session, TenantRole, User};

use crate::fixture::NOW;

/// A small generator (SplitMix64): repeatable, and good enough to spread samples.
pub(crate) struct Samples(u64);

impl Entropy for Samples {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.number().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

impl Samples {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap();
        &choices[index]
    }

    pub(crate) fn digest(&mut self) -> Digest {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        Digest::from_bytes(bytes)
    }

    pub(crate) fn tenant(&mut self, slug: &str) -> Tenant {
        let slug = slug.parse().unwrap();
        Tenant {
            id: TenantId::new(NOW, self),
            name: format!("The {slug} company"),
            suspended_at: None,
            settings: Settings::new(&slug),
            created_at: NOW,
            version: 1,
            slug,
        }
    }

    pub(crate) fn user(&mut self, email: &str) -> User {
        User {
            id: UserId::new(NOW, self),
            email: email.into(),
            name: None,
            platform_admin: false,
            disabled_at: None,
            created_at: NOW,
            version: 1,
        }
    }

    pub(crate) fn key(&mut self, tenant: TenantId) -> Key {
        let id = KeyId::new(NOW, self);
        Key {
            id,
            tenant,
            lineage: id,
            format: Format::Opaque,
            kind: Kind::Application,
            purpose: None,
            hint: "kw_live_...x7Qz".into(),
            environment: "production".parse().unwrap(),
            owner: None,
            attributes: Attributes {
                name: Some("Billing".into()),
                ..Attributes::default()
            },
            created_at: NOW,
            expires_at: None,
            state: State::Active,
            version: 1,
        }
    }

    /// A key with something in every field.
    pub(crate) fn full_key(&mut self, tenant: TenantId, owner: UserId) -> Key {
        let key = self.key(tenant);
        Key {
            lineage: KeyId::new(NOW, self),
            format: Format::Pair,
            purpose: keywright_core::key::Purpose::ALL.first().copied(),
            owner: Some(owner),
            attributes: Attributes {
                name: Some("Billing \u{e9}\u{1f511} \"50%_\\\"".into()),
                description: Some("Two\nlines".into()),
                scopes: ["api:read", "deploy:*"]
                    .map(|grant| grant.parse().unwrap())
                    .into(),
                roles: vec!["read-only".parse().unwrap()],
                tags: vec!["red".into(), "a,\"b\"".into()],
                metadata: Some("{\"a\":[1,2]}".into()),
                external_id: Some("customer-7".into()),
                addresses: AddressRules {
                    allow: ["10.0.0.0/8", "2001:db8::/32"]
                        .map(|net| net.parse().unwrap())
                        .into(),
                    deny: ["10.1.2.3"].map(|net| net.parse().unwrap()).into(),
                },
                restrictions: restrictions(),
                not_before: Some(NOW),
                limits: "per_second=5 per_day=100 meter:tokens=1000/month"
                    .parse()
                    .unwrap(),
                plan: None,
            },
            expires_at: Some(NOW.plus_days(30)),
            ..key
        }
    }

    pub(crate) fn credentials(&mut self) -> Credentials {
        Credentials {
            pepper: PepperId(1),
            lookup: self.digest(),
            secret: None,
        }
    }

    /// The creation of a key with new digests.
    pub(crate) fn creation(&mut self, key: Key) -> Change {
        Change::Key {
            change: key.create(),
            credentials: Some(self.credentials()),
        }
    }

    pub(crate) fn session(&mut self, user: UserId) -> Session {
        Session {
            id: SessionId::new(NOW, self),
            user,
            carrier: Carrier::Bearer,
            created_at: NOW,
            renewed_at: NOW,
            access_expires_at: NOW.plus_milliseconds(900_000),
            expires_at: NOW.plus_days(30),
            origin: Some(vec![1, 2, 3]),
        }
    }

    pub(crate) fn tokens(&mut self) -> SessionTokens {
        SessionTokens {
            access: self.digest(),
            refresh: Some(self.digest()),
            replaces: None,
        }
    }

    pub(crate) fn invitation(&mut self, tenant: Option<TenantId>) -> Invitation {
        Invitation {
            id: InvitationId::new(NOW, self),
            tenant,
            email: Some("new@example.com".into()),
            role: TenantRole::Member,
            created_at: NOW,
            expires_at: NOW.plus_days(7),
        }
    }

    pub(crate) fn signing_key(&mut self, tenant: TenantId) -> SigningKeyRecord {
        SigningKeyRecord {
            kid: self.digest().to_hex(),
            tenant,
            algorithm: SigningAlgorithm::EdDsa,
            public_jwk: "{\"kty\":\"OKP\"}".into(),
            sealed_private: vec![9; 40],
            active_at: NOW,
            retired_at: None,
            created_at: NOW,
        }
    }
}

/// A rule of every kind but for two kinds of clients, which are one field.
fn restrictions() -> Option<Box<Restrictions>> {
    let rules = Restrictions {
        clients: Some(Clients::Android(Box::new([AndroidApp {
            package: "com.example.app".parse().unwrap(),
            certificate: "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33"
                .parse()
                .unwrap(),
        }]))),
        countries: Lists {
            allow: ["DE", "FR"].map(|code| code.parse().unwrap()).into(),
            deny: ["AT"].map(|code| code.parse().unwrap()).into(),
        },
        networks: Lists {
            allow: [NetworkNumber::new(64_496).unwrap()].into(),
            deny: [NetworkNumber::new(u32::MAX).unwrap()].into(),
        },
        windows: Box::new([TimeWindow::new(
            &[Weekday::Friday, Weekday::Sunday],
            "22:00".parse().unwrap(),
            "06:30".parse().unwrap(),
            "Europe/Berlin",
        )
        .unwrap()]),
        paused_until: Some(NOW),
    };
    rules.stored()
}

pub(crate) fn create_tenant(tenant: &Tenant) -> Change {
    Change::Tenant(Edit::create(tenant.clone()))
}

pub(crate) fn create_user(user: &User) -> Change {
    Change::User(Edit::create(user.clone()), None)
}

pub(crate) fn join(tenant: TenantId, user: UserId, role: TenantRole) -> Change {
    Change::Membership(Edit::create(Membership { tenant, user, role }))
}

/// A change of a key that exists.
pub(crate) fn of_key(change: keywright_core::key::KeyChange) -> Change {
    Change::Key {
        change,
        credentials: None,
    }
}
