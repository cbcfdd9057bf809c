//! What the tests ask the daemon, beside the program: the state of flags, the audit.

use flagstaff::request::{Method, Request};
use shared::json::{Json, parse};

use super::daemon::Daemon;

impl Daemon {
    /// The newest revision.
    pub fn revision(&self) -> i64 {
        self.get("/api/status").get("revision").and_then(Json::as_i64).expect("a revision")
    }

    /// The configuration of a flag.
    pub fn config(&self, flag: &str, environment: &str) -> Json {
        let row = self.get(&format!("/api/flags/{flag}/config/{environment}"));
        row.get("config").cloned().expect("a configuration")
    }

    /// Whether a flag is on.
    pub fn is_on(&self, flag: &str, environment: &str) -> bool {
        self.config(flag, environment).get("on") == Some(&Json::Bool(true))
    }

    /// Applies mutations as the owner, with the confirmation that they need; the revision.
    pub fn change(&self, mutations: &str) -> i64 {
        let body = parse(&format!(r#"{{"mutations":{mutations}}}"#)).expect("JSON");
        let ask = |request: Request| match self.send(request.with_body(body.clone())) {
            Ok(answer) => answer.body,
            Err(failure) => panic!("{mutations}: {failure}"),
        };
        let request = Request::new(Method::Post, "/api/change-sets");
        let plan = ask(request.clone().with_query("dryRun", "true"));
        let confirm = plan.get("confirmation").and_then(|c| c.get("text")).and_then(Json::as_str);
        let request = match confirm {
            Some(text) => request.with_query("confirm", text).with_query("comment", "by a test"),
            None => request,
        };
        ask(request).get("revision").and_then(Json::as_i64).expect("a revision")
    }

    /// Applies mutations that need no confirmation, as the owner.
    pub fn change_easily(&self, mutations: &str) {
        self.must(Method::Post, "/api/change-sets", &format!(r#"{{"mutations":{mutations}}}"#));
    }

    /// Turns a flag on or off as the owner.
    pub fn turn(&self, flag: &str, environment: &str, on: bool) -> i64 {
        self.change(&format!(
            r#"[{{"op":"setOn","flag":"{flag}","environment":"{environment}","enabled":{on}}}]"#
        ))
    }

    /// The changes after a revision, oldest first: who, what, and in which revision.
    pub fn audit_after(&self, revision: i64) -> Vec<Json> {
        let page = self.get("/api/audit?limit=500");
        let items = page.get("items").and_then(Json::as_array).expect("items");
        let newer = |item: &&Json| item.get("revision").and_then(Json::as_i64).is_some_and(|r| r > revision);
        items.iter().rev().filter(newer).cloned().collect()
    }
}

/// A member of an object as text, empty without it.
pub fn text<'j>(json: &'j Json, member: &str) -> &'j str {
    json.get(member).and_then(Json::as_str).unwrap_or_default()
}
