//! Schemas of the closed sets of names, taken from `keywright-core`, so that the API document names
//! exactly what the core knows. They hold no values.

use std::borrow::Cow;

use keywright_core::key::{Format, Kind, Purpose, Status};
use keywright_core::token::Alphabet;
use keywright_core::token::jwt::SigningAlgorithm;
use keywright_core::user::TenantRole;
use keywright_core::verify::PresentedIn;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! names {
    ($($schema:ident, $type:ty, $name_of:path, $description:literal;)+) => {$(
        #[doc = $description]
        #[derive(Clone, Copy, Debug)]
        pub struct $schema;

        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(<$type>::ALL.iter().map(|value| $name_of(*value))))
                    .description(Some($description))
                    .into()
            }
        }

        impl ToSchema for $schema {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($schema))
            }
        }
    )+};
}

names! {
    KeyFormat, Format, Format::as_str, "How a key is printed.";
    KeyKind, Kind, Kind::as_str, "What a key is for, coarsely.";
    KeyPurpose, Purpose, Purpose::as_str, "What a key is for, finely.";
    KeyStatus, Status, Status::as_str, "Whether a key works at this moment.";
    MemberRole, TenantRole, TenantRole::as_str, "A user's role in a tenant.";
    KeyAlphabet, Alphabet, Alphabet::name, "What the random part of keys is drawn from.";
    KeyPlace, PresentedIn, PresentedIn::as_str, "Where in an HTTP request a key stood.";
    JwtAlgorithm, SigningAlgorithm, SigningAlgorithm::name, "How JWT keys are signed (RFC 7518, RFC 8037).";
}
