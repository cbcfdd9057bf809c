//! What could be typed next.

use super::chars::ends;
use super::term::TERMS;

/// What could stand in the place of what was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// Where what was begun begins, in characters: an option takes the place of everything from here to
    /// the cursor.
    pub from: usize,
    /// What could stand there, in order.
    pub options: Vec<String>,
}

/// Completes a query at a cursor (in characters): the names of terms, and after a colon their values.
/// `values` knows those of a term that depend on what there is, like tags for `tag`.
pub fn completions(text: &str, cursor: usize, values: &dyn Fn(&str) -> Vec<String>) -> Completions {
    let before: Vec<char> = text.chars().take(cursor).collect();
    let (mut start, mut quoted) = (0, false);
    for (i, c) in before.iter().enumerate() {
        match c {
            '"' => quoted = !quoted,
            c if !quoted && ends(*c) => start = i + 1,
            '-' if !quoted && start == i => start = i + 1,
            _ => {}
        }
    }
    let begun: String = before.iter().skip(start).collect();
    let Some((name, value)) = begun.split_once(':') else {
        let fitting = TERMS.iter().filter(|term| term.name.starts_with(&begun.to_lowercase()));
        let options = fitting.map(|term| format!("{}:", term.name)).collect();
        return Completions { from: start, options };
    };
    let name = name.to_lowercase();
    let Some(term) = TERMS.iter().find(|term| term.name == name) else { return Completions::default() };
    let last = value.rsplit(',').next().unwrap_or(value);
    let from = before.len() - last.chars().count();
    let wanted = last.trim_start_matches('"').to_lowercase();
    let mut options: Vec<String> = Vec::new();
    let known = term.values.iter().map(|v| (*v).to_owned()).chain(values(&name));
    for option in known.filter(|option| option.to_lowercase().starts_with(&wanted)) {
        let option = written(&option);
        if !options.contains(&option) {
            options.push(option);
        }
    }
    Completions { from, options }
}

/// A value as a query holds it.
fn written(value: &str) -> String {
    if value.chars().any(|c| ends(c) || matches!(c, ',' | '"' | '*')) {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> (usize, Vec<String>) {
        let values = |name: &str| match name {
            "on" | "env" => vec!["production".to_owned(), "staging".to_owned()],
            "tag" => vec!["checkout".to_owned(), "two words".to_owned()],
            "has" => vec!["draft".to_owned()],
            _ => vec![],
        };
        let found = completions(text, text.chars().count(), &values);
        (found.from, found.options)
    }

    #[test]
    fn names_and_values_of_terms_are_completed() {
        assert_eq!(complete("pay o"), (4, vec!["owner:".into(), "on:".into(), "off:".into()]));
        assert_eq!(complete("-o").0, 1);
        assert_eq!(complete("(a|ar"), (3, vec!["archived:".into()]));
        assert_eq!(complete("ü on:p"), (5, vec!["production".into()]));
        assert_eq!(complete("on:production,"), (14, vec!["production".into(), "staging".into()]));
        assert_eq!(complete("tag:two"), (4, vec!["\"two words\"".into()]));
        assert_eq!(complete("tag:\"two w"), (4, vec!["\"two words\"".into()]));
        assert_eq!(complete("has:dr"), (4, vec!["draft".into()]));
        assert_eq!(complete("rollout:"), (8, vec!["partial".into(), "full".into()]));
        assert_eq!(complete("nothing:x"), (0, vec![]));
        assert_eq!(complete("").1.len(), TERMS.len());
        let cut = completions("on:prod tag:x", 2, &|_| vec![]);
        assert_eq!((cut.from, cut.options), (0, vec!["on:".to_owned()]));
        assert_eq!(completions("x", 99, &|_| vec![]).from, 0);
    }
}
