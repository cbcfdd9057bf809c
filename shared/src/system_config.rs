//! The system-config view: groups and a percentage, as a part of a boolean flag's document.

use crate::fault::Fault;
use crate::flag::{Flag, FlagKind};
use crate::json::Json;
use crate::key::{EnvironmentKey, FlagKey, ProjectKey};
use crate::read::{Fields, FromJson};

/// The id of the rule that belongs to the view.
pub const RULE_ID: &str = "system-config";

/// The attribute of users that names their groups.
pub const ATTRIBUTE: &str = "groups";

/// The most groups that a flag may name.
pub const MAX_GROUPS: usize = 1000;

const WHOLE: i64 = 100_000;

/// To whom a flag is shown while it is on: this percentage of the members of these groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The groups; none = everyone.
    pub groups: Vec<String>,
    /// How many of them, 0 to 100.
    pub percentage: u8,
}

impl Default for Audience {
    fn default() -> Self {
        Self { groups: Vec::new(), percentage: 100 }
    }
}

/// The indexes of a boolean flag's two values.
struct Indexes {
    yes: usize,
    no: usize,
}

fn indexes(flag: &Flag) -> Option<Indexes> {
    if flag.kind != FlagKind::Boolean {
        return None;
    }
    Some(Indexes { yes: flag.index_of(&Json::Bool(true))?, no: flag.index_of(&Json::Bool(false))? })
}

/// What the view shows of a document; `None` where the flag has another shape.
pub fn audience(flag: &Flag, document: &Json) -> Option<Audience> {
    let at = indexes(flag)?;
    let off = document.get("offVariation").filter(|v| !v.is_null());
    if off.is_some_and(|off| off.as_i64() != i64::try_from(at.no).ok()) {
        return None;
    }
    let fallthrough = document.get("fallthrough")?;
    let rules = document.get("rules").and_then(Json::as_array).unwrap_or_default();
    let Some(place) = rules.iter().position(is_ours) else {
        return Some(Audience { groups: Vec::new(), percentage: percentage(&at, fallthrough)? });
    };
    let rule = rules.first().filter(|_| place == 0)?;
    if percentage(&at, fallthrough) != Some(0) {
        return None;
    }
    Some(Audience { groups: groups(rule)?, percentage: percentage(&at, rule)? })
}

fn is_ours(rule: &Json) -> bool {
    rule.get("id").and_then(Json::as_str) == Some(RULE_ID)
}

/// The groups of a rule that has our one clause.
fn groups(rule: &Json) -> Option<Vec<String>> {
    let [clause] = rule.get("clauses")?.as_array()? else { return None };
    let text = |member: &str| clause.get(member).and_then(Json::as_str);
    let of_users = clause.get("contextKind").is_none_or(|kind| kind.as_str() == Some("user"));
    let negated = clause.get("negate").is_some_and(|negate| negate.as_bool() != Some(false));
    if text("op") != Some("in") || text("attribute") != Some(ATTRIBUTE) || !of_users || negated {
        return None;
    }
    let groups: Option<Vec<String>> =
        clause.get("values")?.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    groups.filter(|groups| !groups.is_empty())
}

/// The share of `true` in what is served, where it is a value or a rollout by key that begins with `true`.
fn percentage(at: &Indexes, serve: &Json) -> Option<u8> {
    let index = |json: &Json| json.as_i64().and_then(|i| usize::try_from(i).ok());
    if let Some(variation) = serve.get("variation").filter(|v| !v.is_null()) {
        return match index(variation)? {
            i if i == at.yes => Some(100),
            i if i == at.no => Some(0),
            _ => None,
        };
    }
    let rollout = serve.get("rollout")?;
    let plain = rollout.as_object()?.iter().all(|(name, value)| match name.as_str() {
        "variations" => true,
        "contextKind" => value.as_str() == Some("user"),
        "bucketBy" => value.as_str() == Some("key"),
        "kind" => value.as_str() == Some("rollout"),
        _ => false,
    });
    let [first, second] = rollout.get("variations")?.as_array()? else { return None };
    let part = |json: &Json| Some((index(json.get("variation")?)?, json.get("weight")?.as_i64()?));
    let ((yes, weight), (no, rest)) = (part(first)?, part(second)?);
    if !plain
        || yes != at.yes
        || no != at.no
        || !(0..=WHOLE).contains(&weight)
        || rest != WHOLE - weight
        || weight % 1000 != 0
    {
        return None;
    }
    u8::try_from(weight / 1000).ok()
}

