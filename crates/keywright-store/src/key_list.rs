//! A page of a tenant's keys, over a million of them: the query is built so that an index yields the
//! rows in the wanted order, and a search never reads more than it must.

use keywright_core::id::TenantId;
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
/// Tenants up to this size are searched row by row, which takes a few milliseconds; the index, which
/// all tenants share, may have to pass over many more rows of the others.
const SMALL_TENANT: u64 = 2_000;
/// Matches above which a search walks the sorted list instead of sorting the matches: with so many
/// of them, a page is soon found.
const FREQUENT: i64 = 1_000;

/// How a search is answered on SQLite.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Index {
    /// By reading the tenant's rows in their order.
    Rows,
    /// By the rows that the trigram index names.
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
        let mut index = self.index(filter, all.count());
        let total = if *filter == KeyFilter::default() {
            all
        } else {
            let counted = self.count_keys(&tenant, filter, index).await?;
            if counted > FREQUENT {
                index = Index::Rows;
            }
            Total::bounded(counted)
        };
        let lite = matches!(self.database(), Database::Lite { .. });
        let rows: Vec<ListedRow> = reading!(self, pool => {
            let mut query = QueryBuilder::new(concat!(
                "SELECT ", key_columns!(), ", o.email AS owner_email, u.last_used_at, u.last_address "
            ));
            push_source(&mut query, request.sort, lite);
            query.push(" LEFT JOIN users o ON o.id = k.owner");
            push_filter(&mut query, &tenant, filter, index, lite, request.sort);
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

    fn index(&self, filter: &KeyFilter, all: u64) -> Index {
        let lite = matches!(self.database(), Database::Lite { .. });
        let long = filter.search.as_deref().is_some_and(|term| {
            !term.starts_with("key-") && term.to_lowercase().chars().count() >= TRIGRAM
        });
        if lite && long && all > SMALL_TENANT {
            Index::Trigrams
        } else {
            Index::Rows
        }
    }

    /// How many keys match, counted up to one above [`COUNT_MAX`].
    async fn count_keys(
        &self,
        tenant: &str,
        filter: &KeyFilter,
        index: Index,
    ) -> Result<i64, StoreError> {
        let lite = matches!(self.database(), Database::Lite { .. });
        let sort = if filter.last_used.is_some() {
            KeySort::LastUsed
        } else {
            KeySort::CreatedAt
        };
        Ok(reading!(self, pool => {
            let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 ");
            push_source(&mut query, sort, lite);
            push_filter(&mut query, tenant, filter, index, lite, sort);
            query.push(" LIMIT ").push_bind(decode::number(COUNT_MAX + 1)).push(") AS counted");
            query.build_query_scalar().fetch_one(pool).await
        })?)
    }
}

/// The table whose index gives the order comes first.
fn push_source<DB: Sql>(query: &mut QueryBuilder<DB>, sort: KeySort, lite: bool) {
    // SQLite keeps the order of a CROSS JOIN; without it, it may sort all the rows.
    let join = if lite { "CROSS JOIN" } else { "JOIN" };
    match sort {
        KeySort::LastUsed => query.push(format_args!(
            "FROM key_usage u {join} keys k ON k.id = u.key_id"
        )),
        KeySort::CreatedAt | KeySort::Name | KeySort::ExpiresAt => query.push(format_args!(
            "FROM keys k {join} key_usage u ON u.key_id = k.id"
        )),
    };
}

fn push_filter<DB: Sql>(
    query: &mut QueryBuilder<DB>,
    tenant: &str,
    filter: &KeyFilter,
    index: Index,
    lite: bool,
    sort: KeySort,
) where
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    let column = if sort == KeySort::LastUsed {
        "u.tenant"
    } else {
        "k.tenant"
    };
    query
        .push(format_args!(" WHERE {column} = "))
        .push_bind(tenant.to_owned());
    let mut equal = |column: &str, value: Option<String>| {
        if let Some(value) = value {
            query
                .push(format_args!(" AND {column} = "))
                .push_bind(value);
        }
    };
    equal("k.kind", filter.kind.map(|kind| kind.as_str().into()));
    equal(
        "k.environment",
        filter.environment.as_ref().map(ToString::to_string),
    );
    equal(
        "k.format",
        filter.format.map(|format| format.as_str().into()),
    );
    equal("k.owner", filter.owner.map(|owner| owner.to_string()));
    equal("k.external_id", filter.external_id.clone());
    let mut compare = |condition: &str, moment: Option<i64>| {
        if let Some(moment) = moment {
            query
                .push(format_args!(" AND {condition} "))
                .push_bind(moment);
        }
    };
    compare(
        "k.expires_at <",
        decode::milliseconds(filter.expires_before),
    );
    compare(
        "k.expires_at >=",
        decode::milliseconds(filter.expires_after),
    );
    compare("k.expires_at <>", filter.expires_after.map(|_| NEVER));
    compare(
        "k.created_at <",
        decode::milliseconds(filter.created_before),
    );
    compare(
        "k.created_at >=",
        decode::milliseconds(filter.created_after),
    );
    match filter.last_used {
        None => {}
        Some(LastUsed::Never) => compare("u.last_used_at =", Some(0)),
        Some(LastUsed::Before(moment)) => compare("u.last_used_at <", Some(moment.milliseconds())),
        Some(LastUsed::After(moment)) => compare("u.last_used_at >=", Some(moment.milliseconds())),
    }
    if let Some((status, now)) = filter.status {
        push_status(query, status, now.milliseconds());
    }
    push_contained(
        query,
        "k.scopes",
        filter.scope.as_ref().map(ToString::to_string),
        lite,
    );
    push_contained(
        query,
        "k.roles",
        filter.role.as_ref().map(ToString::to_string),
        lite,
    );
    push_contained(query, "k.tags", filter.tag.clone(), lite);
    if let Some(term) = &filter.search {
        push_search(query, term, index);
    }
}

