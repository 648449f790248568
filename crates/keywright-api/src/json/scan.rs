//! A look over a whole JSON document before it is read into a type: members that stand twice,
//! depth and size. It keeps nothing of the document.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::{DEPTH_MAX, JsonProblem, NODES_MAX, ROOT, problem_at, shorten};

/// Checks a document.
pub(super) fn scan(text: &str) -> Result<(), JsonProblem> {
    let mut state = Scan::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = Node(&mut state)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    match (result, state.fault) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(fault)) => {
            let (problem, fix) = fault.words();
            Err(JsonProblem::malformed(path(&state.path), problem, fix))
        }
        (Err(error), None) => Err(problem_at(path(&state.path), &error)),
    }
}

#[derive(Clone, Copy)]
enum Fault {
    Repeated,
    Deep,
    Large,
}

impl Fault {
    fn words(self) -> (String, &'static str) {
        match self {
            Self::Repeated => ("this member stands twice".into(), "remove one of the two"),
            Self::Deep => (
                format!("is nested more than {DEPTH_MAX} levels deep"),
                "nest it less deep",
            ),
            Self::Large => (
                format!("the body has more than {NODES_MAX} values"),
                "send less",
            ),
        }
    }
}

enum Segment<'de> {
    Index(usize),
    Member(Cow<'de, str>),
}

fn path(segments: &[Segment<'_>]) -> String {
    let mut text = String::new();
    for segment in segments {
        match segment {
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
            Segment::Member(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
        }
    }
    if text.is_empty() {
        ROOT.into()
    } else {
        shorten(&text)
    }
}

#[derive(Default)]
struct Scan<'de> {
    nodes: usize,
    /// Where the scan is; after a failure, where it happened.
    path: Vec<Segment<'de>>,
    fault: Option<Fault>,
}

impl Scan<'_> {
    fn fail<E: de::Error>(&mut self, fault: Fault) -> E {
        self.fault = Some(fault);
        E::custom("refused by the scan")
    }

    fn count<E: de::Error>(&mut self) -> Result<(), E> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            Err(self.fail(Fault::Large))
        } else {
            Ok(())
        }
    }

    /// The length of the path is the number of arrays and objects around a value.
    fn descend<E: de::Error>(&mut self) -> Result<(), E> {
        if self.path.len() >= DEPTH_MAX {
            Err(self.fail(Fault::Deep))
        } else {
            self.count()
        }
    }
}

/// One value of the document.
struct Node<'s, 'de>(&'s mut Scan<'de>);

impl<'de> DeserializeSeed<'de> for Node<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.count()
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.0.count()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.0.count()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.0.count()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.0.count()
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        self.0.count()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let scan = self.0;
        scan.descend()?;
        scan.path.push(Segment::Index(0));
        while items.next_element_seed(Node(scan))?.is_some() {
            if let Some(Segment::Index(index)) = scan.path.last_mut() {
                *index += 1;
            }
        }
        scan.path.pop();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let scan = self.0;
        scan.descend()?;
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key_seed(Name)? {
            scan.path.push(Segment::Member(name.clone()));
            if !names.insert(name) {
                return Err(scan.fail(Fault::Repeated));
            }
            members.next_value_seed(Node(scan))?;
            scan.path.pop();
        }
        Ok(())
    }
}

/// The name of a member, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member name")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.into()))
    }
}
