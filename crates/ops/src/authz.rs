//! Who is calling, and what they may do: the only place that decides.
//!
//! [`caller`] turns the presented token into a [`Caller`] from its row;
//! [`Caller::organization`] loads an organization and decides on that row.
//! Both run inside the unit of work that reads or changes the data. A unit that
//! changes anything decides on rows of its own transaction; one that only reads
//! may go by rows that are remembered while nothing changed them. Either way a
//! revocation counts from the moment it is committed here, and within the bound
//! elsewhere. No operation trusts an id from a request: it loads the row, then
//! asks here about the row.

use std::sync::Arc;

use futures_util::future::join;
use polity_api::ids::{CredentialId, MeteringKeyId, OrganizationId, TokenId, UserId};
use polity_api::operation::{Meta, Needs, Who};
use polity_api::scalar::Timestamp;
use polity_api::types::credential::CredentialType;
use polity_api::types::organization::OrganizationStatus;
use polity_store::metering_keys::{self, MeteringKeyRow};
use polity_store::organizations::{self, OrganizationRow};
use polity_store::tokens::{self, TokenKind};
use polity_store::users::{self, UserRow};
use polity_store::{Hash, credentials, members};

use crate::ctx::{Call, Work};
use crate::error::{Error, Result};
use crate::settings::Signup;
use crate::token::Presented;

/// Said to a token of a deactivated organization, and to a credential or access
/// token that is gone, as deactivation leaves them; clients match the words.
pub const TOKEN_REJECTED: &str = "Token rejected";
/// Said to everybody in a locked organization; clients match the words.
pub const ACCOUNT_LOCKED: &str = "Account is locked";
/// Said to an access token with which as much was spent as it may.
const LIMIT_USED_UP: &str = "the spend limit of the token is used up";
const DEACTIVATED: &str = "the organization is deactivated: reactivate it first";
const UNPROVEN: &str = "confirm your e-mail address first: POST /v1/account/resend_validation sends a new link";
const NEEDS_USER: &str = "This operation requires a user token: log in, or use a credential of type USER";
const ORGANIZATION_DELETED: &str = "the organization of this token has been deleted: log in again";

/// Whom a token acts for.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A person.
    User(Arc<UserRow>),
    /// An organization; `maker` is the person behind an access token.
    Organization {
        /// The organization.
        id: OrganizationId,
        /// Who made the access token.
        maker: Option<UserId>,
    },
    /// The operator of this installation.
    Operator,
    /// A source of the platform.
    Metering(Arc<MeteringKeyRow>),
}

/// Which token it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A session.
    Session(TokenId),
    /// An access token.
    AccessToken(TokenId),
    /// A credential.
    Credential(CredentialId),
    /// The operator's key.
    OperatorKey,
    /// A metering key.
    MeteringKey(MeteringKeyId),
}

/// A caller whose token works.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whom the token acts for.
    pub principal: Principal,
    /// The organization the token is scoped to.
    pub scope: Option<OrganizationId>,
    /// Which token it was.
    pub via: Via,
    /// When the token ends; none for never.
    pub expires_at: Option<Timestamp>,
    /// The credential that is presented, or that the token was made with: what is made with it goes with it.
    pub credential: Option<CredentialId>,
    /// What the unit has read of that organization to know whether the token works.
    seen: Option<Scope>,
    meta: &'static Meta,
}

/// What was read of the organization a token is scoped to.
#[derive(Clone, Debug)]
enum Scope {
    /// Its status, which the row of a session or an access token tells.
    Status(OrganizationStatus),
    /// All of it.
    Row(Arc<OrganizationRow>),
}

impl Scope {
    fn status(&self) -> OrganizationStatus {
        match self {
            Scope::Status(status) => *status,
            Scope::Row(row) => row.status,
        }
    }
}

