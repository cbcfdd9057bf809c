//! A query's text as its reader walks it: character by character, with quotes.

use super::fault::QueryFault;

/// A place in a text.
#[derive(Clone, Debug)]
pub struct Chars {
    text: Vec<char>,
    at: usize,
}

/// A piece of text and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text, without its quotes.
    pub text: String,
    /// Where it begins.
    pub at: usize,
    /// Whether it stood in quotes.
    pub quoted: bool,
}

/// Whether a character ends a word.
pub const fn ends(c: char) -> bool {
    c.is_whitespace() || matches!(c, '|' | '(' | ')')
}

impl Chars {
    /// The beginning of a text.
    pub fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0 }
    }

    /// How many characters stand before this place.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The character here; `None` at the end.
    pub fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// One step further.
    pub const fn skip(&mut self) {
        self.at += 1;
    }

    /// Over white space.
    pub fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.skip();
        }
    }

    /// Takes a character if it is this one.
    pub fn takes(&mut self, c: char) -> bool {
        let here = self.peek() == Some(c);
        if here {
            self.skip();
        }
        here
    }

    /// Takes a term's name and its colon, if that is what stands here.
    pub fn name(&mut self) -> Option<String> {
        let letters =
            self.text.iter().skip(self.at).take_while(|c| c.is_ascii_alphabetic()).collect::<String>();
        if letters.is_empty() || self.text.get(self.at + letters.len()) != Some(&':') {
            return None;
        }
        self.at += letters.len() + 1;
        Some(letters)
    }

    /// Takes what stands in quotes; `\"` and `\\` stand for themselves.
    ///
    /// # Errors
    /// The quote is not closed.
    fn quoted(&mut self) -> Result<Piece, QueryFault> {
        let opening = self.at;
        self.skip();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.skip();
            match c {
                '"' => return Ok(Piece { text, at: opening, quoted: true }),
                '\\' if self.peek().is_some_and(|next| matches!(next, '"' | '\\')) => {
                    text.extend(self.peek());
                    self.skip();
                }
                c => text.push(c),
            }
        }
        Err(QueryFault::new(opening, "this quote is not closed"))
    }

    /// Takes a word, quoted or up to what ends it; with `list`, a comma ends it too.
    ///
    /// # Errors
    /// A quote is not closed, or something follows the closing one.
    pub fn word(&mut self, list: bool) -> Result<Piece, QueryFault> {
        let end = |c: char| ends(c) || (list && c == ',');
        if self.peek() == Some('"') {
            let piece = self.quoted()?;
            return match self.peek() {
                Some(c) if !end(c) => Err(QueryFault::new(self.at, "a space is missing after the quote")),
                _ => Ok(piece),
            };
        }
        let at = self.at;
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| !end(*c)) {
            text.push(c);
            self.skip();
        }
        Ok(Piece { text, at, quoted: false })
    }

    /// Takes a regular expression: quoted, or up to what ends it outside of its own brackets.
    ///
    /// # Errors
    /// A quote is not closed.
    pub fn expression(&mut self) -> Result<Piece, QueryFault> {
        if self.peek() == Some('"') {
            return self.word(false);
        }
        let at = self.at;
        let (mut text, mut depth, mut class) = (String::new(), 0_usize, false);
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    text.push(c);
                    self.skip();
                    text.extend(self.peek());
                    self.skip();
                    continue;
                }
                '[' => class = true,
                ']' => class = false,
                '(' if !class => depth += 1,
                ')' if !class && depth > 0 => depth -= 1,
                c if depth == 0 && !class && ends(c) => break,
                _ => {}
            }
            text.push(c);
            self.skip();
        }
        self.at = self.at.min(self.text.len());
        Ok(Piece { text, at, quoted: false })
    }

    /// Takes JSON or text: up to what ends it outside of quotes, brackets and braces; quotes stay.
    ///
    /// # Errors
    /// A quote is not closed.
    pub fn value(&mut self) -> Result<Piece, QueryFault> {
        let at = self.at;
        let (mut text, mut depth) = (String::new(), 0_usize);
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    let start = self.at;
                    self.quoted()?;
                    text.extend(self.text.iter().skip(start).take(self.at - start));
                    continue;
                }
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                c if depth == 0 && ends(c) => break,
                _ => {}
            }
            text.push(c);
            self.skip();
        }
        Ok(Piece { text, at, quoted: false })
    }
}
