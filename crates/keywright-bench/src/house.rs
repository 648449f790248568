//! A database with as many keys as wanted, made once and kept under `target/bench`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use keywright_core::change::{Actor, Change, Credentials, Edit};
use keywright_core::id::{KeyId, TenantId, UserId};
use keywright_core::key::{Attributes, Format, Key, Kind, State};
use keywright_core::role::Role;
use keywright_core::scope::Catalogue;
use keywright_core::tenant::{Settings, Tenant};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Pepper, PepperId, PepperRing};
use keywright_core::token::{Entropy, EnvironmentTag, OpaqueFormat, mask, opaque};
use keywright_core::user::{Membership, TenantRole, User};
use keywright_engine::Engine;
use keywright_store::{DatabaseUrl, Options, Store};

use crate::report::{Bar, Table, seconds};

/// The moment of every check.
pub(crate) const NOW: Timestamp = Timestamp::from_milliseconds(1_790_000_000_000);
/// The pepper of every digest.
pub(crate) const PEPPER: [u8; 32] = [7; 32];
/// Who owns every key.
const OWNER: &str = "ada@example.com";
/// Keys of one transaction, as a bulk call commits them.
pub(crate) const BATCH: u64 = 500;

/// The same numbers in every run, so that a key's text is known from its number.
pub(crate) struct Numbered(u64);

impl Entropy for Numbered {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 33) as u8;
        }
    }
}

/// A database and where it is.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) tenant: TenantId,
    pub(crate) owner: UserId,
    pub(crate) keys: u64,
    path: PathBuf,
}

impl House {
    /// Opens the database, and makes it first if it is not there whole; making it is a row of the table.
    pub(crate) async fn open(
        keys: u64,
        regenerate: bool,
        table: &mut Table,
    ) -> anyhow::Result<Self> {
        let path = folder()?.join(format!("keys-{keys}.db"));
        // Written last: what an interrupted run left is made anew.
        let whole = path.with_extension("whole");
        if regenerate || !whole.exists() {
            make(&path, keys, table).await?;
            std::fs::write(&whole, "")?;
        }
        let store = store(&path).await?;
        let tenant = store
            .tenant("bench")
            .await?
            .context("the database has no tenant")?;
        let owner = store
            .user_by_email(OWNER)
            .await?
            .context("the database has no user")?;
        Ok(Self {
            store,
            tenant: tenant.id,
            owner: owner.user.id,
            keys,
            path,
        })
    }

    /// Another connection to the same database, as a start makes it.
    pub(crate) async fn reopened(&self) -> anyhow::Result<Store> {
        store(&self.path).await
    }

    /// An engine over the database with room for every key.
    pub(crate) async fn engine(&self) -> anyhow::Result<Engine> {
        // The cache is cut into shards, which random digests do not fill quite evenly.
        let capacity = usize::try_from(self.keys + self.keys / 16)?;
        Ok(Engine::new(self.store.clone(), peppers()?, capacity, NOW).await?)
    }

    /// Makes these changes, on the disk when it returns.
    pub(crate) async fn commit(&self, changes: &[Change]) -> anyhow::Result<()> {
        commit(&self.store, changes).await
    }
}

