//! Two operations to try a connection and a token.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Two operations to try a connection and a token.
    Connection, "connection";

    /// Answers `{}` to anybody.
    @example("()", r#"println!("{reply:?}");"#)
    anyone fn test_anon() -> TestAnon {}

    /// Echoes a payload and tells whom the token acts for.
    ///
    /// - `body.payload`: any text.
    @example(r#"(&TestAuthRequest { payload: "hello".into() })"#, r#"println!("{:?}", reply.payload);"#)
    token fn test_auth(body: &TestAuthRequest) -> TestAuth {
        body: body,
    }
}
