//! The answer to an import.

use shared::json::Json;

use crate::service::commit::{Answer, Done};

/// What was done: the revision, and what became of every flag.
pub fn answer(done: &Done) -> Answer {
    let mut body: Json =
        [("revision", Json::from(done.position.revision.0)), ("changed", Json::Bool(done.changed))]
            .into_iter()
            .collect();
    if let Some(report) = &done.report {
        report.tell(&mut body);
    }
    Answer { status: 200, headers: Vec::new(), body: body.to_text(), revision: None, replayed: false }
}
