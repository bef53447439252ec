//! What only the operator of an installation does; the token is the operator key.

use clap::{Args, Subcommand};
use polity_client::Client;
use polity_client::types::{
    Cents, Coupon, CursorPageQuery, Int64, Limit, OperatorCreateCouponRequest, OperatorListActivitiesQuery,
    OperatorListOrganizationsQuery, OperatorPlanRequest, OperatorReasonRequest, OrganizationStatus, Plan,
    QuotaOverrides, Timestamp,
};

use crate::activity;
use crate::confirm::confirm;
use crate::error::{Exit, Failure, Result};
use crate::event::{self, EventCommand};
use crate::metering::{self, MeteringKeyCommand};
use crate::org;
use crate::output::{View, col, money, unless_zero};
use crate::quota;
use crate::session::{Session, collect, must_name, page_of, take};
use crate::value;
use crate::webhook::{self, WebhookCommand};

/// What the operator can do.
#[derive(Subcommand)]
pub enum OperatorCommand {
    /// Work with any organization
    Org {
        #[command(subcommand)]
        command: OrgCommand,
    },
    /// Show what happened anywhere
    Activity {
        #[command(subcommand)]
        command: ActivityCommand,
    },
    /// Read and follow the events of all organizations
    Event {
        #[command(subcommand)]
        command: EventCommand,
    },
    /// Define and withdraw coupons
    Coupon {
        #[command(subcommand)]
        command: CouponCommand,
    },
    /// Make and remove keys for sources that report what was spent
    MeteringKey {
        #[command(subcommand)]
        command: MeteringKeyCommand,
    },
    /// Have the events of all organizations delivered to endpoints
    Webhook {
        #[command(subcommand)]
        command: WebhookCommand,
    },
    /// Choose the day on which the billing periods of an organization begin
    BillingPeriod {
        #[command(flatten)]
        org: Org,
        /// Day of the month, 1 to 28
        day: u32,
    },
}

