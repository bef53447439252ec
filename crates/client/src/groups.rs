//! The methods of a client, in groups: one file for each, named as on the client.

pub mod account;
pub mod activities;
pub mod billing;
pub mod budgets;
pub mod connection;
pub mod coupons;
pub mod credentials;
pub mod events;
pub mod github;
pub mod invitations;
pub mod members;
pub mod metering;
pub mod operator;
pub mod operator_webhooks;
pub mod organizations;
pub mod projects;
pub mod quotas;
pub mod sessions;
pub mod webhooks;

pub use account::Account;
pub use activities::Activities;
pub use billing::Billing;
pub use budgets::Budgets;
pub use connection::Connection;
pub use coupons::Coupons;
pub use credentials::Credentials;
pub use events::Events;
pub use github::Github;
pub use invitations::Invitations;
pub use members::Members;
pub use metering::Metering;
pub use operator::Operator;
pub use operator_webhooks::OperatorWebhooks;
pub use organizations::Organizations;
pub use projects::Projects;
pub use quotas::Quotas;
pub use sessions::Sessions;
pub use webhooks::Webhooks;

/// The groups of the blocking client.
#[cfg(feature = "blocking")]
pub mod blocking {
    pub use super::account::blocking::Account;
    pub use super::activities::blocking::Activities;
    pub use super::billing::blocking::Billing;
    pub use super::budgets::blocking::Budgets;
    pub use super::connection::blocking::Connection;
    pub use super::coupons::blocking::Coupons;
    pub use super::credentials::blocking::Credentials;
    pub use super::events::blocking::Events;
    pub use super::github::blocking::Github;
    pub use super::invitations::blocking::Invitations;
    pub use super::members::blocking::Members;
    pub use super::metering::blocking::Metering;
    pub use super::operator::blocking::Operator;
    pub use super::operator_webhooks::blocking::OperatorWebhooks;
    pub use super::organizations::blocking::Organizations;
    pub use super::projects::blocking::Projects;
    pub use super::quotas::blocking::Quotas;
    pub use super::sessions::blocking::Sessions;
    pub use super::webhooks::blocking::Webhooks;
}

/// The accessors of the groups; the same for both clients.
macro_rules! accessors {
    ($client:ty, $($of:tt)*) => {
        impl $client {
            /// The person behind a token: profile, settings, organizations, invitations received.
            #[must_use]
            pub fn account(&self) -> $($of)*Account<'_> {
                $($of)*Account(self)
            }

            /// What happened: activities and notifications.
            #[must_use]
            pub fn activities(&self) -> $($of)*Activities<'_> {
                $($of)*Activities(self)
            }

            /// Subscriptions, payment methods, invoices and usage.
            #[must_use]
            pub fn billing(&self) -> $($of)*Billing<'_> {
                $($of)*Billing(self)
            }

            /// Budgets: an amount for a billing period, what is announced of it, and whether it stops.
            #[must_use]
            pub fn budgets(&self) -> $($of)*Budgets<'_> {
                $($of)*Budgets(self)
            }

            /// Two operations to try a connection and a token.
            #[must_use]
            pub fn connection(&self) -> $($of)*Connection<'_> {
                $($of)*Connection(self)
            }

            /// Coupons, as an organization meets them.
            #[must_use]
            pub fn coupons(&self) -> $($of)*Coupons<'_> {
                $($of)*Coupons(self)
            }

            /// API credentials: long-lived tokens with a name.
            #[must_use]
            pub fn credentials(&self) -> $($of)*Credentials<'_> {
                $($of)*Credentials(self)
            }

            /// Events: the log of an organization, to follow.
            #[must_use]
            pub fn events(&self) -> $($of)*Events<'_> {
                $($of)*Events(self)
            }

            /// The GitHub installation of an organization.
            #[must_use]
            pub fn github(&self) -> $($of)*Github<'_> {
                $($of)*Github(self)
            }

            /// Invitations an organization sends, and the confirmation of mailed links.
            #[must_use]
            pub fn invitations(&self) -> $($of)*Invitations<'_> {
                $($of)*Invitations(self)
            }

            /// Members of organizations.
            #[must_use]
            pub fn members(&self) -> $($of)*Members<'_> {
                $($of)*Members(self)
            }

            /// Metering: what sources of the platform report as spent, and leases.
            #[must_use]
            pub fn metering(&self) -> $($of)*Metering<'_> {
                $($of)*Metering(self)
            }

            /// What only the operator of an installation sees and does.
            #[must_use]
            pub fn operator(&self) -> $($of)*Operator<'_> {
                $($of)*Operator(self)
            }

            /// Webhooks of the operator: endpoints that the events of all organizations are delivered to.
            #[must_use]
            pub fn operator_webhooks(&self) -> $($of)*OperatorWebhooks<'_> {
                $($of)*OperatorWebhooks(self)
            }

            /// Organizations: the tenants, their life, plan and access tokens.
            #[must_use]
            pub fn organizations(&self) -> $($of)*Organizations<'_> {
                $($of)*Organizations(self)
            }

            /// Projects of an organization.
            #[must_use]
            pub fn projects(&self) -> $($of)*Projects<'_> {
                $($of)*Projects(self)
            }

            /// Quotas, capacity, and the summary of use.
            #[must_use]
            pub fn quotas(&self) -> $($of)*Quotas<'_> {
                $($of)*Quotas(self)
            }

            /// Sessions: signing up, logging in and out, what mailed links confirm.
            #[must_use]
            pub fn sessions(&self) -> $($of)*Sessions<'_> {
                $($of)*Sessions(self)
            }

            /// Webhooks: endpoints that the events of an organization are delivered to.
            #[must_use]
            pub fn webhooks(&self) -> $($of)*Webhooks<'_> {
                $($of)*Webhooks(self)
            }
        }
    };
}

