//! The command line of `polity org`.

use clap::{Args, Subcommand};
use polity_client::types::{Cents, Duration, OrganizationPatch, OrganizationStatus, Plan};

use crate::value;

/// What can be done with organizations.
#[derive(Subcommand)]
pub enum OrgCommand {
    /// List the organizations you are a member of
    List {
        /// Part of a name, or the beginning of an id
        #[arg(long, default_value = "", hide_default_value = true)]
        search: String,
        /// Only those in this state; can be repeated
        #[arg(long = "status", value_name = "STATUS", value_parser = value::organization_status(), ignore_case = true)]
        statuses: Vec<OrganizationStatus>,
    },
    /// Create an organization
    Create {
        /// Name: 1 to 64 of a-z, 0-9 and -
        name: String,
    },
    /// Show an organization
    Get(OrgArg),
    /// Change the address and the billing details of an organization
    Update(Box<UpdateArgs>),
    /// Rename an organization
    #[command(allow_missing_positional = true)]
    Rename {
        /// Organization; the current one when left out
        org: Option<String>,
        /// New name
        name: String,
    },
    /// Make an organization the current one
    Switch {
        /// Organization: its name, its id, or the beginning of its id
        org: String,
    },
    /// Deactivate an organization: its tokens stop working, its data stays
    Deactivate(WaitArgs),
    /// Reactivate an organization
    Reactivate(OrgArg),
    /// Delete a deactivated organization for good
    Delete(WaitArgs),
    /// Change the plan of an organization
    #[command(allow_missing_positional = true)]
    Plan {
        /// Organization; the current one when left out
        org: Option<String>,
        /// Plan to change to; some only the operator gives
        #[arg(value_parser = value::plan(), ignore_case = true)]
        plan: Plan,
        /// Code of a coupon to redeem with it
        #[arg(long, default_value = "", hide_default_value = true)]
        coupon: String,
    },
    /// Replace the answers given at signup
    #[command(allow_missing_positional = true)]
    Qualify {
        /// Organization; the current one when left out
        org: Option<String>,
        /// Answers, a JSON object
        json: String,
    },
    /// Choose the default project of an organization
    #[command(allow_missing_positional = true)]
    DefaultProject {
        /// Organization; the current one when left out
        org: Option<String>,
        /// Project: its id or its name
        project: String,
    },
    /// Work with access tokens
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
}

/// What can be done with access tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create a short-lived token that acts for the organization
    Create {
        /// Organization; the current one when left out
        org: Option<String>,
        /// How long it works, such as 30m, 2h, 1d or 3600s
        #[arg(long, value_parser = value::duration, default_value = "1h")]
        validity: Duration,
        /// What leases made with it may come to, in dollars, such as 5 or 0.50
        #[arg(long, value_name = "DOLLARS", value_parser = value::dollars)]
        spend_limit: Option<Cents>,
    },
}

/// An organization, or the current one.
#[derive(Args)]
pub struct OrgArg {
    /// Organization; the current one when left out
    pub(crate) org: Option<String>,
}

/// An organization, and whether to wait.
#[derive(Args)]
pub struct WaitArgs {
    /// Organization; the current one when left out
    pub(crate) org: Option<String>,
    /// Do not wait until the server is done
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// What changes of an organization; an empty text clears a field.
#[derive(Args)]
pub struct UpdateArgs {
    /// Organization; the current one when left out
    pub(crate) org: Option<String>,
    /// Billing address, first line
    #[arg(long)]
    address1: Option<String>,
    /// Billing address, second line
    #[arg(long)]
    address2: Option<String>,
    /// Billing address, city
    #[arg(long)]
    city: Option<String>,
    /// Billing address, postal code
    #[arg(long)]
    postal_code: Option<String>,
    /// Billing address, state or province
    #[arg(long)]
    state: Option<String>,
    /// Billing address, country: two letters
    #[arg(long)]
    country: Option<String>,
    /// Whether invoices go to a company
    #[arg(long, value_name = "true|false")]
    company: Option<bool>,
    /// VAT number of that company
    #[arg(long)]
    vat_number: Option<String>,
    /// Name on invoices
    #[arg(long)]
    billing_name: Option<String>,
    /// Address invoices go to
    #[arg(long)]
    billing_email: Option<String>,
    /// Mail domain members may come from; can be repeated, '' for any
    #[arg(long = "email-domain", value_name = "DOMAIN")]
    email_domains: Option<Vec<String>>,
}

impl UpdateArgs {
    pub(crate) fn patch(&self) -> OrganizationPatch {
        let domains = |domains: &Vec<String>| domains.iter().filter(|domain| !domain.is_empty()).cloned().collect();
        OrganizationPatch {
            name: None,
            address1: self.address1.clone(),
            address2: self.address2.clone(),
            city: self.city.clone(),
            postal_code: self.postal_code.clone(),
            state: self.state.clone(),
            country: self.country.clone(),
            company: self.company,
            vat_number: self.vat_number.clone(),
            billing_name: self.billing_name.clone(),
            billing_email: self.billing_email.clone(),
            email_domain_allowlist: self.email_domains.as_ref().map(domains),
        }
    }
}
