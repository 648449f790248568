//! A page of a tenant's keys, over a million of them: the query is built so that an index yields the
//! rows in the wanted order, and a search never reads more than it must.

use keywright_core::id::{KeyId, TenantId};
use keywright_core::key::Status;
use sqlx::{Database as Sql, Encode, QueryBuilder, Type};

use crate::database::{Database, reading};
use crate::decode;
use crate::error::StoreError;
use crate::key_row::{ALWAYS, ListedRow, NEVER, key_columns};
use crate::keys::{KeyFilter, KeyRecord, KeySort, LastUsed};
use crate::page::{self, COUNT_MAX, Cursor, CursorValue, Page, PageRequest, Start, Total};
use crate::store::Store;

/// Shortest term that the trigram index can find.
const TRIGRAM: usize = 3;
/// Tenants up to this size are searched row by row, which takes a few milliseconds; the trigram
/// index, which all tenants share, may have to pass over many more rows of the others.
const SMALL_TENANT: u64 = 2_000;

/// Where the rows of a page come from. PostgreSQL decides by its statistics; SQLite is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// From the index of the wanted order, passing over what the filter leaves out: quick where
    /// much of what is passed matches.
    Walk,
    /// From the few rows that a filter's own index names, sorted afterwards.
    Filter,
    /// From the few that the trigram index names, sorted afterwards.
    Trigrams,
}

impl Store {
    /// A page of a tenant's keys.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn keys_page(
        &self,
        tenant: TenantId,
        filter: &KeyFilter,
        request: &PageRequest<KeySort>,
    ) -> Result<Page<KeyRecord>, StoreError> {
        if filter.is_of_no_text() {
            return Ok(Page {
                items: Vec::new(),
                total: Total::Exact(0),
                next: None,
            });
        }
        let tenant = tenant.to_string();
        let all: Option<i64> = reading!(self, pool => {
            sqlx::query_scalar("SELECT total FROM key_counts WHERE tenant = $1")
                .bind(&tenant)
                .fetch_optional(pool)
                .await
        })?;
        let all = Total::Exact(u64::try_from(all.unwrap_or(0)).unwrap_or(0));
        let lite = matches!(self.database(), Database::Lite { .. });
        let mut list = List {
            tenant,
            filter,
            sort: request.sort,
            lite,
            access: Access::Walk,
        };
        let total = if *filter == KeyFilter::default() {
            all
        } else {
            list.access = access(filter, all.count(), lite);
            let total = self.count_keys(&list).await?;
            if matches!(total, Total::AtLeast(_)) {
                list.access = Access::Walk;
            }
            total
        };
        let rows: Vec<ListedRow> = reading!(self, pool => {
            // The wanted rows are found by their indexes alone, then read: passing over the pages
            // before costs little.
            let mut query = QueryBuilder::new(concat!(
                "SELECT ", key_columns!(), ", o.email AS owner_email, u.last_used_at, \
                 u.last_address FROM (SELECT k.id FROM "
            ));
            list.push_rows(&mut query);
            push_start(&mut query, request);
            push_order(&mut query, request);
            query.push(" LIMIT ").push_bind(request.fetch());
            query.push(" OFFSET ").push_bind(request.offset());
            query.push(") AS p JOIN keys k ON k.id = p.id LEFT JOIN key_usage u ON u.key_id = k.id \
                 LEFT JOIN users o ON o.id = k.owner");
            push_order(&mut query, request);
            query.build_query_as().fetch_all(pool).await
        })?;
        let records = rows
            .into_iter()
            .map(ListedRow::record)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(page::cut(records, request.rows(), total, |record| {
            cursor(record, request.sort)
        }))
    }

    async fn count_keys(&self, list: &List<'_>) -> Result<Total, StoreError> {
        // Without an order, so that nothing keeps SQLite from the filter's index.
        let sort = if list.filter.last_used.is_some() {
            KeySort::LastUsed
        } else {
            KeySort::CreatedAt
        };
        let list = List {
            sort,
            tenant: list.tenant.clone(),
            ..*list
        };
        let counted = reading!(self, pool => {
            let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
            list.push_rows(&mut query);
            query.push(" LIMIT ").push_bind(decode::number(COUNT_MAX + 1)).push(") AS counted");
            query.build_query_scalar().fetch_one(pool).await
        })?;
        Ok(Total::bounded(counted))
    }
}

