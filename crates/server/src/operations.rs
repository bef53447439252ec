//! Which row of the operation table a request is for. Rows are found here and
//! not by the router of everything else: what most requests are for goes
//! through no layer that it does not need.

use std::pin::Pin;

use axum::body::Body;
use axum::http::{Method, Response};
use matchit::Router;
use percent_encoding::percent_decode_str;
use polity_api::operation::Meta;

use crate::app::App;
use crate::error::Error;
use crate::handler::{Incoming, Run};
use crate::metrics::Series;
use crate::routes::INTROSPECTION;

/// The parameters of a path: their names and what the client sent for them, percent-decoded.
pub(crate) type Parameters = Vec<(&'static str, String)>;

/// Answers a request with a stream.
pub(crate) type Stream =
    for<'a> fn(&'a App, &'static Meta, Incoming<'a>) -> Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// A row of the table with what carries it out.
pub(crate) struct Mounted {
    /// The row.
    pub meta: &'static Meta,
    /// What carries it out.
    pub run: Run,
    /// What it answers with besides JSON, to a client that accepts it.
    pub other: Option<Other>,
    /// The largest body of a request, in bytes.
    pub body_limit_bytes: usize,
    /// Whether its replies are remembered.
    pub is_kept: bool,
    /// Counts its requests.
    pub series: Series,
}

/// A reply that is not JSON.
pub(crate) enum Other {
    /// A table of comma-separated values.
    Csv(Run),
    /// Server-sent events.
    Events(Stream),
}

/// The rows of the table by their paths.
#[derive(Default)]
pub(crate) struct Operations(Router<Rows>);

/// The rows of one path; they differ in the method.
struct Rows {
    names: Vec<&'static str>,
    mounted: Vec<Mounted>,
}

/// What there is under the path of a request.
#[derive(Clone)]
pub(crate) enum Found<'a> {
    /// An operation. Without parameters when they are no UTF-8.
    Row(&'a Mounted, Option<Parameters>),
    /// Other methods than that of the request.
    Methods(&'a [Mounted]),
    /// What a token is: no operation, and asked as often as the busiest of them.
    Introspection,
}

impl Found<'_> {
    /// The path as the table has it.
    pub fn route(&self) -> Option<&'static str> {
        match self {
            Found::Row(mounted, _) => Some(mounted.meta.path),
            Found::Methods(rows) => rows.first().map(|row| row.meta.path),
            Found::Introspection => Some(INTROSPECTION),
        }
    }
}

impl Operations {
    /// Of all rows, those of one path together.
    ///
    /// # Errors
    /// When two paths cannot be told from each other.
    pub fn new(rows: Vec<Mounted>) -> Result<Operations, Error> {
        let mut paths: Vec<(&'static str, Vec<Mounted>)> = Vec::new();
        for row in rows {
            match paths.iter_mut().find(|(path, _)| *path == row.meta.path) {
                Some((_, mounted)) => mounted.push(row),
                None => paths.push((row.meta.path, vec![row])),
            }
        }
        let mut router = Router::new();
        for (path, mounted) in paths {
            let rows = Rows { names: names(path), mounted };
            router.insert(path, rows).map_err(|error| Error::Mount(format!("{path}: {error}")))?;
        }
        Ok(Operations(router))
    }

    /// The row whose replies are remembered, if a request is for one, and the parameter of its path as it was sent.
    pub fn kept<'p>(&self, method: &Method, path: &'p str) -> Option<(&Mounted, Option<&'p str>)> {
        if method != Method::GET {
            return None;
        }
        let found = self.0.at(path).ok()?;
        let mounted = found.value.mounted.iter().find(|mounted| mounted.is_kept)?;
        Some((mounted, found.params.iter().next().map(|(_, value)| value)))
    }

    /// What there is under a path; none when no operation has it. `HEAD` is `GET` without the body.
    pub fn find(&self, method: &Method, path: &str) -> Option<Found<'_>> {
        let found = self.0.at(path).ok()?;
        let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
        let Some(mounted) = found.value.mounted.iter().find(|mounted| mounted.meta.method == wanted) else {
            return Some(Found::Methods(&found.value.mounted));
        };
        let values = found.params.iter().map(|(_, value)| percent_decode_str(value).decode_utf8());
        let parameters = found.value.names.iter().zip(values);
        let parameters = parameters.map(|(name, value)| Some((*name, value.ok()?.into_owned()))).collect();
        Some(Found::Row(mounted, parameters))
    }
}

/// The names of the parameters of a path, in order.
fn names(path: &'static str) -> Vec<&'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}
