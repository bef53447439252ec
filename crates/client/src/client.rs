//! The client: how it is put together, and how one call is made.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use polity_api::operation::{Meta, Operation};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Refusal, Result, request_id};
use crate::hook::{Hook, Outcome};
use crate::retry::{Retry, is_idempotent};

/// A client of one server, with one token or none. Cheap to clone: clones share
/// their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    retry: Retry,
    hook: Option<Arc<dyn Hook>>,
}

impl fmt::Debug for Client {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// Puts a [`Client`] together.
pub struct ClientBuilder {
    url: String,
    token: Option<String>,
    user_agent: String,
    timeout: Duration,
    proxy: Option<String>,
    no_proxy: bool,
    retry: Retry,
    hook: Option<Arc<dyn Hook>>,
}

impl Client {
    /// A client of the server at `url`, such as `https://organizations.example.com`, without a token.
    #[must_use]
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            token: None,
            user_agent: concat!("polity-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeout: Duration::from_secs(30),
            proxy: None,
            no_proxy: false,
            retry: Retry::default(),
            hook: None,
        }
    }

    /// The same client with another token.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the token holds what a header cannot.
    pub fn with_token(&self, token: &str) -> Result<Client> {
        Ok(Client { authorization: Some(bearer(token)?), ..self.clone() })
    }

    /// The same client without a token.
    #[must_use]
    pub fn without_token(&self) -> Client {
        Client { authorization: None, ..self.clone() }
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Makes any call of the operation table; the methods of the groups are this with names.
    ///
    /// # Errors
    /// Those of the operation.
    pub async fn call<O: Operation>(&self, path: &O::Path, query: &O::Query, body: &O::Body) -> Result<O::Reply> {
        let url = address::<O>(&self.base, path, query)?;
        let body =
            has_body(O::META.method).then(|| serde_json::to_vec(body)).transpose().map_err(|e| unwritable(&e))?;
        let mut repetitions = 0;
        loop {
            let started = Instant::now();
            let outcome = self.attempt::<O>(&url, body.as_deref()).await;
            let wait = outcome
                .as_ref()
                .err()
                .and_then(|error| self.retry.wait(is_idempotent(&O::META), repetitions, error, fastrand::f64()));
            self.tell(&O::META, repetitions + 1, started.elapsed(), &outcome, wait);
            let Some(wait) = wait else { return outcome.map(|(reply, _)| reply) };
            tokio::time::sleep(wait).await;
            repetitions += 1;
        }
    }

    async fn attempt<O: Operation>(&self, url: &Url, body: Option<&[u8]>) -> Result<(O::Reply, Option<String>)> {
        let method = Method::from_bytes(O::META.method.as_bytes()).map_err(|e| Error::Invalid(e.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let mut request = self.http.request(method, url.clone());
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request = request.body(body.to_vec());
        }
        if let Some(hook) = &self.hook {
            hook.before(&O::META, &mut headers);
        }
        let lost = |error| Error::transport(error, self.url());
        let response = request.headers(headers).send().await.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(lost)?;
        if !status.is_success() {
            return Err(Error::Refused(Box::new(Refusal::read(status, &headers, &body))));
        }
        let request_id = request_id(&headers);
        match serde_json::from_slice(&body) {
            Ok(reply) => Ok((reply, request_id)),
            Err(source) => Err(Error::Unreadable { status: status.as_u16(), request_id, source }),
        }
    }

    fn tell<T>(
        &self,
        operation: &'static Meta,
        attempt: u32,
        took: Duration,
        outcome: &Result<(T, Option<String>)>,
        next_in: Option<Duration>,
    ) {
        let Some(hook) = &self.hook else { return };
        let (status, request_id, error) = match outcome {
            Ok((_, request_id)) => (Some(200), request_id.as_deref(), None),
            Err(error) => (error.status(), error.request_id(), Some(error)),
        };
        hook.after(&Outcome { operation, attempt, took, status, request_id, error, next_in });
    }
}

impl ClientBuilder {
    /// The token to send as `Authorization: Bearer`: of a session, a credential, an access token or the operator.
    #[must_use]
    pub fn token(self, token: impl Into<String>) -> Self {
        ClientBuilder { token: Some(token.into()), ..self }
    }

    /// What to send as `User-Agent`; `polity-client/<version>` unless told.
    #[must_use]
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        ClientBuilder { user_agent: user_agent.into(), ..self }
    }

    /// How long one attempt may take; 30 seconds unless told.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        ClientBuilder { timeout, ..self }
    }

    /// The URL of a proxy for all requests, instead of those in `HTTP_PROXY` and `HTTPS_PROXY`.
    #[must_use]
    pub fn proxy(self, url: impl Into<String>) -> Self {
        ClientBuilder { proxy: Some(url.into()), ..self }
    }

    /// No proxy, whatever the environment says.
    #[must_use]
    pub fn no_proxy(self) -> Self {
        ClientBuilder { no_proxy: true, ..self }
    }

    /// How to try again.
    #[must_use]
    pub fn retry(self, retry: Retry) -> Self {
        ClientBuilder { retry, ..self }
    }

