//! Pages of lists: `page` and `per_page` for people, `cursor` for machines, and the headers
//! `X-Total-Count` and `Link` (RFC 8288) that tell of the rest.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use keywright_api::error::Detail;
use keywright_seal::derive::Purpose;
use keywright_store::{Cursor, CursorValue, Page, PageRequest, Start, Total};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::app::App;
use crate::body::answer;
use crate::error::{ApiError, ApiResult};

/// Rows of a page that does not ask: fits a screen.
const PER_PAGE_DEFAULT: u32 = 50;
/// Rows of the longest page (design: at most 200).
const PER_PAGE_MAX: u32 = 200;
/// The deepest page: beyond it a cursor is the way, because the rows before must be counted off.
const PAGE_MAX: u32 = 100_000;
/// Bytes of the tag that stands before a cursor.
const TAG_BYTES: usize = 32;

/// How long the list is.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Whether that is exact: `eq`, or `gte` when it is longer than was counted.
const TOTAL_RELATION: HeaderName = HeaderName::from_static("x-total-count-relation");
/// Where the next page begins, for machines.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The page, from 1.
    #[param(minimum = 1, maximum = 100_000)]
    pub page: Option<u32>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 200)]
    pub per_page: Option<u32>,
    /// Where to go on: the `X-Next-Cursor` of the page before. Stable while the list changes.
    pub cursor: Option<String>,
}

/// What a cursor says, in the list and order that it was made for.
#[derive(Serialize, Deserialize)]
struct Place {
    list: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Paging {
    /// The request for the store. `list` names the list and its order: a cursor of another one is
    /// refused.
    ///
    /// # Errors
    /// Numbers out of range, `page` next to `cursor`, or a cursor that is not ours.
    pub fn request<S>(
        &self,
        app: &App,
        list: &str,
        sort: S,
        descending: bool,
    ) -> ApiResult<PageRequest<S>> {
        let mut details = Vec::new();
        let limit = self.per_page.unwrap_or(PER_PAGE_DEFAULT);
        if !(1..=PER_PAGE_MAX).contains(&limit) {
            let problem = format!("is not between 1 and {PER_PAGE_MAX}");
            details.push(Detail::new(
                "per_page",
                problem,
                "ask for fewer rows, and for more pages",
            ));
        }
        let page = self.page.unwrap_or(1);
        if !(1..=PAGE_MAX).contains(&page) {
            let problem = format!("is not between 1 and {PAGE_MAX}");
            details.push(Detail::new("page", problem, "use `cursor` to go that far"));
        }
        if self.page.is_some() && self.cursor.is_some() {
            details.push(Detail::new(
                "cursor",
                "stands next to `page`",
                "give one of the two",
            ));
        }
        let start = match &self.cursor {
            None => Start::Offset(u64::from(page.saturating_sub(1)) * u64::from(limit)),
            Some(text) => match open(app, list, text) {
                Some(cursor) => Start::After(cursor),
                None => {
                    let fix = "use the `X-Next-Cursor` of the page before, with the same filters";
                    details.push(Detail::new("cursor", "is not a cursor of this list", fix));
                    Start::Offset(0)
                }
            },
        };
        if details.is_empty() {
            Ok(PageRequest {
                sort,
                descending,
                start,
                limit,
            })
        } else {
            Err(ApiError::invalid(details))
        }
    }

    /// The answer of a list: a bare array, and the headers.
    pub fn answer<T, B: Serialize>(
        &self,
        app: &App,
        list: &str,
        uri: &Uri,
        page: &Page<T>,
        shown: impl Fn(&T) -> B,
    ) -> Response {
        let next = page
            .next
            .as_ref()
            .and_then(|cursor| seal(app, list, cursor));
        self.listed(uri, page, next, shown)
    }

    fn listed<T, B: Serialize>(
        &self,
        uri: &Uri,
        page: &Page<T>,
        next: Option<String>,
        shown: impl Fn(&T) -> B,
    ) -> Response {
        let items: Vec<B> = page.items.iter().map(shown).collect();
        let mut response = answer(StatusCode::OK, &items);
        let headers = response.headers_mut();
        headers.insert(TOTAL_COUNT, HeaderValue::from(page.total.count()));
        let relation = match page.total {
            Total::Exact(_) => "eq",
            Total::AtLeast(_) => "gte",
        };
        headers.insert(TOTAL_RELATION, HeaderValue::from_static(relation));
        if let Some(value) = self.link(uri, page.total, next.as_deref()) {
            headers.insert(header::LINK, value);
        }
        if let Some(value) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
            headers.insert(NEXT_CURSOR, value);
        }
        response
    }

    /// The answer of a list without rows.
    #[must_use]
    pub fn empty(&self, uri: &Uri) -> Response {
        let page: Page<()> = Page {
            items: Vec::new(),
            total: Total::Exact(0),
            next: None,
        };
        self.listed(uri, &page, None, |()| ())
    }

    fn link(&self, uri: &Uri, total: Total, next: Option<&str>) -> Option<HeaderValue> {
        let mut links = Vec::new();
        if self.cursor.is_some() {
            if let Some(next) = next {
                links.push(linked(uri, "cursor", next, "next"));
            }
            links.push(linked(uri, "page", "1", "first"));
        } else {
            let rows = u64::from(self.per_page.unwrap_or(PER_PAGE_DEFAULT)).max(1);
            let page = u64::from(self.page.unwrap_or(1));
            let last = total.count().div_ceil(rows).max(1);
            links.push(linked(uri, "page", "1", "first"));
            if page > 1 {
                links.push(linked(uri, "page", &(page - 1).to_string(), "prev"));
            }
            if next.is_some() {
                links.push(linked(uri, "page", &(page + 1).to_string(), "next"));
            }
            if matches!(total, Total::Exact(_)) {
                links.push(linked(uri, "page", &last.to_string(), "last"));
            }
        }
        HeaderValue::try_from(links.join(", ")).ok()
    }
}

fn linked(uri: &Uri, name: &str, value: &str, relation: &str) -> String {
    let kept = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .filter(|(known, _)| known != "page" && known != "cursor");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair(name, value)
        .finish();
    format!("<{}?{query}>; rel=\"{relation}\"", uri.path())
}

fn seal(app: &App, list: &str, cursor: &Cursor) -> Option<String> {
    let (number, text) = match &cursor.value {
        CursorValue::Number(number) => (Some(*number), None),
        CursorValue::Text(text) => (None, Some(text.clone())),
    };
    let place = Place {
        list: list.to_owned(),
        id: cursor.id.clone(),
        number,
        text,
    };
    let message = serde_json::to_vec(&place).ok()?;
    let mut bytes = app
        .keyring
        .load()
        .authenticate(Purpose::Cursor, &message)
        .to_vec();
    bytes.extend_from_slice(&message);
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn open(app: &App, list: &str, text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (tag, message) = bytes.split_at_checked(TAG_BYTES)?;
    if !app
        .keyring
        .load()
        .is_authentic(Purpose::Cursor, message, tag)
    {
        return None;
    }
    let place: Place = serde_json::from_slice(message).ok()?;
    let value = match (place.number, place.text) {
        (Some(number), None) => CursorValue::Number(number),
        (None, Some(text)) => CursorValue::Text(text),
        _ => return None,
    };
    (place.list == list).then_some(Cursor {
        value,
        id: place.id,
    })
}
