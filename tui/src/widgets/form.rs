//! A small form: labelled lines to type or choose in, one of them with the focus.

use super::field::Field;
use crate::canvas::Canvas;
use crate::key::{Code, Press};
use crate::text;
use crate::theme::Token;

/// What is typed or chosen in a line.
#[derive(Clone, Debug)]
enum Input {
    Text(Field),
    /// Typed, and never shown.
    Hidden(Field),
    Choice {
        options: Vec<String>,
        at: usize,
    },
    /// Shown, and not to be changed.
    Fixed(String),
}

/// A line of a form.
#[derive(Clone, Debug)]
pub struct Row {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    input: Input,
}

impl Row {
    fn new(name: &'static str, label: &'static str, hint: &'static str, input: Input) -> Self {
        Self { name, label, hint, input }
    }

    /// A line of text.
    #[must_use]
    pub fn text(name: &'static str, label: &'static str, hint: &'static str, value: &str) -> Self {
        Self::new(name, label, hint, Input::Text(Field::new(value)))
    }

    /// A line of text that is not shown: a secret.
    #[must_use]
    pub fn hidden(name: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self::new(name, label, hint, Input::Hidden(Field::default()))
    }

    /// A choice among words; the first one where `value` is none of them.
    #[must_use]
    pub fn choice(
        name: &'static str,
        label: &'static str,
        hint: &'static str,
        options: &[&str],
        value: &str,
    ) -> Self {
        let at = options.iter().position(|option| *option == value).unwrap_or(0);
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Self::new(name, label, hint, Input::Choice { options, at })
    }

    /// A line that says something and takes nothing.
    #[must_use]
    pub fn fixed(name: &'static str, label: &'static str, value: &str) -> Self {
        Self::new(name, label, "", Input::Fixed(value.to_owned()))
    }

    fn value(&self) -> &str {
        match &self.input {
            Input::Text(field) | Input::Hidden(field) => field.text(),
            Input::Choice { options, at } => options.get(*at).map_or("", String::as_str),
            Input::Fixed(text) => text,
        }
    }
}

/// The lines, and which one has the focus.
#[derive(Clone, Debug, Default)]
pub struct Form {
    rows: Vec<Row>,
    at: usize,
    /// What is wrong, as a sentence.
    pub fault: Option<String>,
}

impl Form {
    /// A form with the focus on its first line that takes something.
    #[must_use]
    pub fn new(rows: Vec<Row>) -> Self {
        let at = rows.iter().position(|row| !matches!(row.input, Input::Fixed(_))).unwrap_or(0);
        Self { rows, at, fault: None }
    }

