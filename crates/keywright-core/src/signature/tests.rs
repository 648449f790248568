//! The examples of RFC 9421 and RFC 9530, what is refused, and that nothing covered can be changed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::fields::{byte_sequences, covered, from_base64, to_base64};
use super::*;

/// RFC 9421, B.1.5: `test-shared-secret`. A published test value.
const RFC_SECRET: &str =
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
/// RFC 9421, B.2.5.
const RFC_INPUT: &str = "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"";
const RFC_SIGNATURE: &str = "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:";
const RFC_DIGEST: &str = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
const RFC_BODY: &[u8] = br#"{"hello": "world"}"#;
const RFC_FIELDS: [(&str, &str); 5] = [
    ("Host", "example.com"),
    ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("Content-Type", "application/json"),
    ("Content-Digest", RFC_DIGEST),
    ("Content-Length", "18"),
];
const NOW: i64 = 1_718_000_000;
const KEYID: &str = "acme_live_pkExample";
const SECRET: &[u8] = b"a secret for tests";

fn rfc_holds(target: &str, fields: &[(&str, &str)], input: &str, signature: &str) -> bool {
    let message = Message {
        method: "POST",
        target_uri: target,
        fields,
        body: Body::Bytes(RFC_BODY),
    };
    let Ok(inputs) = covered(input) else {
        return false;
    };
    let Ok(signatures) = byte_sequences(signature) else {
        return false;
    };
    let Ok(base) = message.base(&inputs[0].1) else {
        return false;
    };
    matches_mac(&from_base64(RFC_SECRET).unwrap(), &base, &signatures[0].1)
}

#[test]
fn rfc_9421_b_2_5_verifies_and_no_single_change_does() {
    let target = "https://example.com/foo?param=Value&Pet=dog";
    assert!(rfc_holds(target, &RFC_FIELDS, RFC_INPUT, RFC_SIGNATURE));
    // What the signature does not cover may change.
    assert!(rfc_holds(
        "https://EXAMPLE.com:443/bar",
        &RFC_FIELDS,
        RFC_INPUT,
        RFC_SIGNATURE
    ));
    assert!(!rfc_holds(
        "https://example.org/foo",
        &RFC_FIELDS,
        RFC_INPUT,
        RFC_SIGNATURE
    ));
    for (index, changed) in [
        (1, "Tue, 20 Apr 2021 02:07:56 GMT"),
        (2, "application/jsoN"),
    ] {
        let mut fields = RFC_FIELDS;
        fields[index].1 = changed;
        assert!(
            !rfc_holds(target, &fields, RFC_INPUT, RFC_SIGNATURE),
            "{changed}"
        );
    }
    let missing: Vec<_> = RFC_FIELDS[..2].to_vec();
    assert!(!rfc_holds(target, &missing, RFC_INPUT, RFC_SIGNATURE));
    for (from, to) in [
        ("1618884473", "1618884474"),
        ("test-shared-secret", "test-shared-secres"),
        ("\"date\" \"@authority\"", "\"@authority\" \"date\""),
        (" \"content-type\"", ""),
        ("\"date\"", "\"date\" \"@method\""),
        (";created", ";alg=\"hmac-sha256\";created"),
    ] {
        let input = RFC_INPUT.replace(from, to);
        assert_ne!(input, RFC_INPUT);
        assert!(
            !rfc_holds(target, &RFC_FIELDS, &input, RFC_SIGNATURE),
            "{input}"
        );
    }
    for index in "sig-b25=:".len()..RFC_SIGNATURE.len() - 2 {
        let mut changed = RFC_SIGNATURE.to_string().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(
            !rfc_holds(target, &RFC_FIELDS, RFC_INPUT, &changed),
            "{changed}"
        );
    }
}