/// Puts an audience into a document; everything that the view does not own stays. `None` where the flag
/// lacks one of the two values.
pub fn with_audience(flag: &Flag, document: &Json, audience: &Audience) -> Option<Json> {
    let at = indexes(flag)?;
    let mut document = document.clone();
    if document.get("offVariation").is_none_or(Json::is_null) {
        document.set("offVariation", Json::from(at.no));
    }
    let rules = document.get("rules").and_then(Json::as_array).unwrap_or_default();
    let mut rule = rules.iter().find(|rule| is_ours(rule)).cloned().unwrap_or_else(Json::object);
    let mut rules: Vec<Json> = rules.iter().filter(|rule| !is_ours(rule)).cloned().collect();
    if audience.groups.is_empty() {
        document.set("fallthrough", serve(&at, audience.percentage));
    } else {
        document.set("fallthrough", serve(&at, 0));
        rule.set("id", Json::from(RULE_ID));
        rule.set("clauses", Json::Array(vec![clause(&audience.groups)]));
        rule.remove("variation");
        rule.remove("rollout");
        for (name, value) in serve(&at, audience.percentage).as_object().unwrap_or_default() {
            rule.set(name, value.clone());
        }
        rules.insert(0, rule);
    }
    if !rules.is_empty() || document.get("rules").is_some() {
        document.set("rules", Json::Array(rules));
    }
    Some(document)
}

fn clause(groups: &[String]) -> Json {
    [
        ("contextKind", Json::from("user")),
        ("attribute", Json::from(ATTRIBUTE)),
        ("op", Json::from("in")),
        ("values", Json::Array(groups.iter().map(|g| Json::from(g.as_str())).collect())),
        ("negate", Json::Bool(false)),
    ]
    .into_iter()
    .collect()
}

/// All and nobody are values, not rollouts: no rounding can let anybody slip through.
fn serve(at: &Indexes, percentage: u8) -> Json {
    let one = |index: usize| -> Json { [("variation", Json::from(index))].into_iter().collect() };
    match percentage {
        0 => one(at.no),
        100.. => one(at.yes),
        _ => {
            let weight = i64::from(percentage) * 1000;
            let part = |index: usize, weight: i64| -> Json {
                [("variation", Json::from(index)), ("weight", Json::from(weight))].into_iter().collect()
            };
            let rollout: Json = [
                ("contextKind", Json::from("user")),
                ("variations", Json::Array(vec![part(at.yes, weight), part(at.no, WHOLE - weight)])),
            ]
            .into_iter()
            .collect();
            [("rollout", rollout)].into_iter().collect()
        }
    }
}

/// What a request names; what it leaves out stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// On or off.
    pub enabled: Option<bool>,
    /// What the flag is for.
    pub description: Option<String>,
    /// The groups; an empty list = everyone.
    pub groups: Option<Vec<String>>,
    /// The percentage.
    pub percentage: Option<u8>,
    /// Anything else: an object.
    pub metadata: Option<Json>,
}

impl Edit {
    /// Reads the members of the view out of a request, beside others that the caller takes.
    pub fn take(fields: &mut Fields<'_>) -> Self {
        let enabled = fields.take::<Option<bool>>("enabled").flatten();
        let description = fields.raw("description").and_then(|json| match json {
            Json::Null => Some(String::new()),
            _ => fields.take::<String>("description"),
        });
        let groups = fields.raw("allowedGroups").and_then(|json| match json {
            Json::Null => Some(Vec::new()),
            _ => fields.take::<Groups>("allowedGroups").map(|groups| groups.0),
        });
        let percentage = fields.take::<Option<Percentage>>("rolloutPercentage").flatten();
        let metadata = fields.raw("metadata").map(|json| match json {
            Json::Null => Json::object(),
            other => other.clone(),
        });
        if metadata.as_ref().is_some_and(|m| m.as_object().is_none()) {
            fields.fault("metadata", "must be an object");
        }
        Self { enabled, description, groups, percentage: percentage.map(|p| p.0), metadata }
    }

    /// Whether it says anything about groups or percentage.
    pub const fn names_audience(&self) -> bool {
        self.groups.is_some() || self.percentage.is_some()
    }
}

/// An edit of a flag through the view.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The project of the view.
    pub project: ProjectKey,
    /// The environment of the view.
    pub environment: EnvironmentKey,
    /// The flag.
    pub flag: FlagKey,
    /// What shall be different.
    pub edit: Edit,
    /// Whether on and off change places, where the edit does not say which.
    pub flip: bool,
    /// The ETag of the view that was read, if one was sent.
    pub if_match: Option<String>,
}

struct Percentage(u8);

impl FromJson for Percentage {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let number = i64::from_json(json, at)?;
        match u8::try_from(number) {
            Ok(percentage) if percentage <= 100 => Ok(Self(percentage)),
            _ => Err(vec![Fault::new(at, format!("must be 0 to 100, not {number}"))]),
        }
    }
}

struct Groups(Vec<String>);

