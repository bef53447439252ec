//! What there is at GitHub: accounts, installations, repositories, tokens. What
//! changes something the app hears of also queues the delivery that says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use crate::TestClock;
use crate::github::hooks::Delivery;
use crate::github::{APP_ID, APP_NAME};

/// A person or an organization at GitHub.
#[derive(Clone, Debug)]
pub struct Account {
    /// Identifier.
    pub id: i64,
    /// Name.
    pub login: String,
    /// `User` or `Organization`.
    pub kind: &'static str,
    /// Who may install apps here: a person herself, the owners of an organization.
    pub owners: BTreeSet<i64>,
    /// Who else belongs to it.
    pub members: BTreeSet<i64>,
    /// Addresses of a person, each with whether it is the primary one and whether it is verified.
    pub emails: Vec<(String, bool, bool)>,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct Repo {
    /// Identifier.
    pub id: i64,
    /// Whose it is.
    pub owner: i64,
    /// Name without the owner.
    pub name: String,
    /// Text about it; null at GitHub when it is empty.
    pub description: String,
    /// Whether only some may see it.
    pub private: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// The branch one sees first.
    pub default_branch: String,
    /// Its branches, each with whether it is protected.
    pub branches: BTreeMap<String, bool>,
    /// When somebody pushed last, in seconds since 1970; 0 for never.
    pub pushed_at: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) id: i64,
    pub(crate) account: i64,
    /// The chosen repositories; none for all.
    pub(crate) selected: Option<BTreeSet<i64>>,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) created_at: i64,
    pub(crate) suspended_at: Option<i64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Requested {
    pub(crate) id: i64,
    pub(crate) account: i64,
    pub(crate) requester: i64,
    pub(crate) created_at: i64,
}

pub(crate) struct Issued {
    pub(crate) installation: i64,
    pub(crate) ends_at: i64,
    pub(crate) repositories: Option<BTreeSet<i64>>,
    pub(crate) permissions: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) user: i64,
    pub(crate) challenge: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) ends_at: i64,
}

/// All there is.
pub struct World {
    pub(crate) url: String,
    pub(crate) clock: TestClock,
    next_id: i64,
    pub(crate) accounts: BTreeMap<i64, Account>,
    pub(crate) installations: BTreeMap<i64, Installed>,
    pub(crate) requests: Vec<Requested>,
    pub(crate) repos: BTreeMap<i64, Repo>,
    names: HashMap<String, i64>,
    pub(crate) tokens: HashMap<String, Issued>,
    pub(crate) user_tokens: HashMap<String, i64>,
    pub(crate) codes: HashMap<String, Code>,
    /// What waits to be delivered.
    pub deliveries: Vec<Delivery>,
    /// How many repositories are counted and not listed, as it happens at GitHub.
    pub counted_too_much: usize,
    /// How long tokens of installations last, in seconds.
    pub token_seconds: i64,
    /// What the app asks for.
    pub permissions: BTreeMap<String, String>,
    /// What the app hears of.
    pub events: Vec<String>,
    /// Where webhooks are sent and how, as the API shows it.
    pub hook: Value,
    /// The last webhooks, as the API shows them.
    pub hook_deliveries: Value,
    /// Whether the app may ask for the role of a person in an organization.
    pub tells_roles: bool,
}

impl World {
    pub(crate) fn new(url: &str) -> World {
        let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        World {
            url: url.to_owned(),
            clock: TestClock::default(),
            // More than fits 32 bits, and nothing that an identifier or a time has in it by chance.
            next_id: 9_048_210_000,
            accounts: BTreeMap::new(),
            installations: BTreeMap::new(),
            requests: Vec::new(),
            repos: BTreeMap::new(),
            names: HashMap::new(),
            tokens: HashMap::new(),
            user_tokens: HashMap::new(),
            codes: HashMap::new(),
            deliveries: Vec::new(),
            counted_too_much: 0,
            token_seconds: 3600,
            permissions: texts(&[("contents", "write"), ("metadata", "read"), ("members", "read"), ("emails", "read")]),
            events: ["push", "create", "delete", "repository"].map(str::to_owned).to_vec(),
            hook: json!({"url": "", "content_type": "json", "insecure_ssl": "0", "secret": "********"}),
            hook_deliveries: json!([]),
            tells_roles: true,
        }
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_micros() / 1_000_000
    }

    pub(crate) fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// A new person with a verified primary address.
    pub fn user(&mut self, login: &str, email: &str) -> i64 {
        let id = self.id();
        let emails = vec![(email.to_owned(), true, true)];
        self.account(id, login, "User", id, emails)
    }

    /// A new organization with an owner.
    pub fn organization(&mut self, login: &str, owner: i64) -> i64 {
        let id = self.id();
        self.account(id, login, "Organization", owner, Vec::new())
    }

    fn account(
        &mut self,
        id: i64,
        login: &str,
        kind: &'static str,
        owner: i64,
        emails: Vec<(String, bool, bool)>,
    ) -> i64 {
        let owners = BTreeSet::from([owner]);
        let account = Account { id, login: login.to_owned(), kind, owners, members: BTreeSet::new(), emails };
        self.accounts.insert(id, account);
        id
    }

