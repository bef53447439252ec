//! Replicas that start together, and one that does not belong to the others.

use polity_tests::load;
use polity_tests::{Cluster, Options};

use crate::replicas::{Pair, SECRET_KEY, run};
use crate::{alone, audit};

#[tokio::test]
async fn replicas_that_start_together_on_an_empty_database_agree() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    for _ in 0..10 {
        let database = cluster.database().await;
        let pair = Pair::start([database.url(), database.url()]).await;
        let client = database.client().await;
        let twice = "select count(*) - count(distinct version) from schema_migrations";
        assert_eq!(audit::count(&client, twice).await, 0, "a migration was applied twice");
        assert_eq!(audit::count(&client, "select count(*) from signing_keys").await, 1, "one signing key");
        let keys = async |url: String| {
            let reply = pair.http.get(format!("{url}/.well-known/jwks.json")).send().await.unwrap();
            reply.text().await.unwrap()
        };
        assert_eq!(keys(pair.a.url()).await, keys(pair.b.url()).await);
        for (n, (issuer, other)) in [(&pair.a, &pair.b), (&pair.b, &pair.a)].into_iter().enumerate() {
            let token = load::sign_up(&pair.http, &issuer.url(), &n.to_string()).await;
            for url in [issuer.url(), other.url()] {
                let profile = pair.http.get(format!("{url}/v1/account/profile")).bearer_auth(&token);
                assert_eq!(profile.send().await.unwrap().status(), 200, "{url}");
            }
        }
    }
}

#[tokio::test]
async fn a_replica_with_another_secret_key_does_not_start() {
    let _alone = alone().await;
    let cluster = Cluster::start(Options::default()).await;
    let database = cluster.database().await;
    let pair = Pair::start([database.url(), database.url()]).await;
    let directory = tempfile::tempdir().unwrap();
    let other = SECRET_KEY.replace('0', "f");
    let ended = run(&["serve", "--listen", "127.0.0.1:0"], directory.path(), database.url(), &other).await;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let message = "polity: POLITY_SECRET_KEY is not the secret key this database was made with";
    assert!(said.contains(message), "{said}");
    load::sign_up(&pair.http, &pair.a.url(), "after").await;
}
