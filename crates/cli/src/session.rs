//! Whom a command acts for, and where: options, environment and profile become
//! a client, and what people call an organization becomes its id.

use std::path::PathBuf;

use futures_util::future::join;
use futures_util::{Stream, StreamExt as _};
use polity_client::Client;
use polity_client::types::{
    Empty, Limit, ListUserOrganizationsQuery, OperatorListOrganizationsQuery, Organization, OrganizationId,
    TestAuthRequest, User,
};
use tokio::sync::OnceCell;

use crate::args::Globals;
use crate::confirm;
use crate::error::{Exit, Failure, Result};
use crate::output::{self, Output};
use crate::profile::{self, Profile, Profiles};

/// The server when nobody says where it is.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Everything a command needs.
#[derive(Clone)]
pub(crate) struct Session {
    /// The client, with the token if there is one.
    pub(crate) client: Client,
    /// The token, if there is one.
    pub(crate) token: Option<String>,
    /// Whether the token comes from the profile.
    pub(crate) is_token_kept: bool,
    /// The organization named by option, environment or profile.
    pub(crate) organization: Option<String>,
    /// Whether that comes from the profile.
    is_organization_kept: bool,
    /// The name of the profile.
    pub(crate) profile: String,
    /// Whether there is one of this name, or none was named.
    is_profile_known: bool,
    /// Where profiles are.
    pub(crate) profiles_path: PathBuf,
    pub(crate) output: Output,
    pub(crate) yes: bool,
    /// The server the token of the profile is for, where it is another one.
    elsewhere: Option<String>,
    identity: OnceCell<Identity>,
}

/// Whom the token acts for.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The person; none for a token of an organization.
    pub(crate) user: Option<User>,
    /// The organization the token is scoped to.
    pub(crate) organization_id: Option<OrganizationId>,
}

/// An organization that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: OrganizationId,
    pub(crate) name: String,
}

