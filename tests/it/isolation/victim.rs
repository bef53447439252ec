//! An organization with one of everything, and the requests an attacker would
//! send to get at it.

use polity_api::operation::Meta;
use polity_tests::github::GitHub;
use polity_tests::{MeteringKey, Organization, Person, TestServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The organization under attack and what belongs to it.
pub struct Victim {
    pub user_id: String,
    pub organization: Organization,
    project: String,
    credential: String,
    invitation: String,
    member: String,
    confirmation: String,
    coupon: String,
    webhook: String,
    /// A delivery to it is named by its event.
    delivery: String,
    /// A key of a source of the platform, which holds a lease for her.
    pub metering: MeteringKey,
    lease: String,
    /// A repository of her GitHub installation.
    repository: String,
    /// Texts that no stranger may ever see.
    pub secrets: Vec<String>,
}

/// What a stranger must get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// 401, 403 or 404: the request names something of the victim.
    Refused,
    /// Anything about the stranger's own things, and nothing of the victim's.
    OwnThings,
    /// Meant for everybody, for this reason.
    Public(&'static str),
    /// 403: for the operator alone.
    OperatorOnly,
    /// 403: for sources of the platform alone.
    MeteringOnly,
}

/// A request of an attacker.
pub struct Attack {
    pub expect: Expect,
    pub path: String,
    pub query: Vec<(&'static str, String)>,
    pub body: Value,
}

/// A server that is an app at a GitHub.
pub async fn server() -> (TestServer, GitHub) {
    let github = GitHub::start().await;
    let server = TestServer::start_with(|config| github.configure(config)).await;
    github.set_clock(&server.clock);
    (server, github)
}

impl Victim {
    pub async fn make(server: &TestServer, github: &GitHub, ann: &Person<'_>) -> Victim {
        let organization = ann.organization("acme-of-ann").await;
        let inside = |method: &str, path: &str| server.call(method, path).token(&organization.token);
        let text = |value: &Value| value.as_str().expect("text").to_owned();

        let project = inside("POST", "/v1/projects").json(&json!({"name": "project-of-ann"})).send().await.ok();
        let (credential, _) = ann.credential(&organization, "ORGANIZATION").await;
        ann.credential(&organization, "USER").await;
        let invited = json!({"email": "guest-of-ann@example.com"});
        let invitation = inside("POST", "/v1/organization_invitations").json(&invited).send().await.ok();
        let members = inside("GET", "/v1/organization_members").send().await.ok();
        let of = |path: &str| format!("/v1/organizations/{}/{path}", organization.id);
        inside("PUT", &of("budget")).json(&json!({"amount": "424242"})).send().await.ok();
        let answers = json!({"signup_qualification": {"occupation": "occupation-of-ann"}});
        inside("POST", &of("signup_qualification")).json(&answers).send().await.ok();
        inside("POST", &of("deactivate")).send().await.ok();
        let confirmation = server.mails_to(&ann.email).await.last().expect("a mail").secret().to_owned();
        let coupon = json!({"code": "COUPON", "percent_off": 10});
        let coupon = server.operator("POST", "/operator/v1/coupons").json(&coupon).send().await.ok();

        let (webhook, delivery) = webhook(server, &organization).await;
        let (installation, repository) = repository(server, github, &organization).await;
        let metering = server.metering_key("source-of-the-platform").await;
        let lease = json!({"organization_id": organization.id, "amount_microcents": "10", "ttl": "86400s"});
        let lease = server.call("POST", "/metering/v1/leases").token(&metering.token).json(&lease).send().await.ok();
        let lease = text(&lease["lease"]["id"]);

        let (project, invitation) = (text(&project["project"]["id"]), text(&invitation["invitation"]["id"]));
        let member = text(&members["members"][0]["id"]);
        let secrets = vec![
            organization.id.clone(),
            organization.name.clone(),
            organization.default_project_id.clone(),
            ann.id.clone(),
            ann.email.clone(),
            project.clone(),
            "project-of-ann".to_owned(),
            credential.clone(),
            invitation.clone(),
            "guest-of-ann".to_owned(),
            member.clone(),
            "424242".to_owned(),
            "occupation-of-ann".to_owned(),
            webhook.clone(),
            delivery.clone(),
            metering.id.clone(),
            "source-of-the-platform".to_owned(),
            lease.clone(),
            installation,
            repository.clone(),
            "repository-of-ann".to_owned(),
            "account-of-ann".to_owned(),
        ];
        Victim {
            user_id: ann.id.clone(),
            coupon: text(&coupon["coupon"]["id"]),
            metering,
            lease,
            organization,
            project,
            credential,
            invitation,
            member,
            confirmation,
            webhook,
            delivery,
            repository,
            secrets,
        }
    }

    /// The request of an attacker for an operation. An operation that is not
    /// listed here fails the test: whoever adds one says how it is attacked.
    pub fn attack(&self, meta: &Meta, unique: &str) -> Attack {
        let mut query = Vec::new();
        let mut body = Value::Null;
        let expect = match meta.id {
            "Signup" | "LoginMethod" | "GetOAuthOptions" | "OAuthCallback" | "TestAnon" => {
                Expect::Public("before there is a token, and about nothing that exists")
            }
            "Login" | "ResetPassword" => Expect::Public("needs the password, or says nothing"),
            "ListEventTypes" => Expect::Public("a catalogue, the same for everybody"),
            "Validate" | "UpdatePassword" => Expect::Public("needs the secret of a mail"),
            id if id.starts_with("Operator") => {
                let (coupon, period) = (json!({"code": "STOLEN", "percent_off": 100}), json!({"anchor_day": 7}));
                body = match id {
                    "OperatorCreateCoupon" => coupon,
                    "OperatorSetBillingPeriod" => period,
                    "OperatorCreateWebhook" | "OperatorUpdateWebhook" => {
                        json!({"url": "https://eve.example/", "event_types": ["none.none"]})
                    }
                    _ => json!({"reason": "mine", "plan": "pro", "name": "mine"}),
                };
                Expect::OperatorOnly
            }
            "RecordEvents" => {
                let of = &self.organization.id;
                let event = json!({"source": "x", "id": unique, "organization_id": of, "amount_microcents": "1"});
                body = json!({"events": [event]});
                Expect::MeteringOnly
            }
            "CreateLease" => {
                body = json!({"organization_id": self.organization.id, "amount_microcents": "1"});
                Expect::MeteringOnly
            }
            "CommitLease" => {
                body = json!({"amount_microcents": "1"});
                Expect::MeteringOnly
            }
            "ExtendLease" => {
                body = json!({"ttl": "60s"});
                Expect::MeteringOnly
            }
            "GetLease" | "ReleaseLease" => Expect::MeteringOnly,
            "GetOrganization" | "DeleteOrganization" | "ReactivateOrganization" | "SwitchOrganization" => {
                Expect::Refused
            }
            "UpdateOrganization" | "UpdateOrganization2" | "UpdateOrganizationName" => {
                body = json!({"name": "stolen", "billing_name": "Eve", "city": "Eden"});
                Expect::Refused
            }
            "CreateAccessToken" => {
                body = json!({"validity": "60s"});
                Expect::Refused
            }
            "DeactivateOrganization" => {
                body = json!({"skip_confirmation": true});
                Expect::Refused
            }
            "UpdateOrganizationDefaultProject" => {
                body = json!({"default_project_id": self.project});
                Expect::Refused
            }
            "UpdateOrganizationPlan" => {
                body = json!({"plan": "pro"});
                Expect::Refused
            }
            "UpsertSignupQualification" => {
                body = json!({"signup_qualification": {"stolen": true}});
                Expect::Refused
            }
            "GetBudget"
            | "DeleteBudget"
            | "GetQuotas"
            | "GetOrganizationSummary"
            | "GetOrganizationQuotasUsage"
            | "ResyncOrganization" => Expect::Refused,
            "CreateBudget" | "UpdateBudget" => {
                body = json!({"amount": "1"});
                Expect::Refused
            }
            "RemoveOrganizationMember" | "DeleteUser" | "DeleteUserV2" | "ConfirmOrganizationAction" => Expect::Refused,
            "GetUserOrganizationInvitation" | "AcceptOrganizationInvitation" | "DeclineOrganizationInvitation" => {
                Expect::Refused
            }
            "GetOrganizationInvitation" | "DeleteOrganizationInvitation" | "ResendOrganizationInvitation" => {
                Expect::Refused
            }
            "GetCredential" | "DeleteCredential" | "GetProject" | "DeleteProject" => Expect::Refused,
            "UpdateCredential" | "UpdateCredential2" | "UpdateProject" | "UpdateProject2" => {
                body = json!({"name": "stolen"});
                Expect::Refused
            }
            "CreateCredential" => {
                body = json!({"name": "stolen", "type": "ORGANIZATION", "organization_id": self.organization.id});
                Expect::Refused
            }
            "ListCredentials" | "ListOrganizationMembers" => {
                query.push(("organization_id", self.organization.id.clone()));
                Expect::Refused
            }
            "ListOrganizationInvitations" => {
                query.push(("user_id", self.user_id.clone()));
                Expect::Refused
            }
            "GetWebhook" | "DeleteWebhook" | "TestWebhook" | "RotateWebhookSecret" => Expect::Refused,
            "ListWebhookDeliveries" | "ReplayWebhookDelivery" => Expect::Refused,
            "UpdateWebhook" => {
                body = json!({"url": "https://eve.example/", "disabled": true});
                Expect::Refused
            }
            "CreateWebhook" => {
                body = json!({"url": "https://eve.example/", "event_types": ["none.none"]});
                Expect::OwnThings
            }
            "GetSubscription" | "GetPaymentMethod" | "DeletePaymentMethod" | "ConfirmPaymentAuthorization" => {
                Expect::Refused
            }
            "CreateOrganization" => {
                body = json!({"name": format!("eve-{unique}")});
                Expect::OwnThings
            }
            "UpdateUser" | "UpdateUser2" | "UpdateUserV2" | "UpdateUserV22" => {
                body = json!({"id": self.user_id, "name": "Eve"});
                Expect::OwnThings
            }
            "CreateProject" => {
                body = json!({"name": format!("eve-{unique}"), "organization_id": self.organization.id});
                Expect::OwnThings
            }
            "CreateOrganizationInvitation" => {
                body = json!({"email": format!("{unique}@example.com"), "organization_id": self.organization.id});
                Expect::OwnThings
            }
            "TestAuth" => {
                body = json!({"payload": "x", "organization_id": self.organization.id});
                Expect::OwnThings
            }
            "ListBranches" => {
                query.push(("repository_id", self.repository.clone()));
                Expect::OwnThings
            }
            "RedeemCoupon" => {
                body = json!({"code": "COUPON"});
                Expect::OwnThings
            }
            "UnscopeOrganizationToken"
            | "GetGithubInstallation"
            | "GithubInstallation"
            | "CreateGithubInstallationToken"
            | "ListRepositories"
            | "Logout"
            | "RefreshToken"
            | "NewSession"
            | "ResendEmailValidation"
            | "GetCurrentUser"
            | "GetUserSettings"
            | "UpdateUserSettings"
            | "GetCurrentOrganization"
            | "ListUserOrganizations"
            | "ListUserOrganizationInvitations"
            | "GetAccountActivities"
            | "ListProjects"
            | "ListApps"
            | "ListActivities"
            | "ListNotifications"
            | "ListEvents"
            | "ReviewOrganizationCapacity"
            | "ListPaymentMethods"
            | "CreatePaymentAuthorization"
            | "HasUnpaidInvoices"
            | "Manage"
            | "NextInvoice"
            | "GetOrganizationUsage"
            | "GetOrganizationUsageDetails"
            | "ListWebhooks"
            | "CheckCoupon" => Expect::OwnThings,
            id => panic!("say how a stranger would attack {id}"),
        };
        Attack { expect, path: self.path(meta), query, body }
    }

    /// The path with the victim's ids in it.
    fn path(&self, meta: &Meta) -> String {
        let id = match meta.path.split('/').nth(2).unwrap_or_default() {
            _ if meta.path.starts_with("/operator/v1/coupons") => &self.coupon,
            _ if meta.path.starts_with("/operator/v1/metering_keys") => &self.metering.id,
            _ if meta.path.starts_with("/metering/v1/leases") => &self.lease,
            "coupons" => "COUPON",
            "account" if meta.path.contains("validate") => &self.confirmation,
            "account" | "organization_invitations" => &self.invitation,
            "organization_members" => &self.member,
            "organization_confirmations" => &self.confirmation,
            "credentials" => &self.credential,
            "projects" => &self.project,
            _ if meta.path.contains("/webhooks") => &self.webhook,
            "users" => &self.user_id,
            "subscriptions" | "payment_methods" => "0b7d9a52-5a6c-4a55-9d3c-3a9c5b1f7e21",
            _ => &self.organization.id,
        };
        let path = meta.path.replace("{event_id}", &self.delivery);
        ["{id}", "{organization_id}", "{code}"].iter().fold(path, |path, name| path.replace(name, id))
    }
}

/// A webhook that got the event of its own making and wants no other: its id, and the event.
async fn webhook(server: &TestServer, organization: &Organization) -> (String, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 65_536];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 204 X\r\n\r\n").await;
        }
    });
    let inside = |method: &str, path: &str| server.call(method, path).token(&organization.token);
    let body = json!({"url": url, "event_types": ["webhook.created"]});
    let made = inside("POST", "/v1/webhooks").json(&body).send().await.ok();
    let id = made["webhook"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/webhooks/{id}/deliveries?status=DELIVERED");
    let event = server
        .until("the webhook got its event", async || {
            let reply = inside("GET", &path).send().await.ok();
            reply["deliveries"][0]["event_id"].as_str().map(str::to_owned)
        })
        .await;
    (id, event)
}