    /// What stands in a line; empty for a name that there is not.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.rows.iter().find(|row| row.name == name).map_or("", Row::value)
    }

    /// Sets the text of a line.
    pub fn set(&mut self, name: &str, value: &str) {
        if let Some(Input::Text(field) | Input::Hidden(field)) =
            self.rows.iter_mut().find(|row| row.name == name).map(|row| &mut row.input)
        {
            field.set(value);
        }
    }

    /// The name of the line with the focus.
    #[must_use]
    pub fn focus(&self) -> &'static str {
        self.rows.get(self.at).map_or("", |row| row.name)
    }

    /// How many rows of the screen it takes: its lines, and one below them for the hint or the fault.
    #[must_use]
    pub fn height(&self) -> u16 {
        u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(2)
    }

    /// Whether the focus is on the last line.
    #[must_use]
    pub fn last(&self) -> bool {
        self.at + 1 >= self.rows.len()
    }

    /// Gives the focus to the next line, or to the one before; round at the ends.
    pub fn go(&mut self, forward: bool) {
        let len = self.rows.len().max(1);
        for _ in 0..len {
            self.at = (self.at + if forward { 1 } else { len - 1 }) % len;
            if !self.rows.get(self.at).is_some_and(|row| matches!(row.input, Input::Fixed(_))) {
                break;
            }
        }
    }

    /// Gives the focus to a line.
    pub fn focus_on(&mut self, name: &str) {
        if let Some(at) = self.rows.iter().position(|row| row.name == name) {
            self.at = at;
        }
    }

    /// Takes a key: types it, or chooses with space, arrows or a first letter.
    pub fn key(&mut self, press: Press) {
        match press.code {
            Code::Down => return self.go(true),
            Code::Up => return self.go(false),
            _ => {}
        }
        self.fault = None;
        match self.rows.get_mut(self.at).map(|row| &mut row.input) {
            Some(Input::Text(field) | Input::Hidden(field)) => {
                field.key(press);
            }
            Some(Input::Choice { options, at }) => {
                let len = options.len().max(1);
                match press.code {
                    Code::Right | Code::Char(' ') => *at = (*at + 1) % len,
                    Code::Left => *at = (*at + len - 1) % len,
                    Code::Char(c) => {
                        let next = (1..=len).map(|n| (*at + n) % len);
                        let mut next = next.filter(|n| options.get(*n).is_some_and(|o| o.starts_with(c)));
                        *at = next.next().unwrap_or(*at);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Takes a paste into the line with the focus.
    pub fn paste(&mut self, text: &str) {
        self.fault = None;
        if let Some(Input::Text(field) | Input::Hidden(field)) =
            self.rows.get_mut(self.at).map(|row| &mut row.input)
        {
            field.paste(text.trim());
        }
    }

    /// Draws it from row `y` on; returns the row below it.
    pub fn view(&self, canvas: &mut Canvas<'_>, y: u16) -> u16 {
        let label = self.rows.iter().map(|row| text::width(row.label)).max().unwrap_or(0);
        let x = 5 + u16::try_from(label).unwrap_or(0);
        let mut line = y;
        for (n, row) in self.rows.iter().enumerate() {
            let focus = n == self.at;
            canvas.put(1, line, if focus { ">" } else { " " }, Token::Strong);
            canvas.put(3, line, row.label, if focus { Token::Strong } else { Token::Dim });
            let room = canvas.width().saturating_sub(x + 1);
            match &row.input {
                Input::Text(field) => field.view(canvas, x, line, room, focus),
                Input::Hidden(field) => {
                    let said = match field.text().chars().count() {
                        0 => "(none)".to_owned(),
                        n => format!("({n} characters, not shown)"),
                    };
                    canvas.put_fit(x, line, room, &said, Token::Typed);
                    if focus {
                        canvas.cursor(x, line);
                    }
                }
                Input::Choice { options, at } => {
                    let mut column = x;
                    for (n, option) in options.iter().enumerate() {
                        let chosen = n == *at;
                        let said = if chosen { format!("[{option}]") } else { format!(" {option} ") };
                        if focus && chosen {
                            canvas.cursor(column + 1, line);
                        }
                        let token = if chosen { Token::Typed } else { Token::Dim };
                        column = canvas.put(column, line, &said, token) + 1;
                    }
                }
                Input::Fixed(text) => {
                    canvas.put_fit(x, line, room, text, Token::Plain);
                }
            }
            line += 1;
        }
        let hint = self.rows.get(self.at).map_or("", |row| row.hint);
        let (said, token) = self.fault.as_deref().map_or((hint, Token::Dim), |fault| (fault, Token::Error));
        let lines = text::wrap(said, usize::from(canvas.width().saturating_sub(4)).max(10));
        line += 1;
        for said in lines.iter().take(3) {
            canvas.put(3, line, said, token);
            line += 1;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form::new(vec![
            Row::fixed("where", "Where", "staging"),
            Row::text("key", "Key", "", "a"),
            Row::choice("state", "State", "", &["off", "on", "open"], "on"),
            Row::hidden("token", "Token", ""),
        ])
    }

    #[test]
    fn the_focus_goes_round_and_passes_over_lines_that_take_nothing() {
        let mut form = form();
        let mut seen = vec![form.focus()];
        for _ in 0..3 {
            form.go(true);
            seen.push(form.focus());
        }
        assert_eq!(seen, ["key", "state", "token", "key"]);
        form.go(false);
        assert_eq!(form.focus(), "token");
    }

    #[test]
    fn a_choice_is_made_by_space_by_arrows_and_by_a_first_letter() {
        let mut form = form();
        form.focus_on("state");
        form.key(Press::char(' '));
        assert_eq!(form.get("state"), "open");
        form.key(Press::char('o'));
        assert_eq!(form.get("state"), "off");
        form.key(Press::new(Code::Left));
        assert_eq!(form.get("state"), "open");
        form.key(Press::char('x'));
        assert_eq!(form.get("state"), "open");
    }

    #[test]
    fn a_secret_is_typed_and_pasted_and_never_drawn() {
        let mut form = form();
        form.focus_on("token");
        form.paste("  fs_secret \n");
        assert_eq!(form.get("token"), "fs_secret");
        let drawn = crate::widgets::drawn::text(60, 12, |canvas| {
            form.view(canvas, 1);
        });
        assert!(drawn.contains("(9 characters, not shown)"), "{drawn}");
        assert!(!drawn.contains("secret"), "{drawn}");
    }
}
