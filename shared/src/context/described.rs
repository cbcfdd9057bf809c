//! Contexts put together from parts, for protocols with a form of their own; a key may be missing.

use super::kind::kind_problem;
use super::model::{Context, Individual};
use crate::fault::Fault;
use crate::json::Json;

/// One individual, as another protocol describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// Its kind.
    pub kind: String,
    /// Its key; without one, or with an empty one, nothing can be divided by it.
    pub key: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Whether it says that it is anonymous.
    pub anonymous: bool,
    /// Its attributes; nulls are dropped, of equal names the last one stays.
    pub attributes: Vec<(String, Json)>,
    /// References to the attributes that its sender wants kept out of events.
    pub private: Vec<String>,
}

impl Context {
    /// A context of these individuals.
    ///
    /// # Errors
    /// There are none, a kind is not one, or two are of the same kind.
    pub fn described(descriptions: Vec<Description>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        for description in &descriptions {
            if let Some(problem) = kind_problem(&description.kind) {
                faults.push(Fault::new("/kind", format!("{:?}: {problem}", description.kind)));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let individuals = descriptions.into_iter().map(Individual::described).collect();
        Self::multi(individuals).ok_or_else(|| {
            vec![Fault::new("", "a context needs at least one individual, and no two of the same kind")]
        })
    }
}

impl Context {
    /// The context as JSON that reads back as it is, private attributes included; only one without a key does not.
    pub fn to_json(&self) -> Json {
        match self.individuals() {
            [only] => {
                let kind = [("kind".to_owned(), Json::from(only.kind()))];
                Json::Object(kind.into_iter().chain(only.members()).collect())
            }
            several => {
                let kind = [("kind".to_owned(), Json::from("multi"))];
                let each = several.iter().map(|one| (one.kind().to_owned(), Json::Object(one.members())));
                Json::Object(kind.into_iter().chain(each).collect())
            }
        }
    }
}

impl Individual {
    fn members(&self) -> Vec<(String, Json)> {
        let mut out = Json::object();
        if self.has_key() {
            out.set("key", Json::from(self.key()));
        }
        if let Some(name) = self.name() {
            out.set("name", Json::from(name));
        }
        if self.is_anonymous() {
            out.set("anonymous", Json::Bool(true));
        }
        let mut members = match out {
            Json::Object(members) => members,
            _ => Vec::new(),
        };
        members.extend_from_slice(self.attributes());
        if !self.private_attributes().is_empty() {
            let names = self.private_attributes().iter().map(|name| Json::from(name.as_str())).collect();
            let meta = [("privateAttributes", Json::Array(names))].into_iter().collect();
            members.push(("_meta".to_owned(), meta));
        }
        members
    }

    fn described(description: Description) -> Self {
        let mut out = match description.key.filter(|key| !key.is_empty()) {
            Some(key) => Self::new(&description.kind, &key),
            None => Self::without_key(&description.kind),
        };
        if let Some(name) = &description.name {
            out.set_name(name);
        }
        out.set_anonymous(description.anonymous);
        out.set_attributes(description.attributes);
        out.set_private(description.private);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Reference;

    fn of(kind: &str, key: Option<&str>) -> Description {
        Description { kind: kind.to_owned(), key: key.map(str::to_owned), ..Description::default() }
    }

    #[test]
    fn one_without_a_key_has_no_value_there() {
        for key in [None, Some("")] {
            let context = Context::described(vec![of("user", key)]).unwrap();
            let one = context.of_kind("user").unwrap();
            assert!(!one.has_key());
            assert_eq!(one.key(), "");
            assert_eq!(one.value(&Reference::parse("key").unwrap()), None);
            assert_eq!(context.to_canonical_text(), r#"{"kind":"user","key":null}"#);
        }
        let context = Context::described(vec![of("user", Some("a"))]).unwrap();
        assert!(context.of_kind("user").unwrap().has_key());
        assert_eq!(context, Context::of("user", "a").unwrap());
    }

    #[test]
    fn it_reads_back_from_its_json() {
        let mut user = of("user", Some("a"));
        user.name = Some("Anna".to_owned());
        user.anonymous = true;
        user.attributes = vec![("plan".to_owned(), Json::from("pro"))];
        user.private = vec!["plan".to_owned()];
        for described in [vec![user.clone()], vec![of("org", Some("b"))], vec![user, of("org", Some("b"))]] {
            let context = Context::described(described).unwrap();
            assert_eq!(Context::parse(&context.to_json()).unwrap(), context);
        }
        assert!(Context::parse(&Context::described(vec![of("user", None)]).unwrap().to_json()).is_err());
    }

    #[test]
    fn kinds_are_checked_and_stand_once() {
        assert!(Context::described(vec![]).is_err());
        assert!(Context::described(vec![of("multi", Some("a"))]).is_err());
        assert!(Context::described(vec![of("user", Some("a")), of("user", Some("b"))]).is_err());
        let both = Context::described(vec![of("user", Some("a")), of("org", None)]).unwrap();
        assert_eq!(both.individuals().iter().map(Individual::kind).collect::<Vec<_>>(), ["org", "user"]);
    }
}