    /// An account, to be changed.
    pub fn account_mut(&mut self, id: i64) -> &mut Account {
        self.accounts.get_mut(&id).expect("an account")
    }

    /// The account of this name.
    #[must_use]
    pub fn account_named(&self, login: &str) -> i64 {
        self.accounts.values().find(|one| one.login == login).expect("an account").id
    }

    /// A new repository with the branch `main`.
    pub fn repo(&mut self, owner: i64, name: &str) -> i64 {
        let id = self.id();
        let repo = Repo {
            id,
            owner,
            name: name.to_owned(),
            description: String::new(),
            private: true,
            archived: false,
            default_branch: "main".to_owned(),
            branches: BTreeMap::from([("main".to_owned(), false)]),
            pushed_at: self.now(),
        };
        self.repos.insert(id, repo);
        self.names.insert(self.full_name(id), id);
        self.tell_repo(id, "repository", json!({"action": "created"}));
        id
    }

    /// A repository, to be changed without anybody hearing of it.
    pub fn repo_mut(&mut self, id: i64) -> &mut Repo {
        self.repos.get_mut(&id).expect("a repository")
    }

    /// Owner and name.
    #[must_use]
    pub fn full_name(&self, repo: i64) -> String {
        let repo = &self.repos[&repo];
        format!("{}/{}", self.accounts[&repo.owner].login, repo.name)
    }

    /// The repository with this owner and name.
    #[must_use]
    pub fn repo_named(&self, full_name: &str) -> Option<i64> {
        self.names.get(full_name).copied()
    }

    /// The repositories of an account.
    #[must_use]
    pub fn repos_of(&self, account: i64) -> Vec<i64> {
        self.repos.values().filter(|repo| repo.owner == account).map(|repo| repo.id).collect()
    }

    /// Renames a repository.
    pub fn rename(&mut self, repo: i64, name: &str) {
        let before = self.full_name(repo);
        self.names.remove(&before);
        self.repo_mut(repo).name = name.to_owned();
        self.names.insert(self.full_name(repo), repo);
        self.tell_repo(
            repo,
            "repository",
            json!({"action": "renamed", "changes": {"repository": {"name": {"from": before}}}}),
        );
    }

    /// Removes a repository.
    pub fn remove_repo(&mut self, repo: i64) {
        self.tell_repo(repo, "repository", json!({"action": "deleted"}));
        self.names.remove(&self.full_name(repo));
        self.repos.remove(&repo);
    }

    /// Pushes to a branch, which begins with that if it was not there.
    pub fn push(&mut self, repo: i64, branch: &str) {
        let now = self.now();
        let one = self.repo_mut(repo);
        let is_new = one.branches.insert(branch.to_owned(), false).is_none();
        one.pushed_at = now;
        if is_new {
            self.tell_repo(repo, "create", json!({"ref": branch, "ref_type": "branch", "master_branch": "main"}));
        }
        let refs = json!({"ref": format!("refs/heads/{branch}"), "before": "0".repeat(40), "after": "1".repeat(40)});
        self.tell_repo(repo, "push", refs);
    }

    /// Removes a branch.
    pub fn remove_branch(&mut self, repo: i64, branch: &str) {
        let now = self.now();
        let one = self.repo_mut(repo);
        one.branches.remove(branch);
        one.pushed_at = now;
        self.tell_repo(repo, "delete", json!({"ref": branch, "ref_type": "branch"}));
    }

    /// Installs the app on an account, for all repositories.
    pub fn installed(&mut self, account: i64, requester: Option<i64>) -> i64 {
        let (id, created_at, permissions) = (self.id(), self.now(), self.permissions.clone());
        let installed = Installed { id, account, selected: None, permissions, created_at, suspended_at: None };
        self.installations.insert(id, installed);
        self.answer(account);
        let requester = requester.map(|id| self.account_json(id));
        self.tell(id, "installation", json!({"action": "created", "requester": requester}));
        id
    }

    /// Asks the owners of an account for the app.
    pub fn ask(&mut self, account: i64, requester: i64) {
        let (id, created_at) = (self.id(), self.now());
        self.requests.push(Requested { id, account, requester, created_at });
    }

    /// Answers what was asked of the owners of an account: it waits no more.
    pub fn answer(&mut self, account: i64) {
        self.requests.retain(|one| one.account != account);
    }

    /// Chooses the repositories an installation may reach.
    pub fn select(&mut self, installation: i64, repos: &[i64]) {
        self.installation_mut(installation).selected = Some(repos.iter().copied().collect());
        self.tell(
            installation,
            "installation_repositories",
            json!({"action": "added", "repository_selection": "selected"}),
        );
    }

    /// Suspends an installation.
    pub fn suspend(&mut self, installation: i64) {
        self.installation_mut(installation).suspended_at = Some(self.now());
        self.tell(installation, "installation", json!({"action": "suspend"}));
    }

