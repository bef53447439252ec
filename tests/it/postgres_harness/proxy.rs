//! A proxy before PostgreSQL.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use polity_tests::{Cluster, Cut, Database, Flow, TcpProxy};
use tokio_postgres::{AsyncMessage, Client, NoTls};

async fn setup() -> (Database, TcpProxy) {
    let cluster = Cluster::shared().await;
    (cluster.database().await, TcpProxy::start(cluster.address()).await)
}

async fn through(database: &Database, proxy: &TcpProxy) -> Client {
    let (client, connection) = tokio_postgres::connect(&database.url_at(proxy.address()), NoTls).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    client
}

/// Whether a statement works within the time that is plenty for it.
async fn answers(client: &Client) -> bool {
    let answer = tokio::time::timeout(Duration::from_millis(200), client.batch_execute("select 1")).await;
    matches!(answer, Ok(Ok(())))
}

#[tokio::test]
async fn a_cut_ends_open_connections_and_lets_new_ones_pass() {
    let (database, proxy) = setup().await;
    for how in [Cut::Reset, Cut::Close] {
        let client = through(&database, &proxy).await;
        assert!(answers(&client).await);
        proxy.cut(how);
        assert!(client.batch_execute("select 1").await.is_err());
        assert!(answers(&through(&database, &proxy).await).await);
    }
}

#[tokio::test]
async fn a_limit_ends_a_connection_within_an_answer() {
    let (database, proxy) = setup().await;
    let client = through(&database, &proxy).await;
    proxy.cut_after(Flow::ToClient, 1000, Cut::Close);
    assert!(client.batch_execute("select 1").await.is_ok());
    assert!(client.simple_query("select repeat('x', 2000)").await.is_err());
}

#[tokio::test]
async fn a_pause_holds_back_what_is_sent_until_it_is_over() {
    let (database, proxy) = setup().await;
    let client = through(&database, &proxy).await;
    proxy.pause();
    let statement = client.simple_query("select 1");
    tokio::pin!(statement);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut statement).await.is_err());
    proxy.resume().await;
    assert!(statement.await.is_ok());
}

#[tokio::test]
async fn a_proxy_that_refuses_keeps_its_connections_and_its_port() {
    let (database, proxy) = setup().await;
    let client = through(&database, &proxy).await;
    proxy.refuse().await;
    let refused = tokio::net::TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(answers(&client).await);
    proxy.resume().await;
    assert!(answers(&through(&database, &proxy).await).await);
}

#[tokio::test]
async fn suppressed_notifications_are_lost_and_nothing_else_is() {
    let (database, proxy) = setup().await;
    let (client, mut connection) = tokio_postgres::connect(&database.url_at(proxy.address()), NoTls).await.unwrap();
    let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut stream = futures_util::stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(AsyncMessage::Notification(note))) = stream.next().await {
            sender.send(note.payload().to_owned()).unwrap();
        }
    });
    let notify = async |payload: &str| client.batch_execute(&format!("notify news, '{payload}'")).await.unwrap();
    client.batch_execute("listen news").await.unwrap();
    notify("before").await;
    proxy.suppress_notifications(true);
    notify("lost").await;
    proxy.suppress_notifications(false);
    notify("after").await;
    assert_eq!(messages.recv().await.unwrap(), "before");
    assert_eq!(messages.recv().await.unwrap(), "after");
    assert!(messages.recv().now_or_never().is_none());
}

#[tokio::test]
async fn a_statement_is_one_round_trip_and_so_are_several_sent_together() {
    let (database, proxy) = setup().await;
    let client = through(&database, &proxy).await;
    assert_eq!(proxy.reset_round_trips(), 1, "to connect");
    client.batch_execute("select 1").await.unwrap();
    client.batch_execute("select 1; select 2; select 3").await.unwrap();
    assert_eq!(proxy.reset_round_trips(), 2);
    // Prepared first, executed then.
    client.query("select 1", &[]).await.unwrap();
    assert_eq!(proxy.reset_round_trips(), 2);
}