/// The caller of an operation, if its row of the table lets such a caller in.
///
/// # Errors
/// 401 for a token that does not work, 403 for one of the wrong kind, and what
/// [`Caller::organization`] says of the organization of an organization's token.
pub async fn caller(w: Work<'_>, call: &Call) -> Result<Caller> {
    let caller = match call.presented {
        Presented::Refused(why) => return Err(Error::unauthenticated(why)),
        Presented::Operator => {
            let (principal, via) = (Principal::Operator, Via::OperatorKey);
            Caller { principal, scope: None, via, expires_at: None, credential: None, seen: None, meta: call.meta }
        }
        Presented::Signed { id, kind, user } => signed(w, id, kind, user, call.meta).await?,
        Presented::Credential(hash) => credential(w, hash, call.meta).await?,
        Presented::Metering(hash) => metering(w, hash, call.meta).await?,
    };
    match (call.meta.who, &caller.principal) {
        (Who::Operator, Principal::Operator) => Ok(caller),
        (Who::Operator, _) => Err(Error::forbidden("This operation requires the operator key")),
        (Who::Metering, Principal::Metering(_)) => Ok(caller),
        (Who::Metering, _) => Err(Error::forbidden("This operation requires a metering key")),
        (Who::Platform, Principal::Operator | Principal::Metering(_)) => Ok(caller),
        (Who::Platform, _) => Err(Error::forbidden("This needs the operator key, or a metering key")),
        (_, Principal::Metering(_)) => {
            Err(Error::forbidden("a metering key works under /metering/v1, and asks what other tokens are"))
        }
        (_, Principal::Operator) => Err(Error::forbidden(
            "the operator key works under /operator/v1: use a token of a person or an organization",
        )),
        (Who::User, Principal::Organization { .. }) => Err(Error::forbidden(NEEDS_USER)),
        _ => Ok(caller),
    }
}

/// `claimed` is whom the signature says the token is of: it is only used to ask
/// for both rows at once, and the row of the token decides.
async fn signed(
    w: Work<'_>,
    id: TokenId,
    kind: TokenKind,
    claimed: Option<UserId>,
    meta: &'static Meta,
) -> Result<Caller> {
    let gone = || match kind {
        TokenKind::Session => Error::unauthenticated("the session has ended: log in again"),
        TokenKind::Access => Error::unauthenticated(TOKEN_REJECTED),
    };
    let memory = &w.ctx.memory;
    let token = memory.tokens.row(w, id, tokens::by_id(w.tx, id));
    let (token, user) = join(token, user(w, claimed)).await;
    let token = token?.ok_or_else(gone)?;
    w.ends_at(token.expires_at);
    if token.expires_at <= w.now {
        return Err(Error::unauthenticated("the token has expired"));
    }
    if token.used_up {
        return Err(Error::unauthenticated(LIMIT_USED_UP));
    }
    let (expires_at, credential) = (Some(token.expires_at), token.credential_id);
    let seen = token.organization_status.map(Scope::Status);
    match token.kind {
        TokenKind::Session => {
            if is_ending(token.organization_status) {
                return Err(Error::unauthenticated(ORGANIZATION_DELETED));
            }
            let user = if token.user_id == claimed { user? } else { self::user(w, token.user_id).await? };
            let principal = Principal::User(user.ok_or_else(gone)?);
            let (scope, via) = (token.organization_id, Via::Session(id));
            Ok(Caller { principal, scope, via, expires_at, credential, seen, meta })
        }
        TokenKind::Access => {
            let organization = token.organization_id.ok_or_else(gone)?;
            allow_machine(token.organization_status, meta.needs)?;
            let principal = Principal::Organization { id: organization, maker: token.user_id };
            let (scope, via) = (Some(organization), Via::AccessToken(id));
            Ok(Caller { principal, scope, via, expires_at, credential, seen, meta })
        }
    }
}

