//! The content hash: the same for the same meaning, another for another.

use proptest::prelude::*;
use wzapi_policy::canonical::ContentHash;
use wzapi_policy::difference::diff;

use crate::support::{CUSTOMER, SMALL, WZAPI, edited, filing, forbidding, policy};

/// A small generator of numbers for shuffling, by its seed alone.
struct Shuffler(u64);

impl Shuffler {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

/// The same policy written in another way: tables inline and in another order, lists in another order, with white space
/// and comments here and there.
fn rewritten(text: &str, seed: u64) -> String {
    let table: toml::Table = toml::from_str(text).unwrap();
    let mut shuffler = Shuffler(seed);
    let mut entries: Vec<_> = table.iter().collect();
    shuffler.shuffle(&mut entries);
    let mut out = String::new();
    for (key, value) in entries {
        if shuffler.below(2) == 0 {
            out.push_str("\n  # a comment that says nothing\n\n");
        }
        out.push_str(&format!("{key}{}= ", " ".repeat(shuffler.below(3))));
        write(key, value, &mut shuffler, &mut out);
        out.push('\n');
    }
    out
}

fn write(key: &str, value: &toml::Value, shuffler: &mut Shuffler, out: &mut String) {
    match value {
        toml::Value::String(text) if shuffler.below(2) == 0 => {
            out.push_str(&serde_json::to_string(&format!(" {text}\t")).unwrap());
        }
        toml::Value::String(text) => out.push_str(&serde_json::to_string(text).unwrap()),
        toml::Value::Array(items) => {
            let mut items: Vec<_> = items.iter().collect();
            if key != "languages" {
                shuffler.shuffle(&mut items);
            }
            out.push('[');
            for item in items {
                write("", item, shuffler, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        toml::Value::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            shuffler.shuffle(&mut entries);
            out.push_str("{ ");
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&format!("{key} = "));
                write(key, value, shuffler, out);
            }
            out.push_str(" }");
        }
        other => out.push_str(&other.to_string_plain()),
    }
}

trait Plain {
    fn to_string_plain(&self) -> String;
}

impl Plain for toml::Value {
    fn to_string_plain(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Boolean(flag) => flag.to_string(),
            Self::Datetime(moment) => moment.to_string(),
            other => panic!("not a plain value: {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn clause_8_a_reordering_a_file_changes_nothing(seed in any::<u64>(), which in 0usize..4) {
        let every_part = filing(&forbidding(SMALL, "\"passport_number\", \"card_number\""));
        let text = [WZAPI, CUSTOMER, SMALL, &every_part][which];
        let (one, other) = (policy(text), policy(&rewritten(text, seed)));
        prop_assert_eq!(one.content_hash(), other.content_hash());
        let difference = diff(&one, &other);
        prop_assert!(difference.changes.is_empty() && !difference.material);
    }
}

#[test]
fn clause_8_a_the_hash_of_the_small_policy_is_stable() {
    // Computed from the documented form by another program; a change of it changes every version ever published.
    assert_eq!(
        policy(SMALL).content_hash().to_string(),
        "sha256:e0477cc5070af02c2307019836df8d5c4d8f4edb009b0fd9b100ea4a201437d9"
    );
}

#[test]
fn what_is_left_out_and_its_default_are_the_same() {
    let explicit = edited(SMALL, "period = \"30 days\"", "period = \"30 days\"\ncalendar = \"anniversary\"");
    let explicit = edited(&explicit, "from = 2026-01-01", "from = 2026-01-01\nonward = \"nobody\"");
    let explicit = edited(&explicit, "format = 1", "format = 1\nutc_offset = \"+00:00\"");
    let explicit = edited(
        &explicit,
        "sources = [\"registration\"]",
        "sources = [\"registration\"]\nkeep_history = false",
    );
    let explicit = format!("{explicit}\n[patterns]\n[webhooks]\n");
    assert_eq!(policy(&explicit).content_hash(), policy(SMALL).content_hash());
}

#[test]
fn what_is_refused_kept_and_filed_is_in_the_hash() {
    let text = filing(&forbidding(SMALL, "\"passport_number\""));
    let hash = policy(&text).content_hash();
    for (from, to) in [
        ("[A-PR-WY]", "[A-Z]"),
        ("\"passport numbers\"", "\"numbers of passports\""),
        ("forbidden = [\"passport_number\"]", "forbidden = [\"passport_number\", \"card_number\"]"),
        ("subjects = [\"customer\"]", "subjects = [\"customer\"]\nkeep_history = true"),
        ("[webhooks.message_content]", "[webhooks.profile]"),
        ("[webhooks.message_content]\ncategory = \"chat\"\npurposes = [\"updates\"]\n", ""),
    ] {
        assert_ne!(policy(&edited(&text, from, to)).content_hash(), hash, "{to}");
    }
}

#[test]
fn a_hash_is_read_as_it_is_written() {
    let hash = policy(SMALL).content_hash();
    assert_eq!(hash.to_string().parse(), Ok(hash));
    for text in ["", "sha256:", "sha256:zz", "md5:00", &hash.to_string().to_uppercase(), &format!("{hash}0")]
    {
        assert!(text.parse::<ContentHash>().is_err(), "{text}");
    }
    let text = edited(SMALL, "format = 1", &format!("format = 1\nsupersedes = \"{hash}\""));
    assert_eq!(policy(&text).supersedes, Some(hash));
    assert_ne!(policy(&text).content_hash(), hash);
}
