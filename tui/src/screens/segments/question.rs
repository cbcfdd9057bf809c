//! Asks whether a context is in the selected segment.

use super::{NAMED, Segments};
use crate::effect::Read;
use crate::request::encoded;
use crate::screens::Do;
use crate::widgets::membership::{self, Membership};
use crate::world::World;
use shared::json::Json;
use std::collections::BTreeMap;

impl Segments {
    /// Decides the question anew, and asks for segments that it has to know.
    pub(super) fn ask_membership(&mut self, world: &World, given_up: bool) -> Vec<Do> {
        let Some(key) = self.key.clone() else { return Vec::new() };
        if self.check.text().trim().is_empty() {
            self.answer = None;
            return Vec::new();
        }
        let mut rows: BTreeMap<String, Json> = world
            .cache
            .segments
            .iter()
            .filter(|((environment, _), row)| {
                *environment == self.environment && row.get("document").is_some()
            })
            .map(|((_, key), row)| (key.clone(), row.clone()))
            .collect();
        let mut answer = membership::decide(&rows, &key, self.check.text());
        if let (true, Membership::Missing(missing)) = (given_up, &answer) {
            for key in missing {
                rows.insert(key.clone(), Json::Null);
            }
            answer = membership::decide(&rows, &key, self.check.text());
        }
        let asks = match &answer {
            Membership::Missing(missing) => (NAMED..)
                .zip(missing)
                .map(|(tag, key)| Do::Ask(tag, Read::get(format!("{}/{}", self.path(), encoded(key)))))
                .collect(),
            _ => Vec::new(),
        };
        self.answer = Some(answer);
        asks
    }
}