/// A list that is asked for, and how to get at it.
struct List<'a> {
    tenant: String,
    filter: &'a KeyFilter,
    sort: KeySort,
    lite: bool,
    access: Access,
}

fn access(filter: &KeyFilter, all: u64, lite: bool) -> Access {
    let long = |term: &&str| !is_short(term) && !term.starts_with(KeyId::PREFIX);
    let term = filter
        .search
        .as_deref()
        .or(filter.tag.as_deref())
        .filter(long);
    if lite && all > SMALL_TENANT && term.is_some() {
        Access::Trigrams
    } else {
        Access::Filter
    }
}

/// Too short for trigrams, and too common to look for everywhere: found at the beginning of a name.
fn is_short(term: &str) -> bool {
    term.chars().count() < TRIGRAM
}

impl List<'_> {
    /// The tables, in the order in which SQLite is to read them, and the condition.
    fn push_rows<DB: Sql>(&self, query: &mut QueryBuilder<DB>)
    where
        for<'q> String: Encode<'q, DB> + Type<DB>,
        for<'q> i64: Encode<'q, DB> + Type<DB>,
    {
        let needs_use = self.sort == KeySort::LastUsed || self.filter.last_used.is_some();
        let use_first = self.sort == KeySort::LastUsed && self.access == Access::Walk;
        let by_id = self
            .filter
            .search
            .as_deref()
            .is_some_and(|term| term.starts_with(KeyId::PREFIX));
        let told = self.lite && self.access == Access::Filter;
        let off = matches!(
            self.filter.status,
            Some((Status::Revoked | Status::Disabled, _))
        );
        // SQLite keeps the order of a CROSS JOIN; which is best is not known when the use is asked for.
        let either = told && self.filter.last_used.is_some();
        let join = if self.lite && !either {
            " CROSS JOIN "
        } else {
            " JOIN "
        };
        query.push(match self.access {
            Access::Trigrams => "keys_search s CROSS JOIN keys k ON k.row_id = s.rowid",
            Access::Walk if use_first => "key_usage u",
            Access::Filter if told && off && !by_id => "keys k INDEXED BY keys_by_state",
            Access::Walk | Access::Filter => "keys k",
        });
        if use_first {
            query.push(join).push("keys k ON k.id = u.key_id");
        } else if needs_use {
            query.push(join).push("key_usage u ON u.key_id = k.id");
        }
        // Both, so that either table may come first.
        if needs_use {
            query
                .push(" WHERE u.tenant = ")
                .push_bind(self.tenant.clone())
                .push(" AND ");
        } else {
            query.push(" WHERE ");
        }
        // The sign keeps SQLite from the tenant's indexes, where the identifiers' is meant.
        let sign = if told && by_id { "+" } else { "" };
        query
            .push(sign)
            .push("k.tenant = ")
            .push_bind(self.tenant.clone());
        if self.access == Access::Trigrams {
            let term = self.filter.search.as_deref().or(self.filter.tag.as_deref());
            let term = term.unwrap_or_default().to_lowercase().replace('"', "\"\"");
            query
                .push(" AND keys_search MATCH ")
                .push_bind(format!("\"{term}\""));
        }
        self.push_filter(query);
    }

    /// A column for comparing. The sign keeps SQLite from its index, where another is meant.
    fn column(&self, column: &'static str) -> String {
        let sorted = columns(self.sort).0 == column;
        let sign = if self.lite && self.access == Access::Walk && !sorted {
            "+"
        } else {
            ""
        };
        format!("{sign}{column}")
    }

    fn push_filter<DB: Sql>(&self, query: &mut QueryBuilder<DB>)
    where
        for<'q> String: Encode<'q, DB> + Type<DB>,
        for<'q> i64: Encode<'q, DB> + Type<DB>,
    {
        let filter = self.filter;
        for (column, value) in [
            ("k.kind", filter.kind.map(|kind| kind.as_str().into())),
            (
                "k.environment",
                filter.environment.as_ref().map(ToString::to_string),
            ),
            (
                "k.format",
                filter.format.map(|format| format.as_str().into()),
            ),
            ("k.owner", filter.owner.map(|owner| owner.to_string())),
            ("k.external_id", filter.external_id.clone()),
        ] {
            if let Some(value) = value {
                query
                    .push(format_args!(" AND {} = ", self.column(column)))
                    .push_bind(value);
            }
        }
        self.push_moments(query);
        if let Some((status, now)) = filter.status {
            self.push_status(query, status, now.milliseconds());
        }
        let scope = filter.scope.as_ref().map(ToString::to_string);
        let role = filter.role.as_ref().map(ToString::to_string);
        for (column, value) in [
            ("k.scopes", scope),
            ("k.roles", role),
            ("k.tags", filter.tag.clone()),
        ] {
            push_contained(query, column, value, self.lite);
        }
        if let Some(term) = &filter.search {
            self.push_search(query, term);
        }
    }

    fn push_moments<DB: Sql>(&self, query: &mut QueryBuilder<DB>)
    where
        for<'q> i64: Encode<'q, DB> + Type<DB>,
    {
        let filter = self.filter;
        let never = filter.expires_after.map(|_| NEVER);
        let (used, at) = match filter.last_used {
            None => ("=", None),
            Some(LastUsed::Never) => ("=", Some(0)),
            Some(LastUsed::Before(moment)) => ("<", Some(moment.milliseconds())),
            Some(LastUsed::After(moment)) => (">=", Some(moment.milliseconds())),
        };
        for (column, comparison, moment) in [
            (
                "k.expires_at",
                "<",
                decode::milliseconds(filter.expires_before),
            ),
            (
                "k.expires_at",
                ">=",
                decode::milliseconds(filter.expires_after),
            ),
            ("k.expires_at", "<>", never),
            (
                "k.created_at",
                "<",
                decode::milliseconds(filter.created_before),
            ),
            (
                "k.created_at",
                ">=",
                decode::milliseconds(filter.created_after),
            ),
            ("u.last_used_at", used, at),
        ] {
            if let Some(moment) = moment {
                let column = self.column(column);
                query
                    .push(format_args!(" AND {column} {comparison} "))
                    .push_bind(moment);
            }
        }
    }

    /// The rule of `keywright_core::key::status`, in SQL; the contract suite compares the two.
    fn push_status<DB: Sql>(&self, query: &mut QueryBuilder<DB>, status: Status, now: i64)
    where
        for<'q> i64: Encode<'q, DB> + Type<DB>,
    {
        let (state, end) = (self.column("k.state"), self.column("k.expires_at"));
        // "Not active" is what SQLite's partial index asks for, word by word.
        match status {
            Status::Revoked => {
                query.push(format_args!(
                    " AND {state} <> 'active' AND {state} = 'revoked'"
                ));
            }
            Status::Expired => {
                query.push(format_args!(
                    " AND k.state || '' <> 'revoked' AND {end} <= "
                ));
                query.push_bind(now);
            }
            Status::Pending => {
                query.push(format_args!(" AND k.state || '' <> 'revoked' AND {end} > "));
                query
                    .push_bind(now)
                    .push(" AND k.not_before > ")
                    .push_bind(now);
            }
            Status::Disabled => {
                query.push(format_args!(
                    " AND {state} <> 'active' AND {state} = 'disabled'"
                ));
                query.push(format_args!(" AND {end} > ")).push_bind(now);
                query.push(" AND k.not_before <= ").push_bind(now);
            }
            Status::Active => {
                query
                    .push(format_args!(" AND {state} = 'active' AND {end} > "))
                    .push_bind(now);
                query.push(" AND k.not_before <= ").push_bind(now);
            }
        }
    }

    fn push_search<DB: Sql>(&self, query: &mut QueryBuilder<DB>, term: &str)
    where
        for<'q> String: Encode<'q, DB> + Type<DB>,
    {
        let beginning = if term.starts_with(KeyId::PREFIX) {
            // Identifiers have so much in common that trigrams tell little about them.
            Some((self.column("k.id"), term.to_owned()))
        } else if is_short(term) {
            Some((self.column("k.folded_name"), term.to_lowercase()))
        } else {
            None
        };
        if let Some((column, beginning)) = beginning {
            // The last character is the greatest that there is.
            let end = format!("{beginning}\u{10FFFF}");
            query
                .push(format_args!(" AND {column} >= "))
                .push_bind(beginning);
            query.push(format_args!(" AND {column} < ")).push_bind(end);
        } else {
            query
                .push(" AND k.searched LIKE ")
                .push_bind(page::anywhere(&term.to_lowercase()));
            query.push(" ESCAPE '\\'");
        }
    }
}

