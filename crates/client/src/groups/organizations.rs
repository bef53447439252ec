//! Organizations: the tenants, their life, plan and access tokens.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Organizations: the tenants, their life, plan and access tokens.
    Organizations, "organizations";

    /// Create an organization.
    ///
    /// The caller becomes its first member. It is active at once, on the configured default
    /// plan, with a default project. The caller's token is not switched to it.
    ///
    /// - `body.name`: its name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    @example(r#"(&CreateOrganizationRequest { name: "acme".into() })"#, r#"println!("{:?}", reply.organization);"#)
    user fn create_organization(body: &CreateOrganizationRequest) -> CreateOrganization {
        body: body,
    }

    /// Get an organization.
    ///
    /// - `id`: the organization.
    @example("(id)", r#"println!("{:?}", reply.organization);"#)
    member_in_any_state fn get_organization(id: OrganizationId) -> GetOrganization {
        path: &OrganizationPath { id },
    }

    /// Delete an organization.
    ///
    /// It must be deactivated and have no unpaid invoice. Sessions scoped to it end, its name
    /// becomes free.
    ///
    /// - `id`: the organization.
    @example("(id)", r#"println!("{:?}", reply.organization);"#)
    member_even_deactivated fn delete_organization(id: OrganizationId) -> DeleteOrganization {
        path: &OrganizationPath { id },
    }

    /// Update an organization.
    ///
    /// - `id`: the organization.
    /// - `body.name`: its name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    /// - `body.address1`: billing address, first line.
    /// - `body.address2`: billing address, second line.
    /// - `body.city`: billing address, city.
    /// - `body.postal_code`: billing address, postal code.
    /// - `body.state`: billing address, state or province.
    /// - `body.country`: billing address, country: two letters (ISO 3166-1).
    /// - `body.company`: whether invoices go to a company.
    /// - `body.vat_number`: the VAT number of that company.
    /// - `body.billing_name`: the name on invoices.
    /// - `body.billing_email`: where invoices go.
    /// - `body.email_domain_allowlist`: the mail domains its members may come from; empty means any.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &OrganizationPatch { billing_email: Some("billing@acme.com".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.organization);"#
    )
    member fn update_organization(
        id: OrganizationId, body: &OrganizationPatch, update_mask: UpdateMask
    ) -> UpdateOrganization {
        path: &OrganizationPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Update an organization.
    ///
    /// - `id`: the organization.
    /// - `body.name`: its name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    /// - `body.address1`: billing address, first line.
    /// - `body.address2`: billing address, second line.
    /// - `body.city`: billing address, city.
    /// - `body.postal_code`: billing address, postal code.
    /// - `body.state`: billing address, state or province.
    /// - `body.country`: billing address, country: two letters (ISO 3166-1).
    /// - `body.company`: whether invoices go to a company.
    /// - `body.vat_number`: the VAT number of that company.
    /// - `body.billing_name`: the name on invoices.
    /// - `body.billing_email`: where invoices go.
    /// - `body.email_domain_allowlist`: the mail domains its members may come from; empty means any.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &OrganizationPatch { billing_email: Some("billing@acme.com".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.organization);"#
    )
    member fn update_organization2(
        id: OrganizationId, body: &OrganizationPatch, update_mask: UpdateMask
    ) -> UpdateOrganization2 {
        path: &OrganizationPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Create an access token.
    ///
    /// A short-lived token that acts for the organization and for nobody else. One access
    /// token cannot make another.
    ///
    /// - `id`: the organization.
    /// - `body.validity`: how long it works: seconds with the suffix `s`, up to `86400s`; absent means `3600s`.
    @example(
        "(id, &CreateAccessTokenRequest { validity: Some(Duration::from_hours(2)), ..Default::default() })",
        r#"println!("{}", reply.token);"#
    )
    member fn create_access_token(id: OrganizationId, body: &CreateAccessTokenRequest) -> CreateAccessToken {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Deactivate an organization.
    ///
    /// Mails a confirmation link to the members, or starts at once with `skip_confirmation`.
    ///
    /// - `id`: the organization.
    /// - `body.skip_confirmation`: start at once, without the mail that asks for confirmation.
    @example(
        "(id, &DeactivateOrganizationRequest { skip_confirmation: true })",
        r#"println!("{:?}", reply.organization);"#
    )
    member_even_deactivated fn deactivate_organization(
        id: OrganizationId, body: &DeactivateOrganizationRequest
    ) -> DeactivateOrganization {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Choose the default project of an organization.
    ///
    /// - `id`: the organization.
    /// - `body.default_project_id`: a project of the organization.
    @example("(id, body)", r#"println!("{:?}", reply.organization);"#)
    member fn update_organization_default_project(
        id: OrganizationId, body: &UpdateOrganizationDefaultProjectRequest
    ) -> UpdateOrganizationDefaultProject {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Rename an organization.
    ///
    /// - `id`: the organization.
    /// - `body.name`: the name: 1 to 64 of `a-z`, `0-9` and `-`, unique in the installation.
    @example(
        r#"(id, &UpdateOrganizationNameRequest { name: "acme-inc".into() })"#,
        r#"println!("{:?}", reply.organization);"#
    )
    member fn update_organization_name(
        id: OrganizationId, body: &UpdateOrganizationNameRequest
    ) -> UpdateOrganizationName {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Change the plan of an organization.
    ///
    /// - `id`: the organization.
    /// - `body.plan`: the plan.
    /// - `body.coupon_code`: the code of a coupon to redeem with it; empty means none.
    @example(
        "(id, &UpdateOrganizationPlanRequest { plan: Some(Plan::Pro), ..Default::default() })",
        r#"println!("{:?}", reply.organization);"#
    )
    member fn update_organization_plan(
        id: OrganizationId, body: &UpdateOrganizationPlanRequest
    ) -> UpdateOrganizationPlan {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Reactivate an organization.
    ///
    /// - `id`: the organization.
    @example("(id)", r#"println!("{:?}", reply.organization);"#)
    member_even_deactivated fn reactivate_organization(id: OrganizationId) -> ReactivateOrganization {
        path: &OrganizationPath { id },
    }

    /// Replace the answers given at signup.
    ///
    /// - `id`: the organization.
    /// - `body.signup_qualification`: any JSON object; it is kept as it is.
    @example("(id, body)", r#"println!("{:?}", reply.organization);"#)
    member fn upsert_signup_qualification(
        id: OrganizationId, body: &UpsertSignupQualificationRequest
    ) -> UpsertSignupQualification {
        path: &OrganizationPath { id },
        body: body,
    }

    /// Open a session in an organization.
    ///
    /// A new session for the same person; the presented token stays as it is.
    ///
    /// - `id`: the organization.
    @example("(id)", "let acting_in_it = client.with_token(&reply.token.id)?;")
    user fn switch_organization(id: OrganizationId) -> SwitchOrganization {
        path: &OrganizationPath { id },
    }
}
