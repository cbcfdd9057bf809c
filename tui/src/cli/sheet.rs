//! An answer, and the seven ways to write it.

use std::io::{IsTerminal, Write};

use shared::json::{Json, pretty};

use super::global::{Format, Global};
use super::trouble::Trouble;
use super::yaml::yaml;
use crate::text::{fit, pad, shown, width};

type Read = Box<dyn Fn(&Json) -> String + Send>;

/// One column.
pub struct Column {
    name: String,
    wide: bool,
    read: Read,
}

/// The columns of a table, the name first.
#[derive(Default)]
pub struct Columns(Vec<Column>);

impl Columns {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A member, by its dotted path.
    #[must_use]
    pub fn member(self, name: &str, path: &str) -> Self {
        let path = path.to_owned();
        self.read(name, move |item| text(at(item, &path)))
    }

    /// What a function finds.
    #[must_use]
    pub fn read(mut self, name: &str, read: impl Fn(&Json) -> String + Send + 'static) -> Self {
        self.0.push(Column { name: name.to_owned(), wide: false, read: Box::new(read) });
        self
    }

    /// The last one is shown by `wide` and CSV only.
    #[must_use]
    pub fn wide(mut self) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.wide = true;
        }
        self
    }
}

/// An answer: one thing, or a list.
pub struct Sheet {
    /// `flagstaff.flag/1`: the name and the version of the JSON's shape.
    pub schema: &'static str,
    /// The columns of tables and CSV.
    pub columns: Columns,
    /// The things.
    pub items: Vec<Json>,
    /// Whether it is a list, also one of one.
    pub list: bool,
    /// Members of a list beside `items`.
    pub beside: Vec<(&'static str, Json)>,
}

impl Sheet {
    /// A list.
    #[must_use]
    pub fn list(schema: &'static str, columns: Columns, items: Vec<Json>) -> Self {
        Self { schema, columns, items, list: true, beside: Vec::new() }
    }

    /// One thing.
    #[must_use]
    pub fn one(schema: &'static str, columns: Columns, item: Json) -> Self {
        Self { schema, columns, items: vec![item], list: false, beside: Vec::new() }
    }

    /// The same with a member beside the items.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Json) -> Self {
        self.beside.push((name, value));
        self
    }

    /// Writes it to standard output.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn print(self, global: &Global) -> Result<(), Trouble> {
        let columns = (std::io::stdout().is_terminal() && global.format() == Format::Table)
            .then(|| crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns)));
        say(&self.text(global, columns, global.colored()))
    }

    /// The text, cut at `most` columns where a terminal shows it.
    #[must_use]
    pub fn text(self, global: &Global, most: Option<usize>, colored: bool) -> String {
        match global.format() {
            Format::Json => {
                let mut text = pretty(&self.document(global));
                text.push('\n');
                text
            }
            Format::Yaml => yaml(&self.document(global)),
            Format::Jsonl => self.lines(global),
            Format::Csv => self.csv(global),
            Format::Name => self.names(),
            Format::Table | Format::Wide => {
                let wide = global.format() == Format::Wide;
                if self.list { self.table(global, wide, most, colored) } else { self.card(global, wide) }
            }
        }
    }

    fn document(self, global: &Global) -> Json {
        let schema = ("schema".to_owned(), Json::from(self.schema));
        let mut items = self.items.into_iter().map(|item| chosen(item, &global.fields));
        if !self.list {
            let mut document = vec![schema];
            match items.next() {
                Some(Json::Object(members)) => {
                    document.extend(members.into_iter().filter(|(k, _)| k != "schema"));
                }
                Some(other) => document.push(("value".to_owned(), other)),
                None => {}
            }
            return Json::Object(document);
        }
        let mut document = vec![schema];
        document.extend(self.beside.into_iter().map(|(name, value)| (name.to_owned(), value)));
        document.push(("items".to_owned(), items.collect::<Vec<_>>().into()));
        Json::Object(document)
    }

    fn lines(self, global: &Global) -> String {
        let mut out = String::new();
        for item in self.items {
            line(self.schema, item, global, &mut out);
        }
        out
    }

    fn names(self) -> String {
        let mut out = String::new();
        if let Some(first) = self.columns.0.first() {
            for item in &self.items {
                out.push_str(&shown(&(first.read)(item)));
                out.push('\n');
            }
        }
        out
    }

    /// The columns to show: those asked for, else those of the format.
    fn columns(&mut self, global: &Global, wide: bool) -> Vec<Column> {
        let columns = std::mem::take(&mut self.columns).0;
        if global.fields.is_empty() {
            return columns.into_iter().filter(|column| wide || !column.wide).collect();
        }
        let mut columns: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
        let mut found = Vec::new();
        for field in &global.fields {
            let named =
                columns.iter_mut().find(|c| c.as_ref().is_some_and(|c| c.name.eq_ignore_ascii_case(field)));
            match named.and_then(Option::take) {
                Some(column) => found.push(column),
                None => found.extend(Columns::new().member(field, field).0),
            }
        }
        found
    }

    fn csv(mut self, global: &Global) -> String {
        let columns = self.columns(global, true);
        let mut out = String::new();
        if !global.no_header {
            row(columns.iter().map(|column| column.name.as_str()), &mut out);
        }
        for item in &self.items {
            let cells: Vec<String> = columns.iter().map(|column| (column.read)(item)).collect();
            row(cells.iter().map(String::as_str), &mut out);
        }
        out
    }

    fn table(mut self, global: &Global, wide: bool, most: Option<usize>, colored: bool) -> String {
        let columns = self.columns(global, wide);
        let mut rows: Vec<Vec<String>> = Vec::with_capacity(self.items.len() + 1);
        if !global.no_header {
            rows.push(columns.iter().map(|column| shown(&column.name.to_uppercase()).into_owned()).collect());
        }
        for item in &self.items {
            rows.push(columns.iter().map(|column| shown(&(column.read)(item)).into_owned()).collect());
        }
        let mut widths = vec![0; columns.len()];
        for row in &rows {
            for (most, cell) in widths.iter_mut().zip(row) {
                *most = width(cell).max(*most);
            }
        }
        let mut out = String::new();
        for (number, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if at > 0 {
                    line.push_str("  ");
                }
                line.push_str(&if at + 1 == row.len() { cell.clone() } else { pad(cell, *width) });
            }
            let line = most.map_or_else(|| line.clone(), |most| fit(&line, most));
            let line = line.trim_end();
            if number == 0 && colored && !global.no_header {
                out.push_str(&format!("\x1b[1m{line}\x1b[0m\n"));
            } else {
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }

    /// One thing: a line a member.
    fn card(mut self, global: &Global, wide: bool) -> String {
        let columns = self.columns(global, wide);
        let most = columns.iter().map(|column| width(&column.name)).max().unwrap_or(0);
        let mut out = String::new();
        for item in &self.items {
            for column in &columns {
                let text = (column.read)(item);
                // A document is laid out below its name; each of its lines is made harmless by itself.
                let lines: Vec<_> = text.split('\n').map(shown).collect();
                match lines.as_slice() {
                    [one] => out.push_str(&format!("{}  {one}\n", pad(&column.name, most))),
                    several => {
                        out.push_str(&format!("{}\n", column.name));
                        for line in several {
                            out.push_str(&format!("  {line}\n"));
                        }
                    }
                }
            }
        }
        out
    }
}

