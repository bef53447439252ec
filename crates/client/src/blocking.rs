//! The same client for programs without an async runtime.
//!
//! Every group and method has the name it has in the async client. The client
//! brings a runtime of its own with one thread, and refuses to be used inside
//! another one.
//!
//! ```no_run
//! use polity_client::blocking::Client;
//! use polity_client::types::*;
//!
//! let client = Client::new(polity_client::Client::builder("http://127.0.0.1:8080").token("…").build()?)?;
//! let acme = client.organizations().create_organization(&CreateOrganizationRequest { name: "acme".into() })?;
//! println!("{}", acme.organization.id);
//! # Ok::<(), polity_client::Error>(())
//! ```

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use polity_api::operation::Operation;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

pub use crate::groups::blocking::*;

/// A client that waits for each answer. Cheap to clone: clones share their
/// connections and their thread.
#[derive(Clone, Debug)]
pub struct Client {
    inner: crate::Client,
    thread: Arc<Thread>,
}

/// The runtime, which is left behind rather than waited for.
#[derive(Debug)]
struct Thread(Option<Runtime>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Client {
    /// A blocking client like the async one.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the system gives no thread.
    pub fn new(client: crate::Client) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().thread_name("polity-client").build();
        let runtime = runtime.map_err(|e| Error::Invalid(format!("cannot start a thread: {e}")))?;
        Ok(Client { inner: client, thread: Arc::new(Thread(Some(runtime))) })
    }

    /// The same client with another token.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the token holds what a header cannot.
    pub fn with_token(&self, token: &str) -> Result<Self> {
        Ok(Client { inner: self.inner.with_token(token)?, thread: Arc::clone(&self.thread) })
    }

    /// The same client without a token.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Client { inner: self.inner.without_token(), thread: Arc::clone(&self.thread) }
    }

    /// Makes any call of the operation table; the methods of the groups are this with names.
    ///
    /// # Errors
    /// Those of the operation, and [`Error::Invalid`] inside an async runtime.
    pub fn call<O: Operation>(&self, path: &O::Path, query: &O::Query, body: &O::Body) -> Result<O::Reply> {
        self.thread.wait(self.inner.call::<O>(path, query, body))?
    }

    pub(crate) fn inner(&self) -> crate::Client {
        self.inner.clone()
    }

    /// The items of a stream.
    pub(crate) fn iterate<T, S>(&self, stream: S) -> impl Iterator<Item = Result<T>> + Send + 'static + use<T, S>
    where
        T: Send + 'static,
        S: Stream<Item = Result<T>> + Send + 'static,
    {
        let (thread, mut stream): (_, Pin<Box<dyn Stream<Item = Result<T>> + Send>>) =
            (Arc::clone(&self.thread), Box::pin(stream));
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let item = thread.wait(stream.next()).unwrap_or_else(|error| Some(Err(error)));
            ended = !matches!(item, Some(Ok(_)));
            item
        })
    }
}

impl Thread {
    /// Waiting inside an async runtime would panic, and would block its thread besides.
    fn wait<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        match &self.0 {
            Some(runtime) if Handle::try_current().is_err() => Ok(runtime.block_on(future)),
            _ => {
                Err(Error::Invalid("the blocking client cannot wait inside an async runtime: use the async one".into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn inside_a_runtime_it_refuses_instead_of_panicking() {
        let client = Client::new(crate::Client::builder("http://127.0.0.1:9").build().unwrap()).unwrap();
        assert!(matches!(client.sessions().logout(), Err(Error::Invalid(_))));
        let mut organizations = client.account().all_user_organizations(&Default::default());
        assert!(matches!(organizations.next(), Some(Err(Error::Invalid(_)))));
        assert!(organizations.next().is_none());
    }
}
