//! Sessions: signing up, logging in and out, what mailed links confirm.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Sessions: signing up, logging in and out, what mailed links confirm.
    Sessions, "sessions";

    /// Open a session without an organization.
    @example("()", r#"println!("{:?}", reply.token);"#)
    user fn unscope_organization_token() -> UnscopeOrganizationToken {}

    /// Sign up with an e-mail address and a password.
    ///
    /// - `body.email`: the address to log in with.
    /// - `body.password`: the password.
    /// - `body.name`: the name to show.
    /// - `body.captcha`: accepted for older clients, and not looked at.
    @example(
        r#"(&CreateAccountRequest { email: "ada@example.com".into(), password: "correct horse battery".into(), name: "Ada".into(), ..Default::default() })"#,
        "let client = client.with_token(&reply.token.id)?;"
    )
    anyone fn signup(body: &CreateAccountRequest) -> Signup {
        body: body,
    }

    /// Log in.
    ///
    /// - `body.email`: the address.
    /// - `body.password`: the password.
    /// - `body.organization_id`: the organization to open the session in; absent means one of the person's own.
    @example(
        r#"(&LoginRequest { email: "ada@example.com".into(), password: "correct horse battery".into(), ..Default::default() })"#,
        "let client = client.with_token(&reply.token.id)?;"
    )
    anyone fn login(body: &LoginRequest) -> Login {
        body: body,
    }

    /// Log out: the presented session ends.
    @example("()", r#"println!("{reply:?}");"#)
    user fn logout() -> Logout {}

    /// Open a new session like the presented one.
    @example("()", r#"println!("{:?}", reply.token);"#)
    user fn refresh_token() -> RefreshToken {}

    /// Open a session without an organization.
    @example("()", r#"println!("{:?}", reply.token);"#)
    user fn new_session() -> NewSession {}

    /// Which way an address logs in.
    ///
    /// - `query.email`: the address.
    @example(r#"(&LoginMethodQuery { email: "ada@example.com".into() })"#, r#"println!("{:?}", reply.method);"#)
    anyone fn login_method(query: &LoginMethodQuery) -> LoginMethod {
        query: query,
    }

    /// Confirm an e-mail address with the id from the mail.
    ///
    /// One that is to take the place of a proven address takes a token of the person: without one the server answers
    /// 401, with that of somebody else 403.
    ///
    /// - `id`: the id.
    @example("(id)", r#"println!("{:?}", reply.token);"#)
    anyone fn validate(id: &str) -> Validate {
        path: &LinkPath { id: id.to_owned() },
    }

    /// Send the confirmation mail once more.
    @example("()", r#"println!("{reply:?}");"#)
    user fn resend_email_validation() -> ResendEmailValidation {}

    /// Ask for a mail with which to choose a new password.
    ///
    /// The reply is the same whether or not the address has an account.
    ///
    /// - `body.email`: the address.
    @example(r#"(&ResetPasswordRequest { email: "ada@example.com".into() })"#, r#"println!("{reply:?}");"#)
    anyone fn reset_password(body: &ResetPasswordRequest) -> ResetPassword {
        body: body,
    }

    /// Choose a new password with the id from the mail.
    ///
    /// - `body.id`: the id from the mail.
    /// - `body.password`: the new password.
    @example(
        r#"(&UpdatePasswordRequest { id: "the id from the mail".into(), password: "a new long password".into() })"#,
        r#"println!("{:?}", reply.token);"#
    )
    anyone fn update_password(body: &UpdatePasswordRequest) -> UpdatePassword {
        body: body,
    }

    /// List the providers one can sign in with.
    ///
    /// - `query.action`: what the person wants to do.
    /// - `query.metadata`: text to get back at the end, 400 characters at most.
    @example(
        "(&OAuthOptionsQuery { action: OAuthAction::Signin, ..Default::default() })",
        r#"println!("{:?}", reply.oauth_providers);"#
    )
    anyone fn get_o_auth_options(query: &OAuthOptionsQuery) -> GetOAuthOptions {
        query: query,
    }

    /// Finish signing in with a provider, or a GitHub installation.
    ///
    /// - `body.state`: the state handed out at the start.
    /// - `body.code`: the code from the provider.
    /// - `body.setup_action`: `install`, `request` or `update` for a GitHub installation; empty for a login.
    /// - `body.installation_id`: the GitHub installation; empty for a login.
    @example("(body)", r#"println!("{:?}", reply.token);"#)
    anyone fn o_auth_callback(body: &OAuthCallbackRequest) -> OAuthCallback {
        body: body,
    }
}