impl FromJson for Groups {
    fn from_json(json: &Json, at: &str) -> Result<Self, Vec<Fault>> {
        let mut groups: Vec<String> = Vec::new();
        for group in Vec::<String>::from_json(json, at)? {
            if group.trim().is_empty() {
                return Err(vec![Fault::new(at, "holds a name that is empty")]);
            }
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        if groups.len() > MAX_GROUPS {
            return Err(vec![Fault::new(at, format!("holds more than {MAX_GROUPS} groups"))]);
        }
        Ok(Self(groups))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::{Variation, new_document};
    use crate::json::parse;

    fn flag() -> Flag {
        Flag {
            id: uuid::Uuid::nil(),
            project: ProjectKey::default(),
            key: FlagKey::new("f").unwrap(),
            name: "f".into(),
            description: String::new(),
            kind: FlagKind::Boolean,
            variations: vec![Variation::of(Json::Bool(true)), Variation::of(Json::Bool(false))],
            flag_version: 1,
            tags: vec![],
            owner: None,
            temporary: true,
            client_side_availability: Default::default(),
            metadata: Json::object(),
            value_schema: None,
            archived: false,
        }
    }

    fn of(groups: &[&str], percentage: u8) -> Audience {
        Audience { groups: groups.iter().map(|g| (*g).to_owned()).collect(), percentage }
    }

    #[test]
    fn every_audience_comes_back_as_it_was_put_over_every_other() {
        let flag = flag();
        let mut document = new_document(FlagKind::Boolean, 2, true);
        for groups in [&[][..], &["ops"], &[], &["ops", "a b"]] {
            for percentage in 0..=100 {
                let wanted = of(groups, percentage);
                document = with_audience(&flag, &document, &wanted).unwrap();
                assert_eq!(audience(&flag, &document).unwrap(), wanted);
                let faults = crate::targeting::check_flag(&document, 2, &|i| i < 2);
                assert!(faults.is_empty(), "{faults:?}");
            }
        }
    }

    #[test]
    fn what_the_view_does_not_own_stays_after_it() {
        let text = r#"{"on":true,"fallthrough":{"variation":0},"offVariation":1,"targets":[{"values":["u"],"variation":1}],
            "rules":[{"id":"beta","variation":0,"clauses":[{"attribute":"x","op":"in","values":[1.0]}]}],"note":1.50}"#;
        let before = parse(text).unwrap();
        let after = with_audience(&flag(), &before, &of(&["ops"], 25)).unwrap();
        let rules = after.get("rules").unwrap().as_array().unwrap();
        assert_eq!(rules[0].get("id").unwrap().as_str(), Some(RULE_ID));
        assert_eq!(Some(&rules[1]), before.get("rules").unwrap().as_array().unwrap().first());
        assert_eq!(after.get("targets"), before.get("targets"));
        assert_eq!(after.get("note").unwrap().to_text(), "1.50");
        let back = with_audience(&flag(), &after, &of(&[], 100)).unwrap();
        assert_eq!(back, before);
    }

    #[test]
    fn other_shapes_are_told_apart() {
        for text in [
            r#"{"on":true}"#,
            r#"{"on":true,"fallthrough":{"variation":0},"offVariation":0}"#,
            r#"{"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":50500},{"variation":1,"weight":49500}]}}}"#,
            r#"{"fallthrough":{"rollout":{"seed":1,"variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]}}}"#,
            r#"{"fallthrough":{"rollout":{"bucketBy":"email","variations":[{"variation":0,"weight":50000},{"variation":1,"weight":50000}]}}}"#,
            r#"{"fallthrough":{"rollout":{"variations":[{"variation":1,"weight":50000},{"variation":0,"weight":50000}]}}}"#,
            r#"{"fallthrough":{"variation":0},"rules":[{"id":"system-config","variation":0,"clauses":[{"attribute":"groups","op":"in","values":["a"]}]}]}"#,
            r#"{"fallthrough":{"variation":1},"rules":[{"id":"a","variation":0,"clauses":[]},{"id":"system-config","variation":0,"clauses":[{"attribute":"groups","op":"in","values":["a"]}]}]}"#,
            r#"{"fallthrough":{"variation":1},"rules":[{"id":"system-config","variation":0,"clauses":[{"attribute":"groups","op":"in","values":["a"],"negate":true}]}]}"#,
        ] {
            assert_eq!(audience(&flag(), &parse(text).unwrap()), None, "{text}");
        }
    }

    #[test]
    fn a_request_is_read_member_by_member() {
        let read = |text: &str| {
            let json = parse(text).unwrap();
            let mut fields = Fields::of(&json, "").unwrap();
            let edit = Edit::take(&mut fields);
            fields.finish().map(|()| edit)
        };
        let edit =
            read(r#"{"allowedGroups":["a","b","a"],"rolloutPercentage":7,"description":null}"#).unwrap();
        assert_eq!(edit.groups.unwrap(), ["a", "b"]);
        assert_eq!((edit.percentage, edit.description.as_deref()), (Some(7), Some("")));
        assert_eq!(read(r#"{"allowedGroups":null}"#).unwrap().groups, Some(vec![]));
        for wrong in [
            r#"{"rolloutPercentage":101}"#,
            r#"{"rolloutPercentage":-1}"#,
            r#"{"rolloutPercentage":12.5}"#,
            r#"{"rolloutPercentage":"12"}"#,
            r#"{"allowedGroups":"a"}"#,
            r#"{"allowedGroups":[""]}"#,
            r#"{"metadata":[1]}"#,
            r#"{"enabled":"yes"}"#,
        ] {
            assert_eq!(read(wrong).unwrap_err().len(), 1, "{wrong}");
        }
    }
}
