//! Where a client is served: the real program on its own database, and a second daemon beside it.

use std::os::unix::fs::PermissionsExt;

use flagstaffd::service::commit::Item;
use serde_json::{Value, json};
use shared::access::{Role, RoleBinding};
use shared::change::Mutation;
use uuid::Uuid;

use super::Side;
use super::table::{self, Context};
use crate::support::app::TestApp;
use crate::support::child::Child;
use crate::support::cluster;

/// A daemon that is killed and started again, and one on the same database that stays.
pub struct Place {
    served: Child,
    other: TestApp,
}

impl Place {
    /// Both daemons, with the flags of the table in `staging`.
    pub async fn furnished() -> Self {
        let key = cluster::directory("key").join("secrets.key");
        std::fs::write(&key, "9a".repeat(32)).unwrap();
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        let url = cluster::fresh_database().await;
        let other = TestApp::start_on(url.clone(), |config| config.secrets.key_file.clone_from(&key)).await;
        let alice = RoleBinding {
            id: Uuid::new_v4(),
            subject: "user:alice".to_owned(),
            role: Role::Admin,
            project: "*".to_owned(),
            environment: "*".to_owned(),
        };
        other.commit(&[Item::whole(Mutation::PutRoleBinding(alice))]).await;
        for (path, body) in table::writes() {
            let made = if path.ends_with("/staging") {
                other.put(&path, &body).await
            } else {
                other.post(&path, &body).await
            };
            assert!(made.status().is_success(), "{path}: {}", made.text().await.unwrap());
        }
        let variables = [("FLAGSTAFF_SECRETS_KEY_FILE", key.to_str().unwrap())];
        let served = Child::serve_with(&url, &variables).await;
        Self { served, other }
    }

    /// Where the client is to connect.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.served.port)
    }

    /// A key of the environment.
    pub async fn credential(&self, side: Side) -> String {
        let kind = match side {
            Side::Server => "server",
            Side::Browser => "client-side-id",
        };
        let path = "/api/environments/staging/credentials";
        let made = self.post(path, &json!({"kind": kind})).await;
        made["key"].as_str().expect("a key").to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let asked = self.other.client.post(self.base() + path).header("x-user-id", "alice").json(body);
        let answer = asked.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn get(&self, path: &str) -> Value {
        let asked = self.other.client.get(self.base() + path).header("x-user-id", "alice");
        let answer = asked.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// What the daemon says of every flag.
    pub async fn evaluated(&self, context: Context) -> Value {
        let asked = json!({"environment": "staging", "context": context.json()});
        let mut answer = self.post("/api/evaluate", &asked).await;
        answer["results"][0]["flags"].take()
    }

    /// From now on a page needs the hash that a server made for its context.
    pub async fn secure(&self) {
        let asked = self.other.client.patch(self.base() + "/api/environments/staging");
        let asked = asked.header("x-user-id", "alice").json(&json!({"secureMode": true}));
        let secured = asked.send().await.expect("an answer");
        assert_eq!(secured.status(), 200, "{}", secured.text().await.unwrap());
    }

    /// Whether a flag is on.
    pub async fn turns(&self, flag: &str) -> bool {
        let config = self.get(&format!("/api/flags/{flag}/config/staging")).await;
        config["enabled"].as_bool().or(config["config"]["on"].as_bool()).expect("on or off")
    }

    /// Turns a flag on or off.
    pub async fn turn(&self, flag: &str, on: bool) {
        let body = json!({"environment": "staging", "enabled": on});
        self.post(&format!("/api/flags/{flag}/toggle"), &body).await;
    }

    /// Turns a flag on or off through the daemon that stays.
    pub async fn turn_elsewhere(&self, flag: &str, on: bool) {
        let body = json!({"environment": "staging", "enabled": on});
        let turned = self.other.post(&format!("/api/flags/{flag}/toggle"), &body).await;
        assert_eq!(turned.status(), 200, "{}", turned.text().await.unwrap());
    }

    /// How often a flag was evaluated.
    pub async fn usage(&self, flag: &str) -> Value {
        self.get(&format!("/api/flags/{flag}/usage?environment=staging")).await
    }

    /// The contexts that it has seen.
    pub async fn contexts(&self) -> Value {
        self.get("/api/environments/staging/contexts").await
    }

    /// Who hears changes from it.
    pub async fn clients(&self) -> Value {
        self.get("/api/status").await["clients"].take()
    }

    /// What the daemon counts, as Prometheus reads it.
    pub async fn metrics(&self) -> String {
        let answer = reqwest::get(format!("{}/metrics", self.base())).await.expect("an answer");
        answer.text().await.expect("a text")
    }

    /// Kills the daemon as `kill -9` does.
    pub async fn kill(&mut self) {
        self.served.kill().await;
    }

    /// Starts it again where it was.
    pub async fn start(&mut self) {
        self.served.start().await;
    }
}
