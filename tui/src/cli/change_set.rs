//! `flagstaff plan` and `apply`: several changes out of a file, as one revision.

use clap::Args;
use shared::json::Json;

use super::ask::json_file;
use super::flag_change::done;
use super::plan::{Change, Writing, make};
use super::session::Session;
use super::trouble::Trouble;
use crate::request::{Method, Request};

/// What to plan.
#[derive(Args, Debug)]
pub struct Plan {
    /// JSON: an array of mutations, or {"mutations": [..]}, each {"op": "setOn", ..}; `-` is standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    file: String,
}

/// What to apply.
#[derive(Args, Debug)]
pub struct Apply {
    /// JSON: an array of mutations, or {"mutations": [..]}, each {"op": "setOn", ..}; `-` is standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    file: String,
    #[command(flatten)]
    writing: Writing,
}

/// Shows what the changes of a file would do.
///
/// # Errors
/// Whatever went wrong.
pub async fn plan(wanted: Plan, session: &Session) -> Result<(), Trouble> {
    let writing = Writing { dry_run: true, ..Writing::default() };
    apply(Apply { file: wanted.file, writing }, session).await
}

/// Makes the changes of a file: all or none.
///
/// # Errors
/// Whatever went wrong.
pub async fn apply(wanted: Apply, session: &Session) -> Result<(), Trouble> {
    let body = match json_file(&wanted.file)? {
        Json::Array(mutations) => [("mutations", Json::Array(mutations))].into_iter().collect(),
        whole @ Json::Object(_) => whole,
        _ => {
            return Err(Trouble::usage("a change set is an array of mutations, or an object that holds one"));
        }
    };
    let request = Request::new(Method::Post, session.path("/change-sets")).with_body(body);
    make(session, Change { request, about: None, sheet: done(), writing: &wanted.writing }).await.map(drop)
}
