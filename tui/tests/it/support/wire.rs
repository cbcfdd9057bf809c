//! A wire between a client and a daemon that can be cut, or that loses what goes over it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
struct Faults {
    /// What the client says is swallowed.
    requests: AtomicBool,
    /// What the daemon says is swallowed.
    answers: AtomicBool,
    lost: Mutex<Vec<u8>>,
    lines: Mutex<Vec<TcpStream>>,
}

/// A TCP port that leads to a daemon.
#[derive(Debug)]
pub struct Wire {
    /// Its address, such as `http://127.0.0.1:40124`.
    pub url: String,
    faults: Arc<Faults>,
}

impl Wire {
    /// A wire to the daemon at `url`.
    pub fn to(url: &str) -> Self {
        let daemon = url.trim_start_matches("http://").to_owned();
        let door = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", door.local_addr().unwrap());
        let faults = Arc::new(Faults::default());
        let shared = Arc::clone(&faults);
        std::thread::spawn(move || {
            for client in door.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&daemon) else { continue };
                let ends = || (client.try_clone().unwrap(), server.try_clone().unwrap());
                shared
                    .lines
                    .lock()
                    .unwrap()
                    .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let ((from_client, to_server), (to_client, from_server)) = (ends(), ends());
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                std::thread::spawn(move || carry(from_client, to_server, &up.requests, &up.lost));
                std::thread::spawn(move || carry(from_server, to_client, &down.answers, &down.lost));
            }
        });
        Self { url, faults }
    }

    /// From now on the daemon hears nothing of what is sent.
    pub fn lose_requests(&self) {
        self.faults.requests.store(true, Ordering::SeqCst);
    }

    /// What was swallowed, as text.
    pub fn lost(&self) -> String {
        String::from_utf8_lossy(&self.faults.lost.lock().unwrap()).into_owned()
    }

    /// From now on the client hears nothing of what is answered.
    pub fn lose_answers(&self) {
        self.faults.answers.store(true, Ordering::SeqCst);
    }

    /// Cuts all connections; new ones are whole.
    pub fn cut(&self) {
        let mut lines = self.faults.lines.lock().unwrap();
        for line in lines.drain(..) {
            drop(line.shutdown(Shutdown::Both));
        }
        self.faults.requests.store(false, Ordering::SeqCst);
        self.faults.answers.store(false, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, loses: &AtomicBool, lost: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count) = from.read(&mut bytes)
        && count > 0
    {
        if loses.load(Ordering::SeqCst) {
            lost.lock().unwrap().extend_from_slice(&bytes[..count]);
        } else if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
