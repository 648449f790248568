//! Pages of long lists: what is asked for, and what comes back. Nothing here is unbounded.

/// Rows that are counted before a filtered list's total becomes "at least": counting more would
/// take longer than the page itself.
pub const COUNT_MAX: u64 = 2_000;

/// The longest page: two hundred rows fill any screen.
pub const PAGE_LIMIT_MAX: u32 = 200;

/// Which part of a list is wanted, in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<S> {
    /// Sorted by what.
    pub sort: S,
    /// The greatest first.
    pub descending: bool,
    /// From where on.
    pub start: Start,
    /// Rows at most; more than [`PAGE_LIMIT_MAX`] is taken for that.
    pub limit: u32,
}

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// After this many rows.
    Offset(u64),
    /// After the row that the cursor stands on, wherever that row is by now.
    After(Cursor),
}

/// The place of a row in a sorted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The row's value of what is sorted by.
    pub value: CursorValue,
    /// The row's identifier, which tells equal values apart.
    pub id: String,
}

/// A value that is sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CursorValue {
    /// A moment or a number.
    Number(i64),
    /// A name.
    Text(String),
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Rows of the whole list.
    pub total: Total,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exact(u64),
    /// More than were counted.
    AtLeast(u64),
}

impl Total {
    /// The number, exact or not.
    #[must_use]
    pub const fn count(self) -> u64 {
        match self {
            Self::Exact(count) | Self::AtLeast(count) => count,
        }
    }

    /// From a count that stopped at one above [`COUNT_MAX`].
    pub(crate) fn bounded(counted: i64) -> Self {
        match u64::try_from(counted).unwrap_or(0) {
            counted if counted > COUNT_MAX => Self::AtLeast(COUNT_MAX),
            counted => Self::Exact(counted),
        }
    }
}

impl<S> PageRequest<S> {
    /// The first page of at most `limit` rows, the greatest first.
    #[must_use]
    pub const fn newest(sort: S, limit: u32) -> Self {
        Self {
            sort,
            descending: true,
            start: Start::Offset(0),
            limit,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.limit.clamp(1, PAGE_LIMIT_MAX) as usize
    }

    /// One more than wanted, to see whether there is a next page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit.clamp(1, PAGE_LIMIT_MAX)) + 1
    }

    pub(crate) fn offset(&self) -> i64 {
        match self.start {
            Start::Offset(offset) => i64::try_from(offset).unwrap_or(i64::MAX),
            Start::After(_) => 0,
        }
    }

    pub(crate) const fn direction(&self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    pub(crate) const fn beyond(&self) -> &'static str {
        if self.descending { "<" } else { ">" }
    }
}

/// Cuts the row too many off, and says where the next page begins.
pub(crate) fn cut<T>(
    mut items: Vec<T>,
    rows: usize,
    total: Total,
    cursor: impl FnOnce(&T) -> Cursor,
) -> Page<T> {
    let more = items.len() > rows;
    items.truncate(rows);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, total, next }
}

/// A term for `LIKE ... ESCAPE '\'`, found anywhere.
pub(crate) fn anywhere(term: &str) -> String {
    format!("%{}%", escaped(term))
}

/// A term for `LIKE ... ESCAPE '\'`, found at the beginning.
pub(crate) fn beginning(term: &str) -> String {
    format!("{}%", escaped(term))
}

fn escaped(term: &str) -> String {
    let mut text = String::with_capacity(term.len());
    for character in term.chars() {
        if matches!(character, '%' | '_' | '\\') {
            text.push('\\');
        }
        // No stored text holds a NUL, and PostgreSQL takes none.
        if character != '\0' {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_above_the_bound_say_so() {
        assert_eq!(Total::bounded(1_999), Total::Exact(1_999));
        assert_eq!(Total::bounded(2_000), Total::Exact(2_000));
        assert_eq!(Total::bounded(2_001), Total::AtLeast(2_000));
    }

    #[test]
    fn a_page_ends_where_the_list_ends() {
        let cursor = |n: &i64| Cursor {
            value: CursorValue::Number(*n),
            id: n.to_string(),
        };
        let whole = cut(vec![1, 2], 2, Total::Exact(2), cursor);
        assert_eq!((whole.items.len(), whole.next), (2, None));
        let part = cut(vec![1, 2, 3], 2, Total::Exact(3), cursor);
        assert_eq!(part.items, [1, 2]);
        assert_eq!(part.next.map(|next| next.id).as_deref(), Some("2"));
    }

    #[test]
    fn wildcards_in_a_term_stand_for_themselves() {
        assert_eq!(anywhere("50%_\\"), "%50\\%\\_\\\\%");
    }
}
