//! What every Rust client is driven by: commands in, one answer each out.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::sync::watch;

/// What a client is told when it is to connect.
pub struct Config {
    /// Where the daemon is.
    pub url: String,
    /// Its key.
    pub credential: String,
    /// Whom it is asked for first.
    pub context: Value,
    /// What the library is set to beside.
    pub options: Value,
}

/// Says that flags may have changed.
#[derive(Clone)]
pub struct Changed(Arc<watch::Sender<()>>);

impl Changed {
    /// They may have.
    pub fn tell(&self) {
        self.0.send_replace(());
    }

    /// For a library that tells of no changes: says so all the time.
    pub fn tell_always(&self) {
        let changed = self.clone();
        tokio::spawn(async move {
            loop {
                changed.tell();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
}

/// What a flag is.
pub struct Detail {
    /// The value that was served.
    pub value: Value,
    /// Its index.
    pub variation: Option<i64>,
    /// Why, in LaunchDarkly's words; null where the library does not tell.
    pub reason: Value,
}

impl Detail {
    fn to_json(&self) -> Value {
        json!({"value": self.value, "variation": self.variation, "reason": self.reason})
    }
}

/// A client that has its flags.
pub trait Client {
    /// What a flag is for a context.
    fn detail(&self, flag: &str, fallback: &Value, context: &Value) -> impl Future<Output = Detail>;
    /// Sends its events.
    fn flush(&self) -> impl Future<Output = ()>;
    /// Ends.
    fn close(&self) -> impl Future<Output = ()>;
}

/// Connects a client and answers commands until there are no more.
pub async fn drive<C: Client>(connect: impl AsyncFnOnce(Config, Changed) -> Result<C, String>) {
    let config: Value = std::env::args().nth(1).expect("a configuration").parse().expect("JSON");
    let text = |name: &str| config[name].as_str().expect("text").to_owned();
    let config = Config {
        url: text("url"),
        credential: text("credential"),
        context: config["context"].clone(),
        options: config["options"].clone(),
    };
    let changed = Changed(Arc::new(watch::Sender::new(())));
    let client = match connect(config, changed.clone()).await {
        Ok(client) => client,
        Err(error) => return println!("{}", json!({"error": error})),
    };
    println!("{}", json!({"ready": true}));
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Value = line.parse().expect("JSON");
        let (name, about) = command.as_object().and_then(|c| c.iter().next()).expect("a command");
        let answer = answer(&client, &changed, name, about).await;
        println!("{}", json!({"answer": answer}));
        if name == "close" {
            return;
        }
    }
}

async fn answer(client: &impl Client, changed: &Changed, name: &str, about: &Value) -> Value {
    let context = &about["context"];
    match name {
        "evaluate" => {
            let mut found = serde_json::Map::new();
            for _ in 0..about["times"].as_u64().unwrap_or(1) {
                for (flag, fallback) in about["flags"].as_object().expect("flags") {
                    found.insert(flag.clone(), client.detail(flag, fallback, context).await.to_json());
                }
            }
            Value::Object(found)
        }
        "until" => {
            let mut changes = changed.0.subscribe();
            let flag = about["flag"].as_str().expect("a flag");
            loop {
                let found = client.detail(flag, &about["fallback"], context).await;
                if found.value == about["value"] {
                    return found.to_json();
                }
                changes.changed().await.expect("we hold the sender");
            }
        }
        "flush" => {
            client.flush().await;
            Value::Null
        }
        "close" => {
            client.close().await;
            Value::Null
        }
        _ => json!(format!("there is no command {name}")),
    }
}