/// RFC 9530's own digests, and the body of RFC 9421's example.
#[test]
fn digests_of_the_rfcs_match_their_bodies() {
    let sha256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    assert_eq!(content_digest(RFC_BODY), sha256);
    for good in [sha256, RFC_DIGEST, &format!("{sha256}, {RFC_DIGEST}")] {
        assert_eq!(
            content_digest::matches(good, Body::Bytes(RFC_BODY)),
            Ok(()),
            "{good}"
        );
        assert_eq!(
            content_digest::matches(good, Body::Bytes(b"{}")),
            Err(SignatureError::BodyDiffers)
        );
    }
    let matches = |field: &str, made: &str| content_digest::matches(field, Body::Digest(made));
    assert_eq!(matches(sha256, sha256), Ok(()));
    assert_eq!(
        matches(sha256, RFC_DIGEST),
        Err(SignatureError::BodyDiffers)
    );
    for weak in ["md5", "sha", "unixsum", "sha-1"] {
        let field = format!("{sha256}, {weak}=:AAAA:");
        assert_eq!(
            matches(&field, sha256),
            Err(SignatureError::DigestAlgorithm),
            "{weak}"
        );
    }
}

fn message<'a>(fields: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Message<'a> {
    Message {
        method: "POST",
        target_uri: "https://api.example.com/orders?page=2",
        fields,
        body: Body::Bytes(body),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn signer() -> Signer<'static> {
    Signer {
        keyid: KEYID,
        secret: SECRET,
        created_at: at(NOW),
        expires_at: None,
        nonce: "n-1",
    }
}

fn check(
    message: &Message<'_>,
    fields: &SignedFields,
    now: Timestamp,
) -> Result<Verified, SignatureError> {
    let mut all = message.fields.to_vec();
    if let Some(digest) = &fields.content_digest {
        all.push(("Content-Digest", digest));
    }
    let message = Message {
        fields: &all,
        ..*message
    };
    let signature = Signature {
        input: &fields.input,
        value: &fields.value,
    };
    verify(&message, signature, KEYID, SECRET, now)
}

/// The page was worked out by another implementation; signing gives its fields, to the letter.
#[test]
fn the_worked_example_of_the_documentation_is_right() {
    let page = include_str!("../../../../docs/reference/request-signing.md");
    let fields = [("content-type", "application/json")];
    let message = message(&fields, RFC_BODY);
    let signer = Signer {
        secret: b"not-a-real-secret",
        nonce: "9f4c1b7ad2e84e0f",
        ..signer()
    };
    let signed = sign(&message, signer).unwrap();
    let digest = signed.content_digest.unwrap();
    let all = [fields[0], ("content-digest", digest.as_str())];
    let message = Message {
        fields: &all,
        ..message
    };
    let base = message.base(&covered(&signed.input).unwrap()[0].1).unwrap();
    for part in [
        format!("```text\n{base}\n```"),
        format!(
            "Content-Digest: {digest}\nSignature-Input: {}\nSignature: {}\n```",
            signed.input, signed.value
        ),
    ] {
        assert!(page.contains(&part), "{part}");
    }
}

#[test]
fn created_may_lie_five_minutes_off_either_way() {
    let message = message(&[], b"x");
    let signed = sign(&message, signer()).unwrap();
    for (milliseconds, good) in [
        (NOW * 1000 - 300_001, false),
        (NOW * 1000 - 300_000, true),
        (NOW * 1000, true),
        (NOW * 1000 + 300_000, true),
        (NOW * 1000 + 300_001, false),
    ] {
        let now = Timestamp::from_milliseconds(milliseconds);
        let found = check(&message, &signed, now).err();
        assert_eq!(
            found,
            (!good).then_some(SignatureError::Stale),
            "{milliseconds}"
        );
    }
}

#[test]
fn a_signature_has_ended_at_the_very_moment_of_its_end() {
    let message = message(&[], b"x");
    let signer = Signer {
        expires_at: Some(at(NOW + 10)),
        ..signer()
    };
    let signed = sign(&message, signer).unwrap();
    let end = (NOW + 10) * 1000;
    assert!(check(&message, &signed, Timestamp::from_milliseconds(end - 1)).is_ok());
    for late in [end, end + 1] {
        let found = check(&message, &signed, Timestamp::from_milliseconds(late));
        assert_eq!(found, Err(SignatureError::Stale));
    }
}

/// A signature over chosen components and parameters, right but for what the case is about.
fn signed_as(message: &Message<'_>, input: &str) -> Result<Verified, SignatureError> {
    let inputs = covered(input)?;
    let value = mac(SECRET, &message.base(&inputs[0].1)?);
    let value = format!("{}=:{}:", inputs[0].0, to_base64(&value));
    let signature = Signature {
        input,
        value: &value,
    };
    verify(message, signature, KEYID, SECRET, at(NOW))
}

#[test]
fn what_must_be_covered_and_said_is_fixed() {
    let digest = content_digest(b"x");
    let fields = [("content-digest", digest.as_str())];
    let with_body = message(&fields, b"x");
    let bare = message(&[], b"");
    let said = format!("created={NOW};nonce=\"n\";keyid=\"{KEYID}\"");
    let cases: [(&Message<'_>, String, Result<(), SignatureError>); 16] = [
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");{said}"),
            Ok(()),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@authority\" \"@path\" \"@query\");{said}"),
            Ok(()),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@authority\" \"@path\");{said}"),
            Err(SignatureError::Coverage),
        ),
        (
            &bare,
            format!("s=(\"@target-uri\");{said}"),
            Err(SignatureError::Coverage),
        ),
        (&bare, format!("s=();{said}"), Err(SignatureError::Coverage)),
        (
            &with_body,
            format!("s=(\"@method\" \"@target-uri\");{said}"),
            Err(SignatureError::Coverage),
        ),
        (
            &with_body,
            format!("s=(\"@method\" \"@target-uri\" \"content-digest\");{said}"),
            Ok(()),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\" \"@method\");{said}"),
            Err(SignatureError::Component),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\" \"@status\");{said}"),
            Err(SignatureError::Component),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\" \"x\";sf);{said}"),
            Err(SignatureError::Component),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");{said};alg=\"hmac-sha256\";tag=\"{TAG}\""),
            Ok(()),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");{said};alg=\"ed25519\""),
            Err(SignatureError::Algorithm),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");{said};tag=\"other\""),
            Err(SignatureError::KeyId),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");{said};other=1"),
            Err(SignatureError::Parameter),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");created={NOW};keyid=\"{KEYID}\""),
            Err(SignatureError::Parameter),
        ),
        (
            &bare,
            format!("s=(\"@method\" \"@target-uri\");nonce=\"n\";keyid=\"{KEYID}\""),
            Err(SignatureError::Parameter),
        ),
    ];
    for (message, input, expected) in cases {
        assert_eq!(signed_as(message, &input).map(|_| ()), expected, "{input}");
    }
}

