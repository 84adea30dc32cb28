//! Just enough HTTP to ask a part on loopback: one request a connection, HTTP/1.0 so that no body comes in chunks.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: String,
}

impl Reply {
    /// The value of a header; empty without one.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map_or("", |(_, value)| value)
    }
}

/// A request to a port of 127.0.0.1.
#[derive(Debug)]
pub struct Request<'a> {
    method: &'a str,
    port: u16,
    path: &'a str,
    headers: String,
    body: &'a str,
}

impl<'a> Request<'a> {
    /// Reads `path`.
    pub fn get(port: u16, path: &'a str) -> Self {
        Self {
            method: "GET",
            port,
            path,
            headers: String::new(),
            body: "",
        }
    }

    /// Sends `body` by `method`.
    pub fn with_body(method: &'a str, port: u16, path: &'a str, body: &'a str) -> Self {
        Self {
            method,
            port,
            path,
            headers: String::new(),
            body,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.headers, "{name}: {value}\r\n").expect("a string takes everything");
        self
    }

    /// Sends it and reads the whole reply.
    ///
    /// # Errors
    /// When nobody listens, or what comes back in a minute is no reply.
    pub fn send(self) -> io::Result<Reply> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        write!(
            stream,
            "{} {} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n{}\r\n{}",
            self.method,
            self.path,
            self.body.len(),
            self.headers,
            self.body
        )?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .ok_or_else(|| io::Error::other("no HTTP reply"))?;
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| io::Error::other("no HTTP status"))?;
        Ok(Reply {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}
