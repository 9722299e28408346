//! Looking for what is never stored, in every place of a value where it can stand (policy clause 2.a).
//!
//! Full card numbers, and verification values behind their name, are refused whatever the policy says; the patterns that
//! the category forbids come on top. Of a JSON document each name and each leaf is looked at by itself, numbers as text,
//! a leaf together with its name, and the texts one after the other, since forms ask for a number in four fields.
//! Numbers are not run together: of four measurements of four digits, one in ten would be "a card number".

use serde_json::{Number, Value};
use wzapi_model::name::DataCategory;
use wzapi_policy::Policy;
use wzapi_policy::file::{BuiltInPattern, ForbiddenPattern};

use crate::value::RecordValue;

const CARD_NUMBER: ForbiddenPattern = ForbiddenPattern::BuiltIn(BuiltInPattern::CardNumber);
const CARD_VERIFICATION: ForbiddenPattern = ForbiddenPattern::BuiltIn(BuiltInPattern::CardVerification);

/// The first pattern that keeps a value out of a category, if there is one. Takes time in proportion to the value and
/// to the patterns of the category.
pub(crate) fn forbidden_in(
    policy: &Policy,
    category: &DataCategory,
    value: &RecordValue,
) -> Option<ForbiddenPattern> {
    let search = Search::new(policy, category);
    match value {
        RecordValue::Text(text) => search.in_text(text),
        RecordValue::Json(document) => search.in_document(document),
        RecordValue::Binary { media_type, bytes } => {
            search.in_text(media_type).or_else(|| search.in_text(&String::from_utf8_lossy(bytes)))
        }
    }
}

/// How many characters of a name, from its end, say what stands under it.
const MAX_NAME: usize = 64;

struct Search<'p> {
    policy: &'p Policy,
    /// Whether the category refuses three or four digits that stand on their own.
    refuses_short_numbers: bool,
    /// The patterns of the category that are not looked for anyway.
    named: Vec<&'p ForbiddenPattern>,
}

impl<'p> Search<'p> {
    fn new(policy: &'p Policy, category: &DataCategory) -> Self {
        let patterns = policy.category(category).map(|category| &category.forbidden);
        let forbidden: Vec<_> = patterns.into_iter().flatten().collect();
        Self {
            policy,
            refuses_short_numbers: forbidden.contains(&&CARD_VERIFICATION),
            named: forbidden
                .into_iter()
                .filter(|pattern| matches!(pattern, ForbiddenPattern::Named(_)))
                .collect(),
        }
    }

    /// In a text that is a value by itself.
    fn in_text(&self, text: &str) -> Option<ForbiddenPattern> {
        self.in_leaf(text, None, true)
    }

    fn in_document(&self, document: &Value) -> Option<ForbiddenPattern> {
        let mut texts = String::new();
        self.in_value(document, None, &mut texts)
            .or_else(|| BuiltInPattern::CardNumber.is_in(&texts).then_some(CARD_NUMBER))
    }

    /// In a value that stands in a field, or in none. The depth of documents is bounded.
    fn in_value(
        &self,
        value: &Value,
        field: Option<&Field<'_>>,
        texts: &mut String,
    ) -> Option<ForbiddenPattern> {
        match value {
            Value::Null | Value::Bool(_) => None,
            Value::Number(number) => self.in_number(number, field),
            Value::String(text) => {
                texts.push(',');
                texts.push_str(text);
                self.in_leaf(text, field, true)
            }
            Value::Array(items) => items.iter().find_map(|item| self.in_value(item, field, texts)),
            Value::Object(fields) => fields.iter().find_map(|(name, value)| {
                let inner = Field::new(name, field);
                self.in_part(name, true).or_else(|| self.in_value(value, Some(&inner), texts))
            }),
        }
    }

    fn in_number(&self, number: &Number, field: Option<&Field<'_>>) -> Option<ForbiddenPattern> {
        let whole = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 1e20);
        let text = match whole.filter(|_| number.is_f64()) {
            Some(value) => format!("{value:.0}"),
            None => number.to_string(),
        };
        let is_time = text.len() == 13 && text.starts_with('1');
        self.in_leaf(&text, field, whole.is_some() && !is_time)
    }

    fn in_leaf(&self, text: &str, field: Option<&Field<'_>>, may_be_card: bool) -> Option<ForbiddenPattern> {
        let is_short = || BuiltInPattern::CardVerification.is_in(text);
        let Some(field) = field else {
            let found = self.in_part(text, may_be_card);
            return found.or_else(|| (self.refuses_short_numbers && is_short()).then_some(CARD_VERIFICATION));
        };
        let is_refused =
            field.is_of_verification || (self.refuses_short_numbers && !field.holds_last_digits(text));
        if is_refused && is_short() {
            return Some(CARD_VERIFICATION);
        }
        self.in_part(text, may_be_card)
            .or_else(|| self.in_part(&format!("{}: {text}", parted(field.name)), may_be_card))
    }

    /// In a text that is not a value by itself, or may be one in this category.
    fn in_part(&self, text: &str, may_be_card: bool) -> Option<ForbiddenPattern> {
        if may_be_card && BuiltInPattern::CardNumber.is_in(text) {
            return Some(CARD_NUMBER);
        }
        // Behind a word that names nothing, digits do not stand on their own.
        if BuiltInPattern::CardVerification.is_in(&format!("value {text}")) {
            return Some(CARD_VERIFICATION);
        }
        self.named.iter().find(|pattern| self.policy.finds(pattern, text)).map(|pattern| (*pattern).clone())
    }
}

/// The field of a document in which a value stands.
struct Field<'v> {
    /// The end of its name: a bounded part, since it is looked at once for each leaf in the field.
    name: &'v str,
    /// Whether its name, or that of a field around it, says that it holds a verification value.
    is_of_verification: bool,
}

impl<'v> Field<'v> {
    fn new(name: &'v str, around: Option<&Self>) -> Self {
        let begin = name.char_indices().rev().nth(MAX_NAME - 1).map_or(0, |(begin, _)| begin);
        let name = name.get(begin..).unwrap_or_default();
        let words = letters(name);
        let says_so = ["cvv", "cvc", "securitycode", "cardcode"].iter().any(|word| words.contains(word));
        Self { name, is_of_verification: says_so || around.is_some_and(|around| around.is_of_verification) }
    }

    /// Whether a text is the last four digits of a card, which may be kept.
    fn holds_last_digits(&self, text: &str) -> bool {
        let words = letters(self.name);
        let says_so = ["last4", "lastfour", "lastdigits", "endingin"].iter().any(|word| words.contains(word));
        says_so && text.chars().count() == 4
    }
}

fn letters(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A name with its words apart: `cardCvv` and `card_cvv` are two words each.
fn parted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut follows_small = false;
    for character in name.chars() {
        if follows_small && character.is_uppercase() {
            out.push(' ');
        }
        follows_small = character.is_lowercase();
        out.push(character);
    }
    out
}
