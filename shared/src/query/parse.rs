//! From text to tree, with the place of what is wrong.

use super::chars::Chars;
use super::fault::QueryFault;
use super::fuzzy::Word;
use super::pattern::Pattern;
use super::term::{self, Term};
use super::tree::{Node, Query};

/// The longest query, in characters.
pub const MOST_CHARACTERS: usize = 4_096;
/// More groups within groups than this are refused.
const DEEPEST: usize = 32;
/// More words and values of terms than this are refused: each is asked of every flag.
const MOST_VALUES: usize = 256;
/// More regular expressions than this are refused: each takes memory of its own, and time to be read.
const MOST_EXPRESSIONS: usize = 16;

struct Parser<'h> {
    chars: Chars,
    has: &'h [&'h str],
    values: usize,
    expressions: usize,
    environments: Vec<(usize, Pattern)>,
    archived: bool,
    documents: bool,
    words: bool,
    ages: bool,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, QueryFault> {
        Self::parse_knowing(text, &[])
    }

    /// Reads a query whose `has:` also knows the words that the asker marks flags with, like `draft`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse_knowing(text: &str, has: &[&str]) -> Result<Self, QueryFault> {
        if text.chars().nth(MOST_CHARACTERS).is_some() {
            let detail = format!("a query has at most {MOST_CHARACTERS} characters");
            return Err(QueryFault::new(MOST_CHARACTERS, detail));
        }
        let mut parser = Parser {
            chars: Chars::new(text),
            has,
            values: 0,
            expressions: 0,
            environments: Vec::new(),
            archived: false,
            documents: false,
            words: false,
            ages: false,
        };
        let root = parser.alternatives(0)?;
        if parser.chars.peek().is_some() {
            return Err(QueryFault::new(parser.chars.at(), "this ) closes nothing"));
        }
        let Parser { environments, archived, documents, words, ages, .. } = parser;
        Ok(Self { root, environments, archived, documents, words, ages })
    }
}