/// Whether a JSON array holds a text.
fn push_contained<DB: Sql>(
    query: &mut QueryBuilder<DB>,
    column: &str,
    value: Option<String>,
    lite: bool,
) where
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    let Some(value) = value else { return };
    if lite {
        query.push(format_args!(
            " AND EXISTS (SELECT 1 FROM json_each({column}) WHERE value = "
        ));
        query.push_bind(value).push(")");
    } else {
        query
            .push(format_args!(" AND {column}::jsonb ? "))
            .push_bind(value);
    }
}

fn push_start<DB: Sql>(query: &mut QueryBuilder<DB>, request: &PageRequest<KeySort>)
where
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    let Start::After(cursor) = &request.start else {
        return;
    };
    let (column, id) = columns(request.sort);
    query.push(format_args!(" AND ({column}, {id}) {} (", request.beyond()));
    // A cursor of another list's kind cannot be meant; it then begins where such values end.
    match (&cursor.value, request.sort) {
        (CursorValue::Text(text), KeySort::Name) => query.push_bind(text.replace('\0', "")),
        (CursorValue::Number(_), KeySort::Name) => query.push_bind(String::new()),
        (CursorValue::Number(number), _) => query.push_bind(*number),
        (CursorValue::Text(_), _) => query.push_bind(ALWAYS),
    };
    query
        .push(", ")
        .push_bind(cursor.id.replace('\0', ""))
        .push(")");
}

