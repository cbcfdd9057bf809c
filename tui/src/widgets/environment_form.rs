//! The form of an environment: what can be set, and the request that sets it.

use super::form::{Form, Row};
use crate::cache::rows::EnvironmentRow;
use crate::plan::{Touch, Wish};
use crate::request::{Method, Request, encoded};
use shared::json::Json;
use shared::key::EnvironmentKey;

const CLASSES: [&str; 4] = ["derived", "development", "staging", "production"];
const ROLES: [&str; 5] = ["none", "viewer", "editor", "admin", "owner"];

/// The form of a new environment, or of one that there is.
#[derive(Clone, Debug)]
pub struct EnvironmentForm {
    /// The environment's key; none for a new one.
    pub key: Option<String>,
    /// The lines.
    pub form: Form,
    before: Json,
}

fn member(row: &Json, name: &str) -> String {
    match row.get(name) {
        Some(Json::String(text)) => text.clone(),
        None | Some(Json::Null) => String::new(),
        Some(other) => other.to_text(),
    }
}

fn yes(row: &Json, name: &str) -> &'static str {
    if row.get(name) == Some(&Json::Bool(true)) { "yes" } else { "no" }
}

impl EnvironmentForm {
    /// The form, with what stands now.
    #[must_use]
    pub fn new(environment: Option<&EnvironmentRow>) -> Self {
        let row = environment.map_or_else(Json::object, |e| e.row.clone());
        let key = environment.map(|e| e.key.clone());
        let role = member(&row, "minimumRole");
        let role = if role.is_empty() { "none".to_owned() } else { role };
        let first = match &key {
            Some(key) => Row::fixed("key", "Key", key),
            None => Row::text("key", "Key", "What applications and people name it by; it never changes.", ""),
        };
        let class = environment.map_or("derived", |e| e.class.as_str());
        let form = Form::new(vec![
            first,
            Row::text("name", "Name", "What people call it.", &member(&row, "name")),
            Row::choice(
                "class",
                "Class",
                "Its word in the banner; derived: from key and protection.",
                &CLASSES,
                class,
            ),
            Row::text("color", "Color", "Six hexadecimal digits, or nothing.", &member(&row, "color")),
            Row::text("order", "Order", "Its place in lists, a number.", &member(&row, "order")),
            Row::choice(
                "protected",
                "Protected",
                "Whether changes of what it serves are reviewed and confirmed by typing.",
                &["no", "yes"],
                yes(&row, "protected"),
            ),
            Row::choice(
                "commentRequired",
                "Reason required",
                "Whether each change needs a reason.",
                &["no", "yes"],
                yes(&row, "commentRequired"),
            ),
            Row::choice(
                "minimumRole",
                "Minimum role",
                "The least role that changes it; none: any that writes.",
                &ROLES,
                &role,
            ),
        ]);
        let mut new = Self { key, form, before: Json::Null };
        // What the form says of the present state: only what differs from it is sent.
        new.before = new.values();
        new
    }

    /// Every line as the API takes it.
    fn values(&self) -> Json {
        let mut values = Json::object();
        let of = |name: &str| self.form.get(name).trim().to_owned();
        values.set("name", Json::from(of("name")));
        values.set("class", if of("class") == "derived" { Json::Null } else { Json::from(of("class")) });
        values.set("color", Json::from(of("color").trim_start_matches('#')));
        values.set("order", Json::from(of("order").parse::<i64>().unwrap_or(0)));
        for name in ["protected", "commentRequired"] {
            values.set(name, Json::Bool(of(name) == "yes"));
        }
        let role = of("minimumRole");
        values.set("minimumRole", if role == "none" { Json::Null } else { Json::from(role) });
        values
    }

    /// The change; a fault stands in the form where there is none.
    pub fn wish(&mut self) -> Option<Wish> {
        let order = self.form.get("order").trim().to_owned();
        if !order.is_empty() && order.parse::<i64>().is_err() {
            return self.fault("order", "the order is a number");
        }
        let values = self.values();
        match self.key.clone() {
            Some(key) => {
                let mut patch = Json::object();
                for (name, value) in values.as_object().unwrap_or_default() {
                    if self.before.get(name) != Some(value) {
                        patch.set(name, value.clone());
                    }
                }
                let changed: Vec<String> =
                    patch.as_object().unwrap_or_default().iter().map(|(name, _)| name.clone()).collect();
                if changed.is_empty() {
                    return self.fault("name", "nothing is different");
                }
                let request = Request::new(Method::Patch, format!("/api/environments/{}", encoded(&key)));
                let title = format!("change {} of environment {key}", changed.join(", "));
                let touch = Touch { key: key.clone(), environment: Some(key) };
                Some(Wish::request(title, request.with_body(patch), vec![touch]).reviewed())
            }
            None => {
                let key = self.form.get("key").trim().to_owned();
                if let Err(fault) = key.parse::<EnvironmentKey>() {
                    return self.fault("key", &format!("the key {fault}"));
                }
                let mut body = Json::object();
                body.set("key", Json::from(key.as_str()));
                for (name, value) in values.as_object().unwrap_or_default() {
                    let empty = matches!(value, Json::Null) || value.as_str() == Some("");
                    if !empty {
                        body.set(name, value.clone());
                    }
                }
                let request = Request::new(Method::Post, "/api/environments").with_body(body);
                let touch = Touch { key: key.clone(), environment: Some(key.clone()) };
                Some(Wish::request(format!("make environment {key}"), request, vec![touch]))
            }
        }
    }

    fn fault(&mut self, name: &str, detail: &str) -> Option<Wish> {
        self.form.focus_on(name);
        self.form.fault = Some(detail.to_owned());
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> EnvironmentRow {
        EnvironmentRow::read(&shared::json::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn only_what_was_changed_is_sent() {
        let row = row(
            r#"{"key":"staging","name":"Staging","color":"2f7fd3","order":1,"class":"staging","protected":false,
            "commentRequired":false,"minimumRole":null}"#,
        );
        let mut form = EnvironmentForm::new(Some(&row));
        assert!(form.wish().is_none());
        assert_eq!(form.form.fault.as_deref(), Some("nothing is different"));
        form.form.focus_on("protected");
        form.form.key(crate::key::Press::char('y'));
        form.form.set("color", "#ff0000");
        let wish = form.wish().unwrap();
        assert_eq!(wish.request.body.unwrap().to_text(), r#"{"color":"ff0000","protected":true}"#);
        assert_eq!(wish.request.path, "/api/environments/staging");
        assert!(wish.review);
    }

    #[test]
    fn a_new_environment_needs_a_key_and_a_number_for_its_order() {
        let mut form = EnvironmentForm::new(None);
        assert!(form.wish().is_none());
        assert_eq!(form.form.focus(), "key");
        form.form.set("key", "qa");
        form.form.set("order", "last");
        assert!(form.wish().is_none());
        assert_eq!(form.form.focus(), "order");
        form.form.set("order", "3");
        let wish = form.wish().unwrap();
        assert_eq!(
            wish.request.body.unwrap().to_text(),
            r#"{"key":"qa","order":3,"protected":false,"commentRequired":false}"#
        );
    }
}
