//! TLS to PostgreSQL: a certificate is verified, or there is no connection.

use polity_server::config::database::Database as Store;
use polity_server::config::value::Secret;
use polity_server::{Config, Environment, start};
use polity_tests::{Cluster, Options, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A cluster with a certificate for 127.0.0.1, and the authority that signed it.
async fn cluster(host: &str) -> (Cluster, String) {
    let mut authority = CertificateParams::new([]).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([host.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate").pem();
    let tls = Some(Tls { certificate, key: key.serialize_pem() });
    let access = vec!["hostnossl all all all reject".to_owned()];
    (Cluster::start(Options { tls, access, ..Options::default() }).await, issuer.pem())
}

/// Starts a server on the cluster that trusts these certificates; tells why it could not.
async fn started(cluster: &Cluster, ca: Option<&str>) -> Result<(), String> {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: dir.path().join("data"),
        database: Store::Postgres(Secret(format!("{}?sslmode=require", cluster.url("postgres")))),
        ..Config::default()
    };
    if let Some(ca) = ca {
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, ca).expect("a file");
        config.postgres.ca = Some(path);
    }
    let environment = Environment::new(|| 1_700_000_000_000_000, |bytes| bytes.fill(7));
    match start(config, environment).await {
        Ok(server) => {
            server.stop().await;
            Ok(())
        }
        Err(error) => Err(format!("{error}")),
    }
}

#[tokio::test]
async fn a_server_is_verified_with_the_given_certificates() {
    if !Cluster::can_speak_tls() {
        println!("this PostgreSQL was built without TLS");
        return;
    }
    let (cluster, ca) = cluster("127.0.0.1").await;
    assert_eq!(started(&cluster, Some(&ca)).await, Ok(()));
    let unknown = started(&cluster, None).await.expect_err("an unknown authority");
    assert!(unknown.contains("certificate"), "{unknown}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    if !Cluster::can_speak_tls() {
        println!("this PostgreSQL was built without TLS");
        return;
    }
    let (cluster, ca) = cluster("other.example").await;
    let refused = started(&cluster, Some(&ca)).await.expect_err("a certificate for another host");
    assert!(refused.contains("certificate"), "{refused}");
}
