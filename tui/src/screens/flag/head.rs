//! The rows above a flag's tabs: what it is, the tabs, the environments.

use super::actions::TABS;
use super::item::Scene;
use crate::canvas::Canvas;
use crate::text;
use crate::theme::Token;
use crate::widgets::matrix;

/// How many rows they take, the rule below them included.
pub const ROWS: u16 = 4;

/// Draws them.
pub fn view(scene: &Scene<'_>, canvas: &mut Canvas<'_>, tab: usize, reading: bool) {
    title(scene, canvas);
    tabs(scene, canvas, tab);
    strip(scene, canvas);
    let at = (scene.row.key.clone(), scene.environment.to_owned());
    let world = scene.world;
    let mut notes = Vec::new();
    if let Some(staged) = world.staged.get(&at) {
        let cell = scene.row.cells.get(scene.environment);
        if let Some(cell) = cell.filter(|cell| cell.revision > staged.base_revision) {
            notes.push(format!("rev {} by {} since", cell.revision, matrix::short_name(&cell.updated_by)));
        }
        notes.push(format!("{} staged: S review, R drop", staged.edits.len()));
    }
    if world.drafts.keys().any(|d| d.key() == at.0 && d.environment().is_none_or(|e| e == at.1)) {
        notes.push("unsent draft".to_owned());
    }
    if world.is_pending(&at.0, &at.1) {
        notes.push("saving ..".to_owned());
    }
    if reading {
        notes.push("reading ..".to_owned());
    }
    canvas.rule(3, "", &notes.join(", "));
}

fn title(scene: &Scene<'_>, canvas: &mut Canvas<'_>) {
    let row = scene.row;
    let mut facts = vec![row.kind.as_str().to_owned()];
    if row.archived {
        facts.insert(0, "ARCHIVED".to_owned());
    }
    if let Some(owner) = &row.owner {
        facts.push(format!("owner {owner}"));
    }
    if scene.width >= 96 {
        if let Some(at) = row.created_at {
            facts.push(format!("created {}", at.date()));
        }
        facts.push(format!("flag version {}", row.flag_version));
    }
    let most = usize::from(scene.width / 2);
    let end = canvas.put_right(0, &format!("{} ", text::fit(&facts.join("  "), most)), Token::Dim);
    let x = canvas.put(1, 0, "Flags > ", Token::Dim);
    canvas.put_fit(x, 0, end.saturating_sub(x + 1), &row.key, Token::Title);
}

fn tabs(scene: &Scene<'_>, canvas: &mut Canvas<'_>, tab: usize) {
    let wide = scene.width >= 80;
    let mut x = 1;
    for (n, (_, name, short)) in TABS.iter().enumerate() {
        let name = if wide { name } else { short };
        let count = match n {
            1 => scene.list("rules").len(),
            2 => scene.row.variations.len(),
            3 => scene.list("prerequisites").len(),
            _ => 0,
        };
        let count = if count > 0 && wide { format!(" ({count})") } else { String::new() };
        let here = n == tab;
        let said = format!("{} {name}{count}", n + 1);
        let said = if here { format!("[{said}]") } else { format!(" {said} ") };
        x = canvas.put(x, 1, &said, if here { Token::Selected } else { Token::Plain });
    }
}

/// The environments, each with what it serves; the selected one is always seen.
fn strip(scene: &Scene<'_>, canvas: &mut Canvas<'_>) {
    let world = scene.world;
    let words: Vec<(bool, String, Token)> = world
        .cache
        .environments
        .iter()
        .map(|e| {
            let here = e.key == scene.environment;
            let (word, token) = matrix::cell(world, scene.row, &e.key);
            let name = if here { e.key.to_uppercase() } else { e.key.clone() };
            (here, format!("{} {}", text::fit(&name, 16), text::fit(&word, 12)), token)
        })
        .collect();
    let wide = |n: usize| words.get(n).map_or(0, |(_, word, _)| text::width(word) + 5);
    let hint = if scene.width >= 80 { "[ ] environment " } else { "" };
    let room = usize::from(scene.width).saturating_sub(4 + hint.len());
    let at = words.iter().position(|(here, ..)| *here).unwrap_or(0);
    let mut first = 0;
    while first < at && (first..=at).map(wide).sum::<usize>() > room {
        first += 1;
    }
    let end = canvas.put_right(2, hint, Token::Dim);
    let mut x = 1;
    if first > 0 {
        x = canvas.put(x, 2, ".. ", Token::Dim);
    }
    for (n, (here, word, token)) in words.iter().enumerate().skip(first) {
        let columns = u16::try_from(text::width(word) + 2).unwrap_or(u16::MAX);
        if x.saturating_add(columns) > end {
            canvas.put(x, 2, "..", Token::Dim);
            break;
        }
        if n > first {
            x = canvas.put(x, 2, "| ", Token::Rule);
        }
        x = if *here {
            let x = canvas.put(x, 2, "[", Token::Strong);
            let x = canvas.put(x, 2, word, *token);
            canvas.put(x, 2, "]", Token::Strong)
        } else {
            canvas.put(x, 2, word, *token)
        } + 1;
    }
}