#[test]
fn the_signature_of_our_key_is_used_and_two_are_ambiguous() {
    let message = message(&[], b"");
    let signed = sign(&message, signer()).unwrap();
    let other = "proxy=(\"@status\" \"x\";sf);keyid=\"proxy\"";
    let input = format!("{other}, {}", signed.input);
    let value = format!("proxy=:AAAA:, {}", signed.value);
    let found = |input: &str, value: &str| {
        verify(&message, Signature { input, value }, KEYID, SECRET, at(NOW))
    };
    assert!(found(&input, &value).is_ok());
    let twice = format!("{}, {}", signed.input, signed.input.replace("sig1", "sig2"));
    assert_eq!(found(&twice, &signed.value), Err(SignatureError::KeyId));
    assert_eq!(
        found(&signed.input, "other=:AAAA:"),
        Err(SignatureError::Malformed)
    );
    assert_eq!(claimed_keyid(&signed.input).as_deref(), Ok(KEYID));
    assert_eq!(claimed_keyid(&input), Err(SignatureError::KeyId));
}

/// RFC 9421, 2.2.8 and the other derived components, with the RFC's own values.
#[test]
fn derived_components_have_the_values_of_the_rfc() {
    let target =
        "https://www.Example.com:443/path?param=value&foo=bar&baz=batman&qux=&Ab%20c=x%2By";
    let fields = [
        ("X-Two", " a "),
        ("x-two", "b\t"),
        ("x-empty", ""),
        ("x-fold", "a\r\n b"),
    ];
    let message = Message {
        method: "POST",
        target_uri: target,
        fields: &fields,
        body: Body::Bytes(b""),
    };
    let value = |component: &str| {
        let inputs = covered(&format!("s=({component})")).unwrap();
        let base = message.base(&inputs[0].1).ok()?;
        let line = base.lines().next()?.to_string();
        Some(line.strip_prefix(&format!("{component}: "))?.to_string())
    };
    for (component, expected) in [
        ("\"@method\"", Some("POST")),
        ("\"@target-uri\"", Some(target)),
        ("\"@authority\"", Some("www.example.com")),
        ("\"@scheme\"", Some("https")),
        ("\"@path\"", Some("/path")),
        (
            "\"@query\"",
            Some("?param=value&foo=bar&baz=batman&qux=&Ab%20c=x%2By"),
        ),
        ("\"@query-param\";name=\"baz\"", Some("batman")),
        ("\"@query-param\";name=\"qux\"", Some("")),
        ("\"@query-param\";name=\"Ab%20c\"", Some("x%2By")),
        ("\"@query-param\";name=\"none\"", None),
        ("\"x-two\"", Some("a, b")),
        ("\"x-empty\"", Some("")),
        ("\"x-fold\"", None),
        ("\"X-Two\"", None),
        ("\"x-none\"", None),
        ("\"@nothing\"", None),
    ] {
        assert_eq!(value(component).as_deref(), expected, "{component}");
    }
    let bare = Message {
        target_uri: "http://h:8080",
        ..message
    };
    let inputs = covered("s=(\"@authority\" \"@path\" \"@query\" \"@request-target\")").unwrap();
    let base = bare.base(&inputs[0].1).unwrap();
    assert!(base.starts_with(
        "\"@authority\": h:8080\n\"@path\": /\n\"@query\": ?\n\"@request-target\": /\n"
    ));
}