/// Where databases and scripts are kept: `bench` in the folder of what cargo builds.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let built = program.ancestors().nth(2).context("no target folder")?;
    let folder = built.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn make(path: &Path, keys: u64, table: &mut Table) -> anyhow::Result<()> {
    for extension in ["db", "db-wal", "db-shm", "whole"] {
        match std::fs::remove_file(path.with_extension(extension)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let store = store(path).await?;
    let (owner, tenant) = found(&store).await?;
    let (took, made) = seconds(fill(&store, &tenant, owner, keys)).await;
    made?;
    table.number(
        &format!("bulk create of {keys} keys into an empty database"),
        keys as f64 / took,
        "keys/s",
        Bar::AtLeast(5_000.0),
    );
    Ok(())
}

/// The peppers of every engine.
pub(crate) fn peppers() -> anyhow::Result<PepperRing> {
    Ok(PepperRing::new(Pepper::new(PepperId(1), &PEPPER), None)?)
}

/// The text of key number `number`.
pub(crate) fn text(number: u64) -> String {
    let mut entropy = Numbered(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let text = opaque::mint(
        &OpaqueFormat::default(),
        &EnvironmentTag::live(),
        &mut entropy,
    );
    text.expose().to_owned()
}

async fn store(path: &Path) -> anyhow::Result<Store> {
    let options = Options {
        url: DatabaseUrl::Sqlite(path.to_owned()),
        audit_key: [1; 32],
        connections_max: 4,
    };
    Ok(Store::open(options).await?)
}

async fn commit(store: &Store, changes: &[Change]) -> anyhow::Result<()> {
    let mut tx = store.begin().await?;
    tx.apply_all(changes).await?;
    tx.commit(&Actor::operator(), NOW).await?;
    Ok(())
}

async fn found(store: &Store) -> anyhow::Result<(UserId, Tenant)> {
    let mut entropy = Numbered(42);
    let slug = "bench".parse()?;
    let tenant = Tenant {
        id: TenantId::new(NOW, &mut entropy),
        settings: Settings::new(&slug),
        slug,
        name: "Bench".to_owned(),
        suspended_at: None,
        created_at: NOW,
        version: 1,
    };
    let user = User {
        id: UserId::new(NOW, &mut entropy),
        email: OWNER.to_owned(),
        name: None,
        platform_admin: false,
        disabled_at: None,
        created_at: NOW,
        version: 1,
    };
    let owner = user.id;
    let membership = Membership {
        tenant: tenant.id,
        user: owner,
        role: TenantRole::Owner,
    };
    let mut changes = vec![
        Change::Tenant(Edit::create(tenant.clone())),
        Change::User(Edit::create(user), None),
        Change::Membership(Edit::create(membership)),
    ];
    let scopes = Catalogue::common().entries().to_vec();
    changes.extend(
        scopes
            .into_iter()
            .map(|it| Change::Scope(tenant.id, Edit::create(it))),
    );
    changes.extend(
        Role::common()
            .into_iter()
            .map(|it| Change::Role(tenant.id, Edit::create(it))),
    );
    commit(store, &changes).await?;
    Ok((owner, tenant))
}

async fn fill(store: &Store, tenant: &Tenant, owner: UserId, keys: u64) -> anyhow::Result<()> {
    let mut number = 0;
    while number < keys {
        let end = (number + BATCH).min(keys);
        let changes: anyhow::Result<Vec<Change>> = (number..end)
            .map(|number| creation(tenant.id, owner, number))
            .collect();
        commit(store, &changes?).await?;
        number = end;
    }
    Ok(())
}

/// A typical key: a name, three scopes, an owner, an end, and for every eighth an address rule.
pub(crate) fn creation(tenant: TenantId, owner: UserId, number: u64) -> anyhow::Result<Change> {
    let text = text(number);
    let created_at = Timestamp::from_milliseconds(
        NOW.milliseconds() - 40_000_000_000 + i64::try_from(number)? * 1_000,
    );
    let id = KeyId::new(created_at, &mut Numbered(number));
    let mut attributes = Attributes {
        name: Some(format!("service {} of team {}", number, number % 977)),
        scopes: vec![
            "api:read".parse()?,
            "api:write".parse()?,
            "deploy:staging".parse()?,
        ],
        ..Attributes::default()
    };
    if number.is_multiple_of(8) {
        attributes.addresses.allow = vec!["203.0.113.0/24".parse()?].into();
    }
    create(tenant, owner, id, &text, attributes, created_at)
}

/// A typical key with an address rule and four limits that it never reaches.
pub(crate) fn limited(tenant: TenantId, owner: UserId, number: u64) -> anyhow::Result<Change> {
    let mut attributes = Attributes {
        name: Some("limited".to_owned()),
        scopes: vec![
            "api:read".parse()?,
            "api:write".parse()?,
            "deploy:staging".parse()?,
        ],
        limits: "per_second=1000000000000 per_minute=1000000000000 per_hour=1000000000000 \
                 per_day=1000000000000"
            .parse()?,
        ..Attributes::default()
    };
    attributes.addresses.allow = vec!["203.0.113.0/24".parse()?].into();
    let id = KeyId::new(NOW, &mut Numbered(number));
    create(tenant, owner, id, &text(number), attributes, NOW)
}

/// A system key that may check keys.
pub(crate) fn verifier(tenant: TenantId, owner: UserId, number: u64) -> anyhow::Result<Change> {
    let attributes = Attributes {
        name: Some("verifier".to_owned()),
        scopes: vec!["keywright:verify".parse()?],
        ..Attributes::default()
    };
    let id = KeyId::new(NOW, &mut Numbered(number));
    create(tenant, owner, id, &text(number), attributes, NOW)
}

fn create(
    tenant: TenantId,
    owner: UserId,
    id: KeyId,
    text: &str,
    attributes: Attributes,
    created_at: Timestamp,
) -> anyhow::Result<Change> {
    let key = Key {
        id,
        tenant,
        lineage: id,
        format: Format::Opaque,
        kind: Kind::Application,
        purpose: None,
        hint: mask::hint(text),
        environment: "production".parse()?,
        owner: Some(owner),
        attributes,
        created_at,
        expires_at: Some(NOW.plus_days(90)),
        state: State::Active,
        version: 1,
    };
    let lookup = Pepper::new(PepperId(1), &PEPPER).digest(text);
    let credentials = Credentials {
        pepper: PepperId(1),
        lookup,
        secret: None,
    };
    Ok(Change::Key {
        change: key.create(),
        credentials: Some(credentials),
    })
}
