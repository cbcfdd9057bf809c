//! Lays one source over the other, and remembers where each value came from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::de::DeTable;
use toml::{Table, Value};

use super::error::{ConfigError, Origin};
use super::model::Config;
use super::readable::parse_listen;

/// The defaults: the example file is part of the program, so the two can't differ.
pub const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// Keys below which people choose the names.
const FREE: &[&str] = &["access.local.groups"];
/// Keys whose values are never shown.
pub const SECRET: &[&str] = &["database.url", "database.password"];
/// Short variables, and the keys they set. `PORT` is apart: it sets half a key.
const SHORT: &[(&str, &str)] = &[
    ("CORS_ORIGIN", "http.cors_origin"),
    ("DATABASE_URL", "database.url"),
    ("DB_HOST", "database.host"),
    ("DB_PORT", "database.port"),
    ("DB_NAME", "database.name"),
    ("DB_USER", "database.user"),
    ("DB_PASSWORD", "database.password"),
    ("DB_SSL", "database.ssl"),
    ("DB_POOL_MAX", "database.pool_max"),
];

/// The values in effect so far, and where each came from.
pub struct Layers {
    schema: BTreeMap<String, Value>,
    values: Table,
    origins: BTreeMap<String, Origin>,
    config: Config,
}

impl Layers {
    /// The defaults alone.
    ///
    /// # Errors
    /// Only if the example file is wrong, which a test prevents.
    pub fn defaults() -> Result<Self, ConfigError> {
        let wrong = |e: toml::de::Error| ConfigError::Syntax {
            path: "config.example.toml".into(),
            reason: e.to_string(),
        };
        let values: Table = EXAMPLE.parse().map_err(wrong)?;
        let config = Config::deserialize(values.clone()).map_err(wrong)?;
        let mut schema = BTreeMap::new();
        flatten("", &values, &mut schema);
        let origins = schema.keys().map(|key| (key.clone(), Origin::Default)).collect();
        Ok(Self { schema, values, origins, config })
    }

    /// The configuration so far.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the value of `key` came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Every key with its value and origin, in the order of the alphabet; secrets are hidden.
    pub fn effective(&self) -> Vec<(String, String, Origin)> {
        let shown = |key: &String| {
            let value = get(&self.values, key).map_or_else(String::new, |value| show(key, value));
            (key.clone(), value, self.origin(key))
        };
        self.schema.keys().map(shown).collect()
    }

