//! Individual targets, in one map a kind: however many keys there are, one look-up finds the list.

use std::collections::HashSet;

use super::keys::ByText;
use super::kind::{Kind, kind};
use crate::context::{Context, DEFAULT_KIND};
use crate::targeting::Target;

/// The individual targets of a flag; most have none.
#[derive(Debug, Default)]
pub(super) struct Targets(Option<Box<Lists>>);

#[derive(Debug, Default)]
struct Lists {
    // In the order in which they count; place holders are resolved.
    lists: Vec<TargetList>,
    kinds: Vec<KeysOfKind>,
}

/// One list; its keys are in the map of its kind.
#[derive(Debug)]
pub(super) struct TargetList {
    pub(super) kind: Kind,
    pub(super) variation: i64,
}

#[derive(Debug)]
struct KeysOfKind {
    kind: Kind,
    /// The first list that has the key.
    lists: ByText<usize>,
}

impl Targets {
    /// Entries of users without keys in `contextTargets` stand for the first entry of that variation in
    /// `targets`; if there are none at all, `targets` is all there is.
    pub(super) fn new(of_users: &[Target], of_any: &[Target]) -> Self {
        let mut targets = Lists::default();
        if of_any.is_empty() {
            for target in of_users {
                targets.push(target);
            }
        }
        // A second place holder of a variation could only repeat the first.
        let mut held = HashSet::new();
        for target in of_any {
            let kind = target.context_kind.as_deref().unwrap_or_default();
            if !target.values.is_empty() || !(kind.is_empty() || kind == DEFAULT_KIND) {
                targets.push(target);
            } else if held.insert(target.variation)
                && let Some(meant) = of_users.iter().find(|other| other.variation == target.variation)
            {
                targets.push(meant);
            }
        }
        Self((!targets.lists.is_empty()).then(|| Box::new(targets)))
    }

    /// Whether there are none.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether any list names anybody.
    pub(super) fn name_anybody(&self) -> bool {
        self.0.as_ref().is_some_and(|all| all.kinds.iter().any(|keys| !keys.lists.is_empty()))
    }

    /// The lists, in the order in which they count.
    pub(super) fn lists(&self) -> &[TargetList] {
        self.0.as_ref().map_or(&[], |all| &all.lists)
    }

    /// The first list that has a key of the context.
    pub(super) fn find(&self, context: &Context) -> Option<usize> {
        let all = self.0.as_ref()?;
        let hits = all.kinds.iter().filter_map(|keys| keys.lists.get(context.of_kind(&keys.kind)?.key()));
        hits.min().copied()
    }
}

impl Lists {
    fn push(&mut self, target: &Target) {
        let kind = kind(target.context_kind.as_deref());
        let position = self.lists.len();
        let at = self.kinds.iter().position(|keys| keys.kind == kind).unwrap_or_else(|| {
            self.kinds.push(KeysOfKind { kind: kind.clone(), lists: ByText::default() });
            self.kinds.len() - 1
        });
        if let Some(keys) = self.kinds.get_mut(at) {
            for key in &target.values {
                keys.lists.entry(key.as_str().into()).or_insert(position);
            }
        }
        self.lists.push(TargetList { kind, variation: target.variation });
    }
}
