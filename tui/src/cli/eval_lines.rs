//! `flagstaff eval --jsonl`: a question a line, an answer a line, whatever the line holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};

use serde_json::value::RawValue;
use shared::context::Context;
use shared::eval::{Documents, ErrorKind, write_answer};
use shared::json::parse_within;

use super::trouble::Trouble;

/// Answers lines that a test in another language may have written.
#[derive(Debug, Default)]
pub struct Answerer {
    // What the last line held: many lines ask about the same documents.
    texts: (Option<String>, Option<String>),
    documents: Documents,
}

impl Answerer {
    /// The answer to one line, or why there is none beside it.
    ///
    /// # Errors
    /// The line is no JSON object with a `flagKey`; the answer says so too.
    pub fn answer(&mut self, line: &[u8], out: &mut String) -> Result<(), String> {
        let asked = std::str::from_utf8(line)
            .map_err(|error| error.to_string())
            .and_then(|line| {
                serde_json::from_str::<HashMap<String, &RawValue>>(line).map_err(|e| e.to_string())
            })
            .and_then(|members| {
                let key = members.get("flagKey").ok_or("flagKey is missing")?;
                let key =
                    serde_json::from_str::<String>(key.get()).map_err(|_| "flagKey must be a string")?;
                Ok((members, key))
            });
        let (members, key) = match asked {
            Ok(asked) => asked,
            Err(detail) => {
                write_answer(&Err(ErrorKind::Exception), out);
                return Err(detail);
            }
        };
        let text = |name: &str| members.get(name).map(|text| text.get());
        let (flags, segments) = (text("flags"), text("segments"));
        if (flags, segments) != (self.texts.0.as_deref(), self.texts.1.as_deref()) {
            self.documents = Documents::read(flags, segments);
            self.texts = (flags.map(ToOwned::to_owned), segments.map(ToOwned::to_owned));
        }
        let context = text("context").and_then(|text| Context::parse(&parse_within(text, 512).ok()?).ok());
        write_answer(
            &match context {
                Some(context) => self.documents.evaluate(&key, &context),
                // As SDKs have it, a flag that is not there is told first.
                None if self.documents.holds(&key) => Err(ErrorKind::UserNotSpecified),
                None => Err(ErrorKind::FlagNotFound),
            },
            out,
        );
        Ok(())
    }
}

/// Answers the lines of a file, or of standard input for `-`, to standard output. Whoever waits for each answer
/// gets it at once.
///
/// # Errors
/// The file's, or [`Trouble::no`] where a line was none.
pub fn run(name: &str) -> Result<(), Trouble> {
    let input: Box<dyn Read> = match name {
        "-" => Box::new(std::io::stdin().lock()),
        name => Box::new(File::open(name).map_err(|error| Trouble::usage(format!("{name}: {error}")))?),
    };
    let mut input = BufReader::with_capacity(256 * 1024, input);
    let mut out = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
    let mut answerer = Answerer::default();
    let (mut line, mut answer) = (Vec::new(), String::new());
    let (mut number, mut wrong) = (0_u64, false);
    while input.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        if !line.trim_ascii().is_empty() {
            if let Err(detail) = answerer.answer(&line, &mut answer) {
                wrong = true;
                eprintln!("flagstaff: line {number}: {}", crate::text::shown(&detail));
            }
            answer.push('\n');
            out.write_all(answer.as_bytes())?;
            answer.clear();
        }
        line.clear();
        if !input.buffer().contains(&b'\n') {
            out.flush()?;
        }
    }
    out.flush()?;
    if wrong { Err(Trouble::no()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(lines: &[&str]) -> Vec<String> {
        let mut answerer = Answerer::default();
        let answer = |line: &&str| {
            let mut out = String::new();
            let told = answerer.answer(line.as_bytes(), &mut out);
            assert_eq!(told.is_err(), out.contains("EXCEPTION"), "{line}");
            out
        };
        lines.iter().map(answer).collect()
    }

    const FLAGS: &str = r#"{"f":{"key":"f","on":true,"salt":"s","variations":[1.0,"é",{"b":1e2,"a":null}],"fallthrough":{"variation":0},
        "targets":[{"variation":2,"values":["anna"]}],"offVariation":null},"off":{"key":"off","variations":[]},
        "bad":{"key":"bad","on":1},"twice":{"on":true,"on":true}}"#;

    #[test]
    fn every_line_is_answered_and_values_are_as_they_were_written() {
        let ask = |key: &str, context: &str| {
            let flags = FLAGS.replace('\n', " ");
            format!(
                r#"{{"flags":{flags},"segments":{{}},"flagKey":"{key}","context":{context},"more":[{{}}]}}"#
            )
        };
        let anna = r#"{"kind":"user","key":"anna"}"#;
        let lines = [
            ask("f", r#"{"key":"bob"}"#),
            ask("f", anna),
            ask("off", anna),
            ask("bad", anna),
            ask("twice", anna),
            ask("none", anna),
            ask("none", "7"),
            ask("f", r#"{"kind":"user"}"#),
            ask("f", "null"),
            r#"{"flags":{},"flagKey":7}"#.to_owned(),
            r#"{"flags":[],"segments":"x","flagKey":"f","context":{"key":"u"}}"#.to_owned(),
            "[1]".to_owned(),
            r#"{"flags":"#.to_owned(),
            ask("f", anna),
        ];
        let none = |kind: &str| {
            format!(
                r#"{{"value":null,"variationIndex":null,"reason":{{"kind":"ERROR","errorKind":"{kind}"}}}}"#
            )
        };
        let annas = r#"{"value":{"b":1e2,"a":null},"variationIndex":2,"reason":{"kind":"TARGET_MATCH"}}"#;
        let expected = [
            r#"{"value":1.0,"variationIndex":0,"reason":{"kind":"FALLTHROUGH"}}"#.to_owned(),
            annas.to_owned(),
            r#"{"value":null,"variationIndex":null,"reason":{"kind":"OFF"}}"#.to_owned(),
            none("MALFORMED_FLAG"),
            none("MALFORMED_FLAG"),
            none("FLAG_NOT_FOUND"),
            none("FLAG_NOT_FOUND"),
            none("USER_NOT_SPECIFIED"),
            none("USER_NOT_SPECIFIED"),
            none("EXCEPTION"),
            none("FLAG_NOT_FOUND"),
            none("EXCEPTION"),
            none("EXCEPTION"),
            annas.to_owned(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(answers(&lines), expected);
    }

    #[test]
    fn bytes_that_are_no_text_are_answered_too() {
        let mut out = String::new();
        assert!(Answerer::default().answer(b"{\"flagKey\":\"\xff\"}", &mut out).is_err());
        assert!(out.contains("EXCEPTION"));
    }
}
