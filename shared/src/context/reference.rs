//! Attribute references: a name or a path into a context, checked once.

/// Why a text does not refer to an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// `""` or `"/"`.
    #[error("an attribute reference must name something")]
    Empty,
    /// A double or a trailing slash.
    #[error("an attribute reference must not have an empty part (a double or a trailing slash)")]
    EmptyPart,
    /// A `~` that is neither `~0` nor `~1`.
    #[error("in an attribute reference '~' must be written \"~0\", and '/' inside a name \"~1\"")]
    Escape,
}

/// A checked attribute reference: `name`, or `/address/street`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    text: Box<str>,
    first: Box<str>,
    rest: Box<[Box<str>]>,
}

impl Reference {
    /// Reads `name` or `/path/to/it`, with `~1` for a slash and `~0` for a tilde inside a part.
    ///
    /// # Errors
    /// The text names nothing, has an empty part or a wrong escape.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let Some(path) = text.strip_prefix('/') else {
            return if text.is_empty() {
                Err(ReferenceError::Empty)
            } else {
                Ok(Self { text: text.into(), first: text.into(), rest: Box::default() })
            };
        };
        if path.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let mut parts = path.split('/').map(unescape);
        let first = parts.next().unwrap_or(Err(ReferenceError::Empty))?;
        let rest = parts.collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), first, rest })
    }

    /// Takes `name` as the name of a top-level attribute, slashes and tildes included.
    ///
    /// # Errors
    /// The name is empty.
    pub fn literal(name: &str) -> Result<Self, ReferenceError> {
        if name.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let text = if name.starts_with('/') {
            format!("/{}", name.replace('~', "~0").replace('/', "~1")).into()
        } else {
            name.into()
        };
        Ok(Self { text, first: name.into(), rest: Box::default() })
    }

    /// Reads what stands in a clause or a rollout: a literal name where no context kind stands
    /// beside it (as old documents have it), else a reference.
    ///
    /// # Errors
    /// As [`Self::literal`] and [`Self::parse`].
    pub fn beside_kind(text: &str, kind: Option<&str>) -> Result<Self, ReferenceError> {
        match kind {
            None | Some("") => Self::literal(text),
            Some(_) => Self::parse(text),
        }
    }

    /// The reference as [`Self::parse`] reads it back.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name of the top-level attribute.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// The members to descend through, below the top-level attribute.
    pub fn rest(&self) -> &[Box<str>] {
        &self.rest
    }
}

fn unescape(part: &str) -> Result<Box<str>, ReferenceError> {
    if part.is_empty() {
        return Err(ReferenceError::EmptyPart);
    }
    if !part.contains('~') {
        return Ok(part.into());
    }
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        out.push(match (c, c == '~') {
            (c, false) => c,
            _ => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(ReferenceError::Escape),
            },
        });
    }
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_refer_is_refused() {
        for (text, error) in [
            ("", ReferenceError::Empty),
            ("/", ReferenceError::Empty),
            ("//", ReferenceError::EmptyPart),
            ("/a//b", ReferenceError::EmptyPart),
            ("/a/", ReferenceError::EmptyPart),
            ("/a~", ReferenceError::Escape),
            ("/a~2b", ReferenceError::Escape),
            ("/a/b~x", ReferenceError::Escape),
        ] {
            assert_eq!(Reference::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn paths_are_unescaped_and_names_are_not() {
        let parts = |text: &str| {
            let r = Reference::parse(text).unwrap();
            let mut all = vec![r.first().to_owned()];
            all.extend(r.rest().iter().map(ToString::to_string));
            all
        };
        assert_eq!(parts("/a~1b/c~0d/~01"), ["a/b", "c~d", "~1"]);
        assert_eq!(parts("a/b~c"), ["a/b~c"]);
        assert_eq!(parts("/name"), ["name"]);
    }

    #[test]
    fn a_literal_is_written_as_the_reference_to_it() {
        for name in ["a", "/a/b", "/", "~", "/~1", "a/b"] {
            let literal = Reference::literal(name).unwrap();
            assert_eq!(literal.first(), name);
            let again = Reference::parse(literal.as_str()).unwrap();
            assert_eq!((again.first(), again.rest().len()), (name, 0));
        }
    }
}
