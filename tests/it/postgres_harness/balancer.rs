//! A balancer before servers.

use std::sync::{Arc, Mutex};

use polity_tests::{Balancer, TestServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers every request with its name and the request; closes each connection after it.
async fn echo(name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let read = stream.read(&mut request).await.unwrap();
            let body = [name.as_bytes(), b": ", &request[..read]].concat();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        }
    });
    url
}

/// The URL of a server that is not running.
async fn dead() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap())
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Which server answers.
async fn server(client: &reqwest::Client, balancer: &Balancer) -> String {
    let text = client.get(balancer.url()).send().await.unwrap().text().await.unwrap();
    text.split(": ").next().unwrap().to_owned()
}

#[tokio::test]
async fn requests_of_one_connection_go_to_the_servers_in_turn() {
    let balancer = Balancer::start(&[echo("one").await, echo("two").await]).await;
    let client = client();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(server(&client, &balancer).await);
    }
    assert_eq!(seen, ["one", "two", "one", "two"]);
}

#[tokio::test]
async fn a_server_that_refuses_is_skipped_and_without_any_the_answer_is_502() {
    let (live, dead) = (echo("live").await, dead().await);
    let balancer = Balancer::start(&[dead.clone(), live]).await;
    let asked: Arc<Mutex<Vec<usize>>> = Arc::default();
    let log = Arc::clone(&asked);
    balancer.before_each(move |index| {
        log.lock().unwrap().push(index);
        Box::pin(std::future::ready(()))
    });
    let client = client();
    assert_eq!(server(&client, &balancer).await, "live");
    assert_eq!(server(&client, &balancer).await, "live");
    assert_eq!(*asked.lock().unwrap(), [0, 1, 1]);

    balancer.set_targets(&[dead]);
    assert_eq!(client.get(balancer.url()).send().await.unwrap().status(), 502);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_sent_with_the_address_of_the_client() {
    let balancer = Balancer::start(&[echo("one").await]).await;
    let body = [0u8, 255, b'\r', b'\n', 200];
    let request = client().put(format!("{}/a%20b?c=d", balancer.url())).header("host", "polity.example");
    let request = request.header("x-forwarded-for", "192.0.2.7").header("connection", "x-hop").header("x-hop", "1");
    let reply = request.body(body.to_vec()).send().await.unwrap().bytes().await.unwrap();
    assert!(reply.ends_with(&body));
    let head = String::from_utf8_lossy(&reply).to_lowercase();
    for part in ["put /a%20b?c=d http/1.1", "host: polity.example", "x-forwarded-for: 192.0.2.7, 127.0.0.1"] {
        assert!(head.contains(part), "{part} is missing: {head}");
    }
    assert!(!head.contains("x-hop"), "{head}");
}

#[tokio::test]
async fn a_reply_arrives_as_the_server_sent_it() {
    let server = TestServer::start().await;
    let balancer = Balancer::start(&[server.url()]).await;
    let client = client();
    for (method, path) in [("GET", "/v1/health"), ("HEAD", "/console"), ("GET", "/console"), ("POST", "/nowhere")] {
        let ask = async |base: String| {
            let reply = client.request(method.parse().unwrap(), base + path).send().await.unwrap();
            let mut headers = reply.headers().clone();
            // These differ from one request to the next.
            for name in ["date", "x-request-id"] {
                headers.remove(name);
            }
            (reply.status(), headers, reply.bytes().await.unwrap())
        };
        assert_eq!(ask(server.url()).await, ask(balancer.url()).await, "{method} {path}");
    }
}