    /// Lays a file over what is there.
    ///
    /// # Errors
    /// Not TOML; an unknown key; a value that its key can't have.
    pub fn file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        // Not the parser's own text: it quotes the line, and the line may hold a password.
        let syntax = |e: toml::de::Error| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let reason = format!("line {}: {}", before.matches('\n').count() + 1, e.message());
            ConfigError::Syntax { path: path.to_owned(), reason }
        };
        let table: Table = text.parse().map_err(syntax)?;
        let mut lines = BTreeMap::new();
        locate("", DeTable::parse(text).map_err(syntax)?.get_ref(), text, &mut lines);
        let mut leaves = BTreeMap::new();
        flatten("", &table, &mut leaves);
        for (key, value) in leaves {
            let origin = Origin::File(path.to_owned(), lines.get(&key).copied());
            if self.is_section(&key) && value.as_table().is_some_and(Table::is_empty) {
                continue;
            }
            if !self.schema.contains_key(&key) {
                return Err(self.unknown(origin, key));
            }
            self.set(&key, value, origin)?;
        }
        Ok(())
    }

    /// Lays variables over what is there: first the short names, then `FLAGSTAFF_...`.
    ///
    /// # Errors
    /// A variable of one of our sections without a key; a value that its key can't have.
    pub fn variables(
        &mut self,
        variables: &[(String, String)],
        origin: fn(String) -> Origin,
    ) -> Result<(), ConfigError> {
        for (name, text) in variables {
            // An empty variable is how a shell says "not set"; a password may well be empty.
            if text.is_empty() && name != "DB_PASSWORD" {
                continue;
            }
            if name == "PORT" {
                self.port(text, origin(name.clone()))?;
            } else if let Some((_, key)) = SHORT.iter().find(|(short, _)| short == name) {
                self.variable(key, text, origin(name.clone()))?;
            }
        }
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix("FLAGSTAFF_") else { continue };
            let known = self.schema.keys().find(|key| variable_of(key) == rest).cloned();
            if let Some(key) = known {
                self.variable(&key, text, origin(name.clone()))?;
            } else if self.names_a_section(rest) {
                return Err(self.unknown(origin(name.clone()), name.clone()));
            }
        }
        Ok(())
    }

    fn port(&mut self, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let port: u16 = text.parse().map_err(|_| ConfigError::Value {
            origin: origin.clone(),
            key: "http.listen".into(),
            value: format!("{text:?}"),
            reason: "a port is a number from 0 to 65535".into(),
        })?;
        let listen = get(&self.values, "http.listen").and_then(Value::as_str).unwrap_or_default();
        let Ok(Some(mut address)) = parse_listen(listen) else { return Ok(()) };
        address.set_port(port);
        self.set("http.listen", Value::String(address.to_string()), origin)
    }

    /// Reads a variable's text as the type that its key has.
    fn variable(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let string = || Value::String(text.to_owned());
        let inline = |text: &str| {
            let table: Option<Table> = format!("x = {text}").parse().ok();
            table.and_then(|mut table| table.remove("x"))
        };
        let value = match self.schema.get(key) {
            Some(Value::Integer(_)) => text.trim().parse().map_or_else(|_| string(), Value::Integer),
            Some(Value::Boolean(_)) => match text.trim() {
                "true" | "1" | "yes" | "on" => Value::Boolean(true),
                "false" | "0" | "no" | "off" => Value::Boolean(false),
                _ => string(),
            },
            Some(Value::Array(_)) if text.trim_start().starts_with('[') => {
                inline(text).unwrap_or_else(string)
            }
            Some(Value::Array(_)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
            Some(Value::Table(_)) => inline(text).unwrap_or_else(string),
            _ => string(),
        };
        self.set(key, value, origin)
    }

    /// Sets one key and reads the whole again, so that an error is this key's and no other's.
    fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let value = if SECRET.contains(&key) { secret_file(key, value, &origin)? } else { value };
        let mut values = self.values.clone();
        put(&mut values, key, value.clone());
        match Config::deserialize(values.clone()) {
            Ok(config) => {
                self.values = values;
                self.config = config;
                self.origins.insert(key.to_owned(), origin);
                Ok(())
            }
            Err(e) => Err(ConfigError::Value {
                origin,
                key: key.to_owned(),
                value: show(key, &value),
                reason: if SECRET.contains(&key) { "this must be a text".into() } else { e.message().into() },
            }),
        }
    }

    fn is_section(&self, key: &str) -> bool {
        let prefix = format!("{key}.");
        self.schema.keys().any(|known| known.starts_with(&prefix))
    }

    /// `HTTP_LISTN` is a slip; `SERVICE_HOST` and `HTTP_PORT_3001_TCP` are Kubernetes' own.
    fn names_a_section(&self, rest: &str) -> bool {
        let kubernetes = rest.contains("_SERVICE_") || rest.contains("_PORT_") || rest.ends_with("_PORT");
        let sections = self.schema.keys().filter_map(|key| key.split('.').next());
        let ours = sections.map(|section| format!("{}_", section.to_uppercase()));
        let is_ours = ours.into_iter().any(|section| rest.starts_with(&section));
        is_ours && (!kubernetes || self.nearly_a_variable(rest))
    }

    fn nearly_a_variable(&self, rest: &str) -> bool {
        self.schema.keys().any(|key| strsim::osa_distance(&variable_of(key), rest) <= 2)
    }

    fn unknown(&self, origin: Origin, key: String) -> ConfigError {
        let variable = matches!(origin, Origin::DotEnv(_) | Origin::Env(_));
        let names = self
            .schema
            .keys()
            .map(|known| if variable { format!("FLAGSTAFF_{}", variable_of(known)) } else { known.clone() });
        // The right name under the wrong section counts as near, too.
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let score = |name: &str| {
            let whole = strsim::jaro_winkler(name, &key);
            if !variable && last(name) == last(&key) { whole.max(0.95) } else { whole }
        };
        let nearest = names.map(|name| (score(&name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
        let nearest = nearest.filter(|(score, _)| *score > 0.8).map(|(_, name)| name);
        ConfigError::Unknown { origin, key, nearest }
    }
}

/// `http.tls.key` as it stands in `FLAGSTAFF_HTTP_TLS_KEY`.
fn variable_of(key: &str) -> String {
    key.replace('.', "_").to_uppercase()
}

/// A value as TOML writes it; a secret only as being there or not.
fn show(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".into(),
        _ if SECRET.contains(&key) => "(hidden)".into(),
        other => other.to_string(),
    }
}

/// `file:/path` stands for what that file holds, without its last line break.
fn secret_file(key: &str, value: Value, origin: &Origin) -> Result<Value, ConfigError> {
    let Some(path) = value.as_str().and_then(|text| text.strip_prefix("file:")) else { return Ok(value) };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Value::String(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(e) => Err(ConfigError::Value {
            origin: origin.clone(),
            key: key.to_owned(),
            value: format!("\"file:{path}\""),
            reason: e.to_string(),
        }),
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// The leaves of a table by their dotted keys; an empty table is a leaf, so that it isn't lost.
fn flatten(prefix: &str, table: &Table, into: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = join(prefix, name);
        match value {
            Value::Table(inner) if !inner.is_empty() && !FREE.contains(&key.as_str()) => {
                flatten(&key, inner, into);
            }
            _ => {
                into.insert(key, value.clone());
            }
        }
    }
}

/// The line of every key.
fn locate(prefix: &str, table: &DeTable<'_>, text: &str, into: &mut BTreeMap<String, usize>) {
    for (name, value) in table {
        let key = join(prefix, name.get_ref());
        let before = text.get(..name.span().start).unwrap_or_default();
        into.insert(key.clone(), before.matches('\n').count() + 1);
        if let Some(inner) = value.get_ref().as_table() {
            locate(&key, inner, text, into);
        }
    }
}

fn get<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((section, rest)) => get(table.get(section)?.as_table()?, rest),
        None => table.get(key),
    }
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Some(inner) = inner.as_table_mut() {
                put(inner, rest, value);
            }
        }
        None => {
            table.insert(key.to_owned(), value);
        }
    }
}
