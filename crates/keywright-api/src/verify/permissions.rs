//! The permissions that a check asks for: an expression as text, or a list of which any or all.

use std::fmt;

use keywright_core::limits::GRANTS_MAX;
use keywright_core::permission::{Expression, InvalidExpression};
use keywright_core::scope::Scope;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Problems;
use crate::field;
use crate::text::Text;

/// The permissions that an operation needs.
#[derive(Debug)]
pub enum Permissions<'a> {
    /// Such as `api:read AND (users:manage OR admin:all)`.
    Expression(Text<'a>),
    /// At least one of these scopes.
    AnyOf(Vec<String>),
    /// All of these scopes.
    AllOf(Vec<String>),
}

impl Permissions<'_> {
    /// The expression that is meant.
    pub(super) fn expression(&self, problems: &mut Problems) -> Option<Expression> {
        const PATH: &str = "permissions";
        match self {
            Self::Expression(text) => field::parsed(
                PATH,
                Some(text.as_str()),
                str::parse::<Expression>,
                "write scopes with AND, OR and parentheses",
                problems,
            ),
            Self::AnyOf(scopes) => {
                listed("permissions.any_of", scopes, Expression::any_of, problems)
            }
            Self::AllOf(scopes) => {
                listed("permissions.all_of", scopes, Expression::all_of, problems)
            }
        }
    }
}

/// An expression of scopes in a list; the core refuses an empty one.
fn listed(
    path: &str,
    scopes: &[String],
    combine: impl Fn(Vec<Scope>) -> Result<Expression, InvalidExpression>,
    problems: &mut Problems,
) -> Option<Expression> {
    let read = field::list(path, scopes, GRANTS_MAX, str::parse::<Scope>, problems);
    if read.len() != scopes.len() {
        return None;
    }
    combine(read)
        .map_err(|error| {
            problems.add(
                path,
                error.to_string(),
                "name fewer scopes, but at least one, or leave `permissions` out",
            )
        })
        .ok()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    any_of: Option<Vec<String>>,
    all_of: Option<Vec<String>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Permissions<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PermissionsVisitor)
    }
}

struct PermissionsVisitor;

impl<'de> Visitor<'de> for PermissionsVisitor {
    type Value = Permissions<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string, or an object with either `any_of` or `all_of`")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Permissions::Expression(Text::borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Permissions::Expression(Text::owned(text.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        match Lists::deserialize(MapAccessDeserializer::new(members))? {
            Lists {
                any_of: Some(scopes),
                all_of: None,
            } => Ok(Permissions::AnyOf(scopes)),
            Lists {
                any_of: None,
                all_of: Some(scopes),
            } => Ok(Permissions::AllOf(scopes)),
            Lists { .. } => Err(A::Error::custom("needs either `any_of` or `all_of`")),
        }
    }
}

impl PartialSchema for Permissions<'_> {
    fn schema() -> RefOr<Schema> {
        let list = |name: &str| {
            let scopes = ArrayBuilder::new()
                .items(ObjectBuilder::new().schema_type(Type::String))
                .min_items(Some(1))
                .max_items(Some(GRANTS_MAX));
            ObjectBuilder::new()
                .property(name, scopes)
                .required(name)
                .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        };
        let expression = ObjectBuilder::new()
            .schema_type(Type::String)
            .examples(["api:read AND (users:manage OR admin:all)"]);
        OneOfBuilder::new()
            .item(expression)
            .item(list("any_of"))
            .item(list("all_of"))
            .description(Some(
                "An expression of scopes, or a list of which any or all.",
            ))
            .into()
    }
}

impl ToSchema for Permissions<'_> {}
