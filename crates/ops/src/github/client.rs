//! The calls to GitHub: a thin client on `reqwest`.
//!
//! A dozen calls are needed, and of each the status, four headers and a few
//! fields; a large client library brings types for everything else, hides
//! headers (`ETag`, rate limits) that decide here, and retries on its own.
//!
//! Nothing here is retried but a token that has ended early: who calls knows
//! when to come back. No error has a token, a code or a secret in it.

use polity_api::scalar::{Timestamp, micros};
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH, LINK, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::github::app::App;
pub use crate::github::trouble::Trouble;
use crate::github::trouble::{sanitized, unreachable};
use crate::github::wire::{
    AppInfo, Branch, Exchanged, GithubEmail, GithubUser, Installation, InstallationRequest, InstallationToken,
    Installations, Membership, Permissions, Refusal, Repositories, Repository, Secret,
};

/// Items of a page: the most GitHub gives.
pub(crate) const PER_PAGE: usize = 100;
/// The largest answer that is read. A page of a hundred repositories has less than a tenth.
const MAX_ANSWER: usize = 16 << 20;
/// How long to wait where GitHub says "too much" and not how long.
const SECONDARY: i64 = 60 * micros::SECOND;
/// The longest time that is waited because GitHub says so: its limits are by the hour.
const LONGEST: i64 = 2 * micros::HOUR;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many items all pages have together, where GitHub says so.
    pub total_count: Option<i64>,
    /// What to show to hear only of changes; empty for none.
    pub etag: String,
    /// Whether there is a page after it.
    pub more: bool,
}

/// A page, or that it is as it was.
#[derive(Clone, Debug)]
pub enum Fresh<T> {
    /// What it is now.
    Changed(Paged<T>),
    /// As it was when it had the entity tag that was shown.
    Unchanged,
}

/// What an installation token is narrowed to; nothing for all the installation may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Narrowing {
    /// Identifiers of repositories; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repository_ids: Vec<i64>,
    /// Permissions; empty for all.
    #[serde(skip_serializing_if = "Permissions::is_empty")]
    pub permissions: Permissions,
}

/// As whom a request is made.
pub(super) enum As<'a> {
    App,
    Installation(i64),
    User(&'a Secret),
}

