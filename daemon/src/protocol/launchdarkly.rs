//! LaunchDarkly's server-side protocol: documents as its SDKs read them, in bytes.

use shared::json::Json;

use super::items::{self, Became, Item, Kind};

/// The documents of an environment, by key.
#[derive(Debug, Default)]
pub struct Documents<'d> {
    /// The flags.
    pub flags: Vec<(&'d str, &'d Json)>,
    /// The segments.
    pub segments: Vec<(&'d str, &'d Json)>,
}

impl<'d> Documents<'d> {
    /// Everything as items, in the order in which clients take them.
    pub fn items(&self) -> Vec<Item<'d>> {
        let put = |kind| move |(key, document): &(&'d str, &'d Json)| Item::put(kind, key, document);
        let segments = self.segments.iter().map(put(Kind::Segment));
        items::sorted(segments.chain(self.flags.iter().map(put(Kind::Flag))).collect())
    }
}

/// The polled document: `{"flags":{..},"segments":{..}}`.
pub fn latest(documents: &Documents<'_>) -> String {
    let mut out = String::new();
    write_latest(&mut out, documents);
    out
}

/// The polled flags alone, by key.
pub fn flag_map(documents: &Documents<'_>) -> String {
    let mut out = String::new();
    map(&mut out, &documents.flags);
    out
}

/// The first event of the stream: everything.
pub fn put(documents: &Documents<'_>) -> String {
    let mut out = String::from("event: put\ndata: {\"path\":\"/\",\"data\":");
    write_latest(&mut out, documents);
    out.push_str("}\n\n");
    out
}

/// The events of changes, in this order; see [`items::sorted`].
pub fn changes(items: &[Item<'_>]) -> String {
    let mut out = String::new();
    for item in items {
        change(&mut out, &format!("/{}/", item.kind.plural()), item);
    }
    out
}

/// The first event of the older stream: the flags alone.
pub fn put_flags(documents: &Documents<'_>) -> String {
    let mut out = String::from("event: put\ndata: ");
    map(&mut out, &documents.flags);
    out.push_str("\n\n");
    out
}

/// The events of changes on the older stream; segments are not told.
pub fn flag_changes(items: &[Item<'_>]) -> String {
    let mut out = String::new();
    for item in items.iter().filter(|item| item.kind == Kind::Flag) {
        change(&mut out, "/", item);
    }
    out
}

fn change(out: &mut String, before: &str, item: &Item<'_>) {
    let path = Json::from(format!("{before}{}", item.key));
    match item.became {
        Became::Document(document) => {
            out.push_str("event: patch\ndata: {\"path\":");
            path.write(out);
            out.push_str(",\"data\":");
            document.write(out);
        }
        Became::Gone(version) => {
            out.push_str("event: delete\ndata: {\"path\":");
            path.write(out);
            out.push_str(",\"version\":");
            out.push_str(&version.to_string());
        }
    }
    out.push_str("}\n\n");
}

fn write_latest(out: &mut String, documents: &Documents<'_>) {
    out.push_str("{\"flags\":");
    map(out, &documents.flags);
    out.push_str(",\"segments\":");
    map(out, &documents.segments);
    out.push('}');
}

fn map(out: &mut String, entries: &[(&str, &Json)]) {
    out.push('{');
    for (index, (key, document)) in entries.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        Json::from(*key).write(out);
        out.push(':');
        document.write(out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        shared::json::parse(text).unwrap()
    }

    #[test]
    fn everything_is_one_event_and_one_line() {
        let flag = json(r#"{"key":"a","version":3,"note":"two\nlines"}"#);
        let segment = json(r#"{"key":"s","version":1.0}"#);
        let documents = Documents { flags: vec![("a", &flag)], segments: vec![("s", &segment)] };
        assert_eq!(
            put(&documents),
            "event: put\ndata: {\"path\":\"/\",\"data\":{\"flags\":{\"a\":{\"key\":\"a\",\"version\":3,\
             \"note\":\"two\\nlines\"}},\"segments\":{\"s\":{\"key\":\"s\",\"version\":1.0}}}}\n\n"
        );
        assert_eq!(
            put_flags(&documents),
            "event: put\ndata: {\"a\":{\"key\":\"a\",\"version\":3,\"note\":\"two\\nlines\"}}\n\n"
        );
        assert_eq!(latest(&Documents::default()), r#"{"flags":{},"segments":{}}"#);
        assert_eq!(flag_map(&Documents::default()), "{}");
    }

    #[test]
    fn a_change_names_its_path_and_a_deletion_its_version() {
        let flag = json(r#"{"key":"a.b","version":4}"#);
        let items = [Item::put(Kind::Flag, "a.b", &flag), Item::gone(Kind::Segment, "s", 17)];
        assert_eq!(
            changes(&items),
            "event: patch\ndata: {\"path\":\"/flags/a.b\",\"data\":{\"key\":\"a.b\",\"version\":4}}\n\n\
             event: delete\ndata: {\"path\":\"/segments/s\",\"version\":17}\n\n"
        );
        assert_eq!(
            flag_changes(&items),
            "event: patch\ndata: {\"path\":\"/a.b\",\"data\":{\"key\":\"a.b\",\"version\":4}}\n\n"
        );
        assert_eq!(changes(&[]), "");
    }
}
