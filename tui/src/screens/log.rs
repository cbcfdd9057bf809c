//! The command log: each request of this session, its answer, and the same on the command line.

use super::{Do, Event, Screen};
use crate::action::Action;
use crate::canvas::Canvas;
use crate::route::Route;
use crate::text;
use crate::theme::Token;
use crate::widgets::list::List;
use crate::world::World;

/// What the log can do beside moving.
pub const ACTIONS: &[Action] = &[Action::reads(
    "log.open",
    &["enter"],
    "whole line",
    "Show the selected request with its whole answer.",
)];

/// The command log.
#[derive(Debug, Default)]
pub struct Log {
    list: List,
    whole: bool,
}

impl Screen for Log {
    fn route(&self) -> Route {
        Route::Log
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }

    fn on(&mut self, world: &World, event: &Event<'_>) -> Vec<Do> {
        let rows = usize::from(world.size.1.saturating_sub(5));
        match event {
            Event::Opened => {
                self.list.act("move.last", world.log.len(), rows);
            }
            Event::Action("log.open") => self.whole = !self.whole,
            Event::Action("global.escape") if self.whole => self.whole = false,
            Event::Action("global.escape") => return vec![Do::Back],
            Event::Action(id) => {
                self.list.act(id, world.log.len(), rows);
            }
            _ => {}
        }
        Vec::new()
    }

    fn view(&self, world: &World, canvas: &mut Canvas<'_>) {
        canvas.put(1, 0, "Command log", Token::Title);
        canvas.put_right(0, &format!("{} requests ", world.log.len()), Token::Dim);
        let rows = usize::from(canvas.height().saturating_sub(2));
        let mut list = self.list.clone();
        list.settle(world.log.len(), rows);
        for (y, (n, line)) in (2..).zip(world.log.iter().enumerate().skip(list.top).take(rows)) {
            let at = n == list.at;
            canvas.put(1, y, if at { ">" } else { " " }, Token::Selected);
            let (hour, minute, second) = (line.at.hour(), line.at.minute(), line.at.second());
            let took = line.took.map_or_else(|| "..".to_owned(), |t| format!("{} ms", t.as_millis()));
            let x = canvas.put(3, y, &format!("{hour:02}:{minute:02}:{second:02} "), Token::Dim);
            let result = format!("{took:>8}  {} ", line.result);
            let room = canvas.width().saturating_sub(x);
            let end =
                canvas.width().saturating_sub(u16::try_from(text::width(&result)).unwrap_or(0).min(room / 2));
            canvas.put_fit(end, y, canvas.width().saturating_sub(end), &result, Token::Dim);
            let what = if line.cli.is_empty() { &line.what } else { &line.cli };
            canvas.put_fit(
                x,
                y,
                end.saturating_sub(x + 1),
                what,
                if at { Token::Selected } else { Token::Plain },
            );
        }
        if self.whole
            && let Some(line) = world.log.get(list.at)
        {
            let whole = format!("{}\n{}\n{}", line.what, line.cli, line.result);
            let lines = text::wrap(&whole, usize::from(canvas.width().saturating_sub(4)));
            let top = canvas.height().saturating_sub(u16::try_from(lines.len()).unwrap_or(8).min(10) + 1);
            canvas.rule(top, "request and answer", "enter closes");
            for (n, text) in lines.iter().take(10).enumerate() {
                let y = top + 1 + u16::try_from(n).unwrap_or(0);
                canvas.fill(ratatui::layout::Rect::new(0, y, canvas.width(), 1), Token::Plain);
                canvas.put(2, y, text, Token::Plain);
            }
        }
    }

    fn footer(&self, _world: &World) -> Vec<&'static str> {
        vec!["log.open", "copy.cli", "global.escape"]
    }

    fn environment(&self, _world: &World) -> Option<Option<String>> {
        None
    }

    fn copy(&self, world: &World, what: &str) -> Option<String> {
        let line = world.log.get(self.list.at)?;
        match what {
            "cli" if !line.cli.is_empty() => Some(line.cli.clone()),
            "row" | "value" => Some(format!("{}  {}", line.what, line.result)),
            _ => None,
        }
    }
}
