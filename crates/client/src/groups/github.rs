//! The GitHub installation of an organization.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// The GitHub installation of an organization.
    Github, "github";

    /// Get the GitHub installation of the current organization.
    @example("()", r#"println!("{:?}", reply.installation_id);"#)
    member fn get_github_installation() -> GetGithubInstallation {}

    /// Start a GitHub installation.
    ///
    /// - `body.metadata`: text to get back at the end, 400 characters at most.
    @example(
        r#"(&GithubInstallationRequest { metadata: "/settings".into() })"#,
        r#"println!("{:?}", reply.app_name);"#
    )
    member fn github_installation(body: &GithubInstallationRequest) -> GithubInstallation {
        body: body,
    }
}