#[test]
fn targets_that_could_mean_two_things_are_refused() {
    for target in [
        "",
        "/path",
        "ftp://h/",
        "https:///x",
        "https://u@h/",
        "https://h/#f",
        "https://h/a b",
        "https://h/\n",
    ] {
        let message = Message {
            target_uri: target,
            ..message(&[], b"")
        };
        assert_eq!(
            sign(&message, signer()),
            Err(SignatureError::Component),
            "{target}"
        );
    }
}

fn list(count: usize, item: fn(usize) -> String, between: &str) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(between)
}

#[test]
fn malformed_fields_are_refused() {
    for text in [
        "",
        "s",
        "s=",
        "s=1",
        "s=(",
        "s=()x",
        "s=(\"a\"\"b\")",
        "s=(a)",
        "s=(\"a\";)",
        "S=()",
        "s=() t=()",
        "s=(),",
        "s=(),s=()",
        "s=();a=1;a=2",
        "s=();a=1.5",
        "s=();a=1234567890123456",
        "s=();a=-",
        "s=();a=\"",
        "s=();a=\"\\x\"",
        "s=();a=?2",
        "s=();a=:A:",
        "s=();a=@1",
        "s=();a=\"\u{e4}\"",
    ] {
        assert_eq!(covered(text), Err(SignatureError::Malformed), "{text}");
    }
    for text in [
        "s=:AA==",
        "s=:AB==:",
        "s=:A-==:",
        "s=:AAAA:;a",
        "s=\"x\"",
        "s=:AAA:",
    ] {
        assert_eq!(
            byte_sequences(text),
            Err(SignatureError::Malformed),
            "{text}"
        );
    }
    for (most, text) in [
        (
            16,
            (|n| list(n, |i| format!("s{i}=()"), ",")) as fn(usize) -> String,
        ),
        (64, |n| {
            format!("s=({})", list(n, |i| format!("\"x{i}\""), " "))
        }),
        (16, |n| {
            format!("s=();{}", list(n, |i| format!("p{i}"), ";"))
        }),
    ] {
        assert!(covered(&text(most)).is_ok(), "{}", text(most));
        assert!(covered(&text(most + 1)).is_err(), "{}", text(most + 1));
    }
    let long = format!("s=(\"{}\")", "a".repeat(FIELD_BYTES_MAX));
    assert_eq!(covered(&long), Err(SignatureError::Malformed));
}