async fn credential(w: Work<'_>, hash: Hash, meta: &'static Meta) -> Result<Caller> {
    let gone = || Error::unauthenticated(TOKEN_REJECTED);
    let row = w.ctx.memory.credentials.row(w, hash, credentials::by_hash(w.tx, hash)).await?.ok_or_else(gone)?;
    row.expires_at.inspect(|at| w.ends_at(*at));
    if row.expires_at.is_some_and(|at| at <= w.now) {
        return Err(Error::unauthenticated("the credential has expired"));
    }
    let (via, expires_at, credential) = (Via::Credential(row.id), row.expires_at, Some(row.id));
    let (organization, user) = join(organization(w, row.organization_id), user(w, row.user_id)).await;
    let organization = organization?;
    let status = organization.as_ref().map(|row| row.status);
    let seen = organization.map(Scope::Row);
    if row.kind == CredentialType::User {
        let user = user?.ok_or_else(gone)?;
        // A person's credential outlives an organization; it only loses the scope.
        let scope = row.organization_id.filter(|_| !is_ending(status));
        return Ok(Caller { principal: Principal::User(user), scope, via, expires_at, credential, seen, meta });
    }
    let id = row.organization_id.ok_or_else(gone)?;
    allow_machine(status, meta.needs)?;
    let principal = Principal::Organization { id, maker: None };
    Ok(Caller { principal, scope: Some(id), via, expires_at, credential, seen, meta })
}

/// A person who has proven otherwise than by a token who she is, and an
/// organization she may change as a member.
///
/// # Errors
/// As [`Caller::organization`] for an operation that needs the organization active.
pub(crate) async fn person_in(w: Work<'_>, user_id: UserId, id: OrganizationId) -> Result<(UserRow, OrganizationRow)> {
    use OrganizationStatus as Status;
    let user = users::by_id(w.tx, user_id).await?;
    let row = organizations::by_id(w.tx, id).await?.filter(|row| row.status != Status::Deleted);
    let row = row.ok_or_else(|| Error::not_found("organization"))?;
    let (Some(user), true) = (user, members::active(w.tx, id, user_id).await?.is_some()) else {
        return Err(Error::forbidden("you are no longer a member of this organization"));
    };
    match row.status {
        Status::Active | Status::Warning => Ok((user, row)),
        Status::Locked => Err(Error::forbidden(ACCOUNT_LOCKED)),
        Status::Deactivating | Status::Deactivated => Err(Error::precondition(DEACTIVATED)),
        Status::Deleting | Status::Deleted | Status::Unknown => Err(Error::not_found("organization")),
    }
}

async fn metering(w: Work<'_>, hash: Hash, meta: &'static Meta) -> Result<Caller> {
    let row = w.ctx.memory.metering_keys.row(w, hash, metering_keys::by_hash(w.tx, hash)).await?;
    let row = row.ok_or_else(|| Error::unauthenticated("the metering key is not known, or was removed"))?;
    let (via, principal) = (Via::MeteringKey(row.id), Principal::Metering(row));
    Ok(Caller { principal, scope: None, via, expires_at: None, credential: None, seen: None, meta })
}

async fn user(w: Work<'_>, id: Option<UserId>) -> Result<Option<Arc<UserRow>>> {
    match id {
        Some(id) => w.ctx.memory.users.row(w, id, users::by_id(w.tx, id)).await,
        None => Ok(None),
    }
}

async fn organization(w: Work<'_>, id: Option<OrganizationId>) -> Result<Option<Arc<OrganizationRow>>> {
    match id {
        Some(id) => w.ctx.memory.organizations.row(w, id, organizations::by_id(w.tx, id)).await,
        None => Ok(None),
    }
}

fn foreign() -> Error {
    Error::forbidden("you have no permission to access this organization")
}

fn is_ending(status: Option<OrganizationStatus>) -> bool {
    matches!(status, Some(OrganizationStatus::Deleting | OrganizationStatus::Deleted))
}

/// Whether a credential or an access token of an organization works at all:
/// they die with deactivation, before the rows are gone.
fn allow_machine(status: Option<OrganizationStatus>, needs: Needs) -> Result<()> {
    match status {
        Some(OrganizationStatus::Active | OrganizationStatus::Warning) => Ok(()),
        Some(OrganizationStatus::Locked) if needs == Needs::Readable => Ok(()),
        Some(OrganizationStatus::Locked) => Err(Error::forbidden(ACCOUNT_LOCKED)),
        Some(OrganizationStatus::Deactivating | OrganizationStatus::Deactivated) => {
            Err(Error::unauthenticated(TOKEN_REJECTED))
        }
        _ => Err(Error::unauthenticated(ORGANIZATION_DELETED)),
    }
}