impl Session {
    /// Puts options, environment and profile together. Nothing is sent yet.
    pub(crate) fn open(globals: &Globals) -> Result<Self> {
        let given = |option: &Option<String>| option.clone().filter(|text| !text.is_empty());
        let profiles_path = profile::path()?;
        let profiles = Profiles::load(&profiles_path)?;
        let name = given(&globals.profile).unwrap_or_else(|| profiles.current().to_owned());
        let kept = profiles.get(&name);
        let is_profile_known = given(&globals.profile).is_none() || profiles.has(&name);
        let url = given(&globals.url).or_else(|| kept.url.clone()).unwrap_or_else(|| DEFAULT_URL.to_owned());
        if !url.contains("://") {
            let failure = Failure::usage(format!("the address {url:?} does not begin with http:// or https://"));
            return Err(failure.hint(format!("--url http://{url}")));
        }
        let token = match given(&globals.token).as_deref() {
            Some("-") => match confirm::read_line()?.trim() {
                // Whatever else there is to act with is of somebody else.
                "" => return Err(Failure::usage("there is no token on standard input")),
                token => Some(token.to_owned()),
            },
            token => token.map(str::to_owned),
        };
        // A token is only shown to the server it is from, and an organization only means something there.
        let home = kept.url.clone().unwrap_or_else(|| DEFAULT_URL.to_owned());
        let is_home = same_server(&home, &url);
        let elsewhere = (!is_home && kept.token.is_some()).then_some(home);
        let kept = if is_home && token.is_none() { kept } else { Profile::default() };
        let (kept_token, kept_organization) = (kept.token, kept.organization);
        let is_token_kept = token.is_none() && kept_token.is_some();
        let token = token.or(kept_token);
        let organization = given(&globals.organization);
        let is_organization_kept = organization.is_none();
        let mut client = Client::builder(url).user_agent(concat!("polity-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &token {
            client = client.token(token);
        }
        Ok(Session {
            client: client.build()?,
            token,
            is_token_kept,
            organization: organization.or(kept_organization),
            is_organization_kept,
            profile: name,
            is_profile_known,
            profiles_path,
            output: Output { format: globals.output, quiet: globals.quiet },
            yes: globals.yes,
            elsewhere,
            identity: OnceCell::new(),
        })
    }

    /// The same with another token.
    pub(crate) fn with_token(&self, token: &str) -> Result<Session> {
        Ok(Session {
            client: self.client.with_token(token)?,
            token: Some(token.to_owned()),
            is_token_kept: false,
            // The organization of the profile says nothing about another token.
            organization: self.organization.clone().filter(|_| !self.is_organization_kept),
            is_organization_kept: false,
            elsewhere: None,
            identity: OnceCell::new(),
            ..self.clone()
        })
    }

    /// The client, for what needs a token.
    pub(crate) fn client(&self) -> Result<&Client> {
        if self.token.is_some() {
            return Ok(&self.client);
        }
        if !self.is_profile_known {
            let name = &self.profile;
            return Err(Failure::new(Exit::Unauthenticated, format!("there is no profile {name:?}"))
                .hint(format!("polity login --profile {name}")));
        }
        let failure = Failure::new(Exit::Unauthenticated, "not logged in");
        let failure = match &self.elsewhere {
            Some(url) => failure.because(format!("the token in the profile {} is for {url}", self.profile)),
            None => failure,
        };
        Err(failure.hint("polity login"))
    }

    /// Whether the token has the form of a session or an access token, rather than of a credential.
    pub(crate) fn is_signed(&self) -> bool {
        self.token.as_deref().is_some_and(|token| token.split('.').count() == 3)
    }

    /// Whom the token acts for; asked once.
    pub(crate) async fn identity(&self) -> Result<&Identity> {
        self.identity.get_or_try_init(|| identify(self)).await
    }

    /// The organization to act on: the one given, else the one named by option,
    /// environment or profile, else that of the token.
    pub(crate) async fn target(&self, given: Option<&str>) -> Result<OrganizationId> {
        if let Some(name) = given.or(self.organization.as_deref()) {
            return Ok(self.resolve(name).await?.id);
        }
        self.identity().await?.organization_id.ok_or_else(|| {
            Failure::usage("no organization is named, and the token has none")
                .hint("polity org switch ORG, or --organization ORG")
        })
    }

    /// The same with its name, to ask about it.
    pub(crate) async fn target_named(&self, given: Option<&str>) -> Result<Found> {
        if let Some(name) = given.or(self.organization.as_deref()) {
            return self.resolve(name).await;
        }
        let id = self.target(None).await?;
        Ok(found(&self.client()?.organizations().get_organization(id).await?.organization))
    }

    /// Finds the organization that is called `name`.
    pub(crate) async fn resolve(&self, name: &str) -> Result<Found> {
        must_name("organization", name)?;
        let client = self.client()?;
        if self.identity().await?.user.is_none() {
            let own = found(&client.account().get_current_organization().await?.organization);
            return choose(name, vec![own]);
        }
        let query = ListUserOrganizationsQuery { limit: Limit(100), search: name.to_owned(), ..Default::default() };
        choose(name, gather(client.account().all_user_organizations(&query)).await?)
    }

    /// Finds the organization that is called `name` among all of the installation.
    pub(crate) async fn resolve_as_operator(&self, name: &str) -> Result<Found> {
        must_name("organization", name)?;
        let query = OperatorListOrganizationsQuery { limit: Limit(100), search: name.to_owned(), ..Default::default() };
        let all = gather(self.client()?.operator().operator_all_organizations(&query)).await?;
        choose(name, all).map_err(|failure| match failure.exit {
            Exit::NotFound => failure.hint("polity operator org list"),
            _ => failure,
        })
    }

    /// Does something in the current organization. When the token is not scoped
    /// to it, in a session of its own, which ends whatever happens.
    pub(crate) async fn act<T>(&self, act: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        let id = self.target(None).await?;
        self.act_in(id, act).await
    }

    /// The same in an organization that is known.
    pub(crate) async fn act_in<T>(&self, id: OrganizationId, act: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        let client = self.client()?;
        if self.identity().await?.organization_id == Some(id) {
            return act(client).await;
        }
        let switched = client.organizations().switch_organization(id).await?;
        let inside = client.with_token(&switched.token.id)?;
        let outcome = act(&inside).await;
        finish(outcome, inside.sessions().logout().await)
    }

    /// Changes the profile.
    pub(crate) fn keep(&self, change: impl FnOnce(&mut Profile)) -> Result<()> {
        profile::change(&self.profiles_path, &self.profile, false, change)
    }
}

fn same_server(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

/// How it went in a session of its own. That the session could not be ended
/// changes nothing about it: what was done may be a token that is shown once.
fn finish<T>(outcome: Result<T>, ended: polity_client::Result<Empty>) -> Result<T> {
    if let Err(error) = ended {
        output::note(&format!("the session opened for this could not be ended: {error}"));
    }
    outcome
}

async fn identify(session: &Session) -> Result<Identity> {
    let client = session.client()?;
    let (connection, account, request) = (client.connection(), client.account(), TestAuthRequest::default());
    let (tested, user) = join(connection.test_auth(&request), account.get_current_user()).await;
    let organization_id = match tested {
        Ok(tested) => tested.organization_id,
        // While an organization is locked, its tokens may still ask which one it is.
        Err(error) if error.status() == Some(403) => {
            let own = account.get_current_organization().await.map_err(|_| error)?.organization;
            return Ok(Identity { user: None, organization_id: Some(own.id) });
        }
        Err(error) => return Err(error.into()),
    };
    // An access token tells who made it, and acts for the organization all the same.
    let user = match user {
        Ok(reply) => Some(reply.user),
        Err(error) if error.status() == Some(403) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Identity { user, organization_id })
}

fn found(organization: &Organization) -> Found {
    Found { id: organization.id, name: organization.name.clone() }
}

async fn gather(stream: impl Stream<Item = polity_client::Result<Organization>>) -> Result<Vec<Found>> {
    Ok(collect(stream).await?.iter().map(found).collect())
}

/// Everything a list has.
pub(crate) async fn collect<T>(stream: impl Stream<Item = polity_client::Result<T>>) -> Result<Vec<T>> {
    take(stream, None).await
}

/// How many to ask for at once of a list of which so many are wanted.
pub(crate) fn page_of(at_most: usize) -> Limit {
    Limit(u32::try_from(at_most.clamp(1, 100)).unwrap_or(100))
}

/// The first so many of a list, or all.
pub(crate) async fn take<T>(
    stream: impl Stream<Item = polity_client::Result<T>>,
    at_most: Option<usize>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while at_most.is_none_or(|n| items.len() < n) {
        let Some(item) = stream.next().await else { break };
        items.push(item?);
    }
    Ok(items)
}

/// Refuses a name that is empty, as that of a variable nobody has set: it is the beginning of every id.
pub(crate) fn must_name(what: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Failure::usage(format!("no {what} is named: the name is empty")));
    }
    Ok(())
}

