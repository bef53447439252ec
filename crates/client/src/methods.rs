//! How a group of methods is declared: once, for the async and for the
//! blocking client.
//!
//! A row names the method, its arguments, the operation, and what of the
//! arguments goes where; `all` adds a method that reads a list to its end. The
//! word before `fn` tells who may call and in which states of the organization,
//! which is what decides the possible errors; a test compares it with the
//! operation table.

macro_rules! methods {
    (
        $(#[doc = $gdoc:literal])+
        $group:ident, $accessor:literal;
        $(
            $(#[doc = $doc:literal])+
            @example($arguments:literal, $then:literal)
            $who:ident fn $name:ident($($arg:ident: $ty:ty),*) -> $operation:ident {
                $(path: $path:expr,)? $(query: $query:expr,)? $(body: $body:expr,)?
            }
            $(all fn $all:ident $(($aarg:ident: $aty:ty) of $apath:expr)?;)?
        )+
    ) => {
        $(#[doc = $gdoc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $group<'c>(pub(crate) &'c crate::Client);

        impl $group<'_> { $(
            $(#[doc = $doc])+
            #[doc = ""]
            #[doc = crate::methods::errors!($who)]
            #[doc = concat!(
                "\n# Example\n```no_run\n# use polity_client::{Client, types::*};\n",
                "# async fn example(client: Client", $(", ", stringify!($arg), ": ", stringify!($ty),)*
                ") -> polity_client::Result<()> {\n",
                "let reply = client.", $accessor, "().", stringify!($name), $arguments, ".await?;\n",
                $then, "\n# Ok(()) }\n```"
            )]
            pub async fn $name(
                &self, $($arg: $ty),*
            ) -> crate::Result<<polity_api::table::$operation as polity_api::operation::Operation>::Reply> {
                self.0.call::<polity_api::table::$operation>(
                    crate::methods::or_empty!($($path)?), crate::methods::or_empty!($($query)?), crate::methods::or_empty!($($body)?),
                ).await
            }

            $(
                #[doc = concat!("Every item of [`", stringify!($name), "`](Self::", stringify!($name), "), page after page from")]
                /// where the query starts. The stream ends after the first error.
                #[doc = ""]
                #[doc = crate::methods::errors!($who)]
                #[doc = concat!(
                    "\n# Example\n```no_run\n# use polity_client::{Client, types::*};\nuse futures_util::TryStreamExt as _;\n",
                    "# async fn example(client: Client", $(", ", stringify!($aarg), ": ", stringify!($aty),)?
                    ") -> polity_client::Result<()> {\n",
                    "let everything: Vec<_> = client.", $accessor, "().", stringify!($all),
                    "(", $(stringify!($aarg), ", ",)? "&Default::default()).try_collect().await?;\n# Ok(()) }\n```"
                )]
                pub fn $all(
                    &self, $($aarg: $aty,)? query: &<polity_api::table::$operation as polity_api::operation::Operation>::Query,
                ) -> impl futures_util::Stream<
                    Item = crate::Result<<polity_api::table::$operation as crate::page::Paged>::Item>,
                > + Send + 'static {
                    crate::page::stream::<polity_api::table::$operation>(self.0.clone(), crate::methods::or_empty_path!($($apath)?), query.clone())
                }
            )?
        )+ }

        /// The same for the blocking client.
        #[cfg(feature = "blocking")]
        pub mod blocking {
            use crate::types::*;

            $(#[doc = $gdoc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $group<'c>(pub(crate) &'c crate::blocking::Client);

            impl $group<'_> { $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = crate::methods::errors!($who)]
                #[doc = concat!(
                    "\n# Example\n```no_run\n# use polity_client::{blocking::Client, types::*};\n",
                    "# fn example(client: Client", $(", ", stringify!($arg), ": ", stringify!($ty),)*
                    ") -> polity_client::Result<()> {\n",
                    "let reply = client.", $accessor, "().", stringify!($name), $arguments, "?;\n",
                    $then, "\n# Ok(()) }\n```"
                )]
                pub fn $name(
                    &self, $($arg: $ty),*
                ) -> crate::Result<<polity_api::table::$operation as polity_api::operation::Operation>::Reply> {
                    self.0.call::<polity_api::table::$operation>(
                        crate::methods::or_empty!($($path)?), crate::methods::or_empty!($($query)?), crate::methods::or_empty!($($body)?),
                    )
                }

                $(
                    #[doc = concat!("Every item of [`", stringify!($name), "`](Self::", stringify!($name), "), page after page from")]
                    /// where the query starts. The iterator ends after the first error.
                    #[doc = ""]
                    #[doc = crate::methods::errors!($who)]
                    #[doc = concat!(
                        "\n# Example\n```no_run\n# use polity_client::{blocking::Client, types::*};\n",
                        "# fn example(client: Client", $(", ", stringify!($aarg), ": ", stringify!($aty),)?
                        ") -> polity_client::Result<()> {\n",
                        "for item in client.", $accessor, "().", stringify!($all),
                        "(", $(stringify!($aarg), ", ",)? "&Default::default()) {\n    println!(\"{:?}\", item?);\n}\n# Ok(()) }\n```"
                    )]
                    pub fn $all(
                        &self, $($aarg: $aty,)? query: &<polity_api::table::$operation as polity_api::operation::Operation>::Query,
                    ) -> impl Iterator<
                        Item = crate::Result<<polity_api::table::$operation as crate::page::Paged>::Item>,
                    > + Send + 'static {
                        self.0.iterate(crate::page::stream::<polity_api::table::$operation>(self.0.inner(), crate::methods::or_empty_path!($($apath)?), query.clone()))
                    }
                )?
            )+ }
        }

        /// The rows, for the test that compares them with the table.
        #[cfg(test)]
        pub(crate) const DECLARED: &[crate::methods::Declared] = &[$(crate::methods::Declared {
            operation: stringify!($operation),
            method: stringify!($name),
            who: stringify!($who),
            all: concat!("", $(stringify!($all))?),
        }),+];
    };
}

