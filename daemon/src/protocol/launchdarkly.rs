//! LaunchDarkly's server-side protocol: documents as its SDKs read them, in bytes.

use shared::json::Json;

/// The documents of an environment, by key.
#[derive(Debug, Default)]
pub struct Documents<'d> {
    /// The flags.
    pub flags: Vec<(&'d str, &'d Json)>,
    /// The segments.
    pub segments: Vec<(&'d str, &'d Json)>,
}

/// The polled document: `{"flags":{..},"segments":{..}}`.
pub fn latest(documents: &Documents<'_>) -> String {
    let mut out = String::from("{\"flags\":");
    map(&mut out, &documents.flags);
    out.push_str(",\"segments\":");
    map(&mut out, &documents.segments);
    out.push('}');
    out
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
