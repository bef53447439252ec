//! What list statements share: the window of a page, filters, counts.
//!
//! A list that is paged by offset is a deferred join: an inner select walks an
//! index that holds all it orders and filters by, and skips there; the outer one
//! reads the rows of the page and no other. A list that is paged by key goes on
//! behind the last item of the page before, and costs the same at either end.

use polity_api::page::{Limit, Offset};
use polity_api::scalar::Timestamp;

use crate::engine::row::row;

row! {
    /// The result of a `count(*)`.
    pub struct CountRow {
        /// How many.
        pub count: i64,
    }
}

/// Which part of a list to return.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// At most this many rows.
    pub limit: i64,
    /// After skipping this many.
    pub offset: i64,
}

impl Window {
    /// The window of a request.
    #[must_use]
    pub fn of(limit: Limit, offset: Offset) -> Self {
        Window { limit: i64::from(limit.0), offset: i64::from(offset.0) }
    }
}

/// The rows of a page, and whether more come after them. That is told by an
/// index entry: no row is read that is not on the page.
pub type Page<R> = (Vec<R>, bool);

/// Where a page of a list that is read by key begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<K> {
    /// At the beginning of the list.
    First,
    /// Behind the item with this key.
    After(K),
    /// After skipping this many. The key is found on index entries alone.
    Skip(i64),
}

impl<K> Start<K> {
    /// The same place in a list whose keys are made of these.
    pub fn map<T>(self, f: impl FnOnce(K) -> T) -> Start<T> {
        match self {
            Start::First => Start::First,
            Start::After(key) => Start::After(f(key)),
            Start::Skip(count) => Start::Skip(count),
        }
    }
}

/// A time after all that are stored: the key before the newest item.
pub(crate) const END_OF_TIME: Timestamp = Timestamp(253_402_300_799_999_999);

/// A filter on names of an enum: any of several, or no filter when empty.
/// Bound as `,A,B,` and compared with `like`, which both engines understand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// The filter for these names.
    #[must_use]
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let joined: String = names.into_iter().flat_map(|name| [name, ","]).collect();
        Filter(if joined.is_empty() { joined } else { format!(",{joined}") })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn text(&self) -> String {
        self.0.clone()
    }
}

/// A `like` pattern (with `\\` as escape) for texts that contain `text` in
/// lowercase; empty when there is nothing to look for.
pub(crate) fn contains(text: &str) -> String {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return text;
    }
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
