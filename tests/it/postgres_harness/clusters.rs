//! Clusters that stop, recover, replicate, and end with the test process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use polity_tests::{Cluster, Options, Stop, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const CHILD: &str = "POLITY_TEST_HARNESS_CHILD";

async fn count(cluster: &Cluster) -> i64 {
    cluster.client().await.query_one("select count(*) from note", &[]).await.unwrap().get(0)
}

async fn write(cluster: &Cluster, rows: u32) {
    let client = cluster.client().await;
    client.batch_execute("create table if not exists note (text text)").await.unwrap();
    for _ in 0..rows {
        client.batch_execute("insert into note values ('kept')").await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_that_was_stopped_starts_again_with_its_rows() {
    let cluster = Cluster::start(Options::default()).await;
    write(&cluster, 3).await;
    cluster.restart().await;
    assert_eq!(count(&cluster).await, 3);

    cluster.stop(Stop::Fast).await;
    assert!(tokio::net::TcpStream::connect(cluster.address()).await.is_err());
    cluster.start_again().await;
    assert_eq!(count(&cluster).await, 3);
}

#[tokio::test]
async fn a_standby_of_a_synchronous_primary_has_every_row_when_promoted() {
    let primary = Cluster::start(Options::default()).await;
    let standby = primary.standby().await;
    primary.make_synchronous().await;
    write(&primary, 100).await;
    primary.stop(Stop::Immediate).await;
    standby.promote().await;
    assert_eq!(count(&standby).await, 100);
    write(&standby, 1).await;
    assert_eq!(count(&standby).await, 101);
}

#[tokio::test]
async fn a_standby_shows_what_its_primary_had_committed() {
    let primary = Cluster::start(Options::default()).await;
    let standby = primary.standby().await;
    write(&primary, 10).await;
    standby.caught_up_with(&primary).await;
    assert_eq!(count(&standby).await, 10);
}

#[tokio::test]
async fn a_cluster_with_a_certificate_offers_tls() {
    if !Cluster::can_speak_tls() {
        return;
    }
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let tls = Tls { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() };
    let cluster = Cluster::start(Options { tls: Some(tls), ..Options::default() }).await;
    let mut stream = tokio::net::TcpStream::connect(cluster.address()).await.unwrap();
    // A request for TLS: its length and its code.
    stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
}

#[test]
fn nothing_is_left_of_a_test_process_that_was_killed() {
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new(this);
    command.args(["--exact", "clusters::child_that_waits_to_be_killed", "--ignored", "--nocapture"]);
    let mut child = command.env(CHILD, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.find_map(|line| line.split_once("cluster: ").map(|(_, told)| told.to_owned())).unwrap();
    let (address, directory) = told.split_once(' ').unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for _ in 0..1000 {
        if TcpStream::connect(address).is_err() && !std::path::Path::new(directory).exists() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("left behind: {told}");
}

/// Not a test: the process that the test above starts and kills.
#[tokio::test]
#[ignore = "started by another test"]
async fn child_that_waits_to_be_killed() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let cluster = Cluster::start(Options::default()).await;
    let row = cluster.client().await.query_one("show data_directory", &[]).await.unwrap();
    let directory: &str = row.get(0);
    println!("cluster: {} {directory}", cluster.address());
    std::io::stdout().flush().unwrap();
    // Long enough to be killed, and not for ever if the test that should do it is gone.
    tokio::time::sleep(Duration::from_secs(60)).await;
}