    /// Has an installation work again.
    pub fn unsuspend(&mut self, installation: i64) {
        self.installation_mut(installation).suspended_at = None;
        self.tell(installation, "installation", json!({"action": "unsuspend"}));
    }

    /// Gives an installation fewer or more permissions.
    pub fn permit(&mut self, installation: i64, permissions: &[(&str, &str)]) {
        let permissions = permissions.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        self.installation_mut(installation).permissions = permissions;
        self.tell(installation, "installation", json!({"action": "new_permissions_accepted"}));
    }

    /// Uninstalls the app.
    pub fn uninstall(&mut self, installation: i64) {
        self.tell(installation, "installation", json!({"action": "deleted"}));
        self.installations.remove(&installation);
        self.tokens.retain(|_, token| token.installation != installation);
    }

    /// The installation on an account.
    #[must_use]
    pub fn installation_of(&self, account: i64) -> i64 {
        self.installations.values().find(|one| one.account == account).expect("an installation").id
    }

    /// Whether an installation is there.
    #[must_use]
    pub fn is_installed(&self, installation: i64) -> bool {
        self.installations.contains_key(&installation)
    }

    /// Ends every token of installations before its time.
    pub fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Every token of an installation or a person that was issued.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<String> {
        self.tokens.keys().chain(self.user_tokens.keys()).cloned().collect()
    }

    fn installation_mut(&mut self, id: i64) -> &mut Installed {
        self.installations.get_mut(&id).expect("an installation")
    }

    /// Whether a repository is one of an installation.
    pub(crate) fn reaches(&self, installed: &Installed, repo: &Repo) -> bool {
        repo.owner == installed.account && installed.selected.as_ref().is_none_or(|all| all.contains(&repo.id))
    }

    pub(crate) fn account_json(&self, id: i64) -> Value {
        let account = &self.accounts[&id];
        json!({
            "id": id,
            "node_id": format!("U_{id}"),
            "login": account.login,
            "type": account.kind,
            "site_admin": false,
            "avatar_url": format!("{}/avatars/{id}", self.url),
            "url": format!("{}/api/v3/users/{}", self.url, account.login),
            "html_url": format!("{}/{}", self.url, account.login),
        })
    }

    pub(crate) fn installation_json(&self, one: &Installed) -> Value {
        let account = &self.accounts[&one.account];
        json!({
            "id": one.id,
            "account": self.account_json(one.account),
            "app_id": APP_ID,
            "app_slug": APP_NAME,
            "target_id": one.account,
            "target_type": account.kind,
            "repository_selection": if one.selected.is_some() { "selected" } else { "all" },
            "access_tokens_url": format!("{}/api/v3/app/installations/{}/access_tokens", self.url, one.id),
            "html_url": format!("{}/settings/installations/{}", self.url, one.id),
            "permissions": one.permissions,
            "events": self.events,
            "created_at": time(one.created_at),
            "updated_at": time(one.created_at),
            "suspended_at": one.suspended_at.map(time),
        })
    }

    pub(crate) fn repo_json(&self, repo: &Repo) -> Value {
        let full_name = self.full_name(repo.id);
        json!({
            "id": repo.id,
            "node_id": format!("R_{}", repo.id),
            "name": repo.name,
            "full_name": full_name,
            "owner": self.account_json(repo.owner),
            "private": repo.private,
            "visibility": if repo.private { "private" } else { "public" },
            "html_url": format!("{}/{full_name}", self.url),
            "url": format!("{}/api/v3/repos/{full_name}", self.url),
            "description": if repo.description.is_empty() { Value::Null } else { repo.description.as_str().into() },
            "fork": false,
            "archived": repo.archived,
            "disabled": false,
            "default_branch": repo.default_branch,
            "pushed_at": if repo.pushed_at == 0 { Value::Null } else { time(repo.pushed_at).into() },
            "created_at": time(repo.pushed_at),
            "updated_at": time(repo.pushed_at),
        })
    }

    fn tell_repo(&mut self, repo: i64, event: &str, mut payload: Value) {
        let repo = self.repos[&repo].clone();
        let reached = self.installations.values().find(|one| self.reaches(one, &repo)).map(|one| one.id);
        let Some(installation) = reached else { return };
        payload["repository"] = self.repo_json(&repo);
        self.tell(installation, event, payload);
    }

    /// Queues a delivery about an installation.
    fn tell(&mut self, installation: i64, event: &str, mut payload: Value) {
        let one = &self.installations[&installation];
        payload["sender"] = self.account_json(*self.accounts[&one.account].owners.first().expect("an owner"));
        payload["installation"] = match event {
            "installation" | "installation_repositories" => self.installation_json(one),
            _ => json!({"id": one.id, "node_id": format!("I_{}", one.id)}),
        };
        let delivery = Delivery::new(event, &payload.to_string());
        self.deliveries.push(delivery);
    }
}

/// Seconds since 1970 as GitHub writes a time.
pub(crate) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).expect("a time").to_string()
}

/// Text nobody can guess.
pub(crate) fn random(prefix: &str) -> String {
    let mut bytes = [0; 18];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{hex}")
}