/// The one among the candidates that is called `name`: an exact id or name wins
/// over the beginning of an id.
fn choose(name: &str, candidates: Vec<Found>) -> Result<Found> {
    let lower = name.to_lowercase();
    let exact = candidates.iter().find(|c| c.id.to_string() == lower).or(candidates.iter().find(|c| c.name == name));
    if let Some(found) = exact {
        return Ok(found.clone());
    }
    let mut fits = candidates;
    fits.retain(|c| c.id.to_string().starts_with(&lower));
    match fits.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(Exit::NotFound, format!("there is no organization {name:?} this token can reach"))
            .hint("polity org list")),
        [first, ..] => {
            let hint = format!("the full id, such as {}", first.id);
            let failure = Failure::new(Exit::Ambiguous, format!("{name:?} is the beginning of more than one id"));
            let failure = fits.iter().fold(failure, |f, c| f.because(format!("{}  {}", c.id, c.name)));
            Err(failure.hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Found> {
        [
            ("0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11", "acme"),
            ("0b5c5a43-1111-4a25-9d0e-3a3c5f2d9c11", "acme-two"),
            ("1b5c5a43-1111-4a25-9d0e-3a3c5f2d9c11", "0b5c"),
        ]
        .map(|(id, name)| Found { id: id.parse().unwrap(), name: name.to_owned() })
        .to_vec()
    }

    #[test]
    fn a_session_that_cannot_be_ended_loses_nothing() {
        let stuck = || Err(polity_client::Error::Invalid("stuck".to_owned()));
        assert_eq!(finish(Ok("token"), stuck()).unwrap(), "token");
        assert_eq!(finish::<()>(Err(Failure::usage("no")), stuck()).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn an_exact_name_wins_over_the_beginning_of_an_id() {
        assert_eq!(choose("0b5c", candidates()).unwrap().name, "0b5c");
        assert_eq!(choose("acme", candidates()).unwrap().name, "acme");
    }

    #[test]
    fn the_beginning_of_an_id_must_be_unique() {
        assert_eq!(choose("0B5C5A43-7", candidates()).unwrap().name, "acme");
        assert_eq!(choose("0b5c5a43", candidates()).unwrap_err().exit, Exit::Ambiguous);
        assert_eq!(choose("1", candidates()).unwrap().name, "0b5c");
        assert_eq!(choose("acm", candidates()).unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn a_server_is_the_same_with_and_without_a_slash() {
        assert!(same_server("http://a/", "http://a"));
        assert!(!same_server("http://a", "http://b"));
    }
}
