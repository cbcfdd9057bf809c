//! Reading members of JSON objects, collecting faults with pointers.

use crate::fault::Fault;
use crate::json::Json;

/// More faults than this help nobody.
pub(super) const MAX_FAULTS: usize = 100;

/// Where the reader is; becomes a pointer only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Member(&'p str),
    Index(usize),
}

impl<'p> Place<'p> {
    pub(super) const ROOT: Place<'static> = Place { parent: None, step: Step::Root };

    pub(super) const fn member(&'p self, name: &'p str) -> Place<'p> {
        Place { parent: Some(self), step: Step::Member(name) }
    }

    pub(super) const fn index(&'p self, index: usize) -> Place<'p> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    fn pointer(&self) -> String {
        let mut out = self.parent.map(Place::pointer).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Member(name) => {
                out.push('/');
                out.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                out.push('/');
                out.push_str(&index.to_string());
            }
        }
        out
    }
}

/// Reads members by type. Absent and null mean the default, unless `strict` and the member is needed.
pub(super) struct Reader {
    pub(super) strict: bool,
    pub(super) faults: Vec<Fault>,
}

impl Reader {
    pub(super) const fn new(strict: bool) -> Self {
        Self { strict, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, place: &Place<'_>, detail: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault::new(place.pointer(), detail));
        }
    }

    fn wrong(&mut self, place: &Place<'_>, expected: &str, found: &Json) {
        self.fault(place, format!("must be {expected}, not {}", describe(found)));
    }

    /// Says so if this is no object.
    pub(super) fn expect_object(&mut self, json: &Json, place: &Place<'_>) {
        if json.as_object().is_none() {
            self.wrong(place, "an object", json);
        }
    }

    pub(super) fn object<'j>(&mut self, json: &'j Json, name: &str, place: &Place<'_>) -> Option<&'j Json> {
        let found = present(json, name)?;
        if found.as_object().is_none() {
            self.wrong(&place.member(name), "an object", found);
            return None;
        }
        Some(found)
    }

    /// Each element read by `each`; as many as there are, so that indexes stay.
    pub(super) fn list<T>(
        &mut self,
        json: &Json,
        name: &str,
        place: &Place<'_>,
        mut each: impl FnMut(&mut Self, &Json, &Place<'_>) -> T,
    ) -> Vec<T> {
        let Some(found) = present(json, name) else { return Vec::new() };
        let place = place.member(name);
        let Some(items) = found.as_array() else {
            self.wrong(&place, "an array", found);
            return Vec::new();
        };
        items.iter().enumerate().map(|(i, item)| each(self, item, &place.index(i))).collect()
    }

    pub(super) fn strings(&mut self, json: &Json, name: &str, place: &Place<'_>) -> Vec<String> {
        self.list(json, name, place, |reader, item, place| match item {
            Json::String(text) => text.clone(),
            other => {
                reader.wrong(place, "a string", other);
                String::new()
            }
        })
    }

    pub(super) fn text(&mut self, json: &Json, name: &str, place: &Place<'_>) -> Option<String> {
        match present(json, name)? {
            Json::String(text) => Some(text.clone()),
            other => {
                self.wrong(&place.member(name), "a string", other);
                None
            }
        }
    }

    pub(super) fn truth(&mut self, json: &Json, name: &str, place: &Place<'_>) -> bool {
        match present(json, name) {
            None => false,
            Some(Json::Bool(truth)) => *truth,
            Some(other) => {
                self.wrong(&place.member(name), "true or false", other);
                false
            }
        }
    }

    pub(super) fn integer(&mut self, json: &Json, name: &str, place: &Place<'_>) -> Option<i64> {
        let found = present(json, name)?;
        let number = found.as_i64();
        if number.is_none() {
            self.wrong(&place.member(name), "a whole number", found);
        }
        number
    }

    /// An integer that a strict reader misses.
    pub(super) fn needed_integer(&mut self, json: &Json, name: &str, place: &Place<'_>) -> i64 {
        self.need(json, name, place);
        self.integer(json, name, place).unwrap_or_default()
    }

    /// A text that a strict reader misses.
    pub(super) fn needed_text(&mut self, json: &Json, name: &str, place: &Place<'_>) -> String {
        self.need(json, name, place);
        self.text(json, name, place).unwrap_or_default()
    }

    /// Says so if a strict reader finds null where a member may only be left out.
    pub(super) fn not_null(&mut self, json: &Json, name: &str, place: &Place<'_>) {
        if self.strict && json.get(name).is_some_and(Json::is_null) {
            self.fault(&place.member(name), "must not be null; leave it out");
        }
    }

    /// Says so if a strict reader misses the member.
    pub(super) fn need(&mut self, json: &Json, name: &str, place: &Place<'_>) {
        if self.strict && json.as_object().is_some() && present(json, name).is_none() {
            self.fault(&place.member(name), "is missing");
        }
    }
}

fn present<'j>(json: &'j Json, name: &str) -> Option<&'j Json> {
    json.get(name).filter(|found| !found.is_null())
}

/// A value in a few words, for a sentence.
pub(super) fn describe(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Array(_) => "an array".to_owned(),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) if text.chars().count() > 40 => "a long string".to_owned(),
        plain => plain.to_text(),
    }
}