#[test]
fn a_nonce_has_1_to_128_bytes() {
    for (length, good) in [(0, false), (1, true), (128, true), (129, false)] {
        let nonce = "n".repeat(length);
        let signer = Signer {
            nonce: &nonce,
            ..signer()
        };
        assert_eq!(sign(&message(&[], b""), signer).is_ok(), good, "{length}");
    }
}

proptest! {
    #[test]
    fn what_was_signed_verifies(
        method in "GET|POST|DELETE",
        path in "(/[a-z0-9%._-]{0,8}){0,3}",
        query in "(\\?[a-z=&%+]{0,12})?",
        value in "[ -~]{0,20}",
        body: Vec<u8>,
        nonce in "[ -~]{1,128}",
    ) {
        let target = format!("https://api.example.com{path}{query}");
        let fields = [("X-Custom", value.as_str())];
        let message = Message { method: &method, target_uri: &target, fields: &fields, body: Body::Bytes(&body) };
        let signed = sign(&message, Signer { nonce: &nonce, ..signer() }).unwrap();
        prop_assert_eq!(check(&message, &signed, at(NOW)).map(|it| it.nonce), Ok(mark(&nonce)));
    }

    #[test]
    fn no_byte_of_what_is_covered_can_be_changed(part in 0..5_usize, at_byte: prop::sample::Index, to in b'!'..=b'~') {
        let body = b"{\"amount\": 12}";
        let fields = [("X-Custom", "value")];
        let original = message(&fields, body);
        let signed = sign(&original, signer()).unwrap();
        let mut parts = [
            original.method.as_bytes().to_vec(),
            original.target_uri.as_bytes().to_vec(),
            fields[0].1.as_bytes().to_vec(),
            body.to_vec(),
            signed.input.clone().into_bytes(),
        ];
        let index = at_byte.index(parts[part].len());
        prop_assume!(parts[part][index] != to);
        parts[part][index] = to;
        let texts: Vec<String> = parts.iter().map(|it| String::from_utf8(it.clone()).unwrap()).collect();
        let fields = [("X-Custom", texts[2].as_str())];
        let changed = Message { method: &texts[0], target_uri: &texts[1], fields: &fields, body: Body::Bytes(&parts[3]) };
        let signed = SignedFields { input: texts[4].clone(), ..signed };
        prop_assert!(check(&changed, &signed, at(NOW)).is_err());
    }

    #[test]
    fn reading_never_panics_and_what_was_read_is_written_the_same(text in "[a-z\"@();=:,?0-9 \\\\-]{0,80}") {
        if let Ok(members) = covered(&text) {
            let written: Vec<String> = members.iter().map(|(label, it)| format!("{label}={}", it.serialise())).collect();
            prop_assert_eq!(covered(&written.join(", ")), Ok(members));
        }
        let _ = byte_sequences(&text);
    }

    #[test]
    fn base64_reads_back(bytes: Vec<u8>) {
        prop_assert_eq!(from_base64(&to_base64(&bytes)), Some(bytes));
    }
}