accessors!(crate::Client,);
#[cfg(feature = "blocking")]
accessors!(crate::blocking::Client, blocking::);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use polity_api::operation::{Needs, Paging, Who};
    use polity_api::table::ALL;

    use super::*;
    use crate::methods::Declared;

    const GROUPS: &[(&str, &[Declared])] = &[
        ("account", account::DECLARED),
        ("activities", activities::DECLARED),
        ("billing", billing::DECLARED),
        ("budgets", budgets::DECLARED),
        ("connection", connection::DECLARED),
        ("coupons", coupons::DECLARED),
        ("credentials", credentials::DECLARED),
        ("events", events::DECLARED),
        ("github", github::DECLARED),
        ("invitations", invitations::DECLARED),
        ("members", members::DECLARED),
        ("metering", metering::DECLARED),
        ("operator", operator::DECLARED),
        ("operator_webhooks", operator_webhooks::DECLARED),
        ("organizations", organizations::DECLARED),
        ("projects", projects::DECLARED),
        ("quotas", quotas::DECLARED),
        ("sessions", sessions::DECLARED),
        ("webhooks", webhooks::DECLARED),
    ];

    fn declared() -> impl Iterator<Item = &'static Declared> {
        GROUPS.iter().flat_map(|(_, rows)| rows.iter())
    }

    #[test]
    fn every_operation_has_one_method_named_after_it() {
        let methods: Vec<_> = declared().map(|row| row.operation).collect();
        for meta in ALL {
            assert!(methods.contains(&meta.id), "{} has no method", meta.id);
        }
        assert_eq!(methods.len(), ALL.len(), "an operation has two methods");
        for row in declared() {
            assert_eq!(row.method, snake_case(row.operation));
        }
        assert_eq!(declared().map(|row| row.method).collect::<BTreeSet<_>>().len(), ALL.len());
    }

    #[test]
    fn what_a_method_says_of_its_callers_is_what_the_table_says() {
        for row in declared() {
            let meta = ALL.iter().find(|meta| meta.id == row.operation).unwrap();
            let expected = match (meta.who, meta.needs) {
                (Who::Anyone, _) => "anyone",
                (Who::Token, _) => "token",
                (Who::User, _) => "user",
                (Who::Member, Needs::Active) => "member",
                (Who::Member, Needs::Exists) => "member_even_deactivated",
                (Who::Member, Needs::Readable) => "member_in_any_state",
                (Who::Operator, _) => "operator",
                (Who::Metering, _) => "metering",
                (Who::Platform, _) => "platform",
            };
            assert_eq!(row.who, expected, "{}", meta.id);
        }
    }

    #[test]
    fn every_list_has_a_method_that_reads_it_to_its_end() {
        for row in declared() {
            let meta = ALL.iter().find(|meta| meta.id == row.operation).unwrap();
            assert_eq!(!row.all.is_empty(), meta.paging != Paging::No, "{}", meta.id);
        }
    }

    fn snake_case(name: &str) -> String {
        let mut out = String::new();
        for c in name.chars() {
            if c.is_uppercase() && !out.is_empty() {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        }
        out
    }
}
