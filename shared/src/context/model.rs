//! The context as it is evaluated: sorted, with everything an attribute lookup needs.

use super::kind::DEFAULT_KIND;
use super::reference::Reference;
use crate::json::Json;

/// Whom a flag is evaluated for: one individual, or one of each of several kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    // Never empty, sorted by kind.
    individuals: Vec<Individual>,
}

/// One person, device, organisation...: a kind, a key and attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Individual {
    kind: Json,
    key: Json,
    name: Option<Json>,
    anonymous: Json,
    // Sorted by name, without nulls.
    attributes: Vec<(String, Json)>,
    private: Vec<String>,
}

impl Context {
    /// `{kind: "user", key: "anonymous", anonymous: true}`: who is meant when nobody was named.
    pub fn anonymous() -> Self {
        let mut someone = Individual::new(DEFAULT_KIND, "anonymous");
        someone.set_anonymous(true);
        Self::single(someone)
    }

    pub(super) fn single(individual: Individual) -> Self {
        Self { individuals: vec![individual] }
    }

    /// Of several individuals; `None` if there is none or two have the same kind.
    pub(super) fn multi(mut individuals: Vec<Individual>) -> Option<Self> {
        individuals.sort_by(|a, b| a.kind().cmp(b.kind()));
        let distinct =
            individuals.windows(2).all(|w| w.first().map(Individual::kind) != w.get(1).map(Individual::kind));
        (distinct && !individuals.is_empty()).then_some(Self { individuals })
    }

    /// Everybody in it, sorted by kind; never empty.
    pub fn individuals(&self) -> &[Individual] {
        &self.individuals
    }

    /// Whether it has more than one kind.
    pub fn is_multi(&self) -> bool {
        self.individuals.len() > 1
    }

    /// Whether it is one individual of kind `user`.
    pub fn is_plain_user(&self) -> bool {
        matches!(self.individuals.as_slice(), [only] if only.kind() == DEFAULT_KIND)
    }

    /// The individual of that kind.
    pub fn of_kind(&self, kind: &str) -> Option<&Individual> {
        match self.individuals.as_slice() {
            [only] => (only.kind() == kind).then_some(only),
            several => several.iter().find(|i| i.kind() == kind),
        }
    }

    /// The fully qualified key, which names who it is and nothing else: the bare key of a lone
    /// `user`, else `kind:key` of each in order of kind. Secure mode signs this text.
    pub fn canonical_key(&self) -> String {
        if let [only] = self.individuals.as_slice()
            && only.kind() == DEFAULT_KIND
        {
            return only.key().to_owned();
        }
        let parts: Vec<String> = self
            .individuals
            .iter()
            .map(|i| format!("{}:{}", i.kind(), i.key().replace('%', "%25").replace(':', "%3A")))
            .collect();
        parts.join(":")
    }

    /// Everything that can alter an evaluation, as one stable text: kinds, attributes and the
    /// members of nested objects are sorted, private attributes are left out. It is itself the JSON
    /// of an equal context. Meant for entity tags.
    pub fn to_canonical_text(&self) -> String {
        let mut out = String::new();
        match self.individuals.as_slice() {
            [only] => {
                out.push_str("{\"kind\":");
                only.kind.write(&mut out);
                out.push(',');
                only.write_members(&mut out);
            }
            several => {
                out.push_str("{\"kind\":\"multi\"");
                for individual in several {
                    out.push(',');
                    individual.kind.write(&mut out);
                    out.push_str(":{");
                    individual.write_members(&mut out);
                    out.push('}');
                }
            }
        }
        out.push('}');
        out
    }
}

impl Individual {
    pub(super) fn new(kind: &str, key: &str) -> Self {
        Self {
            kind: Json::from(kind),
            key: Json::from(key),
            name: None,
            anonymous: Json::Bool(false),
            attributes: Vec::new(),
            private: Vec::new(),
        }
    }

    /// One that nobody named: only protocols that are lenient about it make these.
    pub(super) fn without_key(kind: &str) -> Self {
        Self { key: Json::Null, ..Self::new(kind, "") }
    }

    pub(super) fn set_name(&mut self, name: &str) {
        self.name = Some(Json::from(name));
    }

    pub(super) fn set_anonymous(&mut self, anonymous: bool) {
        self.anonymous = Json::Bool(anonymous);
    }

    pub(super) fn set_private(&mut self, private: Vec<String>) {
        self.private = private;
    }

    /// Replaces the custom attributes; nulls are dropped, of equal names the last one stays.
    pub(super) fn set_attributes(&mut self, attributes: Vec<(String, Json)>) {
        self.attributes = attributes;
        self.attributes.retain(|(_, value)| !value.is_null());
        self.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.attributes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.kind.as_str().unwrap_or_default()
    }

    /// Whether it has a key.
    pub const fn has_key(&self) -> bool {
        !self.key.is_null()
    }

    /// Its key; empty only where it has none.
    pub fn key(&self) -> &str {
        self.key.as_str().unwrap_or_default()
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().and_then(Json::as_str)
    }

    /// Whether it said that it is anonymous.
    pub fn is_anonymous(&self) -> bool {
        self.anonymous.as_bool().unwrap_or_default()
    }

    /// The custom attributes, sorted by name.
    pub fn attributes(&self) -> &[(String, Json)] {
        &self.attributes
    }

    /// References to the attributes that its sender wants kept out of events.
    pub fn private_attributes(&self) -> &[String] {
        &self.private
    }

    /// The value referred to; `None` where there is none, or where it is null.
    pub fn value(&self, reference: &Reference) -> Option<&Json> {
        let mut value = match reference.first() {
            "kind" => &self.kind,
            "key" => &self.key,
            "name" => self.name.as_ref()?,
            "anonymous" => &self.anonymous,
            name => {
                let at = self.attributes.binary_search_by(|(n, _)| n.as_str().cmp(name)).ok()?;
                &self.attributes.get(at)?.1
            }
        };
        for member in reference.rest() {
            value = value.get(member)?;
        }
        (!value.is_null()).then_some(value)
    }

    fn write_members(&self, out: &mut String) {
        out.push_str("\"key\":");
        self.key.write(out);
        if let Some(name) = &self.name {
            out.push_str(",\"name\":");
            name.write(out);
        }
        if self.is_anonymous() {
            out.push_str(",\"anonymous\":true");
        }
        for (name, value) in &self.attributes {
            out.push(',');
            Json::from(name.as_str()).write(out);
            out.push(':');
            write_sorted(value, out);
        }
    }
}

fn write_sorted(value: &Json, out: &mut String) {
    match value {
        Json::Object(members) => {
            let mut sorted: Vec<&(String, Json)> = members.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            out.push('{');
            for (i, (name, value)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                Json::from(name.as_str()).write(out);
                out.push(':');
                write_sorted(value, out);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        plain => plain.write(out),
    }
}
