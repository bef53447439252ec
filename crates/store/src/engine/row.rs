//! Rows: a struct whose fields are columns, in the order a statement selects them.

use crate::Error;
use crate::engine::value::{Column, Datum, Kind};

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

/// One row of a result of either engine, read from the first column to the last.
pub trait Source {
    /// The next value, which is of this kind; none when it is of another.
    fn next(&mut self, kind: Kind) -> Option<Datum<'_>>;
}

/// Takes the rows of a result one by one.
pub type Each<'e> = dyn FnMut(&mut dyn Source) -> Result<Next, Error> + Send + 'e;

/// Whether more rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next, if there is one.
    More,
    /// No more.
    Enough,
}

/// The next column as a value of type `T`; `name` is for the message.
///
/// # Errors
/// When the column holds something else.
pub fn read<T: Column>(source: &mut dyn Source, name: &'static str) -> Result<T, Error> {
    source.next(T::KIND).and_then(T::from_datum).ok_or(Error::Column(name))
}

/// A type read from one row of a result.
pub trait FromRow: Sized + Send {
    /// The columns, in order.
    const COLUMNS: &'static [ColumnInfo];
    /// The row.
    ///
    /// # Errors
    /// When a column holds another kind of value.
    fn from_row(source: &mut dyn Source) -> Result<Self, Error>;
}

/// No row: statements that return nothing.
impl FromRow for () {
    const COLUMNS: &'static [ColumnInfo] = &[];
    fn from_row(_: &mut dyn Source) -> Result<Self, Error> {
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
                    kind: <$ty as $crate::engine::value::Stored>::KIND,
                    nullable: <$ty as $crate::engine::value::Stored>::NULLABLE,
                }
            ),+ ];
            fn from_row(source: &mut dyn $crate::engine::row::Source) -> Result<Self, $crate::Error> {
                Ok($name { $( $field: $crate::engine::row::read(source, stringify!($field))? ),+ })
            }
        }

        impl $crate::engine::value::Params for $name {
            const KINDS: &'static [$crate::engine::value::Kind] =
                &[ $( <$ty as $crate::engine::value::Stored>::KIND ),+ ];
        }

        impl $crate::engine::value::Values for $name {
            fn refs(&self) -> Vec<&dyn $crate::engine::value::Param> {
                vec![ $( &self.$field as &dyn $crate::engine::value::Param ),+ ]
            }
        }
    };
}
pub(crate) use row;
