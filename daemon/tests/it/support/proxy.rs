//! Between daemon and PostgreSQL: counts round trips, and cuts where a test wants it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What happens to the next COMMIT of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Commit {
    /// It passes.
    Passes = 0,
    /// It arrives, its answer doesn't.
    AnswerLost = 1,
    /// It never arrives.
    Lost = 2,
    /// The connection is cut at the first statement after `begin`.
    LostBefore = 3,
}

/// A running proxy.
pub struct Proxy {
    /// The database's address through it.
    pub url: String,
    next: Arc<AtomicU8>,
    /// Round trips of each transaction that locked the head, `begin` and `commit` included.
    pub trips: Arc<Mutex<Vec<usize>>>,
    /// How often it cut.
    pub cuts: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy before a database of the shared cluster; its address names a socket's directory.
    pub async fn before(url: &str) -> Self {
        let options: sqlx::postgres::PgConnectOptions = url.parse().expect("an address");
        let directory = options.get_socket().expect("a socket").clone();
        let socket = directory.join(format!(".s.PGSQL.{}", options.get_port()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let proxy = Self {
            url: format!(
                "postgres://{}@{address}/{}?sslmode=disable",
                options.get_username(),
                options.get_database().expect("a database")
            ),
            next: Arc::new(AtomicU8::new(0)),
            trips: Arc::default(),
            cuts: Arc::default(),
        };
        let (next, trips, cuts) =
            (Arc::clone(&proxy.next), Arc::clone(&proxy.trips), Arc::clone(&proxy.cuts));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = Wire {
                    next: Arc::clone(&next),
                    trips: Arc::clone(&trips),
                    cuts: Arc::clone(&cuts),
                    pending: Vec::new(),
                    started: false,
                    count: None,
                };
                tokio::spawn(carry(client, socket.clone(), wire));
            }
        });
        proxy
    }

    /// Says what happens to the next write.
    pub fn next(&self, what: Commit) {
        self.next.store(what as u8, Ordering::SeqCst);
    }
}

/// What one connection has sent.
struct Wire {
    next: Arc<AtomicU8>,
    trips: Arc<Mutex<Vec<usize>>>,
    cuts: Arc<AtomicUsize>,
    pending: Vec<u8>,
    started: bool,
    count: Option<usize>,
}

impl Wire {
    /// Takes what the client sent; answers the message at which to cut, if any.
    fn takes(&mut self, bytes: &[u8]) -> Option<Commit> {
        self.pending.extend_from_slice(bytes);
        let mut cut = None;
        loop {
            let typed = usize::from(self.started);
            let Some(length) = self.pending.get(typed..typed + 4) else { break };
            let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize + typed;
            if self.pending.len() < length {
                break;
            }
            let message: Vec<u8> = self.pending.drain(..length).collect();
            if !self.started {
                self.started = true;
                continue;
            }
            let text = String::from_utf8_lossy(&message[5..]).to_lowercase();
            match message[0] {
                b'Q' if text.starts_with("begin") && text.contains("synchronous_commit") => {
                    self.count = Some(1);
                }
                b'Q' if text.starts_with("commit") && self.count.is_some() => {
                    let count = self.count.take().unwrap_or_default() + 1;
                    self.trips.lock().expect("a lock").push(count);
                    cut = self.armed(&[Commit::AnswerLost, Commit::Lost]);
                }
                b'Q' | b'S' => {
                    if let Some(count) = &mut self.count {
                        *count += 1;
                        cut = cut.or_else(|| self.armed(&[Commit::LostBefore]));
                    }
                }
                _ => {}
            }
        }
        cut
    }

    fn armed(&self, for_these: &[Commit]) -> Option<Commit> {
        let found = for_these.iter().copied().find(|c| {
            let (armed, calm) = (*c as u8, Commit::Passes as u8);
            self.next.compare_exchange(armed, calm, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        })?;
        self.cuts.fetch_add(1, Ordering::SeqCst);
        Some(found)
    }
}

async fn carry(mut client: TcpStream, socket: PathBuf, mut wire: Wire) {
    let _ = client.set_nodelay(true);
    let Ok(mut server) = UnixStream::connect(socket).await else { return };
    let (mut sent, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let Ok(n @ 1..) = read else { return };
                match wire.takes(&sent[..n]) {
                    None => if server.write_all(&sent[..n]).await.is_err() { return },
                    Some(Commit::AnswerLost) => {
                        let _ = server.write_all(&sent[..n]).await;
                        // The answer arrives here and goes no further: so the commit is done.
                        let _ = server.read(&mut told).await;
                        return;
                    }
                    Some(_) => return,
                }
            }
            read = server.read(&mut told) => {
                let Ok(n @ 1..) = read else { return };
                if client.write_all(&told[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}