/// What a row does not send is empty.
macro_rules! or_empty {
    () => {
        &polity_api::operation::Empty {}
    };
    ($given:expr) => {
        $given
    };
}

/// A list whose path names nothing has an empty one.
macro_rules! or_empty_path {
    () => {
        polity_api::operation::Empty {}
    };
    ($given:expr) => {
        $given
    };
}

/// The errors that are possible, by who may call and when.
macro_rules! errors {
    (anyone) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **429** for too many requests, **500** or **503** for a server that failed \
         or is busy. Other errors say that there was no answer."
    };
    (token) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **401** without a valid token, **403** for a token that may not, **404** when \
         there is none, **429** for too many requests, **500** or **503** for a server that failed or is busy. Other \
         errors say that there was no answer."
    };
    (user) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **401** without a valid token, **403** for a token that acts for no person, \
         **404** when there is none, **429** for too many requests, **500** or **503** for a server that failed or is \
         busy. Other errors say that there was no answer."
    };
    (member) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **401** without a valid token or when the organization is deactivated, \
         **403** for a token of another organization or when the organization is locked, **404** when there is none, \
         **429** for too many requests, **500** or **503** for a server that failed or is busy. Other errors say that \
         there was no answer."
    };
    (member_even_deactivated) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **401** without a valid token, **403** for a token of another organization or \
         when the organization is locked, **404** when there is none, **429** for too many requests, **500** or **503** \
         for a server that failed or is busy. Other errors say that there was no answer."
    };
    (member_in_any_state) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names \
         it), **401** without a valid token, **403** for a token of another organization, **404** when there is none, \
         **429** for too many requests, **500** or **503** for a server that failed or is busy. Other errors say that \
         there was no answer."
    };
    (operator) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **401** without a valid token, **403** for a token that is not the \
         operator's, **404** when there is none, **429** for too many requests, **500** or **503** for a server that \
         failed or is busy. Other errors say that there was no answer."
    };
    (metering) => {
        "# Errors\n\
         [`Refused`](crate::Error::Refused) with the status **400** for an argument that is at fault (`fields` names it) \
         or a state that does not allow it, **401** without a valid token, **403** for a token that is not a metering \
         key, **404** when there is none, **429** for too many requests, **500** or **503** for a server that failed or \
         is busy. Other errors say that there was no answer."
    };
}

pub(crate) use {errors, methods, or_empty, or_empty_path};

/// A row, as data.
#[cfg(test)]
pub(crate) struct Declared {
    pub operation: &'static str,
    pub method: &'static str,
    pub who: &'static str,
    pub all: &'static str,
}
