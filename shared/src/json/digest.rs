//! A number that equal values share: to see whether two documents differ without comparing them.

use super::value::Json;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The digest of a value: the same for values that are the same for a reader ([`Json::same_value`]):
/// neither the order of members nor the text of equal numbers counts. It is the same in every version and
/// on every machine. It is no protection: somebody who wants to can make two values share one.
pub fn digest(json: &Json) -> u64 {
    match json {
        Json::Null => mixed(1),
        Json::Bool(false) => mixed(2),
        Json::Bool(true) => mixed(3),
        Json::Number(text) => match json.as_f64() {
            // Zero is zero, with or without a sign.
            Some(number) => mixed(4 ^ (number + 0.0).to_bits().rotate_left(8)),
            None => bytes(5, text.as_bytes()),
        },
        Json::String(text) => bytes(6, text.as_bytes()),
        Json::Array(items) => {
            mixed(items.iter().fold(7, |so_far: u64, item| mixed(so_far.wrapping_mul(PRIME) ^ digest(item))))
        }
        // A sum does not know the order of what was added.
        Json::Object(members) => mixed(members.iter().fold(8, |sum: u64, (name, value)| {
            sum.wrapping_add(mixed(bytes(9, name.as_bytes()).wrapping_mul(PRIME) ^ digest(value)))
        })),
    }
}

/// FNV-1a, mixed.
fn bytes(seed: u64, bytes: &[u8]) -> u64 {
    mixed(bytes.iter().fold(OFFSET ^ seed, |so_far, byte| (so_far ^ u64::from(*byte)).wrapping_mul(PRIME)))
}

/// The last step of SplitMix64: each bit of the answer depends on each bit of `x`.
const fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn what_is_the_same_for_a_reader_has_the_same_digest() {
        let of = |text: &str| digest(&parse(text).unwrap());
        assert_eq!(of(r#"{"a":1,"b":[true,null]}"#), of(r#"{ "b":[true,null], "a":1.0 }"#));
        assert_eq!(of("0"), of("-0.0"));
        let different = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "\"\"",
            "\"1\"",
            "[]",
            "{}",
            "[1,2]",
            "[2,1]",
            "[[1],2]",
            "[[1,2]]",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":{"b":1}}"#,
        ];
        let mut all: Vec<u64> = different.iter().map(|text| of(text)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), different.len());
    }

    #[test]
    fn a_digest_never_changes() {
        let value = parse(r#"{"on":true,"rules":[{"variation":1,"values":["a",2.5]}]}"#).unwrap();
        assert_eq!(format!("{:016x}", digest(&value)), "e73092dc152f72e5");
    }
}
