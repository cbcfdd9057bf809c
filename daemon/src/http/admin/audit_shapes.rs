//! The history as it is shown: JSON, a line of NDJSON, a row of CSV.

use shared::audit::hex;
use shared::change::{Action, EntityKind};
use shared::json::{Change, Json, diff};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::http::views;
use crate::live::delta::entry_json;
use crate::store::audit::{Committed, Entry};
use crate::store::audit_query::Found;

fn optional(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

/// What a revision says of itself, but for its hashes.
pub fn header(committed: &Committed) -> Json {
    let header = &committed.header;
    [
        ("revision", Json::from(committed.position.revision.0)),
        ("position", Json::from(committed.position.to_string())),
        ("at", views::time(header.at)),
        ("kind", Json::from(header.kind.as_str())),
        ("actor", Json::from(header.actor.as_str())),
        ("credential", Json::from(header.credential.as_str())),
        ("source", Json::from(header.source.as_str())),
        ("comment", optional(header.comment.as_deref())),
        ("requestId", optional(header.request_id.as_deref())),
    ]
    .into_iter()
    .collect()
}

/// An entry with what differs; secrets are left out of its rows.
pub fn entry(entry: &Entry) -> Json {
    let mut shown: Json = [("ordinal", Json::from(i64::from(entry.ordinal)))].into_iter().collect();
    let rows = entry_json(entry);
    for (name, value) in rows.as_object().unwrap_or_default() {
        shown.set(name, value.clone());
    }
    let row = |name: &str| rows.get(name).cloned().unwrap_or_default();
    shown.set("diff", Json::from_serialize(&diff(&row("before"), &row("after"))));
    shown
}

/// What was touched, without the rows.
pub fn touched(entry: &Entry) -> Json {
    let rows = entry_json(entry);
    ["entity", "action"].into_iter().map(|name| (name, rows.get(name).cloned().unwrap_or_default())).collect()
}

/// An entry with what its revision says.
pub fn item(found: &Found) -> Json {
    let mut shown = header(&found.committed);
    for (name, value) in entry(&found.entry).as_object().unwrap_or_default() {
        shown.set(name, value.clone());
    }
    shown.set("hash", Json::from(hex(&found.committed.hash)));
    shown
}

/// The first line of a table.
pub const COLUMNS: &str = "revision,position,at,kind,actor,credential,source,comment,requestId,ordinal,entityKind,\
                           entityId,key,project,environment,action,before,after,hash\r\n";

/// An entry as a row of CSV (RFC 4180).
pub fn row(found: &Found, out: &mut String) {
    let shown = item(found);
    let entity = shown.get("entity").cloned().unwrap_or_default();
    let columns = [
        shown.get("revision"),
        shown.get("position"),
        shown.get("at"),
        shown.get("kind"),
        shown.get("actor"),
        shown.get("credential"),
        shown.get("source"),
        shown.get("comment"),
        shown.get("requestId"),
        shown.get("ordinal"),
        entity.get("kind"),
        entity.get("id"),
        entity.get("key"),
        entity.get("project"),
        entity.get("environment"),
        shown.get("action"),
        shown.get("before"),
        shown.get("after"),
        shown.get("hash"),
    ];
    for (i, column) in columns.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match column {
            None | Some(Json::Null) => {}
            Some(Json::String(text)) => cell(text, out),
            Some(other) => cell(&other.to_text(), out),
        }
    }
    out.push_str("\r\n");
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: &str, out: &mut String) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = text.contains([',', '"', '\n', '\r']);
    if quoted {
        out.push('"');
    }
    if formula {
        out.push('\'');
    }
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    if quoted {
        out.push('"');
    }
}

/// What was touched.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct EntityView {
    /// What it is.
    kind: EntityKind,
    /// Which one.
    id: Uuid,
    /// What people call it.
    key: String,
    /// Its project.
    project: Option<String>,
    /// Its environment.
    environment: Option<String>,
}

/// One entity in a revision: an entry of the history.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct AuditItem {
    /// The revision.
    revision: i64,
    /// The revision with its epoch.
    position: String,
    /// When it was committed.
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// Why it was made.
    kind: shared::audit::RevisionKind,
    /// Who made it.
    actor: String,
    /// How the actor was known.
    credential: String,
    /// Which door it came through.
    source: String,
    /// What the actor said.
    comment: Option<String>,
    /// The request.
    request_id: Option<String>,
    /// Place in the revision, from 0.
    ordinal: i32,
    /// What was touched.
    entity: EntityView,
    /// What was done.
    action: Action,
    /// The whole row before.
    before: Option<serde_json::Value>,
    /// The whole row after.
    after: Option<serde_json::Value>,
    /// What differs.
    diff: Vec<Change>,
    /// The revision's hash, hexadecimal.
    hash: String,
}

/// A page of the history.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct AuditPage {
    /// The entries, newest first.
    items: Vec<AuditItem>,
    /// Where the next page starts.
    next_cursor: Option<String>,
}

/// An entry within its revision.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct EntryView {
    /// Place in the revision, from 0.
    ordinal: i32,
    /// What was touched.
    entity: EntityView,
    /// What was done.
    action: Action,
    /// The whole row before.
    before: Option<serde_json::Value>,
    /// The whole row after.
    after: Option<serde_json::Value>,
    /// What differs.
    diff: Vec<Change>,
    /// SHA-256 over salt, before and after as they are stored, hexadecimal.
    digest: String,
}

/// A revision with what it touched.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct RevisionView {
    /// The revision.
    revision: i64,
    /// The revision with its epoch.
    position: String,
    /// When it was committed.
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// Why it was made.
    kind: shared::audit::RevisionKind,
    /// Who made it.
    actor: String,
    /// How the actor was known.
    credential: String,
    /// Which door it came through.
    source: String,
    /// What the actor said.
    comment: Option<String>,
    /// The request.
    request_id: Option<String>,
    /// The hash of the revision before, hexadecimal.
    previous_hash: String,
    /// Its hash, hexadecimal.
    hash: String,
    /// What it touched, as far as the caller may see it.
    changes: Vec<EntryView>,
    /// Whether there is more than is shown: the audit has it, from and to this revision.
    more: bool,
}

/// What was touched, without the rows.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct TouchedView {
    /// What was touched.
    entity: EntityView,
    /// What was done.
    action: Action,
}

/// A revision in a list.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct RevisionSummary {
    /// The revision.
    revision: i64,
    /// The revision with its epoch.
    position: String,
    /// When it was committed.
    #[schema(value_type = String, format = DateTime)]
    at: OffsetDateTime,
    /// Why it was made.
    kind: shared::audit::RevisionKind,
    /// Who made it.
    actor: String,
    /// How the actor was known.
    credential: String,
    /// Which door it came through.
    source: String,
    /// What the actor said.
    comment: Option<String>,
    /// The request.
    request_id: Option<String>,
    /// Its hash, hexadecimal.
    hash: String,
    /// The first things it touched, raised versions left out.
    changes: Vec<TouchedView>,
    /// How many things it touched, raised versions left out.
    changed: i64,
}

/// A page of revisions.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes what is rendered from the history")]
pub struct RevisionPage {
    /// The revisions, oldest first.
    items: Vec<RevisionSummary>,
    /// The `since` of the next page, if there is one.
    next_since: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula_and_quotes_are_doubled() {
        for (text, expected) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+2,3", "\"'+2,3\""),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("say \"hi\", all", "\"say \"\"hi\"\", all\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            let mut out = String::new();
            cell(text, &mut out);
            assert_eq!(out, expected);
        }
    }
}