impl App {
    /// The app itself.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn app(&self) -> Result<AppInfo, Trouble> {
        self.get(&As::App, &["app"], &[]).await
    }

    /// The role of a person in an organization at GitHub, `admin` or `member`, or `pending` before she has
    /// accepted; none where the app may not know.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn role_in(&self, token: &Secret, organization: &str) -> Result<Option<String>, Trouble> {
        let path = ["user", "memberships", "orgs", organization];
        match self.get::<Membership>(&As::User(token), &path, &[]).await {
            Ok(membership) if membership.state == "active" => Ok(Some(membership.role)),
            Ok(membership) => Ok(Some(membership.state)),
            Err(Trouble::Refused { status: 403 | 404, .. }) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// An installation; none when there is none any more.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn installation(&self, id: i64) -> Result<Option<Installation>, Trouble> {
        unless_missing(self.get(&As::App, &["app", "installations", &id.to_string()], &[]).await)
    }

    /// All installations, suspended ones as well.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn installations(&self, page: i64) -> Result<Paged<Installation>, Trouble> {
        self.list(&As::App, &["app", "installations"], page).await
    }

    /// Installations people wish for and nobody has approved yet.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn installation_requests(&self, page: i64) -> Result<Paged<InstallationRequest>, Trouble> {
        self.list(&As::App, &["app", "installation-requests"], page).await
    }

    /// Uninstalls the app; it is no error that it is uninstalled already.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn delete_installation(&self, id: i64) -> Result<(), Trouble> {
        self.forget(id);
        let url = self.api_url(&["app", "installations", &id.to_string()], &[])?;
        unless_missing(self.send(&As::App, |token| self.request(Method::DELETE, url.clone(), token)).await).map(drop)
    }

    /// A new token of an installation.
    ///
    /// # Errors
    /// [`Trouble::Refused`] with 404 for an installation that is gone, 403 for
    /// one that is suspended, 422 for more than it may do.
    pub async fn access_token(&self, installation: i64, narrowing: &Narrowing) -> Result<InstallationToken, Trouble> {
        let url = self.api_url(&["app", "installations", &installation.to_string(), "access_tokens"], &[])?;
        let body = serde_json::to_vec(narrowing).map_err(|error| Trouble::Malformed(error.to_string()))?;
        let response = self.send(&As::App, |token| {
            let request = self.request(Method::POST, url.clone(), token);
            request.header("content-type", "application/json").body(body.clone())
        });
        decode(&read(response.await?).await?)
    }

    /// Ends a token of an installation before its time.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn revoke(&self, token: &Secret) -> Result<(), Trouble> {
        let url = self.api_url(&["installation", "token"], &[])?;
        self.judge(self.request(Method::DELETE, url, token).send().await.map_err(unreachable)?, None).await.map(drop)
    }

    /// A page of the repositories of an installation, from 1 on.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn repositories(&self, installation: i64, page: i64, etag: &str) -> Result<Fresh<Repository>, Trouble> {
        let url = self.api_url(&["installation", "repositories"], &paging(page))?;
        let whole = |list: Repositories| (list.repositories, Some(list.total_count));
        self.fresh(installation, url, etag, whole).await
    }

    /// A repository of an installation; none when it may not be seen any more.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn repository(&self, installation: i64, id: i64) -> Result<Option<Repository>, Trouble> {
        unless_missing(self.get(&As::Installation(installation), &["repositories", &id.to_string()], &[]).await)
    }

    /// A page of the branches of a repository, from 1 on.
    ///
    /// # Errors
    /// [`Trouble::Refused`] with 404, or 301 for one that was renamed, and see [`Trouble`].
    pub async fn branches(
        &self,
        installation: i64,
        full_name: &str,
        page: i64,
        etag: &str,
    ) -> Result<Fresh<Branch>, Trouble> {
        let (owner, name) = full_name.split_once('/').unwrap_or((full_name, ""));
        let url = self.api_url(&["repos", owner, name, "branches"], &paging(page))?;
        self.fresh(installation, url, etag, |list: Vec<Branch>| (list, None)).await
    }

    /// Exchanges the code that GitHub gave a person, which works once.
    ///
    /// # Errors
    /// [`Trouble::Refused`] with 400 for a code that is not good.
    pub async fn exchange(&self, code: &str, verifier: &str, redirect_uri: Option<&str>) -> Result<Secret, Trouble> {
        let url = join(&self.web, &["login", "oauth", "access_token"], &[])?;
        let mut form = vec![
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.as_str()),
            ("code", code),
            ("code_verifier", verifier),
        ];
        form.extend(redirect_uri.map(|uri| ("redirect_uri", uri)));
        let request = self.http.post(url).header("accept", "application/json").form(&form);
        let response = self.judge(request.send().await.map_err(unreachable)?, None).await?;
        let exchanged: Exchanged = decode(&read(response).await?)?;
        if exchanged.access_token.expose().is_empty() {
            // Only what kind of error it is: the description could repeat what was sent.
            return Err(Trouble::Refused { status: 400, message: sanitized(&exchanged.error) });
        }
        Ok(exchanged.access_token)
    }

    /// The person a token is of.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn user(&self, token: &Secret) -> Result<GithubUser, Trouble> {
        self.get(&As::User(token), &["user"], &[]).await
    }

    /// The addresses of that person, a hundred at most.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn emails(&self, token: &Secret) -> Result<Vec<GithubEmail>, Trouble> {
        self.get(&As::User(token), &["user", "emails"], &paging(1)).await
    }

    /// The installations that person has a right to.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn user_installations(&self, token: &Secret, page: i64) -> Result<Paged<Installation>, Trouble> {
        let url = self.api_url(&["user", "installations"], &paging(page))?;
        let response = self.send(&As::User(token), |token| self.request(Method::GET, url.clone(), token)).await?;
        paged(response, |list: Installations| (list.installations, None)).await
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        caller: &As<'_>,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Trouble> {
        let url = self.api_url(path, query)?;
        let response = self.send(caller, |token| self.request(Method::GET, url.clone(), token)).await?;
        decode(&read(response).await?)
    }

    async fn list<T: DeserializeOwned>(&self, caller: &As<'_>, path: &[&str], page: i64) -> Result<Paged<T>, Trouble> {
        let url = self.api_url(path, &paging(page))?;
        let response = self.send(caller, |token| self.request(Method::GET, url.clone(), token)).await?;
        paged(response, |list: Vec<T>| (list, None)).await
    }

    /// A page of an installation, if it has changed since it had this entity tag.
    async fn fresh<L: DeserializeOwned, T>(
        &self,
        installation: i64,
        url: Url,
        etag: &str,
        parts: impl FnOnce(L) -> (Vec<T>, Option<i64>),
    ) -> Result<Fresh<T>, Trouble> {
        let make = |token: &Secret| {
            let request = self.request(Method::GET, url.clone(), token);
            if etag.is_empty() { request } else { request.header(IF_NONE_MATCH, etag) }
        };
        let response = self.send(&As::Installation(installation), make).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fresh::Unchanged);
        }
        Ok(Fresh::Changed(paged(response, parts).await?))
    }

    fn api_url(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, Trouble> {
        join(&self.api, path, query)
    }

    fn request(&self, method: Method, url: Url, token: &Secret) -> RequestBuilder {
        self.http
            .request(method, url)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .bearer_auth(token.expose())
    }

    /// Sends a request as somebody. A token of an installation that was
    /// remembered and does not work any more is replaced once.
    async fn send(&self, caller: &As<'_>, make: impl Fn(&Secret) -> RequestBuilder) -> Result<Response, Trouble> {
        let installation = match caller {
            As::App => {
                return self.judge(make(&self.jwt()?).send().await.map_err(unreachable)?, None).await;
            }
            As::User(token) => {
                return self.judge(make(token).send().await.map_err(unreachable)?, None).await;
            }
            As::Installation(installation) => *installation,
        };
        if let Some(until) = self.throttled(installation) {
            return Err(Trouble::Throttled { until });
        }
        let token = match self.token_of(installation) {
            Some(token) => {
                let response = make(&token).send().await.map_err(unreachable)?;
                if response.status() != StatusCode::UNAUTHORIZED {
                    return self.judge(response, Some(installation)).await;
                }
                self.forget(installation);
                self.fresh_token(installation).await?
            }
            None => self.fresh_token(installation).await?,
        };
        self.judge(make(&token).send().await.map_err(unreachable)?, Some(installation)).await
    }

    async fn fresh_token(&self, installation: i64) -> Result<Secret, Trouble> {
        // A future of its own on the heap: sending needs a token, which needs sending.
        let token = Box::pin(self.access_token(installation, &Narrowing::default())).await?;
        self.remember(installation, &token);
        Ok(token.token)
    }

    /// The answer, if it is one to go on with.
    async fn judge(&self, response: Response, installation: Option<i64>) -> Result<Response, Trouble> {
        let (status, now) = (response.status(), self.now());
        let used_up = limit_ends(response.headers(), now);
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            // The next request would be refused: it is not made.
            if let (Some(until), Some(installation)) = (used_up, installation) {
                self.throttle(installation, until);
            }
            return Ok(response);
        }
        let asked_to_wait = number(response.headers(), RETRY_AFTER.as_str()).map(|seconds| {
            let wait = seconds.saturating_mul(micros::SECOND);
            now.plus(wait.clamp(micros::SECOND, LONGEST))
        });
        // What is wrong with an answer that says nothing is told by its status.
        let refusal: Refusal = decode(&read(response).await.unwrap_or_default()).unwrap_or_default();
        let limited = match status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::FORBIDDEN => used_up.is_some() || asked_to_wait.is_some() || is_about_limits(&refusal.message),
            _ => false,
        };
        if limited {
            let until = asked_to_wait.or(used_up).unwrap_or_else(|| now.plus(SECONDARY));
            if let Some(installation) = installation {
                self.throttle(installation, until);
            }
            return Err(Trouble::Throttled { until });
        }
        Err(Trouble::Refused { status: status.as_u16(), message: sanitized(&refusal.message) })
    }
}

