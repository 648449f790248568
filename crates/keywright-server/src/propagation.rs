//! `Keywright-Propagation`: whether a change that was answered is in force on every node. The response
//! of every call that takes something back has it; where nodes are unconfirmed, its status is 202.

use std::cell::RefCell;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use utoipa::openapi::RefOr;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// The header.
pub const PROPAGATION: HeaderName = HeaderName::from_static("keywright-propagation");

/// Bytes of node names in the header: enough for some twenty, and far from any proxy's limit.
const NAMES_BYTES_MAX: usize = 1024;

/// How far a change has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// No node accepts any more what the change took back.
    Complete,
    /// It is in force here; these nodes are out of touch, and may accept what they remember until
    /// their bound. `*` = they could not be asked for.
    Pending(Vec<String>),
}

/// What the handlers of one request say of their changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted(RefCell<Option<Propagation>>);

impl Noted {
    /// Keeps the worst of what is said.
    pub(crate) fn note(&self, propagation: Propagation) {
        let mut noted = self.0.borrow_mut();
        match (&mut *noted, propagation) {
            (Some(Propagation::Pending(names)), Propagation::Pending(more)) => {
                names.extend(more);
                names.sort_unstable();
                names.dedup();
            }
            (Some(Propagation::Pending(_)), Propagation::Complete) => {}
            (noted, propagation) => *noted = Some(propagation),
        }
    }

    /// Says it in the response.
    pub(crate) fn tell(self, status: &mut StatusCode, headers: &mut HeaderMap) {
        let Some(propagation) = self.0.into_inner() else {
            return;
        };
        if matches!(propagation, Propagation::Pending(_)) && *status == StatusCode::OK {
            *status = StatusCode::ACCEPTED;
        }
        headers.insert(PROPAGATION, propagation.header());
    }
}

impl Propagation {
    /// As it stands in the header.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        match self {
            Self::Complete => HeaderValue::from_static("complete"),
            Self::Pending(names) => {
                let mut list = String::new();
                for name in names {
                    if list.len() + name.len() >= NAMES_BYTES_MAX {
                        list.push_str(" ...");
                        break;
                    }
                    if !list.is_empty() {
                        list.push(' ');
                    }
                    list.push_str(name);
                }
                HeaderValue::from_str(&format!(r#"pending; unconfirmed="{list}""#))
                    .unwrap_or(HeaderValue::from_static("pending"))
            }
        }
    }
}

/// Tags of the operations whose changes nodes hold in memory.
const TAGS: [&str; 6] = [
    "keys",
    "roles",
    "scopes",
    "signing keys",
    "tenants",
    "users",
];

/// Adds the header, and the status where nodes are unconfirmed, to the documentation of an operation
/// that changes something.
pub(crate) fn document(operation: &mut Operation) {
    let tags = operation.tags.as_deref().unwrap_or_default();
    if !tags.iter().any(|tag| TAGS.contains(&tag.as_str())) {
        return;
    }
    let about = "`complete` = in force on every node; `pending; unconfirmed=\"a b\"` = in force, but the named nodes \
                 are out of touch and may accept what they remember until their bound";
    let header = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(about))
        .build();
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(done)) = responses.get_mut("200") else {
        return;
    };
    done.headers
        .insert("Keywright-Propagation".to_owned(), header.into());
    let mut pending = done.clone();
    pending.description = "As 200, but not confirmed by every node".to_owned();
    responses.insert("202".to_owned(), RefOr::T(pending));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(names: &[&str]) -> Propagation {
        Propagation::Pending(names.iter().map(|&name| name.to_owned()).collect())
    }

    fn told(notes: &[Propagation], status: StatusCode) -> (StatusCode, Option<HeaderValue>) {
        let (noted, mut headers, mut status) = (Noted::default(), HeaderMap::new(), status);
        for note in notes {
            noted.note(note.clone());
        }
        noted.tell(&mut status, &mut headers);
        (status, headers.remove(PROPAGATION))
    }

    #[test]
    fn the_worst_is_told_and_only_what_succeeded_becomes_202() {
        let value = |text| Some(HeaderValue::from_static(text));
        let (ok, created) = (StatusCode::OK, StatusCode::CREATED);
        assert_eq!(told(&[], ok), (ok, None));
        assert_eq!(told(&[Propagation::Complete], ok), (ok, value("complete")));
        let both = [pending(&["b"]), Propagation::Complete, pending(&["a", "b"])];
        let header = value(r#"pending; unconfirmed="a b""#);
        assert_eq!(told(&both, ok), (StatusCode::ACCEPTED, header.clone()));
        assert_eq!(told(&both, created), (created, header.clone()));
        let failed = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(told(&both, failed), (failed, header));
    }

    #[test]
    fn many_names_are_cut_and_strange_ones_break_nothing() {
        let many: Vec<String> = (0..500).map(|number| format!("node-{number}")).collect();
        let header = Propagation::Pending(many).header();
        assert!(header.len() < NAMES_BYTES_MAX + 50);
        assert!(header.as_bytes().ends_with(b" ...\""));
        assert_eq!(pending(&["a\nb"]).header(), "pending");
    }
}
