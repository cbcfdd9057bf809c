//! Requests over kept connections, as fast as they are answered, with little work of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came of one round.
pub struct Round {
    /// Answers a second.
    pub rate: f64,
    /// Bytes of the last answer's body.
    pub size: usize,
    /// The status of the last answer.
    pub status: u16,
}

/// A request's bytes: method, path, headers each with its line end, body.
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> Arc<[u8]> {
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}{length}\r\n{body}").into_bytes().into()
}

/// Sends a request over so many connections for a while.
pub async fn round(address: SocketAddr, request: &Arc<[u8]>, connections: usize, time: Duration) -> Round {
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (stop, count, request) = (Arc::clone(&stop), Arc::clone(&count), Arc::clone(request));
        tasks.push(tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            while !stop.load(Ordering::Relaxed) {
                client.ask(&request).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
            (client.status, client.size)
        }));
    }
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    let (mut status, mut size) = (0, 0);
    for task in tasks {
        (status, size) = task.await.expect("the load runs");
    }
    let rate = count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    Round { rate, size, status }
}

/// One kept connection.
pub struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// The status of the last answer.
    pub status: u16,
    /// Bytes of the last answer's body.
    pub size: usize,
    /// The last answer's head.
    pub head: String,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("a connection");
        socket.set_nodelay(true).expect("an option");
        Self { socket, buffer: vec![0; 1 << 20], status: 0, size: 0, head: String::new() }
    }

    /// Sends a request and reads its answer, of which the length is told in advance.
    pub async fn ask(&mut self, request: &[u8]) {
        self.socket.write_all(request).await.expect("it is sent");
        let mut have = 0;
        let end = loop {
            let read = self.socket.read(&mut self.buffer[have..]).await.expect("an answer");
            assert!(read > 0, "the server closed the connection");
            have += read;
            if let Some(at) = self.buffer[..have].windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
        };
        self.head = String::from_utf8_lossy(&self.buffer[..end]).to_lowercase();
        self.status = self.head[9..12].parse().expect("a status");
        self.size = match self.head.split("content-length: ").nth(1) {
            Some(rest) if self.status != 304 => {
                rest.split("\r\n").next().unwrap_or_default().parse().expect("a length")
            }
            _ => {
                assert!(!self.head.contains("chunked"), "the length is not told: {}", self.head);
                0
            }
        };
        let mut left = (end + self.size).saturating_sub(have);
        while left > 0 {
            let most = left.min(self.buffer.len());
            let read = self.socket.read(&mut self.buffer[..most]).await.expect("the body");
            assert!(read > 0, "the server closed the connection");
            left -= read;
        }
    }

    /// A header of the last answer.
    pub fn header(&self, name: &str) -> Option<String> {
        let rest = self.head.split(&format!("\r\n{name}: ")).nth(1)?;
        rest.split("\r\n").next().map(ToOwned::to_owned)
    }
}
