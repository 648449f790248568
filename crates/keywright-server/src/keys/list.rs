//! `list_keys`: `GET /api/v1/tenant/{tenant}/api-keys/list`.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use keywright_api::error::Detail;
use keywright_api::key::KeyBody;
use keywright_core::access::{Permission, Reach};
use keywright_core::key::{Format, Kind, Status};
use keywright_core::time::Timestamp;
use keywright_store::{KeyFilter, KeySort, LastUsed};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::paging::Paging;
use crate::query::Query;

/// Characters of a search: longer than any name.
const SEARCH_CHARACTERS_MAX: usize = 200;

/// Filters and order of a list of keys.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ListKeys {
    /// Found in name, hint, tags and external id, or the beginning of an identifier.
    #[param(max_length = 200)]
    search: Option<String>,
    /// `active`, `disabled`, `revoked`, `expired` or `pending`.
    status: Option<String>,
    /// `application`, `user` or `system`.
    kind: Option<String>,
    /// `opaque`, `jwt`, `pair` or `custom`.
    format: Option<String>,
    /// An environment's name.
    environment: Option<String>,
    /// A scope that is granted directly.
    scope: Option<String>,
    /// A role.
    role: Option<String>,
    /// A tag.
    tag: Option<String>,
    /// Identifier of the owner.
    owner: Option<String>,
    /// The end customer.
    external_id: Option<String>,
    /// `true`: keys that were never used.
    never_used: Option<bool>,
    /// Last used before this moment or never, in Unix seconds.
    last_used_before: Option<i64>,
    /// Last used at this moment or later, in Unix seconds.
    last_used_after: Option<i64>,
    /// Ending before this moment, in Unix seconds.
    expires_before: Option<i64>,
    /// Ending at this moment or later, in Unix seconds.
    expires_after: Option<i64>,
    /// Made before this moment, in Unix seconds.
    created_before: Option<i64>,
    /// Made at this moment or later, in Unix seconds.
    created_after: Option<i64>,
    /// `created_at`, `name`, `last_used` or `expires_at`; with `-` in front the greatest first.
    /// Without it the newest key stands first.
    sort: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1, maximum = 100_000)]
    page: Option<u32>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u32>,
    /// Where to go on: the `X-Next-Cursor` of the page before. Stable while the list changes.
    cursor: Option<String>,
}

/// Lists keys
///
/// Members see their own keys, administrators all with their owners.
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/api-keys/list", operation_id = "list_keys", tag = "keys",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"), ListKeys),
    responses((status = 200, body = Vec<KeyBody>)),
)]
pub async fn list_keys(
    State(app): State<App>,
    context: InTenant,
    uri: Uri,
    Query(query): Query<ListKeys>,
) -> ApiResult<Response> {
    let reach = context.require(Permission::ReadKeys)?;
    let now = app.now();
    let (sort, descending) = query.order()?;
    let mut filter = query.filter(now)?;
    if let Reach::Own(user) = reach {
        if filter.owner.is_some_and(|owner| owner != user) {
            // Another user's keys are, for this caller, keys that do not exist.
            return Ok(Paging::default().empty(&uri));
        }
        filter.owner = Some(user);
    }
    let paging = Paging {
        page: query.page,
        per_page: query.per_page,
        cursor: query.cursor.clone(),
    };
    let list = format!(
        "keys {} {}",
        context.tenant.id,
        query.sort.as_deref().unwrap_or_default()
    );
    let request = paging.request(&app, &list, sort, descending)?;
    let page = app
        .store
        .keys_page(context.tenant.id, &filter, &request)
        .await?;
    Ok(paging.answer(&app, &list, &uri, &page, |record| super::shown(record, now)))
}

impl ListKeys {
    fn order(&self) -> ApiResult<(KeySort, bool)> {
        let Some(text) = self.sort.as_deref() else {
            return Ok((KeySort::CreatedAt, true));
        };
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let sort = match name {
            "created_at" => KeySort::CreatedAt,
            "name" => KeySort::Name,
            "last_used" => KeySort::LastUsed,
            "expires_at" => KeySort::ExpiresAt,
            _ => {
                return Err(ApiError::invalid_field(
                    "sort",
                    "is not something that keys are sorted by",
                    "use created_at, name, last_used or expires_at, with `-` for descending",
                ));
            }
        };
        Ok((sort, descending))
    }

    fn filter(&self, now: Timestamp) -> ApiResult<KeyFilter> {
        let mut read = Reader::default();
        let filter = KeyFilter {
            search: read.search(self.search.as_deref()),
            status: read
                .named("status", self.status.as_deref(), Status::from_name)
                .map(|status| (status, now)),
            kind: read.named("kind", self.kind.as_deref(), Kind::from_name),
            format: read.named("format", self.format.as_deref(), Format::from_name),
            environment: read.named("environment", self.environment.as_deref(), parsed),
            scope: read.named("scope", self.scope.as_deref(), parsed),
            role: read.named("role", self.role.as_deref(), parsed),
            tag: self.tag.clone(),
            owner: read.named("owner", self.owner.as_deref(), parsed),
            external_id: self.external_id.clone(),
            last_used: self.last_used(&mut read),
            expires_before: read.moment("expires_before", self.expires_before),
            expires_after: read.moment("expires_after", self.expires_after),
            created_before: read.moment("created_before", self.created_before),
            created_after: read.moment("created_after", self.created_after),
        };
        if read.0.is_empty() {
            Ok(filter)
        } else {
            Err(ApiError::invalid(read.0))
        }
    }

    fn last_used(&self, read: &mut Reader) -> Option<LastUsed> {
        let before = read.moment("last_used_before", self.last_used_before);
        let after = read.moment("last_used_after", self.last_used_after);
        let never = self.never_used.unwrap_or(false);
        if usize::from(before.is_some()) + usize::from(after.is_some()) + usize::from(never) > 1 {
            let problem = "stands next to another filter on the last use";
            read.0.push(Detail::new(
                "last_used_before",
                problem,
                "give one of the three",
            ));
        }
        if never {
            return Some(LastUsed::Never);
        }
        before.map(LastUsed::Before).or(after.map(LastUsed::After))
    }
}

fn parsed<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Reads filters and collects what is wrong with them.
#[derive(Default)]
struct Reader(Vec<Detail>);

impl Reader {
    fn named<T>(
        &mut self,
        path: &str,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = text?;
        let value = read(text);
        if value.is_none() {
            let fix = "see the list of values in the documentation of this operation";
            self.0
                .push(Detail::new(path, "is not a value of this filter", fix));
        }
        value
    }

    fn moment(&mut self, path: &str, seconds: Option<i64>) -> Option<Timestamp> {
        let seconds = seconds?;
        let moment = Timestamp::from_seconds(seconds);
        if moment.is_none() {
            let fix = "give Unix seconds between 0 and 253402300799";
            self.0.push(Detail::new(path, "is not a moment", fix));
        }
        moment
    }

    fn search(&mut self, text: Option<&str>) -> Option<String> {
        let text = text.map(str::trim).filter(|text| !text.is_empty())?;
        if text.chars().count() > SEARCH_CHARACTERS_MAX {
            let problem = format!("has more than {SEARCH_CHARACTERS_MAX} characters");
            self.0
                .push(Detail::new("search", problem, "search for less"));
        }
        Some(text.to_owned())
    }
}