/// When the limit ends that is used up; none for one that is not.
fn limit_ends(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    if number(headers, "x-ratelimit-remaining")? > 0 {
        return None;
    }
    let reset = number(headers, "x-ratelimit-reset")?.checked_mul(micros::SECOND)?;
    Some(Timestamp(reset.clamp(now.plus(micros::SECOND).0, now.plus(LONGEST).0)))
}

fn is_about_limits(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("rate limit") || message.contains("abuse detection")
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// What is missing is none, and no error.
fn unless_missing<T>(answer: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(trouble) if trouble.is_status(404) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

fn paging(page: i64) -> [(&'static str, String); 2] {
    [("per_page", PER_PAGE.to_string()), ("page", page.to_string())]
}

fn join(base: &Url, path: &[&str], query: &[(&str, String)]) -> Result<Url, Trouble> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| Trouble::Malformed("the URL of GitHub has no path".to_owned()))?
        .pop_if_empty()
        .extend(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

async fn paged<L: DeserializeOwned, T>(
    response: Response,
    parts: impl FnOnce(L) -> (Vec<T>, Option<i64>),
) -> Result<Paged<T>, Trouble> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let etag = header(ETAG).to_owned();
    let more = header(LINK).split(',').any(|link| link.contains("rel=\"next\""));
    let (items, total_count) = parts(decode(&read(response).await?)?);
    Ok(Paged { items, total_count, etag, more })
}

/// The body, up to what is read of one.
async fn read(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(unreachable)? {
        if body.len() + part.len() > MAX_ANSWER {
            return Err(Trouble::Malformed(format!("it has more than {MAX_ANSWER} bytes")));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    // Where it is wrong, never what it says: it could be a token.
    serde_json::from_slice(body).map_err(|error| {
        let (what, line, column) = (error.classify(), error.line(), error.column());
        Trouble::Malformed(format!("{what:?} error at line {line} column {column}"))
    })
}
