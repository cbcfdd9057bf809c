//! The documents of flags and segments as JSON Schema, for editors that hint while somebody types.

/// A flag's document in an environment, as JSON Schema 2020-12. What it admits may still be refused:
/// [`super::check_flag`] decides.
pub const FLAG_SCHEMA: &str = include_str!("schema/flag.json");

/// A segment's document, as JSON Schema 2020-12.
pub const SEGMENT_SCHEMA: &str = include_str!("schema/segment.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Json, Pointer, parse};
    use crate::targeting::document::Op;

    #[test]
    fn the_schemas_know_the_operators() {
        for schema in [FLAG_SCHEMA, SEGMENT_SCHEMA] {
            let schema = parse(schema).unwrap();
            let at = Pointer::parse("/$defs/clause/properties/op/enum").unwrap();
            let names = at.resolve(&schema).and_then(Json::as_array).unwrap();
            let names: Vec<_> = names.iter().filter_map(Json::as_str).collect();
            assert_eq!(names, Op::NAMES);
        }
    }
}
