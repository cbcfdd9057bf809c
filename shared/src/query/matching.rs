//! Whether a flag fits a query, and how well.

use time::OffsetDateTime;

use super::age::Age;
use super::fuzzy::Word;
use super::pattern::Pattern;
use super::subject::{Place, State, Subject};
use super::term::{Archived, Division, Inside, Lately, Term};
use super::tree::{Node, Query};
use crate::json::Json;

impl Query {
    /// How well a flag fits, more is better; `None` where it does not. Only words make a difference: what
    /// fits terms alone has 0. `now` is what ages are counted from.
    pub fn matches(&self, subject: &Subject<'_>, now: OffsetDateTime) -> Option<u32> {
        Asked { subject, now, scope: &[] }.node(&self.root)
    }
}

/// What is asked, at one level of the tree.
#[derive(Clone, Copy)]
struct Asked<'s, 'a> {
    subject: &'s Subject<'a>,
    now: OffsetDateTime,
    scope: &'s [Pattern],
}

impl<'s, 'a> Asked<'s, 'a> {
    fn node(self, node: &'s Node) -> Option<u32> {
        match node {
            Node::All { parts, scope } => {
                let inner = if scope.is_empty() { self } else { Self { scope, ..self } };
                parts.iter().try_fold(0_u32, |sum, part| Some(sum.saturating_add(inner.node(part)?)))
            }
            Node::Any(parts) => parts.iter().filter_map(|part| self.node(part)).max(),
            Node::Not(part) => {
                if self.node(part).is_some() {
                    None
                } else {
                    Some(0)
                }
            }
            Node::Word(word) => self.word(word),
            Node::Term(term) => self.term(term).then_some(0),
        }
    }

    fn word(self, word: &Word) -> Option<u32> {
        let key = word.score(self.subject.key).map(|score| score + score / 2);
        let tags = self.subject.tags.iter().filter_map(|tag| word.score(tag));
        key.into_iter().chain(word.score(self.subject.name)).chain(tags).max()
    }

    fn term(self, term: &Term) -> bool {
        let subject = self.subject;
        match term {
            Term::Tag(patterns) => subject.tags.iter().any(|tag| fits(patterns, tag)),
            Term::Owner(patterns) => subject.owner.is_some_and(|owner| fits(patterns, owner)),
            Term::Kind(kinds) => kinds.contains(&subject.kind),
            Term::Env(patterns) => self.named(patterns).any(|place| place.state.is_some()),
            Term::On(patterns) => self.states(patterns).any(|state| state.summary.on),
            Term::Off(patterns) => self.states(patterns).any(|state| !state.summary.on),
            Term::Rollout(wanted) => self.here().any(|state| {
                let partial = state.summary.default.is_partial();
                state.summary.on
                    && wanted.contains(if partial { &Division::Partial } else { &Division::Full })
            }),
            Term::Differs(patterns) => self.differs(patterns),
            Term::Changed(age) => self.newest().is_some_and(|at| age.fits(self.now - at)),
            Term::Stale(span) => self.newest().is_some_and(|at| self.now - at >= *span),
            Term::Evaluated(lately) => {
                let last = self.here().filter_map(|state| state.last_evaluated).max();
                match (lately, last) {
                    (Lately::Never, last) => last.is_none(),
                    (Lately::Age(age), Some(at)) => age.fits(self.now - at),
                    (Lately::Age(age), None) => matches!(age, Age::Beyond(_)),
                }
            }
            Term::By(patterns) => {
                let own = self.scope.is_empty().then_some(subject.changed_by);
                let mut actors = own.into_iter().chain(self.here().map(|state| state.changed_by));
                actors.any(|actor| {
                    fits(patterns, actor)
                        || actor.split_once(':').is_some_and(|(_, name)| fits(patterns, name))
                })
            }
            Term::Prereq(patterns) => {
                self.here().any(|state| state.summary.prerequisites.iter().any(|key| fits(patterns, key)))
            }
            Term::Segment(patterns) => {
                self.here().any(|state| state.summary.segments.iter().any(|key| fits(patterns, key)))
            }
            Term::Key(expression) => expression.is_match(subject.key),
            Term::Name(expression) => expression.is_match(subject.name),
            Term::Value(patterns) => self.here().any(|state| {
                self.served(&state).any(|value| match value.as_str() {
                    Some(text) => fits(patterns, text),
                    None => fits(patterns, &value.to_text()),
                })
            }),
            Term::Json(inside) => self.here().any(|state| {
                state.document.is_some_and(|document| holds(inside, document))
                    || self.served(&state).any(|value| holds(inside, value))
            }),
            Term::Has(words) => words.iter().any(|word| self.has(word)),
            Term::Archived(Archived::Any) => true,
            Term::Archived(wanted) => subject.archived == (*wanted == Archived::Yes),
        }
    }

