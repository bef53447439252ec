//! The wire types, one file for each resource.
//!
//! A reply always carries every field: text that is not set is `""`, a number
//! is 0, a list is `[]`, a map is `{}`, and an unset message or time is `null`.
//! A request may leave out anything; what is absent reads as the zero value.

pub mod account;
pub mod activity;
pub mod billing;
pub mod budget;
pub mod coupon;
pub mod credential;
pub mod event;
pub mod git;
pub mod github;
pub mod invitation;
pub mod member;
pub mod metering;
pub mod operator;
pub mod organization;
pub mod project;
pub mod quota;
pub mod session;
pub mod test;
pub mod usage;
pub mod webhook;

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::account::{UserPatch, UserSettingsReply};
    use super::credential::{Credential, ListCredentialsQuery};
    use super::invitation::OrganizationInvitation;
    use super::organization::{
        CreateAccessTokenRequest, Organization, OrganizationPatch, UpdateOrganizationPlanRequest,
    };
    use super::quota::{OrganizationSummary, Quotas};
    use crate::input;
    use crate::mask::UpdateMask;

    const ID: &str = "0b5c5a43-7a4e-4a25-9d0e-3a3c5f2d9c11";

    /// What the zero value looks like on the wire, given the fields that have none.
    fn zero<T: Serialize + DeserializeOwned>(required: Value) -> Value {
        serde_json::to_value(serde_json::from_value::<T>(required).unwrap()).unwrap()
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_zero_organization_has_every_field_in_the_order_of_the_contract() {
        let zero = zero::<Organization>(json!({ "id": ID }));
        let expected = json!({
            "id": ID,
            "external_id": "",
            "provisioning": false,
            "address1": "",
            "address2": "",
            "city": "",
            "postal_code": "",
            "state": "",
            "country": "",
            "company": false,
            "vat_number": "",
            "billing_name": "",
            "billing_email": "",
            "name": "",
            "plan": "hobby",
            "plan_updated_at": null,
            "has_payment_method": false,
            "subscription_id": "",
            "current_subscription_id": "",
            "latest_subscription_id": "",
            "signup_qualification": {},
            "status": "WARNING",
            "status_message": "NEW",
            "deactivation_reason": "INVALID",
            "verified": false,
            "qualifies_for_hobby23": false,
            "reprocess_after": null,
            "trialing": false,
            "trial_starts_at": null,
            "trial_ends_at": null,
            "email_domain_allowlist": [],
            "default_project_id": "",
        });
        assert_eq!(zero, expected);
        assert_eq!(keys(&zero), keys(&expected));
    }

    #[test]
    fn zero_quotas_have_every_field_in_the_order_of_the_contract() {
        let zero = serde_json::to_value(Quotas::default()).unwrap();
        let expected = json!({
            "apps": "0",
            "services": "0",
            "domains": "0",
            "services_by_app": "0",
            "service_provisioning_concurrency": "0",
            "memory_mb": "0",
            "instance_types": [],
            "regions": [],
            "max_organization_members": "0",
            "max_instances_by_type": {},
            "persistent_volumes_by_region": {},
            "custom_domains": "0",
            "domains_load_balancer": { "max_koyeb": 0 },
            "metrics_retention": 0,
            "logs_retention": 0,
            "access_reserved_subdomains": [],
            "proxy_ports": 0,
            "scale_to_zero": {
                "is_deep_sleep_enabled": false,
                "deep_sleep_idle_delay_min": 0,
                "deep_sleep_idle_delay_max": 0,
                "is_light_sleep_enabled": false,
                "light_sleep_idle_delay_min": 0,
                "light_sleep_idle_delay_max": 0,
            },
            "archives": "0",
            "archive_max_size_mb": "0",
            "lifecycle": {
                "delete_after_sleep_min": 0,
                "delete_after_sleep_max": 0,
                "delete_after_create_min": 0,
                "delete_after_create_max": 0,
            },
            "max_projects": "0",
            "instance_snapshots": { "filesystem": 0, "full": 0 },
        });
        assert_eq!(zero, expected);
        assert_eq!(keys(&zero), keys(&expected));
    }

    #[test]
    fn a_zero_summary_has_every_group() {
        let zero = zero::<OrganizationSummary>(json!({ "organization_id": ID }));
        let expected = json!({
            "organization_id": ID,
            "instances": { "total": "0", "by_type": {} },
            "apps": { "total": "0", "by_status": {} },
            "services": {},
            "domains": { "total": "0", "by_status": {} },
            "secrets": { "total": "0", "by_type": {} },
            "neon_postgres": { "total": "0", "by_instance_type": {} },
            "members": { "total": "0", "invitations_by_status": {} },
        });
        assert_eq!(zero, expected);
        assert_eq!(keys(&zero), keys(&expected));
    }

    #[test]
    fn missing_identifiers_are_empty_text_and_missing_messages_are_null() {
        let invitation = zero::<OrganizationInvitation>(json!({ "id": ID, "organization_id": ID }));
        assert_eq!(invitation["inviter_id"], "");
        assert_eq!(invitation["inviter"], Value::Null);
        let credential = zero::<Credential>(json!({ "id": ID, "type": "USER", "user_id": ID }));
        assert_eq!(credential["type"], "USER");
        assert_eq!(credential["user_id"], ID);
        assert_eq!(credential["organization_id"], "");
        assert!(serde_json::from_value::<Credential>(json!({ "id": ID, "user_id": "me" })).is_err());
        assert_eq!(
            keys(&zero::<UserSettingsReply>(json!({ "settings": { "id": ID, "user_id": ID } }))["settings"]),
            ["id", "user_id", "failed_deployment_email_notification"]
        );
    }

    #[test]
    fn requests_take_empty_text_for_absent_and_enums_by_name_or_number() {
        let request: CreateAccessTokenRequest = input::body(br#"{"validity":""}"#).unwrap();
        assert_eq!(request.validity, None);
        let request: UpdateOrganizationPlanRequest = input::body(br#"{"plan":1}"#).unwrap();
        assert_eq!(request.plan.unwrap().as_str(), "starter");
        assert_eq!(input::body::<UpdateOrganizationPlanRequest>(b"{}").unwrap().plan, None);
        let query: ListCredentialsQuery = input::query(&format!("type=USER&user_id={ID}&limit=5")).unwrap();
        assert_eq!((query.kind.as_str(), query.limit.0), ("USER", 5));
        let error = input::query::<ListCredentialsQuery>("user_id=me").unwrap_err();
        assert_eq!(error.fields[0].field, "user_id");
        let error = input::query::<super::account::ListUserOrganizationsQuery>("statuses=ACTIVE&statuses=ASLEEP");
        assert_eq!(error.unwrap_err().fields[0].field, "statuses");
    }

    #[test]
    fn patches_know_every_field_of_their_resource() {
        let every = |resource: Value| UpdateMask(Some(keys(&resource).into_iter().map(str::to_owned).collect()));
        let organization = zero::<Organization>(json!({ "id": ID }));
        assert!(OrganizationPatch::default().masked(&every(organization)).is_ok());
        let user = zero::<super::account::User>(json!({ "id": ID }));
        assert!(UserPatch::default().masked(&every(user)).is_ok());
        let credential = zero::<Credential>(json!({ "id": ID }));
        assert!(super::credential::CredentialPatch::default().masked(&every(credential)).is_ok());
        let project = zero::<super::project::Project>(json!({ "id": ID, "organization_id": ID }));
        assert!(super::project::ProjectPatch::default().masked(&every(project)).is_ok());
        let webhook = zero::<super::webhook::Webhook>(json!({ "id": ID }));
        assert!(super::webhook::WebhookPatch::default().masked(&every(webhook)).is_ok());
    }
}
