//! The frame around each screen: banner, toast, footer, what can follow a first key.

use super::{App, Seen, registry};
use crate::action::Risk;
use crate::canvas::{Canvas, Finish};
use crate::keymap::Found;
use crate::screens::Mode;
use crate::text;
use crate::theme::{Theme, Token};
use crate::world::Link;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;

/// The smallest terminal that screens are made for.
pub const SMALLEST: (u16, u16) = (60, 15);

impl App {
    /// Draws everything into `buffer`, which must be as big as `world.size`.
    pub fn view(&self, buffer: &mut Buffer, theme: &Theme) -> Finish {
        let (columns, rows) = (buffer.area.width, buffer.area.height);
        let mut canvas = Canvas::new(buffer, theme, Rect::new(0, 0, columns, rows));
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            let (w, h) = SMALLEST;
            canvas.put(
                0,
                0,
                &format!("terminal too small: need {w}x{h}, have {columns}x{rows}"),
                Token::Warn,
            );
            if rows > 1 {
                canvas.put(0, 1, "q leaves", Token::Dim);
            }
            return canvas.finish();
        }
        self.banner(&mut canvas);
        let toast = self.toasts.back();
        let strip = self.following();
        // The row above the footer is kept for them, so that no toast moves what is being read.
        let body = Rect::new(0, 1, columns, rows.saturating_sub(3));
        let top = self.stack.len().saturating_sub(1);
        // A dialog lies over the last screen that fills the body.
        let first = self.stack.iter().rposition(|layer| !layer.screen.overlay()).unwrap_or(0);
        for layer in self.stack.iter().take(top + 1).skip(first) {
            let mut part = canvas.sub(body);
            layer.screen.view(&self.world, &mut part);
        }
        if let Some((now, before)) = self.window().zip(self.seen).filter(|(now, old)| now.layer == old.layer)
            && let Some(by) = now.window.moved(before.window)
        {
            canvas.sub(body).scrolled(now.window.top, now.window.rows, by);
        }
        if !strip.is_empty() {
            canvas.put_fit(1, rows - 2, columns - 2, &strip, Token::Key);
        } else if let Some(toast) = toast {
            let said = format!("{}: {}", toast.tone.word(), toast.text);
            canvas.put_fit(1, rows - 2, columns - 2, &said, toast.tone.token());
        }
        self.footer(&mut canvas, rows - 1);
        canvas.finish()
    }

    /// The rows of the topmost screen that are seen now.
    pub(super) fn window(&self) -> Option<Seen> {
        let layer = self.stack.last()?;
        let window = layer.screen.window(&self.world)?;
        Some(Seen { layer: layer.number, window })
    }

    fn banner(&self, canvas: &mut Canvas<'_>) {
        let world = &self.world;
        let layer = self.stack.last();
        let shown = layer.map_or(Some(None), |layer| layer.screen.environment(world));
        let wide = canvas.width() >= 96;
        let environment = shown.flatten().and_then(|key| world.cache.environment(&key).cloned());
        let (word, token) = match &environment {
            Some(e) => match e.class.as_str() {
                "production" => ("PRODUCTION".to_owned(), Token::Protected),
                "staging" => ("STAGING".to_owned(), Token::Staging),
                _ if e.protected => (text::shown(&e.class.to_uppercase()).into_owned(), Token::Protected),
                "development" => ("DEV".to_owned(), Token::Development),
                other => (text::shown(&other.to_uppercase()).into_owned(), Token::Development),
            },
            None => ("ALL ENVIRONMENTS".to_owned(), Token::Neutral),
        };
        canvas.fill(Rect::new(0, 0, canvas.width(), 1), token);
        let right = self.right_of_banner(wide);
        let end = canvas.put_right(0, &right, token);
        let mut x = canvas.put(1, 0, &word, token) + 2;
        let place = match (&environment, wide) {
            (Some(e), true) if !world.profile.is_empty() => format!("{} / {}", world.profile, e.key),
            (Some(e), _) => e.key.clone(),
            (None, _) => world.profile.clone(),
        };
        if !place.is_empty() && x < end {
            x = canvas.put_fit(x, 0, 24.min(end - x), &place, token) + 2;
        }
        let (lock, open) = self.lock_words(environment.as_ref().map(|e| e.key.as_str()));
        if !lock.is_empty() && x < end {
            canvas.put_fit(
                x,
                0,
                end.saturating_sub(x + 1),
                &lock,
                if open { Token::LockOpen } else { token },
            );
        }
    }

    fn lock_words(&self, environment: Option<&str>) -> (String, bool) {
        let world = &self.world;
        let key = self.keymap.key("global.lock");
        if world.guard.held {
            return ("READ-ONLY".to_owned(), false);
        }
        if let Some(left) = world.guard.countdown(world.now) {
            return (format!("WRITES OPEN {}  {key} lock", text::clock(left.whole_seconds())), true);
        }
        match world.writable(environment) {
            Ok(()) | Err(crate::guard::Closed::Offline) => (String::new(), false),
            Err(crate::guard::Closed::Role(_)) => ("READ-ONLY (role)".to_owned(), false),
            Err(_) => (format!("READ-ONLY  {key} unlock"), false),
        }
    }

    fn right_of_banner(&self, wide: bool) -> String {
        let world = &self.world;
        let link = match &world.link {
            Link::Connecting { attempt } if *attempt > 1 => format!("CONNECTING, attempt {attempt}"),
            Link::Connecting { .. } => "CONNECTING".to_owned(),
            Link::Live => match world.stats.trips.back() {
                Some(trip) if *trip >= Duration::from_secs(1) => format!("LAG {}s", trip.as_secs()),
                Some(trip) => format!("LIVE {}ms", trip.as_millis().max(1)),
                None => "LIVE".to_owned(),
            },
            Link::Down { since, retry_at, .. } => {
                let gone = (world.now - *since).whole_seconds();
                let wait = (*retry_at - world.now).whole_seconds().max(0);
                if gone < 60 {
                    let (hour, minute, second) = (since.hour(), since.minute(), since.second());
                    format!("STALE since {hour:02}:{minute:02}:{second:02}, retry {wait}s")
                } else {
                    format!("OFFLINE {}, retry {wait}s", text::age(*since, world.now))
                }
            }
            Link::Shut(_) => "NOT ALLOWED".to_owned(),
        };
        let stale = world.cache.status.get("stale") == Some(&shared::json::Json::Bool(true));
        let link = if stale && world.live() { format!("{link} DATABASE AWAY") } else { link };
        let who = world.cache.me.get("principal").and_then(shared::json::Json::as_str).unwrap_or_default();
        let revision =
            if world.cache.revision > 0 { format!("rev {}  ", world.cache.revision) } else { String::new() };
        if wide && !who.is_empty() {
            format!("{revision}{link}  {} ", text::fit(who, 24))
        } else {
            format!("{revision}{link} ")
        }
    }

    /// What can follow the first key of a chord.
    fn following(&self) -> String {
        let (Some(before), Some(layer)) = (self.before, self.stack.last()) else { return String::new() };
        let own = layer.screen.actions().first().map_or("", |a| a.context());
        match self.keymap.find(&[own, "move", "filter", "copy", "go", "global"], None, before) {
            Found::Prefix(seconds) => {
                let mut said = format!("{before} ");
                for (press, id) in seconds {
                    let title = registry::action(id).map_or(id, |a| a.title);
                    said.push_str(&format!(" {press} {title} "));
                }
                said
            }
            _ => String::new(),
        }
    }

    fn footer(&self, canvas: &mut Canvas<'_>, y: u16) {
        let Some(layer) = self.stack.last() else { return };
        let text_mode = layer.screen.mode() != Mode::Commands;
        let help =
            if text_mode { "f1 help".to_owned() } else { format!("{} all", self.keymap.key("global.help")) };
        let end = canvas.put_right(y, &format!("{help} "), Token::Dim);
        let mut x = 1;
        if layer.screen.mode() == Mode::Field {
            for (key, title) in [("enter", "done"), ("esc", "leave the field")] {
                x = canvas.put(x, y, key, Token::Key) + 1;
                x = canvas.put(x, y, title, Token::Dim) + 2;
            }
            return;
        }
        for id in layer.screen.footer(&self.world) {
            let Some(action) = registry::action(id) else { continue };
            let key = self.keymap.key(id);
            if key.is_empty() {
                continue;
            }
            let columns = text::width(&key) + 1 + text::width(action.title);
            let columns = u16::try_from(columns).unwrap_or(u16::MAX);
            if x + columns + 2 > end {
                continue;
            }
            let closed = action.risk > Risk::Reads && self.disabled(id).is_some();
            x = canvas.put(x, y, &key, if closed { Token::Disabled } else { Token::Key }) + 1;
            x = canvas.put(x, y, action.title, if closed { Token::Disabled } else { Token::Dim }) + 2;
        }
    }
}
