//! The real program as a child process: started, killed, started again on the same port.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::{Child as Process, Command};

use super::cluster;

/// A `flagstaffd serve` in demo access mode on a database.
pub struct Child {
    pub port: u16,
    url: String,
    data: PathBuf,
    variables: Vec<(String, String)>,
    process: Option<Process>,
}

impl Child {
    /// Starts one on a free port and waits until it answers.
    pub async fn serve(url: &str) -> Self {
        Self::serve_with(url, &[]).await
    }

    /// [`Child::serve`], with these variables too.
    pub async fn serve_with(url: &str, variables: &[(&str, &str)]) -> Self {
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            free.local_addr().expect("an address").port()
        };
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let data = cluster::directory("child");
        let mut child = Self { port, url: url.to_owned(), data, variables, process: None };
        child.start().await;
        child
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flagstaffd"));
        command
            .env("DATABASE_URL", &self.url)
            .env("FLAGSTAFF_HTTP_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("FLAGSTAFF_DATA_DIRECTORY", &self.data)
            .env("FLAGSTAFF_SOCKET_ENABLED", "false")
            .env("FLAGSTAFF_ACCESS_MODE", "demo")
            .env("FLAGSTAFF_DRAIN_STREAM_SPREAD", "0s")
            .env("FLAGSTAFF_LOG_LEVEL", "warn")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.data)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Starts it (again) and waits until it is ready.
    pub async fn start(&mut self) {
        self.process = Some(self.command().arg("serve").spawn().expect("the program starts"));
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        let ready = format!("http://127.0.0.1:{}/health/ready", self.port);
        loop {
            if reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "the daemon is not ready after 30 s");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills it as `kill -9` does.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await.expect("it is killed");
        }
    }

    /// Runs another command of the program on the same database.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().await.expect("the program runs")
    }
}
