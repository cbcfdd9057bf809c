//! Changes of a configuration as wishes, based on what was seen of it.

use crate::plan::{Edit, Touch, Wish};
use crate::route::Document;
use crate::world::World;
use shared::json::Json;

/// A configuration as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The document.
    pub document: Json,
    /// The revision that last changed it.
    pub revision: u64,
}

impl Seen {
    /// Reads a configuration's row.
    #[must_use]
    pub fn read(row: &Json) -> Option<Self> {
        let document = row.get("config").or_else(|| row.get("document"))?.clone();
        Some(Self { document, revision: crate::cache::rows::number(row.get("revision")) })
    }

    /// What the cache has.
    #[must_use]
    pub fn cached(world: &World, flag: &str, environment: &str) -> Option<Self> {
        Self::read(world.cache.configs.get(&(flag.to_owned(), environment.to_owned()))?)
    }
}

/// The path of a configuration in the API.
#[must_use]
pub fn config_path(flag: &str, environment: &str) -> String {
    use crate::request::encoded;
    format!("/api/flags/{}/config/{}", encoded(flag), encoded(environment))
}

/// A wish that makes `ours` of a configuration; what came since `seen` is merged, or settled by hand.
#[must_use]
pub fn replace(
    world: &World,
    flag: &str,
    environment: &str,
    seen: &Seen,
    ours: &Json,
    title: String,
    cli: String,
) -> Wish {
    let mutation = [
        ("op", Json::from("replaceConfig")),
        ("flag", Json::from(flag)),
        ("environment", Json::from(environment)),
        ("config", ours.clone()),
    ]
    .into_iter()
    .collect();
    let touch = Touch { key: flag.to_owned(), environment: Some(environment.to_owned()) };
    let mut wish = Wish::mutations(title, vec![mutation], vec![touch]).based_on(seen.revision).with_cli(cli);
    let document = Document::Config { flag: flag.to_owned(), environment: environment.to_owned() };
    // An edit's draft goes when it is applied: a draft that somebody keeps of the same document is another edit.
    if !world.drafts.contains_key(&document) {
        wish.edit = Some(Box::new(Edit {
            document,
            base: seen.document.clone(),
            ours: ours.clone(),
            text: shared::json::pretty(ours),
            base_revision: seen.revision,
        }));
    }
    wish
}
