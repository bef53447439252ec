//! API credentials: long-lived tokens with a name.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// API credentials: long-lived tokens with a name.
    Credentials, "credentials";

    /// List credentials.
    ///
    /// - `query.kind`: only those of this type; INVALID means both.
    /// - `query.name`: only those with this name.
    /// - `query.organization_id`: only those of this organization.
    /// - `query.user_id`: only those of this person.
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    @example(
        "(&ListCredentialsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.credentials);"#
    )
    token fn list_credentials(query: &ListCredentialsQuery) -> ListCredentials {
        query: query,
    }
    all fn all_credentials;

    /// Create a credential. Its token is in this reply and in no other.
    ///
    /// - `body.name`: a name to recognise it by.
    /// - `body.description`: what it is for.
    /// - `body.kind`: whom it acts for; INVALID means what fits the caller.
    /// - `body.organization_id`: the organization it acts in; absent means that of the caller's token.
    @example(
        r#"(&CreateCredentialRequest { name: "ci".into(), kind: CredentialType::Organization, ..Default::default() })"#,
        r#"println!("{}", reply.credential.token);"#
    )
    token fn create_credential(body: &CreateCredentialRequest) -> CreateCredential {
        body: body,
    }

    /// Get a credential.
    ///
    /// - `id`: the credential.
    @example("(id)", r#"println!("{:?}", reply.credential);"#)
    token fn get_credential(id: CredentialId) -> GetCredential {
        path: &CredentialPath { id },
    }

    /// Delete a credential: it stops working at once.
    ///
    /// - `id`: the credential.
    @example("(id)", r#"println!("{reply:?}");"#)
    token fn delete_credential(id: CredentialId) -> DeleteCredential {
        path: &CredentialPath { id },
    }

    /// Update the name or the description of a credential.
    ///
    /// - `id`: the credential.
    /// - `body.name`: a name to recognise it by.
    /// - `body.description`: what it is for.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &CredentialPatch { description: Some("deploys from main".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.credential);"#
    )
    token fn update_credential(
        id: CredentialId, body: &CredentialPatch, update_mask: UpdateMask
    ) -> UpdateCredential {
        path: &CredentialPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }

    /// Update the name or the description of a credential.
    ///
    /// - `id`: the credential.
    /// - `body.name`: a name to recognise it by.
    /// - `body.description`: what it is for.
    /// - `update_mask`: the fields that change; those listed and absent from the body are cleared. The default means
    ///   those present in the body.
    @example(
        r#"(id, &CredentialPatch { description: Some("deploys from main".into()), ..Default::default() }, UpdateMask::default())"#,
        r#"println!("{:?}", reply.credential);"#
    )
    token fn update_credential2(
        id: CredentialId, body: &CredentialPatch, update_mask: UpdateMask
    ) -> UpdateCredential2 {
        path: &CredentialPath { id },
        query: &MaskQuery { update_mask },
        body: body,
    }
}
