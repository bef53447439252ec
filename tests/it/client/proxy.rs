//! A proxy before the server that fails as a seed says: it drops connections
//! before and after the server has acted, delays, and answers 429 and 503.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use polity_client::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the proxy does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Passes it on, and the answer back.
    Pass,
    /// The same, a little later.
    Delay,
    /// Closes the connection; the server never hears of it.
    DropBefore,
    /// Passes it on, and closes the connection instead of answering.
    DropAfter,
    /// Answers 429 itself, with `Retry-After: 0`.
    Busy,
    /// Answers 503 itself, as a page.
    Unavailable,
}

/// A request that came by: its method and what became of it.
pub type Seen = (String, Fate);

/// A proxy on a port of its own.
pub struct Proxy {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts before the server at `url`; `fates` come one by one, and then every request passes.
    pub async fn start(url: &str, fates: Vec<Fate>) -> Proxy {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, log, fates) = (server.clone(), Arc::clone(&log), fates.clone());
                tokio::spawn(async move {
                    // A connection that breaks is what this is for.
                    let _ = serve(stream, &server, &log, &fates).await;
                });
            }
        });
        Proxy { address, seen, task }
    }

    /// A client that goes through the proxy.
    pub fn client(&self, token: &str) -> polity_client::ClientBuilder {
        Client::builder(format!("http://{}", self.address)).token(token).no_proxy()
    }

    /// What came by since the last look.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().expect("a lock"))
    }
}

/// One request, one connection: the answers say `Connection: close`.
async fn serve(mut client: TcpStream, server: &str, seen: &Mutex<Vec<Seen>>, fates: &[Fate]) -> std::io::Result<()> {
    let request = read_request(&mut client).await?;
    let method = request.split(|b| *b == b' ').next().unwrap_or_default();
    let fate = {
        let mut seen = seen.lock().expect("a lock");
        let fate = fates.get(seen.len()).copied().unwrap_or(Fate::Pass);
        seen.push((String::from_utf8_lossy(method).into_owned(), fate));
        fate
    };
    match fate {
        Fate::DropBefore => Ok(()),
        Fate::Busy => {
            answer(
                &mut client,
                "429 Too Many Requests\r\nRetry-After: 0",
                r#"{"status":429,"code":"rate_limit_error","message":"busy"}"#,
            )
            .await
        }
        Fate::Unavailable => answer(&mut client, "503 Service Unavailable", "<html>down</html>").await,
        Fate::Pass | Fate::Delay | Fate::DropAfter => {
            if fate == Fate::Delay {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let reply = forward(&request, server).await?;
            if fate == Fate::DropAfter { Ok(()) } else { client.write_all(&reply).await }
        }
    }
}

async fn answer(client: &mut TcpStream, head: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    client
        .write_all(format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").as_bytes())
        .await
}

async fn forward(request: &[u8], server: &str) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(request).await?;
    let mut reply = Vec::new();
    upstream.read_to_end(&mut reply).await?;
    Ok(reply)
}

/// The whole request, made to ask for a connection that closes.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let head_end = loop {
        let mut buffer = [0; 4096];
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&request[..head_end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    let missing = (head_end + 4 + length).saturating_sub(request.len());
    let mut rest = vec![0; missing];
    client.read_exact(&mut rest).await?;
    request.extend_from_slice(&rest);
    let close = b"\r\nConnection: close";
    request.splice(head_end..head_end, close.iter().copied());
    Ok(request)
}
