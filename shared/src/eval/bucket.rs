//! Where a context falls between 0 and 1: the same place in every SDK.

use super::digits::Digits;
use super::foreign::{Divided, Share, share};
use super::salt::Salt;
use crate::context::{Context, Individual, Reference};
use crate::json::Json;
use crate::targeting::Algorithm;

/// What makes the buckets of one rollout different from those of another.
#[derive(Clone, Copy)]
pub(super) enum Prefix<'p> {
    /// LaunchDarkly's algorithm.
    Own(&'p Salt),
    /// Another tool's algorithm, and what it takes for the flag's key.
    Foreign(Algorithm, &'p str),
}

/// Where a context falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bucket {
    /// From 0 to 1.
    At(f32),
    /// As another tool counts.
    Of(Share),
    /// The context has no individual of that kind; counts as 0 where it counts.
    NoKind,
    /// It has no key, and is divided by it; counts as 0.
    NoKey,
    /// It has no such attribute, or one that is neither a string nor a whole number; counts as 0.
    NoValue,
}

impl Bucket {
    /// The place as a number.
    pub(super) const fn place(self) -> f32 {
        match self {
            Self::At(place) => place,
            #[allow(clippy::cast_precision_loss)] // only told, never compared
            Self::Of(share) => share.at as f32 / share.of as f32,
            Self::NoKind | Self::NoKey | Self::NoValue => 0.0,
        }
    }

    /// Whether it lies below the end of a part, which is the sum `to` or, exactly, `end` of 100,000.
    pub(super) fn is_below(self, to: f32, end: i64) -> bool {
        match self {
            Self::Of(share) => i128::from(share.at) * 100_000 < i128::from(end) * i128::from(share.of),
            other => other.place() < to,
        }
    }
}

/// Finds the bucket; `by` is `None` for the key.
pub(super) fn bucket(context: &Context, kind: &str, by: Option<&Reference>, prefix: Prefix<'_>) -> Bucket {
    let Some(individual) = context.of_kind(kind) else { return Bucket::NoKind };
    let Some(by) = by else {
        return if individual.has_key() {
            fallen(prefix, Divided::Key(individual.key()))
        } else {
            Bucket::NoKey
        };
    };
    of_value(individual, by, prefix).unwrap_or(Bucket::NoValue)
}

fn of_value(individual: &Individual, by: &Reference, prefix: Prefix<'_>) -> Option<Bucket> {
    match individual.value(by)? {
        Json::String(text) => Some(fallen(prefix, Divided::Text(text))),
        number @ Json::Number(_) => {
            let number = number.as_f64()?;
            if number.fract() != 0.0 || number.abs() >= 9_223_372_036_854_775_808.0 {
                return None;
            }
            #[allow(clippy::cast_possible_truncation)] // it is whole and fits
            let number = number as i64;
            Some(fallen(prefix, Divided::Whole(number, Digits::of(number).as_str())))
        }
        _ => None,
    }
}

fn fallen(prefix: Prefix<'_>, by: Divided<'_>) -> Bucket {
    match (prefix, by) {
        (Prefix::Foreign(algorithm, group), by) => {
            share(algorithm, group, by).map_or(Bucket::NoValue, Bucket::Of)
        }
        (Prefix::Own(salt), Divided::Key(value) | Divided::Text(value) | Divided::Whole(_, value)) => {
            Bucket::At(salt.place(value.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn the_published_vectors() {
        let (salt, seeded) = (Salt::new("hashKey", "saltyA"), Salt::seed(61));
        let salted = Prefix::Own(&salt);
        for (prefix, key, place) in [
            (salted, "userKeyA", 0.421_575_87_f32),
            (salted, "userKeyB", 0.670_848_5),
            (salted, "userKeyC", 0.103_431_06),
            (Prefix::Own(&seeded), "userKeyA", 0.098_012_07),
            (Prefix::Own(&seeded), "userKeyB", 0.144_837_77),
            (Prefix::Own(&seeded), "userKeyC", 0.924_264_1),
        ] {
            let context = Context::of("user", key).unwrap();
            assert_eq!(bucket(&context, "user", None, prefix), Bucket::At(place), "{key}");
        }
    }

    #[test]
    fn whole_numbers_count_as_their_digits_and_nothing_else_counts() {
        let by = Reference::parse("n").unwrap();
        let place = |n: &str| {
            let context = Context::parse(&parse(&format!(r#"{{"kind":"user","key":"k","n":{n}}}"#)).unwrap());
            bucket(&context.unwrap(), "user", Some(&by), Prefix::Own(&Salt::new("hashKey", "saltyA")))
        };
        for n in ["33333", "33333.0", "3.3333e4", "\"33333\""] {
            assert_eq!(place(n), Bucket::At(0.547_714_23), "{n}");
        }
        assert_eq!(place("99999"), Bucket::At(0.730_965_8));
        assert_eq!(place("1e17"), place("\"100000000000000000\""));
        for n in ["1.5", "true", "[1]", "{}", "null", "1e30"] {
            assert_eq!(place(n), Bucket::NoValue, "{n}");
        }
        let context = Context::of("org", "k").unwrap();
        assert_eq!(bucket(&context, "user", Some(&by), Prefix::Own(&Salt::seed(1))), Bucket::NoKind);
    }
}