    fn has(self, word: &str) -> bool {
        let subject = self.subject;
        let here = |some: fn(&State<'_>) -> bool| self.here().any(|state| some(&state));
        let known = match word {
            "description" => !subject.description.trim().is_empty(),
            "owner" => subject.owner.is_some(),
            "tag" => !subject.tags.is_empty(),
            "prereq" => here(|state| !state.summary.prerequisites.is_empty()),
            "rollout" => here(|state| state.summary.default.is_partial()),
            "rules" => here(|state| state.summary.rules > 0),
            "segment" => here(|state| !state.summary.segments.is_empty()),
            "targets" => here(|state| state.summary.targets > 0),
            _ => false,
        };
        known || subject.marks.contains(&word)
    }

    /// The environments that these patterns name: by the whole key, or by its beginning where no
    /// environment has that as its key.
    fn named(self, patterns: &'s [Pattern]) -> impl Iterator<Item = &'s Place<'a>> {
        let all = self.subject.environments;
        all.iter().filter(move |place| {
            patterns.iter().any(|pattern| {
                pattern.fits(place.key)
                    || (pattern.begins(place.key) && !all.iter().any(|other| pattern.fits(other.key)))
            })
        })
    }

    fn states(self, patterns: &'s [Pattern]) -> impl Iterator<Item = State<'a>> {
        self.named(patterns).filter_map(|place| place.state)
    }

    /// The environments that this level is about.
    fn places(self) -> impl Iterator<Item = &'s Place<'a>> {
        let all = self.scope.is_empty().then_some(self.subject.environments);
        all.into_iter().flatten().chain(self.named(self.scope))
    }

    /// How the flag stands in the environments that this level is about.
    fn here(self) -> impl Iterator<Item = State<'a>> {
        self.places().filter_map(|place| place.state)
    }

    /// The newest change: of the flag and everywhere, or only in the environments that this level is about.
    fn newest(self) -> Option<OffsetDateTime> {
        let own = self.scope.is_empty().then_some(self.subject.changed_at);
        own.into_iter().chain(self.here().map(|state| state.changed_at)).max()
    }

    fn differs(self, patterns: &'s [Pattern]) -> bool {
        self.named(patterns).any(|one| {
            self.places().any(|other| {
                one.key != other.key
                    && match (&one.state, &other.state) {
                        (Some(one), Some(other)) => one.summary.digest != other.summary.digest,
                        (None, None) => false,
                        _ => true,
                    }
            })
        })
    }

    /// The values that are served by default.
    fn served(self, state: &State<'a>) -> impl Iterator<Item = &'a Json> {
        let variations = self.subject.variations;
        state
            .summary
            .served()
            .filter_map(|index| variations.get(index))
            .map(|v| &v.value)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

fn fits(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.fits(text))
}

fn holds(inside: &Inside, document: &Json) -> bool {
    let Some(found) = inside.pointer.resolve(document) else { return false };
    inside.wanted.as_ref().is_none_or(|(value, text)| found.same_value(value) || found.as_str() == Some(text))
}
