//! Rows: a struct whose fields are columns, in the order a statement selects them.

use crate::engine::value::Kind;

/// A column a row expects.
#[derive(Clone, Copy, Debug)]
pub struct ColumnInfo {
    /// Its name in the result.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
}

/// A type read from one row of a result.
pub trait FromRow: Sized {
    /// The columns, in order.
    const COLUMNS: &'static [ColumnInfo];
    /// The row from SQLite.
    ///
    /// # Errors
    /// When a column holds another kind of value.
    fn from_lite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;
}

/// No row: statements that return nothing.
impl FromRow for () {
    const COLUMNS: &'static [ColumnInfo] = &[];
    fn from_lite(_: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(())
    }
}

/// Declares a row. It can be read from a result and, whole, be the parameters
/// of an insert: fields and placeholders follow the order of declaration.
macro_rules! row {
    ($(#[$doc:meta])* pub struct $name:ident { $( $(#[$fdoc:meta])* pub $field:ident : $ty:ty ),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $( $(#[$fdoc])* pub $field: $ty ),+ }

        impl $crate::engine::row::FromRow for $name {
            const COLUMNS: &'static [$crate::engine::row::ColumnInfo] = &[ $(
                $crate::engine::row::ColumnInfo {
                    name: stringify!($field),
                    kind: <$ty as $crate::engine::value::Column>::KIND,
                    nullable: <$ty as $crate::engine::value::Column>::NULLABLE,
                }
            ),+ ];
            fn from_lite(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut index = 0..;
                let mut next = || index.next().unwrap_or(usize::MAX);
                Ok($name { $(
                    $field: {
                        let i = next();
                        let value = row.get_ref(i)?;
                        <$ty as $crate::engine::value::Column>::from_lite(value).map_err(|error| {
                            rusqlite::Error::FromSqlConversionFailure(i, value.data_type(), Box::new(error))
                        })?
                    }
                ),+ })
            }
        }

        impl $crate::engine::value::Params for $name {
            const COUNT: usize = [ $( stringify!($field) ),+ ].len();
            fn refs(&self) -> Vec<&dyn $crate::engine::value::Param> {
                vec![ $( &self.$field as &dyn $crate::engine::value::Param ),+ ]
            }
        }
    };
}
pub(crate) use row;