/// Writes to standard output, at once.
///
/// # Errors
/// Nobody reads any more.
pub fn say(text: &str) -> Result<(), Trouble> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Appends one line of JSON Lines.
pub fn line(schema: &str, item: Json, global: &Global, out: &mut String) {
    let mut members = vec![("schema".to_owned(), Json::from(schema))];
    match chosen(item, &global.fields) {
        Json::Object(more) => members.extend(more),
        other => members.push(("value".to_owned(), other)),
    }
    Json::Object(members).write(out);
    out.push('\n');
}

/// Only these members, under the names they were asked by.
fn chosen(item: Json, fields: &[String]) -> Json {
    if fields.is_empty() {
        return item;
    }
    fields.iter().map(|field| (field.as_str(), at(&item, field).cloned().unwrap_or_default())).collect()
}

/// The value at a dotted path. A key may hold dots itself: the longest name that fits is taken.
#[must_use]
pub fn at<'j>(item: &'j Json, path: &str) -> Option<&'j Json> {
    if let Some(found) = item.get(path) {
        return Some(found);
    }
    let mut end = path.len();
    while let Some(dot) = path.get(..end).and_then(|head| head.rfind('.')) {
        let (head, tail) = (path.get(..dot)?, path.get(dot + 1..)?);
        let inner = match item {
            Json::Array(items) => head.parse::<usize>().ok().and_then(|index| items.get(index)),
            other => other.get(head),
        };
        if let Some(found) = inner.and_then(|inner| at(inner, tail)) {
            return Some(found);
        }
        end = dot;
    }
    match item {
        Json::Array(items) => path.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => None,
    }
}

/// A value as a cell.
#[must_use]
pub fn text(value: Option<&Json>) -> String {
    match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(items)) if items.iter().all(|item| item.as_str().is_some()) => {
            items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_text(),
    }
}

/// A row of CSV, with no cell that a spreadsheet takes for a formula.
fn row<'c>(cells: impl Iterator<Item = &'c str>, out: &mut String) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        let number = cell.parse::<f64>().is_ok();
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number;
        let quoted = cell.contains([',', '"', '\n', '\r']);
        if quoted {
            out.push('"');
        }
        if formula {
            out.push('\'');
        }
        for c in cell.chars() {
            if c == '"' {
                out.push('"');
            }
            out.push(c);
        }
        if quoted {
            out.push('"');
        }
    }
    out.push_str("\r\n");
}
