//! A house to test in: a real SQLite database with one tenant, and an engine over it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use keywright_core::change::{Actor, Change, Credentials, Edit};
use keywright_core::denial::Denial;
use keywright_core::id::{KeyId, TenantId};
use keywright_core::key::{Attributes, Format, Key, KeyChange, KeyOperation, Kind, State};
use keywright_core::permission::Expression;
use keywright_core::plan::Plan;
use keywright_core::restriction::Cidr;
use keywright_core::role::Role;
use keywright_core::scope::Catalogue;
use keywright_core::tenant::{Settings, Tenant};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Pepper, PepperId, PepperRing};
use keywright_core::token::{Entropy, EnvironmentTag, OpaqueFormat, mask, opaque};
use keywright_engine::{Check, Engine};
use keywright_store::{DatabaseUrl, Options, Store};
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);
pub(crate) const PEPPER: [u8; 32] = [7; 32];

/// Numbers that never repeat in a test process.
pub(crate) struct Counted;

impl Entropy for Counted {
    fn fill(&mut self, buffer: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let seed = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in buffer {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 33) as u8;
        }
    }
}

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) tenant: Tenant,
    _folder: TempDir,
}

pub(crate) fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn ring() -> PepperRing {
    PepperRing::new(Pepper::new(PepperId(1), &PEPPER), None).unwrap()
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            url: DatabaseUrl::Sqlite(folder.path().join("test.db")),
            audit_key: [1; 32],
            connections_max: 4,
        };
        let store = Store::open(options).await.unwrap();
        let engine = Engine::new(store.clone(), ring(), 10_000, NOW)
            .await
            .unwrap();
        let slug = "acme".parse().unwrap();
        let tenant = Tenant {
            id: TenantId::new(NOW, &mut Counted),
            settings: Settings::new(&slug),
            slug,
            name: "Acme".into(),
            suspended_at: None,
            created_at: NOW,
            version: 1,
        };
        let house = Self {
            store,
            engine,
            tenant: tenant.clone(),
            _folder: folder,
        };
        let mut changes = vec![Change::Tenant(Edit::create(tenant.clone()))];
        let entries = Catalogue::common().entries().to_vec();
        changes.extend(
            entries
                .into_iter()
                .map(|it| Change::Scope(tenant.id, Edit::create(it))),
        );
        changes.extend(
            Role::common()
                .into_iter()
                .map(|it| Change::Role(tenant.id, Edit::create(it))),
        );
        house.change(&changes).await;
        house
    }

    /// Makes changes and returns when they are in force, as the server does.
    pub(crate) async fn change(&self, changes: &[Change]) {
        let mut tx = self.store.begin().await.unwrap();
        for change in changes {
            tx.apply(change).await.unwrap();
        }
        let position = tx.commit(&Actor::operator(), NOW).await.unwrap();
        self.engine.catch_up(position.0).await.unwrap();
    }

    pub(crate) fn draft(&self, scopes: &[&str]) -> (Key, String, Credentials) {
        let text = opaque::mint(
            &OpaqueFormat::default(),
            &EnvironmentTag::live(),
            &mut Counted,
        );
        let id = KeyId::new(NOW, &mut Counted);
        let key = Key {
            id,
            tenant: self.tenant.id,
            lineage: id,
            format: Format::Opaque,
            kind: Kind::Application,
            purpose: None,
            hint: mask::hint(text.expose()),
            environment: "production".parse().unwrap(),
            owner: None,
            attributes: Attributes {
                scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
                ..Attributes::default()
            },
            created_at: NOW,
            expires_at: None,
            state: State::Active,
            version: 1,
        };
        let credentials = Credentials {
            pepper: PepperId(1),
            lookup: Pepper::new(PepperId(1), &PEPPER).digest(text.expose()),
            secret: None,
        };
        (key, text.expose().to_owned(), credentials)
    }

    pub(crate) async fn key(&self, scopes: &[&str]) -> (Key, String) {
        let (key, text, credentials) = self.draft(scopes);
        let change = Change::Key {
            change: key.clone().create(),
            credentials: Some(credentials),
        };
        self.change(&[change]).await;
        (key, text)
    }

    pub(crate) async fn key_with_role(&self, role: &str) -> (Key, String) {
        let (mut key, text, credentials) = self.draft(&[]);
        key.attributes.roles = vec![role.parse().unwrap()];
        let change = Change::Key {
            change: key.clone().create(),
            credentials: Some(credentials),
        };
        self.change(&[change]).await;
        (key, text)
    }

    /// A key made as `edit` says.
    pub(crate) async fn key_with(&self, edit: impl FnOnce(&mut Key)) -> (Key, String) {
        let (mut key, text, credentials) = self.draft(&[]);
        edit(&mut key);
        let change = Change::Key {
            change: key.clone().create(),
            credentials: Some(credentials),
        };
        self.change(&[change]).await;
        (key, text)
    }

    /// A plan with these limits.
    pub(crate) async fn plan(&self, name: &str, limits: &str) -> Plan {
        let plan = Plan {
            name: name.parse().unwrap(),
            description: String::new(),
            limits: limits.parse().unwrap(),
        };
        let edit = Edit::create(plan.clone());
        self.change(&[Change::Plan(self.tenant.id, edit)]).await;
        plan
    }

    pub(crate) async fn change_plan(&self, plan: &Plan, limits: &str) {
        let mut after = plan.clone();
        after.limits = limits.parse().unwrap();
        let edit = Edit::update(plan.clone(), after);
        self.change(&[Change::Plan(self.tenant.id, edit)]).await;
    }

    /// Another process on the same database, after this one ended without a word.
    pub(crate) async fn restarted(self, now: Timestamp) -> Self {
        let engine = Engine::new(self.store.clone(), ring(), 10_000, now)
            .await
            .unwrap();
        Self { engine, ..self }
    }

    pub(crate) fn update(&self, before: &Key, after: &Key) -> Change {
        let change = KeyChange {
            operation: KeyOperation::Update,
            before: Some(Box::new(before.clone())),
            after: Some(Box::new(after.clone())),
        };
        Change::Key {
            change,
            credentials: None,
        }
    }

    pub(crate) async fn denial(&self, text: &str) -> Option<Denial> {
        let check = Check {
            key: text,
            ..Check::default()
        };
        self.engine
            .verify(&check, NOW, &mut ())
            .await
            .unwrap()
            .verdict
            .denial
    }

    pub(crate) async fn denial_for(&self, text: &str, wanted: &Expression) -> Option<Denial> {
        let check = Check {
            key: text,
            permissions: Some(wanted),
            ..Check::default()
        };
        self.engine
            .verify(&check, NOW, &mut ())
            .await
            .unwrap()
            .verdict
            .denial
    }
}