/// What the operator can do with organizations.
#[derive(Subcommand)]
pub enum OrgCommand {
    /// List and search all organizations
    List {
        /// Part of a name, or the beginning of an id
        #[arg(long, default_value = "", hide_default_value = true)]
        search: String,
        /// Only those in this state; can be repeated
        #[arg(long = "status", value_name = "STATUS", value_parser = value::organization_status(), ignore_case = true)]
        statuses: Vec<OrganizationStatus>,
    },
    /// Show an organization, with what only the operator sees
    Get(Org),
    /// Lock an organization: its tokens are refused until it is unlocked
    Lock {
        #[command(flatten)]
        org: Org,
        /// Reason, in words
        #[arg(long)]
        reason: String,
    },
    /// Unlock an organization
    Unlock {
        #[command(flatten)]
        org: Org,
        /// Reason, in words
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Mark an organization as reviewed
    Verify(Org),
    /// Put an organization on any plan
    Plan {
        #[command(flatten)]
        org: Org,
        /// Plan to put it on
        #[arg(value_parser = value::plan(), ignore_case = true)]
        plan: Plan,
    },
    /// Override limits of an organization
    Quotas(Box<QuotasArgs>),
}

/// An organization of the installation.
#[derive(Args)]
pub struct Org {
    /// Organization: its name, its id, or the beginning of its id
    org: String,
}

/// The limits to override.
#[derive(Args)]
pub struct QuotasArgs {
    #[command(flatten)]
    org: Org,
    /// How many apps there may be
    #[arg(long, value_name = "N")]
    apps: Option<i64>,
    /// How many services there may be
    #[arg(long, value_name = "N")]
    services: Option<i64>,
    /// How many domains of its own it may use
    #[arg(long, value_name = "N")]
    custom_domains: Option<i64>,
    /// Memory of all instances together, in megabytes
    #[arg(long, value_name = "N")]
    memory_mb: Option<i64>,
    /// How many members, invited ones included
    #[arg(long, value_name = "N")]
    max_organization_members: Option<i64>,
    /// How many projects there may be
    #[arg(long, value_name = "N")]
    max_projects: Option<i64>,
    /// Type of instance it may use; can be repeated
    #[arg(long = "instance-type", value_name = "TYPE")]
    instance_types: Option<Vec<String>>,
    /// Region it may use; can be repeated
    #[arg(long = "region", value_name = "REGION")]
    regions: Option<Vec<String>>,
}

/// What the operator can do with activities.
#[derive(Subcommand)]
pub enum ActivityCommand {
    /// List what happened, the newest first
    List {
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// Only those on objects of this kind, such as organization or coupon; can be repeated
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
    },
}

/// What the operator can do with coupons.
#[derive(Subcommand)]
pub enum CouponCommand {
    /// List coupons
    List,
    /// Define a coupon
    Create(Box<CouponArgs>),
    /// Withdraw a coupon; what was redeemed stays redeemed
    Delete {
        /// Coupon: its id or its code
        coupon: String,
    },
}

/// What a coupon is worth.
#[derive(Args)]
pub struct CouponArgs {
    /// Code to redeem it with
    code: String,
    /// Name to show
    #[arg(long, default_value = "", hide_default_value = true)]
    name: String,
    /// Percent off, above 0 and up to 100
    #[arg(long, value_name = "PERCENT", required_unless_present = "amount_off", conflicts_with = "amount_off")]
    percent_off: Option<f64>,
    /// Dollars off, such as 50 or 49.99
    #[arg(long, value_name = "AMOUNT", value_parser = value::dollars)]
    amount_off: Option<Cents>,
    /// Currency of the amount
    #[arg(long, default_value = "usd")]
    currency: String,
    /// How often it can be redeemed, 0 without limit
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_redemptions: u32,
    /// Until when it can be redeemed, such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = value::time)]
    expires_at: Option<Timestamp>,
}

const ONE: View = View {
    id: "/organization/id",
    columns: &[
        col("ID", "/organization/id"),
        col("NAME", "/organization/name"),
        col("PLAN", "/organization/plan"),
        col("STATUS", "/organization/status"),
        col("MESSAGE", "/organization/status_message"),
        col("VERIFIED", "/organization/verified"),
        col("LOCK REASON", "/operator/lock_reason"),
        col("MEMBERS", "/operator/members"),
        col("CREATED", "/operator/created_at"),
        col("OVERRIDES", "/operator/quota_overrides"),
    ],
};

const COUPONS: View = View {
    id: "/id",
    columns: &[
        col("ID", "/id"),
        col("CODE", "/code"),
        col("NAME", "/name"),
        unless_zero(col("PERCENT OFF", "/percent_off")),
        unless_zero(money("AMOUNT OFF", "/amount_off")),
        col("CURRENCY", "/currency"),
        col("REDEEMED", "/redemptions"),
        unless_zero(col("AT MOST", "/max_redemptions")),
        col("EXPIRES", "/expires_at"),
    ],
};

/// Carries out `polity operator`.
pub(crate) async fn run(session: &Session, command: &OperatorCommand) -> Result<()> {
    let client = session.client()?;
    match command {
        OperatorCommand::Org { command } => organizations(session, client, command).await,
        OperatorCommand::Event { command } => event::run_as_operator(session, client, command).await,
        OperatorCommand::Coupon { command } => coupons(session, client, command).await,
        OperatorCommand::MeteringKey { command } => metering::run(session, client, command).await,
        OperatorCommand::Webhook { command } => webhook::run_as_operator(session, command).await,
        OperatorCommand::BillingPeriod { org, day } => {
            metering::begin_periods(session, client, session.resolve_as_operator(&org.org).await?.id, *day).await
        }
        OperatorCommand::Activity { command: ActivityCommand::List { limit, types } } => {
            let organization_id = match &session.organization {
                Some(name) => Some(session.resolve_as_operator(name).await?.id),
                None => None,
            };
            let (page, types) = (page_of(*limit), types.clone());
            let query = OperatorListActivitiesQuery { limit: page, organization_id, types, ..Default::default() };
            let all = take(client.operator().operator_all_activities(&query), Some(*limit)).await?;
            session.output.list(&all, &activity::LIST)
        }
    }
}

async fn organizations(session: &Session, client: &Client, command: &OrgCommand) -> Result<()> {
    let operator = client.operator();
    let reason = |reason: &String| OperatorReasonRequest { reason: reason.clone() };
    let id = async |org: &Org| Ok::<_, Box<Failure>>(session.resolve_as_operator(&org.org).await?.id);
    let reply = match command {
        OrgCommand::List { search, statuses } => {
            let (search, statuses) = (search.clone(), statuses.clone());
            let query = OperatorListOrganizationsQuery { limit: Limit(100), search, statuses, ..Default::default() };
            return session.output.list(&collect(operator.operator_all_organizations(&query)).await?, &org::LIST);
        }
        OrgCommand::Quotas(args) => {
            let quotas = operator.operator_set_quotas(id(&args.org).await?, &overrides(args)).await?.quotas;
            return session.output.one(&quotas, &quota::ONE);
        }
        OrgCommand::Get(org) => operator.operator_get_organization(id(org).await?).await?,
        OrgCommand::Lock { org, reason: why } => {
            let found = session.resolve_as_operator(&org.org).await?;
            confirm(session, &format!("locking the organization {}", found.name), &found.name)?;
            operator.operator_lock_organization(found.id, &reason(why)).await?
        }
        OrgCommand::Unlock { org, reason: why } => {
            operator.operator_unlock_organization(id(org).await?, &reason(why)).await?
        }
        OrgCommand::Verify(org) => operator.operator_verify_organization(id(org).await?).await?,
        OrgCommand::Plan { org, plan } => {
            operator.operator_set_plan(id(org).await?, &OperatorPlanRequest { plan: Some(*plan) }).await?
        }
    };
    session.output.one(&reply, &ONE)
}

fn overrides(args: &QuotasArgs) -> QuotaOverrides {
    QuotaOverrides {
        apps: args.apps.map(Int64),
        services: args.services.map(Int64),
        custom_domains: args.custom_domains.map(Int64),
        memory_mb: args.memory_mb.map(Int64),
        max_organization_members: args.max_organization_members.map(Int64),
        max_projects: args.max_projects.map(Int64),
        instance_types: args.instance_types.clone(),
        regions: args.regions.clone(),
    }
}

async fn coupons(session: &Session, client: &Client, command: &CouponCommand) -> Result<()> {
    let operator = client.operator();
    let all = async || {
        let query = CursorPageQuery { limit: Limit(100), ..Default::default() };
        collect(operator.operator_all_coupons(&query)).await
    };
    match command {
        CouponCommand::List => session.output.list(&all().await?, &COUPONS),
        CouponCommand::Create(args) => {
            let request = OperatorCreateCouponRequest {
                code: args.code.clone(),
                name: args.name.clone(),
                percent_off: args.percent_off.unwrap_or_default(),
                amount_off: args.amount_off,
                // A percentage has no currency.
                currency: args.amount_off.map(|_| args.currency.clone()).unwrap_or_default(),
                max_redemptions: args.max_redemptions,
                expires_at: args.expires_at,
            };
            session.output.one(&operator.operator_create_coupon(&request).await?.coupon, &COUPONS)
        }
        CouponCommand::Delete { coupon: wanted } => {
            must_name("coupon", wanted)?;
            let fits = |coupon: &Coupon| coupon.code == *wanted || coupon.id.to_string() == *wanted;
            let coupon = all().await?.into_iter().find(fits).ok_or_else(|| {
                Failure::new(Exit::NotFound, format!("there is no coupon {wanted:?}"))
                    .hint("polity operator coupon list")
            })?;
            confirm(session, &format!("withdrawing the coupon {}", coupon.code), &coupon.code)?;
            operator.operator_delete_coupon(coupon.id).await?;
            session.output.done(&coupon.id.to_string(), &format!("coupon {} withdrawn", coupon.code))
        }
    }
}
