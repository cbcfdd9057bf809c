//! Clients that take little: who takes on is waited for, who stops is cut, nobody pins much.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::furnished::{LARGE, large};
use crate::live::{flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;
use crate::support::sdk::{LONG, server_key};

/// How long a client may take nothing in these tests.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// A stream whose client takes only what it is told to take.
struct Taker {
    stream: TcpStream,
    taken: Vec<u8>,
}

impl Taker {
    async fn open(app: &TestApp, key: &str, room: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(room).unwrap();
        let mut stream = socket.connect(app.address).await.unwrap();
        let head = format!("GET /all HTTP/1.1\r\nhost: x\r\nauthorization: {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        Self { stream, taken: Vec::new() }
    }

    /// Takes at most so many bytes; none when the stream is over.
    async fn take(&mut self, most: usize) -> usize {
        let mut bytes = vec![0; most];
        let read = tokio::time::timeout(LONG, self.stream.read(&mut bytes)).await.expect("something in time");
        // A reset is as good an end as a close.
        let read = read.unwrap_or(0);
        self.taken.extend_from_slice(&bytes[..read]);
        read
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.taken).into_owned()
    }
}

/// A daemon with little patience and much to tell, a key for it, and the last that it tells of the segment.
async fn impatient() -> (TestApp, String, String) {
    let app = TestApp::start_on(cluster::fresh_database().await, |c| {
        c.http.write_timeout = DEADLINE;
    })
    .await;
    let key = server_key(&app).await.text;
    let last = large(&app).await;
    (app, key, last)
}

/// How many connections were cut for this by now, by all daemons of this process.
async fn cut(app: &TestApp, why: &str) -> u64 {
    let text = app.get("/metrics").await.text().await.unwrap();
    let name = format!("flagstaff_connections_cut_total{{why=\"{why}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn a_client_that_goes_on_taking_gets_everything_however_long_beyond_the_deadline_it_takes() {
    let (app, key, last) = impatient().await;
    flag(&app, "f").await;
    let began = Instant::now();
    let mut client = Taker::open(&app, &key, 64 * 1024).await;
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The last member, and the end of the event behind it.
    let ended = |client: &Taker| {
        let tail =
            String::from_utf8_lossy(&client.taken[client.taken.len().saturating_sub(400)..]).into_owned();
        tail.contains("\n\n")
    };
    loop {
        pace.tick().await;
        assert!(client.take(8 * 1024).await > 0, "cut after {} bytes", client.taken.len());
        if client.taken.len() > LARGE && ended(&client) {
            break;
        }
    }
    assert!(client.text().contains(&last), "the last member did not come");
    assert!(began.elapsed() > 2 * DEADLINE, "too quick to tell anything: {:?}", began.elapsed());
    // It is still told what changes.
    flip(&app, "f").await;
    let before = client.taken.len();
    while !String::from_utf8_lossy(&client.taken[before..]).contains("event: patch") {
        assert!(client.take(64).await > 0, "cut although it had caught up");
    }
    assert_eq!(app.state.live.clients().count(), 1);
}

#[tokio::test]
async fn a_client_that_takes_a_few_bytes_now_and_then_of_a_little_is_left_alone() {
    let app = TestApp::start_on(cluster::fresh_database().await, |c| {
        c.http.write_timeout = Duration::from_millis(100);
        c.live.stream_heartbeat = Duration::from_millis(20);
    })
    .await;
    let key = server_key(&app).await.text;
    flag(&app, "f").await;
    let mut client = Taker::open(&app, &key, 64 * 1024).await;
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let began = Instant::now();
    // Heartbeats come faster than it takes them.
    while began.elapsed() < Duration::from_millis(500) {
        pace.tick().await;
        assert!(client.take(4).await > 0, "cut after {:?}", began.elapsed());
    }
    flip(&app, "f").await;
    while !client.text().contains("event: patch") {
        assert!(client.take(64).await > 0, "cut after {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_client_that_stops_taking_is_cut_at_the_deadline_and_the_kernel_kept_little_for_it() {
    let (app, key, _) = impatient().await;
    let before = cut(&app, "write").await;
    let began = Instant::now();
    let mut client = Taker::open(&app, &key, 4_096).await;
    assert!(client.take(64).await > 0, "the answer has begun");
    app.until("it is cut", async || app.state.live.clients().count() == 0).await;
    assert!(began.elapsed() >= DEADLINE, "cut after {:?}", began.elapsed());
    assert!(cut(&app, "write").await > before, "nobody counted it");
    // What the daemon handed to the kernel is what still comes.
    while client.take(64 * 1024).await > 0 {}
    let taken = client.taken.len();
    assert!(client.text().starts_with("HTTP/1.1 200"));
    assert!(taken < 320 * 1024, "the kernel took {taken} bytes for a client that took none");
}

#[tokio::test]
async fn a_client_that_takes_too_little_to_ever_catch_up_is_cut_although_it_goes_on() {
    let (app, key, _) = impatient().await;
    let mut client = Taker::open(&app, &key, 4_096).await;
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    let began = Instant::now();
    while app.state.live.clients().count() > 0 || client.taken.is_empty() {
        pace.tick().await;
        client.take(512).await;
        assert!(began.elapsed() < LONG, "it is served on at 10 KiB a second");
    }
    assert!(began.elapsed() >= DEADLINE, "cut after {:?}", began.elapsed());
    while client.take(64 * 1024).await > 0 {}
    assert!(client.taken.len() < LARGE, "it got everything");
}