/// The rule of `keywright_core::key::status`, in SQL; the contract suite compares the two.
fn push_status<DB: Sql>(query: &mut QueryBuilder<DB>, status: Status, now: i64)
where
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    match status {
        Status::Revoked => {
            query.push(" AND k.state = 'revoked'");
        }
        Status::Expired => {
            query
                .push(" AND k.state <> 'revoked' AND k.expires_at <= ")
                .push_bind(now);
        }
        Status::Pending => {
            query
                .push(" AND k.state <> 'revoked' AND k.expires_at > ")
                .push_bind(now);
            query.push(" AND k.not_before > ").push_bind(now);
        }
        Status::Disabled | Status::Active => {
            query.push(format_args!(
                " AND k.state = '{}' AND k.expires_at > ",
                status.as_str()
            ));
            query
                .push_bind(now)
                .push(" AND k.not_before <= ")
                .push_bind(now);
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
            .push(format_args!(" AND jsonb_exists({column}::jsonb, "))
            .push_bind(value)
            .push(")");
    }
}

fn push_search<DB: Sql>(query: &mut QueryBuilder<DB>, term: &str, index: Index)
where
    for<'q> String: Encode<'q, DB> + Type<DB>,
{
    // Identifiers have so much in common that trigrams tell little about them.
    if term.starts_with("key-") {
        query.push(" AND k.id >= ").push_bind(term.to_owned());
        query.push(" AND k.id < ").push_bind(format!("{term}~"));
        return;
    }
    let term = term.to_lowercase();
    if index == Index::Trigrams {
        let phrase = format!("\"{}\"", term.replace('"', "\"\""));
        query.push(" AND k.row_id IN (SELECT rowid FROM keys_search WHERE keys_search MATCH ");
        query.push_bind(phrase).push(")");
    }
    query
        .push(" AND k.searched LIKE ")
        .push_bind(page::anywhere(&term))
        .push(" ESCAPE '\\'");
}

fn push_order<DB: Sql>(query: &mut QueryBuilder<DB>, request: &PageRequest<KeySort>)
where
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
{
    let (column, id) = match request.sort {
        KeySort::CreatedAt => ("k.created_at", "k.id"),
        KeySort::Name => ("k.folded_name", "k.id"),
        KeySort::LastUsed => ("u.last_used_at", "u.key_id"),
        KeySort::ExpiresAt => ("k.expires_at", "k.id"),
    };
    if let Start::After(cursor) = &request.start {
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
    let direction = request.direction();
    query.push(format_args!(
        " ORDER BY {column} {direction}, {id} {direction} LIMIT "
    ));
    query
        .push_bind(request.fetch())
        .push(" OFFSET ")
        .push_bind(request.offset());
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
