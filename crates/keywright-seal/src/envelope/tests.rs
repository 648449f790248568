//! Promises of sealed values: they open at their place, unaltered, and nowhere else.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
use proptest::prelude::*;

use super::*;

const PLACE: Place<'_> = Place {
    tenant: "tenant-1",
    table: "signing_key",
    column: "private",
    row: "row-1",
};

#[test]
fn sealed_value_opens_at_its_place() {
    let keyring = Keyring::generate();
    for plaintext in [&b""[..], b"x", &[7; MAX_PLAINTEXT_BYTES]] {
        let sealed = seal(&keyring, &PLACE, plaintext).unwrap();
        assert_eq!(sealed.len(), plaintext.len() + OVERHEAD_BYTES);
        assert_eq!(
            open(&keyring, &PLACE, &sealed).unwrap().as_slice(),
            plaintext
        );
    }
}

#[test]
fn value_above_the_limit_is_refused() {
    let result = seal(&Keyring::generate(), &PLACE, &[7; MAX_PLAINTEXT_BYTES + 1]);
    assert_eq!(result, Err(EnvelopeError::TooLong));
}

#[test]
fn same_value_never_seals_to_the_same_bytes() {
    let keyring = Keyring::generate();
    let first = seal(&keyring, &PLACE, b"value").unwrap();
    let second = seal(&keyring, &PLACE, b"value").unwrap();
    assert_ne!(first[HEAD_BYTES..], second[HEAD_BYTES..]);
}

#[test]
fn every_altered_byte_is_noticed() {
    let keyring = Keyring::generate().add_root().unwrap();
    let sealed = seal(&keyring, &PLACE, b"a secret value").unwrap();
    for index in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[index] ^= 1 << bit;
            assert!(
                open(&keyring, &PLACE, &altered).is_err(),
                "byte {index}, bit {bit}"
            );
        }
    }
}

#[test]
fn every_cut_and_every_added_byte_is_noticed() {
    let keyring = Keyring::generate();
    let sealed = seal(&keyring, &PLACE, b"a secret value").unwrap();
    for length in 0..sealed.len() {
        assert_eq!(
            open(&keyring, &PLACE, &sealed[..length]).unwrap_err(),
            EnvelopeError::Unopenable
        );
    }
    let longer = [sealed.as_slice(), &[0]].concat();
    assert_eq!(
        open(&keyring, &PLACE, &longer).unwrap_err(),
        EnvelopeError::Unopenable
    );
}

#[test]
fn value_never_opens_at_another_place() {
    let keyring = Keyring::generate();
    let sealed = seal(&keyring, &PLACE, b"value").unwrap();
    let others = [
        Place {
            tenant: "tenant-2",
            ..PLACE
        },
        Place {
            table: "webhook",
            ..PLACE
        },
        Place {
            column: "public",
            ..PLACE
        },
        Place {
            row: "row-2",
            ..PLACE
        },
        // The same text, cut elsewhere.
        Place {
            tenant: "tenant-1s",
            table: "igning_key",
            ..PLACE
        },
    ];
    for other in others {
        assert_eq!(
            open(&keyring, &other, &sealed).unwrap_err(),
            EnvelopeError::Unopenable
        );
    }
}

#[test]
fn rewrapping_changes_only_the_data_key_and_may_be_interrupted_anywhere() {
    let before = Keyring::generate();
    let rows: Vec<String> = (0..6).map(|row| format!("row-{row}")).collect();
    let place = |row: usize| Place {
        row: &rows[row],
        ..PLACE
    };
    let mut stored: Vec<_> = (0..6)
        .map(|row| seal(&before, &place(row), b"value").unwrap())
        .collect();
    let both = before.add_root().unwrap();

    let mut rewrap_some = |rows: usize| {
        let mut changed = 0;
        for (row, sealed) in stored.iter_mut().enumerate().take(rows) {
            if let Some(rewrapped) = rewrap(&both, &place(row), sealed).unwrap() {
                assert_eq!(
                    rewrapped[HEAD_BYTES + WRAPPED_BYTES..],
                    sealed[HEAD_BYTES + WRAPPED_BYTES..]
                );
                *sealed = rewrapped;
                changed += 1;
            }
        }
        for (row, sealed) in stored.iter().enumerate() {
            assert_eq!(
                open(&both, &place(row), sealed).unwrap().as_slice(),
                b"value"
            );
        }
        changed
    };
    // Interrupted after two rows, then resumed from the start.
    assert_eq!(rewrap_some(2), 2);
    assert_eq!(rewrap_some(6), 4);
    assert_eq!(rewrap_some(6), 0);

    let after = both.drop_root(1).unwrap();
    for (row, sealed) in stored.iter().enumerate() {
        assert_eq!(kek_version(sealed), Ok(2));
        assert_eq!(
            open(&after, &place(row), sealed).unwrap().as_slice(),
            b"value"
        );
        assert_eq!(
            open(&before, &place(row), sealed).unwrap_err(),
            EnvelopeError::RootMissing(2)
        );
    }
}

#[test]
fn rewrapping_for_another_place_is_refused() {
    let before = Keyring::generate();
    let sealed = seal(&before, &PLACE, b"value").unwrap();
    let both = before.add_root().unwrap();
    let other = Place {
        row: "row-2",
        ..PLACE
    };
    assert_eq!(
        rewrap(&both, &other, &sealed),
        Err(EnvelopeError::Unopenable)
    );
}

#[test]
fn another_root_key_of_the_same_id_does_not_open() {
    let sealed = seal(&Keyring::generate(), &PLACE, b"value").unwrap();
    assert_eq!(
        open(&Keyring::generate(), &PLACE, &sealed).unwrap_err(),
        EnvelopeError::Unopenable
    );
}

proptest! {
    #[test]
    fn any_value_opens_at_any_place_and_no_other_bytes_do(
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        texts in prop::array::uniform4(".{0,20}"),
        forged in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let keyring = Keyring::generate();
        let [tenant, table, column, row] = &texts;
        let place = Place { tenant, table, column, row };
        let sealed = seal(&keyring, &place, &plaintext).unwrap();
        prop_assert_eq!(open(&keyring, &place, &sealed).unwrap().to_vec(), plaintext);
        prop_assert!(open(&keyring, &place, &forged).is_err());
        let same_head = [&sealed[..HEAD_BYTES], &forged].concat();
        prop_assert_eq!(open(&keyring, &place, &same_head).unwrap_err(), EnvelopeError::Unopenable);
    }
}