fn push_order<DB: Sql>(query: &mut QueryBuilder<DB>, request: &PageRequest<KeySort>) {
    let (column, id) = columns(request.sort);
    let direction = request.direction();
    query.push(format_args!(
        " ORDER BY {column} {direction}, {id} {direction}"
    ));
}

/// What a list is sorted by; each pair is the end of an index that begins with the tenant.
const fn columns(sort: KeySort) -> (&'static str, &'static str) {
    match sort {
        KeySort::CreatedAt => ("k.created_at", "k.id"),
        KeySort::Name => ("k.folded_name", "k.id"),
        KeySort::LastUsed => ("u.last_used_at", "u.key_id"),
        KeySort::ExpiresAt => ("k.expires_at", "k.id"),
    }
}

fn cursor(record: &KeyRecord, sort: KeySort) -> Cursor {
    let key = &record.key;
    let value = match sort {
        KeySort::CreatedAt => CursorValue::Number(key.created_at.milliseconds()),
        KeySort::Name => CursorValue::Text(
            key.attributes
                .name
                .as_deref()
                .unwrap_or_default()
                .to_lowercase(),
        ),
        KeySort::LastUsed => {
            CursorValue::Number(decode::milliseconds(record.last_used_at).unwrap_or(0))
        }
        KeySort::ExpiresAt => {
            CursorValue::Number(decode::milliseconds(key.expires_at).unwrap_or(NEVER))
        }
    };
    Cursor {
        value,
        id: key.id.to_string(),
    }
}
