//! What list statements share: the window of a page, filters, counts.

use polity_api::page::{Limit, Offset};

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

    /// The same with one more row, which tells whether there is a next page.
    #[must_use]
    pub fn one_more(self) -> Self {
        Window { limit: self.limit + 1, ..self }
    }
}

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
