//! Rows that are remembered by units that write: what was committed, and
//! nothing that was not.

use polity_api::ids::{MemberId, OrganizationId, UserId};
use polity_api::operation::{Meta, Operation as _};
use polity_api::table::GetOrganization;
use polity_ops::{Call, Ctx, Error, Result, authz, token};
use polity_store::members;
use polity_tests::TestServer;

/// What a request to get an organization comes with.
fn call(ctx: &Ctx, token: &str) -> Call {
    const META: &Meta = &GetOrganization::META;
    let presented = token::present(ctx, Some(&format!("Bearer {token}")));
    Call { meta: META, presented, client: None, project: None }
}

/// How many rows a unit that writes asks the database for until it knows that a caller may.
async fn statements(ctx: &Ctx, token: &str, id: OrganizationId, is_kept: bool) -> u32 {
    let counted = ctx.write("decide", (call(ctx, token), id, is_kept), |w, (call, id, is_kept)| {
        Box::pin(async move {
            authz::caller(w, call).await?.organization(w, *id).await?;
            let statements = w.tx.statements();
            // One that is refused tells by its message.
            if *is_kept { Ok(statements) } else { Err(Error::forbidden(statements.to_string())) }
        })
    });
    counted.await.unwrap_or_else(|refused: Error| refused.message.parse().unwrap())
}

#[tokio::test]
async fn a_unit_that_writes_remembers_what_it_read_once_it_is_committed() {
    let server = TestServer::start().await;
    let ctx = server.ctx();
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let (id, session) = (acme.id.parse().unwrap(), ann.switch(&acme.id).await);
    let nothing = statements(ctx, &session, id, false).await;
    assert!(nothing > 0);
    assert_eq!(statements(ctx, &session, id, true).await, nothing, "one that was refused has left nothing behind");
    // On PostgreSQL a unit that writes reads all it goes by in its own transaction.
    let after = if ctx.db.is_embedded() { 0 } else { nothing };
    assert_eq!(statements(ctx, &session, id, true).await, after);
}

#[tokio::test]
async fn what_a_unit_made_and_did_not_keep_is_not_remembered() {
    let server = TestServer::start().await;
    let ctx = server.ctx();
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let acme = ann.organization("acme").await;
    let ids: (OrganizationId, UserId) = (acme.id.parse().unwrap(), bob.id.parse().unwrap());
    let joined: Result<()> = ctx
        .write("join", (call(ctx, &bob.token), ids), |w, (call, (organization, user))| {
            Box::pin(async move {
                members::found(w.tx, w.id(MemberId::from_random), *organization, *user, w.now).await?;
                authz::caller(w, call).await?.organization(w, *organization).await?;
                Err(Error::forbidden("seen as a member, and undone"))
            })
        })
        .await;
    assert_eq!(joined.unwrap_err().message, "seen as a member, and undone");
    let get = server.call("GET", &format!("/v1/organizations/{}", acme.id)).token(&bob.token);
    get.send().await.error(403, "authorization_error");
}
