//! Words as they are typed in a hurry: letters in order, the closer together the better.

/// A match of one letter.
const LETTER: u32 = 16;
/// A letter right after the one before.
const TOGETHER: u32 = 12;
/// A letter at the beginning of a word.
const BEGINS: u32 = 10;
/// The first letter at the beginning of the text.
const FIRST: u32 = 12;
/// All letters together.
const UNBROKEN: u32 = 24;
/// The whole text.
const WHOLE: u32 = 24;
/// What each letter that is passed over within the match costs, up to a limit.
const GAP: u32 = 1;
const MOST_GAP: u32 = 24;

/// A word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    letters: Vec<char>,
    fold: bool,
    /// Its letters stand together.
    literal: bool,
}

impl Word {
    /// A word; a literal one is found only with its letters together. Case counts where it has a capital.
    pub fn new(text: &str, literal: bool) -> Self {
        let fold = !text.chars().any(char::is_uppercase);
        Self { letters: text.chars().collect(), fold, literal }
    }

    /// The same word with its letters together.
    #[must_use]
    pub fn together(&self) -> Self {
        Self { literal: true, ..self.clone() }
    }

    /// How well it fits a text, more is better; `None` where it does not.
    pub fn score(&self, text: &str) -> Option<u32> {
        if text.is_ascii() {
            let bytes = text.as_bytes();
            self.scored(bytes.len(), &|i| bytes.get(i).map_or('\0', |b| char::from(*b)))
        } else {
            let chars: Vec<char> = text.chars().collect();
            self.scored(chars.len(), &|i| chars.get(i).copied().unwrap_or('\0'))
        }
    }

    fn same(&self, wanted: char, found: char) -> bool {
        if wanted == found {
            return true;
        }
        if !self.fold {
            return false;
        }
        if found.is_ascii() {
            found.to_ascii_lowercase() == wanted
        } else {
            found.to_lowercase().eq([wanted])
        }
    }

    fn scored(&self, length: usize, at: &impl Fn(usize) -> char) -> Option<u32> {
        let (Some(first), wanted) = (self.letters.first().copied(), self.letters.len()) else {
            return Some(0);
        };
        // Letters together, best at the beginning of a word.
        let mut together = None;
        for start in 0..=length.checked_sub(wanted)? {
            if self.same(first, at(start))
                && self.letters.iter().enumerate().skip(1).all(|(i, c)| self.same(*c, at(start + i)))
            {
                let better = begins(start, at);
                if together.is_none() || better {
                    together = Some(start);
                }
                if better {
                    break;
                }
            }
        }
        if let Some(start) = together {
            let places = start..start + wanted;
            let whole = if wanted == length { WHOLE } else { 0 };
            return Some(weigh(places, at) + UNBROKEN + whole);
        }
        if self.literal {
            return None;
        }
        // Letters apart: forward to the first end, then back to the nearest beginning.
        let mut letters = self.letters.iter();
        let mut next = letters.next();
        let mut end = None;
        for i in 0..length {
            let Some(wanted) = next else { break };
            if self.same(*wanted, at(i)) {
                next = letters.next();
                end = Some(i);
            }
        }
        if next.is_some() {
            return None;
        }
        let mut places = Vec::with_capacity(wanted);
        let mut back = self.letters.iter().rev();
        let mut next = back.next();
        for i in (0..=end?).rev() {
            let Some(wanted) = next else { break };
            if self.same(*wanted, at(i)) {
                next = back.next();
                places.push(i);
            }
        }
        Some(weigh(places.into_iter().rev(), at))
    }
}

/// Whether a word begins at this place.
fn begins(i: usize, at: &impl Fn(usize) -> char) -> bool {
    let Some(before) = i.checked_sub(1).map(at) else { return true };
    let here = at(i);
    (!before.is_alphanumeric() && here.is_alphanumeric())
        || (before.is_lowercase() && here.is_uppercase())
        || (before.is_alphabetic() && here.is_ascii_digit())
}

fn weigh(places: impl Iterator<Item = usize>, at: &impl Fn(usize) -> char) -> u32 {
    let (mut score, mut gaps) = (0_u32, 0_u32);
    let mut last: Option<usize> = None;
    for place in places {
        score += LETTER;
        if begins(place, at) {
            score += BEGINS;
        }
        match last {
            None if place == 0 => score += FIRST,
            None => {}
            Some(last) if place == last + 1 => score += TOGETHER,
            Some(last) => {
                gaps = gaps.saturating_add(u32::try_from(place - last - 1).unwrap_or(MOST_GAP) * GAP);
            }
        }
        last = Some(place);
    }
    score.saturating_sub(gaps.min(MOST_GAP))
}

/// How well a word fits a text, more is better; `None` where it does not: its letters must be there in
/// order. Case counts where the word has a capital.
pub fn fuzzy(word: &str, text: &str) -> Option<u32> {
    Word::new(word, false).score(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_must_be_there_in_order() {
        assert!(fuzzy("nck", "pay.new-checkout").is_some());
        assert!(fuzzy("kcn", "pay.new-checkout").is_none());
        assert!(fuzzy("", "x").is_some());
        assert!(fuzzy("long", "lo").is_none());
        assert!(
            fuzzy("strasse", "STRASSE").is_some()
                && fuzzy("ÄÖ", "äö").is_none()
                && fuzzy("äö", "ÄxÖ").is_some()
        );
        assert!(fuzzy("Pay", "pay").is_none() && fuzzy("pay", "PAY").is_some());
    }

    #[test]
    fn closer_letters_and_beginnings_of_words_are_better() {
        let better = |word: &str, a: &str, b: &str| {
            assert!(
                fuzzy(word, a) > fuzzy(word, b),
                "{word}: {a} {:?}, {b} {:?}",
                fuzzy(word, a),
                fuzzy(word, b)
            );
        };
        better("pay", "pay", "payment");
        better("pay", "pay.new", "new.pay");
        better("pay", "new.pay", "spayed");
        better("pay", "spayed", "product-array");
        better("nc", "pay.new-checkout", "pay.panic");
        better("nc", "newCheckout", "newcheckout");
    }
}
