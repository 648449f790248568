//! Signed requests on a real database: proven once, with the sealed secret of their pair.

use crate::support::{Counted, House, NOW, PEPPER};
use keywright_core::change::{Change, Credentials, SealedSecret};
use keywright_core::denial::Denial;
use keywright_core::key::{Format, Key};
use keywright_core::signature::{Body, Message, Signature, SignedFields, Signer, sign};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Pepper, PepperId, PepperRing};
use keywright_core::token::{EnvironmentTag, OpaqueFormat, pair};
use keywright_engine::request_signing::{Signed, seal};
use keywright_engine::{Check, EngineError};
use keywright_seal::keyring::Keyring;

const SECOND: i64 = 1_000;

struct Holder {
    key: Key,
    public: String,
    secret: String,
}

async fn holder(house: &House, keyring: &Keyring) -> Holder {
    let (mut key, _, _) = house.draft(&[]);
    key.format = Format::Pair;
    let made = pair::mint(
        &OpaqueFormat::default(),
        &EnvironmentTag::live(),
        &mut Counted,
    );
    let (public, secret) = (made.public.expose(), made.secret.expose());
    let pepper = Pepper::new(PepperId(1), &PEPPER);
    let credentials = Credentials {
        pepper: PepperId(1),
        lookup: pepper.digest(public),
        secret: Some(pepper.digest(secret)),
    };
    let created = Change::Key {
        change: key.clone().create(),
        credentials: Some(credentials),
    };
    let sealed = Change::RequestSigning(SealedSecret {
        tenant: key.tenant,
        key: key.id,
        sealed: seal(keyring, key.tenant, key.id, secret).unwrap(),
    });
    house.change(&[created, sealed]).await;
    Holder {
        key,
        public: public.to_owned(),
        secret: secret.to_owned(),
    }
}

fn message() -> Message<'static> {
    Message {
        method: "GET",
        target_uri: "https://api.example.com/orders",
        fields: &[],
        body: Body::Bytes(&[]),
    }
}

fn signed(holder: &Holder, nonce: &str, created_at: Timestamp) -> SignedFields {
    let signer = Signer {
        keyid: &holder.public,
        secret: holder.secret.as_bytes(),
        created_at,
        expires_at: None,
        nonce,
    };
    sign(&message(), signer).unwrap()
}

async fn ask(
    house: &House,
    keyring: &Keyring,
    holder: &Holder,
    fields: &SignedFields,
    now: Timestamp,
) -> Result<Option<Denial>, EngineError> {
    let check = Check {
        key: &holder.public,
        signed: Some(Signed {
            message: message(),
            signature: Signature {
                input: &fields.input,
                value: &fields.value,
            },
            keyring,
        }),
        ..Check::default()
    };
    let checked = house.engine.verify(&check, now, &mut ()).await?;
    Ok(checked.verdict.denial)
}

#[tokio::test]
async fn a_signature_is_good_once_until_it_is_stale() {
    let (house, keyring) = (House::new().await, Keyring::generate());
    let holder = holder(&house, &keyring).await;
    let fields = signed(&holder, "1", NOW);
    let at = |milliseconds| NOW.plus_milliseconds(milliseconds);
    let asked = async |now| ask(&house, &keyring, &holder, &fields, now).await.unwrap();
    assert_eq!(
        asked(at(300 * SECOND + 1)).await,
        Some(Denial::SignatureExpired)
    );
    assert_eq!(asked(at(300 * SECOND)).await, None);
    assert_eq!(
        asked(at(300 * SECOND)).await,
        Some(Denial::SignatureReplayed)
    );
}

#[tokio::test]
async fn what_was_signed_before_the_node_began_is_refused() {
    let (house, keyring) = (House::new().await, Keyring::generate());
    let holder = holder(&house, &keyring).await;
    house.engine.accept_signatures_since(NOW);
    let before = signed(&holder, "1", NOW.plus_milliseconds(-SECOND));
    let since = signed(&holder, "2", NOW);
    let found = ask(&house, &keyring, &holder, &before, NOW).await.unwrap();
    assert_eq!(found, Some(Denial::SignatureExpired));
    let found = ask(&house, &keyring, &holder, &since, NOW).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_revoked_pair_cannot_sign_and_is_told_so() {
    let (house, keyring) = (House::new().await, Keyring::generate());
    let holder = holder(&house, &keyring).await;
    let change = Change::Key {
        change: holder.key.revoke(None, NOW).unwrap(),
        credentials: None,
    };
    house.change(&[change]).await;
    let fields = signed(&holder, "1", NOW);
    let found = ask(&house, &keyring, &holder, &fields, NOW).await.unwrap();
    assert_eq!(found, Some(Denial::Revoked));
}

#[tokio::test]
async fn a_signature_moves_its_pair_to_a_new_pepper_with_its_secret() {
    let (house, keyring) = (House::new().await, Keyring::generate());
    let holder = holder(&house, &keyring).await;
    let (current, former) = (
        Pepper::new(PepperId(2), &[8; 32]),
        Pepper::new(PepperId(1), &PEPPER),
    );
    house
        .engine
        .set_peppers(PepperRing::new(current, Some(former)).unwrap());
    let fields = signed(&holder, "1", NOW);
    let found = ask(&house, &keyring, &holder, &fields, NOW).await.unwrap();
    assert_eq!(found, None);
    house.engine.flush(NOW).await.unwrap();
    house.engine.follow().await.unwrap();
    let newer = Pepper::new(PepperId(2), &[8; 32]);
    let record = house
        .store
        .key_for_verify(&newer.digest(&holder.public))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        record.credentials.secret,
        Some(newer.digest(&holder.secret))
    );
    let fields = signed(&holder, "2", NOW);
    let found = ask(&house, &keyring, &holder, &fields, NOW).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_is_trouble_and_never_a_pass() {
    let (house, keyring) = (House::new().await, Keyring::generate());
    let holder = holder(&house, &keyring).await;
    let fields = signed(&holder, "1", NOW);
    let found = ask(&house, &Keyring::generate(), &holder, &fields, NOW).await;
    assert!(matches!(found, Err(EngineError::Sealed(_))));
}