impl Parser<'_> {
    fn alternatives(&mut self, depth: usize) -> Result<Node, QueryFault> {
        let mut parts = vec![self.sequence(depth)?];
        loop {
            let bar = self.chars.at();
            if !self.chars.takes('|') {
                break;
            }
            let nothing =
                |node: Option<&Node>| matches!(node, Some(Node::All { parts, .. }) if parts.is_empty());
            if nothing(parts.last()) {
                return Err(QueryFault::new(bar, "nothing stands before this |, which means or"));
            }
            let next = self.sequence(depth)?;
            if nothing(Some(&next)) {
                return Err(QueryFault::new(bar, "nothing stands after this |, which means or"));
            }
            parts.push(next);
        }
        match parts.pop() {
            Some(only) if parts.is_empty() => Ok(only),
            last => {
                parts.extend(last);
                Ok(Node::Any(parts))
            }
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, QueryFault> {
        let mut parts = Vec::new();
        let mut scope = Vec::new();
        loop {
            self.chars.skip_space();
            match self.chars.peek() {
                None | Some('|' | ')') => return Ok(Node::All { parts, scope }),
                Some(_) => {}
            }
            let part = self.item(depth)?;
            if let Node::Term(Term::Env(named)) = &part {
                scope.extend(named.iter().cloned());
            }
            parts.push(part);
        }
    }

    fn item(&mut self, depth: usize) -> Result<Node, QueryFault> {
        let at = self.chars.at();
        if !self.chars.takes('-') {
            return self.positive(depth);
        }
        match self.chars.peek() {
            None => Err(QueryFault::new(at, "- excludes what follows it, and nothing does")),
            Some(c) if c.is_whitespace() || matches!(c, '|' | ')') => {
                Err(QueryFault::new(at, "- excludes what follows it, without a space"))
            }
            Some('-') => Err(QueryFault::new(self.chars.at(), "one - is enough")),
            Some(_) => {
                let node = self.positive(depth)?;
                // Letters here and there are in too many keys to exclude by.
                let node = match node {
                    Node::Word(word) => Node::Word(word.together()),
                    other => other,
                };
                Ok(Node::Not(Box::new(node)))
            }
        }
    }

    fn positive(&mut self, depth: usize) -> Result<Node, QueryFault> {
        let at = self.chars.at();
        if self.chars.takes('(') {
            if depth == DEEPEST {
                return Err(QueryFault::new(at, format!("more than {DEEPEST} groups within each other")));
            }
            let node = self.alternatives(depth + 1)?;
            if !self.chars.takes(')') {
                return Err(QueryFault::new(at, "this ( is not closed"));
            }
            if matches!(&node, Node::All { parts, .. } if parts.is_empty()) {
                return Err(QueryFault::new(at, "there is nothing in this group"));
            }
            return Ok(node);
        }
        if let Some(name) = self.chars.name() {
            let read = term::read(&name.to_ascii_lowercase(), at, &mut self.chars, self.has)?;
            self.count(read.term.values(), at)?;
            self.expressions += usize::from(matches!(read.term, Term::Key(_) | Term::Name(_)));
            if self.expressions > MOST_EXPRESSIONS {
                let detail = format!("a query has at most {MOST_EXPRESSIONS} regular expressions");
                return Err(QueryFault::new(at, detail));
            }
            self.environments.extend(read.environments);
            self.archived |= matches!(read.term, Term::Archived(_));
            self.documents |= matches!(read.term, Term::Json(_));
            self.ages |= matches!(read.term, Term::Changed(_) | Term::Stale(_) | Term::Evaluated(_));
            return Ok(Node::Term(read.term));
        }
        let piece = self.chars.word(false)?;
        if piece.text.is_empty() {
            return Err(QueryFault::new(at, "there is nothing in these quotes"));
        }
        self.count(1, at)?;
        self.words = true;
        Ok(Node::Word(Word::new(&piece.text, piece.quoted)))
    }

    fn count(&mut self, more: usize, at: usize) -> Result<(), QueryFault> {
        self.values += more;
        if self.values > MOST_VALUES {
            return Err(QueryFault::new(at, format!("a query has at most {MOST_VALUES} words and values")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String) {
        let fault = Query::parse(text).expect_err(text);
        (fault.at, fault.detail)
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, at, part) in [
            ("pay tag:", 8, "tag: needs a value, like tag:checkout,q4"),
            ("pay tag:a,", 10, "needs a value"),
            ("tga:x", 0, "there is no term tga:"),
            ("ownr:x", 0, "but owner:"),
            ("a | ", 2, "after this |"),
            ("| a", 0, "before this |"),
            ("a || b", 2, "after this |"),
            ("a -", 2, "nothing does"),
            ("a - b", 2, "without a space"),
            ("--a", 1, "one - is enough"),
            ("(a", 0, "not closed"),
            ("a)", 1, "closes nothing"),
            ("a ()", 2, "nothing in this group"),
            ("über \"x", 5, "quote is not closed"),
            ("\"\"", 0, "nothing in these quotes"),
            ("\"a\"b", 3, "space is missing"),
            ("key:[", 4, "no regular expression: unclosed character class"),
            ("key:a{900}{900}{900}", 4, "too large"),
            ("changed:<1y", 9, "no span of time"),
            ("stale:x", 6, "no span of time"),
            ("evaluated:>x", 11, "no span of time"),
            ("type:json,text", 10, "type: is"),
            ("rollout:half", 8, "partial or full"),
            ("json:path", 5, "no place in a document"),
            ("json:/a=", 8, "a value is missing"),
            ("has:draft", 4, "has: knows"),
            ("archived:maybe", 9, "yes, no or any"),
        ] {
            let (found, detail) = fault(text);
            assert_eq!(found, at, "{text}: {detail}");
            assert!(detail.contains(part), "{text}: {detail}");
        }
        assert_eq!(fault(&"a".repeat(MOST_CHARACTERS + 1)).0, MOST_CHARACTERS);
        assert_eq!(fault(&"(".repeat(100)).0, 32);
    }

    #[test]
    fn a_query_asks_only_so_much_of_every_flag() {
        let words = |many: usize| "a ".repeat(many);
        assert!(Query::parse(&words(MOST_VALUES)).is_ok());
        assert_eq!(fault(&words(MOST_VALUES + 1)).0, 2 * MOST_VALUES);
        for (name, value) in [("tag", "x"), ("env", "x"), ("has", "rules"), ("type", "json")] {
            let term = format!("{name}:{}", vec![value; MOST_VALUES + 1].join(","));
            assert!(fault(&term).1.contains("words and values"), "{name}");
        }
        let expressions = |many: usize| "key:^a ".repeat(many);
        assert!(Query::parse(&expressions(MOST_EXPRESSIONS)).is_ok());
        let (at, detail) = fault(&expressions(MOST_EXPRESSIONS + 1));
        assert_eq!((at, detail.contains("regular expressions")), (7 * MOST_EXPRESSIONS, true));
    }

    #[test]
    fn words_may_hold_what_terms_and_groups_are_made_of() {
        for text in [
            "",
            "   ",
            "a.b-c",
            "\"a:b\"",
            "key:^(a|b)$",
            "(key:^(a|b)c)",
            "key:[)(]",
            "key:\\(",
            "-(a | -b)",
            "json:/a={\"b\": [1, 2]}",
            "json:\"/a b\"=\"x y\"",
            "tag:\"two words\",x",
            "by:user:alice",
            "1:2",
            "on:* off:prod-eu",
            "TAG:x",
            "json:/a",
        ] {
            assert!(Query::parse(text).is_ok(), "{text}: {:?}", Query::parse(text));
        }
        assert!(Query::parse_knowing("has:draft,rules", &["draft"]).is_ok());
    }

    #[test]
    fn a_query_says_what_it_needs() {
        let query = Query::parse("env:staging -on:prod json:/a archived:any").unwrap();
        assert!(query.needs_documents() && query.speaks_of_archived() && !query.ranks() && !query.is_empty());
        assert!(!query.speaks_of_ages() && Query::parse("-stale:1d").unwrap().speaks_of_ages());
        assert!(Query::parse("evaluated:never").unwrap().speaks_of_ages());
        assert_eq!(query.check_environments(&["staging", "production"]), Ok(()));
        let fault = query.check_environments(&["staging", "live"]).unwrap_err();
        assert_eq!((fault.at, fault.detail.contains("staging, live")), (16, true));
        assert!(Query::parse(" ").unwrap().is_empty() && Query::parse("x").unwrap().ranks());
    }
}
