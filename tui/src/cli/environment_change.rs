//! `flagstaff env create` and `env edit`.

use clap::Args;
use shared::json::{Json, pretty};

use super::plan::{Change, Writing, agreed, make};
use super::session::Session;
use super::sheet::{Columns, Sheet, text};
use super::trouble::Trouble;
use crate::request::{Method, Request, encoded};

/// What an environment is like.
#[derive(Args, Debug)]
pub struct About {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// What it is for
    #[arg(long, value_parser = ["production", "staging", "development"])]
    class: Option<String>,
    /// Six hexadecimal digits
    #[arg(long, value_name = "HEX")]
    color: Option<String>,
    /// Its place in lists, smallest first
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    order: Option<i64>,
    /// Whether changes of what it serves must be confirmed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    protected: Option<bool>,
    /// Whether such changes need a reason, too
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    reason_required: Option<bool>,
    /// The least role that may write there
    #[arg(long, value_name = "ROLE", value_parser = ["editor", "admin", "owner", "none"])]
    minimum_role: Option<String>,
    /// Whether browsers must prove the context with a hash
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    secure_mode: Option<bool>,
}

impl About {
    fn members(&self) -> Json {
        let text = |text: &Option<String>| text.as_deref().map(Json::from);
        let role = self.minimum_role.as_deref();
        [
            ("name", text(&self.name)),
            ("class", text(&self.class)),
            ("color", text(&self.color)),
            ("order", self.order.map(Json::from)),
            ("protected", self.protected.map(Json::Bool)),
            ("commentRequired", self.reason_required.map(Json::Bool)),
            ("minimumRole", role.map(|role| if role == "none" { Json::Null } else { Json::from(role) })),
            ("secureMode", self.secure_mode.map(Json::Bool)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// What to make.
#[derive(Args, Debug)]
pub struct Create {
    /// The environment's key; it never changes
    key: String,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    writing: Writing,
}

/// What to edit.
#[derive(Args, Debug)]
pub struct Edit {
    /// The environment's key
    key: String,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    writing: Writing,
}

/// The lines and cells of environments.
#[must_use]
pub fn columns() -> Columns {
    let yes = |name: &'static str| {
        move |e: &Json| if text(e.get(name)) == "true" { "yes" } else { "no" }.to_owned()
    };
    Columns::new()
        .member("key", "key")
        .member("name", "name")
        .member("class", "class")
        .read("protected", yes("protected"))
        .read("reason", |e| if text(e.get("commentRequired")) == "true" { "required" } else { "" }.to_owned())
        .member("role", "minimumRole")
        .member("revision", "revision")
        .member("color", "color")
        .wide()
        .member("updated", "updatedAt")
        .wide()
        .member("by", "updatedBy")
        .wide()
}

/// Makes an environment; its keys for SDKs are shown once.
///
/// # Errors
/// Whatever went wrong.
pub async fn create(wanted: Create, session: &Session) -> Result<(), Trouble> {
    let mut body = wanted.about.members();
    body.set("key", Json::from(wanted.key.as_str()));
    let request = Request::new(Method::Post, session.path("/environments")).with_body(body);
    let Some(answer) = agreed(session, request, None, &wanted.writing).await? else { return Ok(()) };
    if answer.body.get("credentials").is_some() {
        eprintln!("this is the only time that its keys are shown");
    }
    let columns = columns().read("credentials", |e| e.get("credentials").map(pretty).unwrap_or_default());
    Sheet::one("flagstaff.environment/1", columns, answer.body).print(&session.global)
}

/// Changes what is named.
///
/// # Errors
/// Whatever went wrong.
pub async fn edit(wanted: Edit, session: &Session) -> Result<(), Trouble> {
    let body = wanted.about.members();
    if body.as_object().is_none_or(<[_]>::is_empty) {
        return Err(
            Trouble::usage("what shall be changed?").hint("flagstaff env edit --help names the options")
        );
    }
    let path = session.path(&format!("/environments/{}", encoded(&wanted.key)));
    let mut request = Request::new(Method::Patch, path.clone()).with_body(body);
    request.content_type = Some("application/merge-patch+json");
    let sheet = ("flagstaff.environment/1", columns());
    make(session, Change { request, about: Some(path), sheet, writing: &wanted.writing }).await.map(drop)
}
