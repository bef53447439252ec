//! A client that costs next to nothing: it sends bytes made before, and knows how long the reply is.
//! `cargo xtask flame` uses it too.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

/// What everybody has in a database that was filled by `polity seed`.
const PASSWORD: &str = "made-up password";

/// A connection to the server.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Client { stream, buffer: vec![0; 64 << 10] })
    }

    /// Signs somebody in whom `polity seed` has made, and returns an organization of hers with a session in it.
    pub fn sign_in(&mut self) -> Result<(String, String)> {
        let text = |reply: &Value, at: &str| {
            let text = reply.pointer(at).and_then(Value::as_str).map(str::to_owned);
            text.with_context(|| format!("a reply without {at}"))
        };
        let body = json!({"email": "user-000001@example.com", "password": PASSWORD}).to_string();
        let (reply, _) = self.ask(&request("POST", "/v1/account/login", "", &body))?;
        let session = text(&reply, "/token/id")?;
        let (reply, _) = self.ask(&request("GET", "/v1/account/organization", &session, ""))?;
        let organization = text(&reply, "/organization/id")?;
        let switch = format!("/v1/organizations/{organization}/switch");
        let (reply, _) = self.ask(&request("POST", &switch, &session, ""))?;
        Ok((organization, text(&reply, "/token/id")?))
    }

    /// Sends a request and returns the reply with its length, in bytes.
    pub fn ask(&mut self, request: &[u8]) -> Result<(Value, usize)> {
        self.stream.write_all(request)?;
        let mut length = 0;
        loop {
            length += self.read(length)?;
            let text = std::str::from_utf8(self.buffer.get(..length).unwrap_or_default())?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let named = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() < named.context("a reply without a length")?.parse()? {
                continue;
            }
            ensure!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
            return Ok((serde_json::from_str(body)?, length));
        }
    }

    /// Sends a request whose reply has a known length, and looks at nothing but its status.
    pub fn repeat(&mut self, request: &[u8], reply_bytes: usize) -> Result<()> {
        self.stream.write_all(request)?;
        let mut length = 0;
        while length < reply_bytes {
            length += self.read(length)?;
        }
        ensure!(length == reply_bytes && self.buffer.starts_with(b"HTTP/1.1 200"), "the reply differs from the first");
        Ok(())
    }

    fn read(&mut self, from: usize) -> Result<usize> {
        let room = self.buffer.get_mut(from..).unwrap_or_default();
        match self.stream.read(room)? {
            0 => bail!("the connection ended, or the reply is too long"),
            read => Ok(read),
        }
    }
}

/// The bytes of a request with a session, or with none where that is empty.
pub fn request(method: &str, path: &str, session: &str, body: &str) -> Vec<u8> {
    // Its own id, because those of the server grow longer.
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-request-id: counted\r\n");
    if !session.is_empty() {
        head += &format!("authorization: Bearer {session}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    } else if method == "POST" {
        head += "content-length: 0\r\n";
    }
    format!("{head}\r\n{body}").into_bytes()
}