impl Caller {
    /// The person, where one is needed.
    ///
    /// # Errors
    /// 403 for a token of an organization.
    pub fn user(&self) -> Result<&UserRow> {
        match &self.principal {
            Principal::User(user) => Ok(user),
            _ => Err(Error::forbidden(NEEDS_USER)),
        }
    }

    /// Refuses an access token for what would outlive it.
    ///
    /// # Errors
    /// 403 for an access token.
    pub(crate) fn lasting(&self, what: &str) -> Result<()> {
        match self.via {
            Via::AccessToken(_) => {
                Err(Error::forbidden(format!("an access token cannot {what}: use a session or a credential")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a person whose address is not proven, where the settings ask for proof.
    ///
    /// # Errors
    /// 403 for such a person.
    pub(crate) fn proven(&self, w: Work<'_>) -> Result<()> {
        match &self.principal {
            Principal::User(user) if w.ctx.settings.require_validated_email && !user.email_validated => {
                Err(Error::forbidden(UNPROVEN))
            }
            _ => Ok(()),
        }
    }

    /// Refuses the same where not everybody may sign up: an address that was only claimed admits nobody.
    ///
    /// # Errors
    /// 403 for such a person.
    pub(crate) fn admitted_newcomer(&self, w: Work<'_>) -> Result<()> {
        match (&self.principal, w.ctx.settings.signup) {
            (Principal::User(user), Signup::Invited | Signup::Closed) if !user.email_validated => {
                Err(Error::forbidden(UNPROVEN))
            }
            _ => Ok(()),
        }
    }

    /// The session or the access token that was presented. An operation in steps that revokes it does so in the last
    /// one: the step after would not know the caller.
    #[must_use]
    pub(crate) fn token(&self) -> Option<TokenId> {
        match self.via {
            Via::Session(id) | Via::AccessToken(id) => Some(id),
            Via::Credential(_) | Via::OperatorKey | Via::MeteringKey(_) => None,
        }
    }

    /// The person behind the token, if there is one.
    #[must_use]
    pub fn person(&self) -> Option<UserId> {
        match &self.principal {
            Principal::User(user) => Some(user.id),
            Principal::Organization { maker, .. } => *maker,
            Principal::Operator | Principal::Metering(_) => None,
        }
    }

    /// The source of the platform, where one is needed.
    ///
    /// # Errors
    /// 403 for any other token.
    pub fn metering_key(&self) -> Result<&MeteringKeyRow> {
        match &self.principal {
            Principal::Metering(row) => Ok(row),
            _ => Err(Error::forbidden("This operation requires a metering key")),
        }
    }

    /// Loads an organization and decides, on the row, whether the caller may
    /// do to it what the operation does.
    ///
    /// # Errors
    /// 404 when there is none, 403 when the caller is not of it or it is
    /// locked, 401 or 400 when it is deactivated and the operation needs it active.
    pub async fn organization(&self, w: Work<'_>, id: OrganizationId) -> Result<OrganizationRow> {
        let (row, belongs) = self.look_up(w, id).await?;
        let row = row.filter(|row| row.status != OrganizationStatus::Deleted);
        let row = row.ok_or_else(|| Error::not_found("organization"))?;
        if !belongs {
            return Err(foreign());
        }
        self.admitted(row)
    }

    /// Decides like [`Caller::organization`], for an operation that needs
    /// nothing of the organization but that the caller may. Where it is the one
    /// the token is scoped to, the row of the token tells its status.
    ///
    /// # Errors
    /// As [`Caller::organization`].
    pub async fn reach(&self, w: Work<'_>, id: OrganizationId) -> Result<OrganizationId> {
        match self.seen.as_ref().filter(|_| self.scope == Some(id)) {
            Some(seen) => self.reach_scope(w, id, seen.status(), foreign).await,
            None => Ok(self.organization(w, id).await?.id),
        }
    }

    async fn reach_scope(
        &self,
        w: Work<'_>,
        id: OrganizationId,
        status: OrganizationStatus,
        foreign: fn() -> Error,
    ) -> Result<OrganizationId> {
        if !self.belongs(w, id).await? {
            return Err(foreign());
        }
        self.allow_status(id, status)?;
        Ok(id)
    }

    /// The row of an organization, and whether the caller is of it.
    async fn look_up(&self, w: Work<'_>, id: OrganizationId) -> Result<(Option<Arc<OrganizationRow>>, bool)> {
        match &self.seen {
            Some(Scope::Row(row)) if row.id == id => Ok((Some(row.clone()), self.belongs(w, id).await?)),
            _ => {
                let (row, belongs) = join(organization(w, Some(id)), self.belongs(w, id)).await;
                Ok((row?, belongs?))
            }
        }
    }

    /// Whether the caller is of an organization.
    async fn belongs(&self, w: Work<'_>, id: OrganizationId) -> Result<bool> {
        Ok(match &self.principal {
            Principal::User(user) => {
                let member = members::active(w.tx, id, user.id);
                w.ctx.memory.members.row(w, (id, user.id), member).await?.is_some()
            }
            Principal::Organization { id: own, .. } => *own == id,
            Principal::Operator => true,
            // Sources reach organizations through what they spend, never as such.
            Principal::Metering(_) => false,
        })
    }

    /// The row for a caller who is of the organization, if its status lets the operation in.
    fn admitted(&self, row: Arc<OrganizationRow>) -> Result<OrganizationRow> {
        if !matches!(self.principal, Principal::Operator) {
            self.allow_status(row.id, row.status)?;
        }
        Ok(Arc::unwrap_or_clone(row))
    }

    fn allow_status(&self, id: OrganizationId, status: OrganizationStatus) -> Result<()> {
        use OrganizationStatus as Status;
        match (status, self.meta.needs) {
            (Status::Active | Status::Warning, _) | (_, Needs::Readable) => Ok(()),
            (Status::Locked, _) => Err(Error::forbidden(ACCOUNT_LOCKED)),
            (Status::Deactivating | Status::Deactivated, Needs::Exists) => Ok(()),
            // The token is of the deactivated organization, or it is merely about it.
            (Status::Deactivating | Status::Deactivated, Needs::Active) if self.scope == Some(id) => {
                Err(Error::unauthenticated(TOKEN_REJECTED))
            }
            (Status::Deactivating | Status::Deactivated, Needs::Active) => Err(Error::precondition(DEACTIVATED)),
            // A row of a newer version: nothing is allowed on what is not understood.
            (Status::Deleting | Status::Deleted | Status::Unknown, _) => Err(Error::not_found("organization")),
        }
    }

    /// The organization the token is scoped to, as [`Caller::organization`].
    ///
    /// # Errors
    /// 404 when the token has none, and what [`Caller::organization`] says.
    pub async fn current_organization(&self, w: Work<'_>) -> Result<OrganizationRow> {
        self.owner_of(w, self.selected()?, "organization").await
    }

    /// The same by its id, as [`Caller::reach`].
    ///
    /// # Errors
    /// As [`Caller::current_organization`].
    pub async fn reach_current(&self, w: Work<'_>) -> Result<OrganizationId> {
        let id = self.selected()?;
        match self.seen.as_ref() {
            Some(seen) => self.reach_scope(w, id, seen.status(), || Error::not_found("organization")).await,
            None => Ok(self.current_organization(w).await?.id),
        }
    }

    fn selected(&self) -> Result<OrganizationId> {
        let none = "no organization is selected: switch to one, or use a token of an organization";
        self.scope.ok_or_else(|| Error { message: none.into(), ..Error::not_found("organization") })
    }

    /// The organization a thing belongs to, where the caller may reach it; one
    /// of a foreign organization is reported like one that does not exist.
    ///
    /// # Errors
    /// 404 for `what`, and what [`Caller::organization`] says of one's own organization.
    pub async fn owner_of(&self, w: Work<'_>, organization: OrganizationId, what: &str) -> Result<OrganizationRow> {
        let (row, belongs) = self.look_up(w, organization).await?;
        if !belongs {
            return Err(Error::not_found(what));
        }
        let row = row.filter(|row| row.status != OrganizationStatus::Deleted);
        self.admitted(row.ok_or_else(|| Error::not_found("organization"))?)
    }
}