/// A GitHub installation with a repository: the number of the one, and the id of the other.
async fn repository(server: &TestServer, github: &GitHub, organization: &Organization) -> (String, String) {
    let (owner, account) = github.world(|world| {
        let owner = world.user("ann", "ann-at-github@example.com");
        let account = world.organization("account-of-ann", owner);
        world.repo(account, "repository-of-ann");
        (owner, account)
    });
    let inside = |method: &str, path: &str| server.call(method, path).token(&organization.token);
    let started = inside("POST", "/v1/github/installation").send().await.ok();
    let back = github.install(owner, started["url"].as_str().expect("a url"), account);
    inside("POST", "/v1/account/oauth").json(&back.json()).send().await.ok();
    let id = server
        .until("the repository is read", async || {
            let read = inside("GET", "/v1/github/installation").send().await.ok()["indexing_status"] == "COMPLETED";
            let reply = inside("GET", "/v1/git/repositories").send().await.ok();
            reply["repositories"][0]["id"].as_str().filter(|_| read).map(str::to_owned)
        })
        .await;
    (back.installation_id.expect("an installation").to_string(), id)
}

/// A person of another organization, with a token of every kind.
pub struct Stranger<'s> {
    pub person: Person<'s>,
    pub organization: Organization,
}

impl Stranger<'_> {
    pub async fn make(server: &TestServer) -> Stranger<'_> {
        let person = server.person("eve").await;
        let organization = person.organization("evil").await;
        Stranger { person, organization }
    }

    /// Fresh tokens, because an attack may use one up.
    pub async fn tokens(&self) -> Vec<(&'static str, String)> {
        vec![
            ("a session without an organization", self.person.token.clone()),
            ("a session in another organization", self.person.switch(&self.organization.id).await),
            ("an access token of another organization", self.person.access_token(&self.organization).await),
            (
                "a credential of another organization",
                self.person.credential(&self.organization, "ORGANIZATION").await.1,
            ),
            ("a credential of a stranger", self.person.credential(&self.organization, "USER").await.1),
        ]
    }
}
