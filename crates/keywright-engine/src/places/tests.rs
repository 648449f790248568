//! The databases are made here, by the MaxMind DB format 2.0: a binary tree with records of 24 bits,
//! 16 zero bytes, the data, and the metadata behind its marker.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "tests fail by panicking; the databases are tiny"
)]

use super::*;

/// A value of the data section.
enum Value {
    Text(&'static str),
    Number(u32),
    Short(u16),
    Long(u64),
    /// An empty one.
    List,
    Map(Vec<(&'static str, Value)>),
}

fn put(value: &Value, out: &mut Vec<u8>) {
    let head = |kind: u8, size: usize, out: &mut Vec<u8>| {
        assert!(size < 29);
        out.push(kind << 5 | size as u8);
    };
    match value {
        Value::Text(text) => {
            head(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            head(6, 4, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Short(number) => {
            head(5, 2, out);
            out.extend_from_slice(&number.to_be_bytes());
        }
        // Kinds above 7 stand in a byte of their own, less 7.
        Value::Long(number) => {
            head(0, 8, out);
            out.push(9 - 7);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::List => {
            head(0, 0, out);
            out.push(11 - 7);
        }
        Value::Map(members) => {
            head(7, members.len(), out);
            for (name, member) in members {
                put(&Value::Text(name), out);
                put(member, out);
            }
        }
    }
}

/// A database in which `networks` (the first bits of an address) have records.
fn database(version: u16, networks: &[(&str, Value)]) -> Vec<u8> {
    /// A child that leads nowhere.
    const EMPTY: usize = usize::MAX;
    /// From here on, children are offsets into the data.
    const DATA: usize = usize::MAX / 2;
    let (mut nodes, mut data) = (vec![[EMPTY; 2]], Vec::new());
    for (bits, record) in networks {
        let (mut node, offset) = (0, data.len());
        put(record, &mut data);
        let bits: Vec<usize> = bits.bytes().map(|bit| usize::from(bit == b'1')).collect();
        let (last, path) = bits.split_last().unwrap();
        for bit in path {
            if *nodes.get(node).unwrap().get(*bit).unwrap() == EMPTY {
                nodes.push([EMPTY; 2]);
                let next = nodes.len() - 1;
                *nodes.get_mut(node).unwrap().get_mut(*bit).unwrap() = next;
            }
            node = *nodes.get(node).unwrap().get(*bit).unwrap();
        }
        *nodes.get_mut(node).unwrap().get_mut(*last).unwrap() = DATA + offset;
    }
    let mut out = Vec::new();
    for child in nodes.iter().flatten() {
        let record = match *child {
            EMPTY => nodes.len(),
            offset if offset >= DATA => nodes.len() + 16 + (offset - DATA),
            node => node,
        };
        out.extend_from_slice((record as u32).to_be_bytes().get(1..).unwrap());
    }
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let metadata = Value::Map(vec![
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_700_000_000)),
        ("database_type", Value::Text("Test")),
        (
            "description",
            Value::Map(Vec::from([("en", Value::Text("Test"))])),
        ),
        ("ip_version", Value::Short(version)),
        ("languages", Value::List),
        ("node_count", Value::Number(nodes.len() as u32)),
        ("record_size", Value::Short(24)),
    ]);
    put(&metadata, &mut out);
    out
}

fn bits(address: &str, length: usize) -> String {
    let printed = match address.parse::<IpAddr>().unwrap() {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    };
    printed.get(..length).unwrap().to_owned()
}

fn nested(code: &'static str) -> Value {
    Value::Map(vec![(
        "country",
        Value::Map(vec![("iso_code", Value::Text(code))]),
    )])
}

fn flat(code: &'static str, number: u32) -> Value {
    Value::Map(vec![
        ("country_code", Value::Text(code)),
        ("asn", Value::Number(number)),
    ])
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn country_of(places: &Places, text: &str) -> String {
    places
        .country(address(text))
        .map_or_else(|| "?".to_owned(), |country| country.to_string())
}

#[test]
fn flat_and_nested_records_of_two_files_answer_for_both_families() {
    let folder = tempfile::tempdir().unwrap();
    let v4 = database(4, &[(&bits("203.0.113.0", 24), nested("DE"))]);
    let v6 = database(
        6,
        &[
            (&bits("2001:db8::", 32), flat("FR", 64_496)),
            // IPv4 stands at ::/96 in databases of IPv6.
            (&bits("::198.51.100.0", 120), flat("AT", 64_511)),
        ],
    );
    let v4 = write(folder.path(), "v4.mmdb", &v4);
    let v6 = write(folder.path(), "v6.mmdb", &v6);
    let places = Places::load(&PlaceFiles {
        country: vec![v4, v6.clone()],
        network: vec![v6],
    })
    .unwrap();
    assert_eq!(country_of(&places, "203.0.113.7"), "DE");
    assert_eq!(country_of(&places, "::ffff:203.0.113.7"), "DE");
    assert_eq!(country_of(&places, "198.51.100.9"), "AT");
    assert_eq!(country_of(&places, "2001:db8::1"), "FR");
    assert_eq!(country_of(&places, "192.0.2.1"), "?");
    assert_eq!(country_of(&places, "2001:db9::1"), "?");
    let network = |text| places.network(address(text)).map(NetworkNumber::get);
    assert_eq!(network("2001:db8::1"), Some(64_496));
    assert_eq!(network("198.51.100.9"), Some(64_511));
    assert_eq!(network("203.0.113.7"), None);
}

#[test]
fn numbers_are_read_in_every_spelling_and_no_country_is_no_country() {
    let folder = tempfile::tempdir().unwrap();
    let member = |name, value| Value::Map(vec![(name, value)]);
    let bytes = database(
        4,
        &[
            (
                &bits("10.0.0.0", 8),
                member("autonomous_system_number", Value::Number(1)),
            ),
            (&bits("11.0.0.0", 8), member("asn", Value::Text("AS2"))),
            (&bits("12.0.0.0", 8), member("country", Value::Text("ZZ"))),
            (&bits("13.0.0.0", 8), member("country", Value::Text("CH"))),
        ],
    );
    let path = write(folder.path(), "one.mmdb", &bytes);
    let places = Places::load(&PlaceFiles {
        country: vec![path.clone()],
        network: vec![path],
    })
    .unwrap();
    let network = |text| places.network(address(text)).map(NetworkNumber::get);
    assert_eq!(network("10.1.1.1"), Some(1));
    assert_eq!(network("11.1.1.1"), Some(2));
    assert_eq!(network("12.1.1.1"), None);
    assert_eq!(country_of(&places, "12.1.1.1"), "?");
    assert_eq!(country_of(&places, "13.1.1.1"), "CH");
}

#[test]
fn a_change_is_noticed_once_and_a_broken_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let german = database(4, &[(&bits("203.0.113.0", 24), nested("DE"))]);
    let path = write(folder.path(), "one.mmdb", &german);
    let mut watch = PlaceWatch::new(PlaceFiles {
        country: vec![path.clone()],
        network: Vec::new(),
    });
    assert!(!watch.is_empty());
    assert_eq!(country_of(&watch.load().unwrap(), "203.0.113.7"), "DE");
    assert!(watch.refresh().unwrap().is_none());
    let (half, _) = german.split_at(german.len() / 2);
    write(folder.path(), "one.mmdb", half);
    let error = watch.refresh().unwrap_err().to_string();
    assert!(error.contains("one.mmdb"), "{error}");
    // Told once, not every few seconds.
    assert!(watch.refresh().unwrap().is_none());
    let longer = database(
        4,
        &[
            (&bits("203.0.113.0", 24), nested("FR")),
            (&bits("10.0.0.0", 8), nested("AT")),
        ],
    );
    write(folder.path(), "one.mmdb", &longer);
    let places = watch.refresh().unwrap().unwrap();
    assert_eq!(country_of(&places, "203.0.113.7"), "FR");
    std::fs::remove_file(&path).unwrap();
    assert!(watch.refresh().is_err());
    assert!(watch.refresh().unwrap().is_none());
}
