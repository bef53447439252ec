//! A client that costs as little as possible: it shares the cores with what is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A connection that stays open.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream), body: Vec::new() })
    }

    /// Sends a request and returns the body of the reply, which must be 200.
    pub(crate) fn send(&mut self, method: &str, path: &str, token: &str, body: &[u8]) -> Result<&[u8]> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let (mut status, mut length, mut line) = (String::new(), 0, String::new());
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                bail!("the connection was closed");
            }
            if status.is_empty() {
                status.clone_from(&line);
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        if !status.starts_with("HTTP/1.1 200") {
            bail!("{method} {path}: {} {}", status.trim(), String::from_utf8_lossy(&self.body));
        }
        Ok(&self.body)
    }

    /// The same with JSON.
    pub(crate) fn json(&mut self, method: &str, path: &str, token: &str, body: &Value) -> Result<Value> {
        let reply = self.send(method, path, token, body.to_string().as_bytes())?;
        serde_json::from_slice(reply).context("the reply is not JSON")
    }
}
