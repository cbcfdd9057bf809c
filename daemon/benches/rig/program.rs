//! Servers in processes of their own: their CPU and memory are counted apart from the load's.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Database;

/// A server in a process of its own; it ends with this value.
pub struct Program {
    pub address: SocketAddr,
    child: Child,
}

impl Program {
    /// The daemon, as it is shipped, on a database that is migrated and filled.
    pub async fn daemon(database: &Database) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let data = database.directory.join("daemon");
        let child = Command::new(env!("CARGO_BIN_EXE_flagstaffd"))
            .arg("serve")
            .env("FLAGSTAFF_DATABASE_URL", &database.url)
            .env("FLAGSTAFF_DATA_DIRECTORY", &data)
            .env("FLAGSTAFF_HTTP_LISTEN", address.to_string())
            .env("FLAGSTAFF_HTTP_MAX_CONNECTIONS_PER_IP", "20000")
            .env("FLAGSTAFF_SOCKET_ENABLED", "false")
            .env("FLAGSTAFF_ACCESS_MODE", "demo")
            .env("FLAGSTAFF_LOG_LEVEL", "warn")
            .env("RUST_LOG", "warn")
            .current_dir(&database.directory)
            .stdout(Stdio::null())
            .spawn()
            .expect("the daemon starts");
        let program = Self { address, child };
        let ready = format!("http://{address}/health/ready");
        for tries in 0.. {
            assert!(tries < 600, "the daemon is ready within a minute");
            let answer = reqwest::get(&ready).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        program
    }

    /// The bare server of [`super::bare`], in this very program.
    pub fn bare() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(super::bare::ASKED, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bare server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its address");
        Self { address: line.trim().parse().expect("an address"), child }
    }

    /// Tells the bare server something on its standard input.
    pub fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it listens");
    }

    /// CPU time so far, in seconds.
    pub fn cpu(&self) -> f64 {
        super::cpu_of(&self.child.id().to_string())
    }

    /// Resident memory, in bytes.
    pub fn resident(&self) -> u64 {
        super::resident_of(&self.child.id().to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