    /// Who is told of every attempt.
    #[must_use]
    pub fn hook(self, hook: impl Hook + 'static) -> Self {
        ClientBuilder { hook: Some(Arc::new(hook)), ..self }
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a URL that is not one of `http` or `https`, a
    /// proxy that is none, or a token that holds what a header cannot.
    pub fn build(self) -> Result<Client> {
        let base = Url::parse(&self.url).map_err(|e| Error::Invalid(format!("{:?} is no URL: {e}", self.url)))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(Error::Invalid(format!("{:?} must begin with http:// or https://", self.url)));
        }
        // A redirect would carry the token to where nobody meant it to go.
        let mut http = reqwest::Client::builder()
            .user_agent(self.user_agent)
            .timeout(self.timeout)
            .redirect(reqwest::redirect::Policy::none());
        if self.no_proxy {
            http = http.no_proxy();
        }
        if let Some(proxy) = self.proxy {
            let invalid = |e| Error::Invalid(format!("{proxy:?} is no proxy: {e}"));
            http = http.proxy(reqwest::Proxy::all(&proxy).map_err(invalid)?);
        }
        Ok(Client {
            http: http.build().map_err(|e| Error::Invalid(e.to_string()))?,
            base,
            authorization: self.token.as_deref().map(bearer).transpose()?,
            retry: self.retry,
            hook: self.hook,
        })
    }
}

fn bearer(token: &str) -> Result<HeaderValue> {
    let invalid = |_| Error::Invalid("the token holds characters that no token has".to_owned());
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(invalid)?;
    value.set_sensitive(true);
    Ok(value)
}

fn has_body(method: &str) -> bool {
    !matches!(method, "GET" | "DELETE")
}

/// The URL of a call: base, path with its parameters, query.
fn address<O: Operation>(base: &Url, path: &O::Path, query: &O::Query) -> Result<Url> {
    let (path, query) = (fields(path)?, fields(query)?);
    let mut url = base.clone();
    {
        let mut segments = url.path_segments_mut().map_err(|()| Error::Invalid("the URL has no path".to_owned()))?;
        segments.pop_if_empty();
        for segment in O::META.path.split('/').skip(1) {
            match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                None => segments.push(segment),
                Some(name) => {
                    let value = path.get(name).and_then(text).unwrap_or_default();
                    // An empty segment, `.` and `..` would name another route.
                    if matches!(value.as_str(), "" | "." | "..") {
                        return Err(Error::Invalid(format!("{name} must not be {value:?}")));
                    }
                    segments.push(&value)
                }
            };
        }
    }
    let mut pairs = Vec::new();
    for (name, value) in &query {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        pairs.extend(values.iter().filter_map(text).filter(|v| !v.is_empty()).map(|v| (name, v)));
    }
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

fn fields<T: Serialize>(parameters: &T) -> Result<serde_json::Map<String, Value>> {
    match serde_json::to_value(parameters).map_err(|e| unwritable(&e))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::Invalid("parameters must be an object".to_owned())),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use polity_api::operation::Empty;
    use polity_api::page::{Limit, Offset, Order};
    use polity_api::table::{CheckCoupon, GetOrganization, ListUserOrganizations, UpdateOrganization2};
    use polity_api::types::account::ListUserOrganizationsQuery;
    use polity_api::types::coupon::CouponPath;
    use polity_api::types::organization::{MaskQuery, OrganizationPath, OrganizationStatus};

    use super::*;
    use crate::types::UpdateMask;

    fn base(url: &str) -> Url {
        Url::parse(url).unwrap()
    }

    #[test]
    fn a_path_is_put_below_whatever_the_base_is() {
        let id = "0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11";
        let path = OrganizationPath { id: id.parse().unwrap() };
        for (url, expected) in [("http://a", "http://a"), ("http://a/", "http://a"), ("http://a/b/", "http://a/b")] {
            let found = address::<GetOrganization>(&base(url), &path, &Empty {}).unwrap();
            assert_eq!(found.as_str(), format!("{expected}/v1/organizations/{id}"));
        }
    }

    #[test]
    fn text_in_a_path_stays_in_its_segment() {
        let address =
            |code: &str| address::<CheckCoupon>(&base("http://a"), &CouponPath { code: code.into() }, &Empty {});
        assert_eq!(address("../x?y#z").unwrap().as_str(), "http://a/v1/coupons/..%2Fx%3Fy%23z");
        for code in ["", ".", ".."] {
            assert!(matches!(address(code), Err(Error::Invalid(_))), "{code:?}");
        }
    }

    #[test]
    fn lists_repeat_and_what_is_empty_is_left_out() {
        let query = ListUserOrganizationsQuery {
            limit: Limit(5),
            offset: Offset(10),
            order: Order::Desc,
            search: "a&b".into(),
            statuses: vec![OrganizationStatus::Active, OrganizationStatus::Locked],
        };
        let url = address::<ListUserOrganizations>(&base("http://a"), &Empty {}, &query).unwrap();
        let expected = "limit=5&offset=10&order=desc&search=a%26b&statuses=ACTIVE&statuses=LOCKED";
        assert_eq!(url.query(), Some(expected));
        let path = OrganizationPath { id: "0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11".parse().unwrap() };
        let query = |update_mask| {
            let url = address::<UpdateOrganization2>(&base("http://a"), &path, &MaskQuery { update_mask }).unwrap();
            url.query().map(str::to_owned)
        };
        assert_eq!(query(UpdateMask::default()), None);
        assert_eq!(query(UpdateMask::of(["name", "city"])).unwrap(), "update_mask=name%2Ccity");
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_is_sent() {
        for url in ["", "a", "ftp://a", "mailto:a@b.c"] {
            assert!(matches!(Client::builder(url).build(), Err(Error::Invalid(_))), "{url:?}");
        }
        assert!(matches!(Client::builder("http://a").token("a\nb").build(), Err(Error::Invalid(_))));
        assert!(matches!(Client::builder("http://a").proxy("::").build(), Err(Error::Invalid(_))));
        let client = Client::builder("http://a/").token("secret").build().unwrap();
        assert_eq!(client.url(), "http://a");
        assert!(!format!("{client:?}").contains("secret"));
    }
}
