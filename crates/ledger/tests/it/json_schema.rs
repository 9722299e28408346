//! The part of JSON Schema (2020-12) that the schemas of the events use, and no more: a schema that uses anything else is
//! refused. Properties that no schema names are refused as well, though readers must take them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Every schema under `docs/formats/ledger/`, by the name of its file.
pub(crate) struct Schemas(BTreeMap<String, Value>);

const SUFFIX: &str = ".schema.json";
const KEYWORDS: [&str; 22] = [
    "$schema",
    "$id",
    "$ref",
    "$defs",
    "title",
    "description",
    "type",
    "const",
    "enum",
    "pattern",
    "minLength",
    "minimum",
    "maximum",
    "required",
    "properties",
    "additionalProperties",
    "propertyNames",
    "items",
    "minItems",
    "maxItems",
    "allOf",
    "oneOf",
];

pub(crate) fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "formats", "ledger"].iter().collect()
}

impl Schemas {
    pub(crate) fn read() -> Self {
        Self::read_from(&folder())
    }

    pub(crate) fn read_from(folder: &Path) -> Self {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let schemas = files.map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert!(name.ends_with(SUFFIX), "{name} is no schema");
            let schema = serde_json::from_str(&fs::read_to_string(&path).unwrap());
            (name.clone(), schema.unwrap_or_else(|error| panic!("{name}: {error}")))
        });
        Self(schemas.collect())
    }

    /// The types of the events that have a schema.
    pub(crate) fn event_types(&self) -> BTreeSet<String> {
        let names = self.0.keys().map(|name| name.trim_end_matches(SUFFIX));
        names.filter(|name| name.contains('.')).map(str::to_owned).collect()
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    /// Checks an event by the schema of its type.
    pub(crate) fn check(&self, event: &Value) -> Result<(), String> {
        let event_type = event["type"].as_str().ok_or("the event has no type")?;
        self.check_by(&format!("{event_type}{SUFFIX}"), event)
    }

    /// Checks an object by the schema in this file.
    pub(crate) fn check_by(&self, file: &str, object: &Value) -> Result<(), String> {
        let schema = self.0.get(file).ok_or(format!("there is no {file}"))?;
        let named = self.apply(file, schema, object, "")?;
        match object.as_object().unwrap().keys().find(|key| !named.contains(*key)) {
            Some(unknown) => Err(format!("{file} has no key {unknown}")),
            None => Ok(()),
        }
    }

    /// Applies a schema to a value. The names of the value's properties that it says something about.
    fn apply(&self, file: &str, schema: &Value, value: &Value, at: &str) -> Result<BTreeSet<String>, String> {
        let schema = schema.as_object().ok_or(format!("{file}{at}: a schema is an object"))?;
        if let Some(unknown) = schema.keys().find(|key| !KEYWORDS.contains(&key.as_str())) {
            return Err(format!("{file}{at}: this checker does not know {unknown}"));
        }
        let mut named = BTreeSet::new();
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let (other, fragment) = target.split_once('#').unwrap_or((target, ""));
            let root = self.0.get(other).ok_or(format!("{file}{at}: there is no {other}"))?;
            let found = root.pointer(fragment).ok_or(format!("{file}{at}: there is no {target}"))?;
            named.extend(self.apply(other, found, value, at)?);
        }
        if let Some(wrong) = wrong_by_itself(schema, value) {
            return Err(format!("{file}{at}: {wrong} of {value}"));
        }
        if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
            for (place, item) in items.iter().enumerate() {
                self.apply(file, schema, item, &format!("{at}/{place}"))?;
            }
        }
        if let Some(fields) = value.as_object() {
            named.extend(self.apply_to_fields(file, schema, fields, at)?);
            if !at.is_empty()
                && let Some(unknown) = fields.keys().find(|key| !named.contains(*key))
            {
                return Err(format!("{file}{at}: no schema names {unknown}"));
            }
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            named.extend(self.apply(file, part, value, at)?);
        }
        if let Some(parts) = schema.get("oneOf").and_then(Value::as_array) {
            let fitting = parts.iter().filter(|part| self.apply(file, part, value, at).is_ok()).count();
            if fitting != 1 {
                return Err(format!("{file}{at}: {fitting} of the forms fit {value}"));
            }
        }
        Ok(named)
    }

    fn apply_to_fields(
        &self,
        file: &str,
        schema: &Map<String, Value>,
        fields: &Map<String, Value>,
        at: &str,
    ) -> Result<BTreeSet<String>, String> {
        let mut required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(missing) = required.find(|key| !fields.contains_key(key.as_str().unwrap())) {
            return Err(format!("{file}{at}: {missing} is missing"));
        }
        let mut named = BTreeSet::new();
        for (key, field) in fields {
            let at = format!("{at}/{key}");
            if let Some(schema) = schema.get("propertyNames") {
                self.apply(file, schema, &Value::from(key.as_str()), &at)?;
            }
            let own = schema.get("properties").and_then(|properties| properties.get(key));
            if let Some(schema) = own.or(schema.get("additionalProperties")) {
                self.apply(file, schema, field, &at)?;
                named.insert(key.clone());
            }
        }
        Ok(named)
    }
}

/// What is wrong with a value, without looking into it.
fn wrong_by_itself(schema: &Map<String, Value>, value: &Value) -> Option<&'static str> {
    let bound = |key: &str| schema.get(key).map(|bound| bound.as_i64().unwrap());
    let is_outside = |least: &str, most: &str, size: i64| {
        bound(least).is_some_and(|least| size < least) || bound(most).is_some_and(|most| size > most)
    };
    let length = |length: usize| i64::try_from(length).unwrap();
    if schema.get("type").is_some_and(|expected| !is_of_type(value, expected.as_str().unwrap())) {
        return Some("the type");
    }
    let is_other = schema.get("const").is_some_and(|expected| expected != value)
        || schema.get("enum").is_some_and(|allowed| !allowed.as_array().unwrap().contains(value));
    let is_misformed = match value {
        Value::String(text) => {
            schema.get("pattern").is_some_and(|pattern| !matches(pattern.as_str().unwrap(), text))
                || is_outside("minLength", "maxLength", length(text.chars().count()))
        }
        Value::Number(number) => is_outside("minimum", "maximum", number.as_i64().unwrap()),
        Value::Array(items) => is_outside("minItems", "maxItems", length(items.len())),
        Value::Null | Value::Bool(_) | Value::Object(_) => false,
    };
    match (is_other, is_misformed) {
        (true, _) => Some("the value"),
        (_, true) => Some("the form"),
        (false, false) => None,
    }
}

fn is_of_type(value: &Value, expected: &str) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        other => panic!("this checker does not know the type {other}"),
    }
}

/// Patterns of characters and classes, each with `?`, `{n}` or `{n,m}` behind it, between `^` and `$`. Each takes as much
/// as it can get.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern =
        pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$')).expect("a pattern is anchored");
    let mut pattern: Vec<char> = pattern.chars().collect();
    let mut text: Vec<char> = text.chars().collect();
    pattern.reverse();
    text.reverse();
    while let Some(next) = pattern.pop() {
        let class: Vec<(char, char)> = if next == '[' { class_of(&mut pattern) } else { vec![(next, next)] };
        let (least, most) = quantity(&mut pattern);
        let mut taken = 0;
        while taken < most
            && text.last().is_some_and(|c| class.iter().any(|(first, last)| (first..=last).contains(&c)))
        {
            text.pop();
            taken += 1;
        }
        if taken < least {
            return false;
        }
    }
    text.is_empty()
}

fn class_of(pattern: &mut Vec<char>) -> Vec<(char, char)> {
    let mut class = Vec::new();
    loop {
        let first = pattern.pop().expect("a class ends");
        if first == ']' {
            return class;
        }
        let is_range = pattern.ends_with(&['-']) && pattern.get(pattern.len() - 2).is_some_and(|c| *c != ']');
        if is_range {
            pattern.pop();
            class.push((first, pattern.pop().unwrap()));
        } else {
            class.push((first, first));
        }
    }
}

fn quantity(pattern: &mut Vec<char>) -> (usize, usize) {
    match pattern.last() {
        Some('?') => {
            pattern.pop();
            (0, 1)
        }
        Some('{') => {
            let mut text = String::new();
            while let Some(c) = pattern.pop().filter(|c| *c != '}') {
                text.push(c);
            }
            let (least, most) = text[1..].split_once(',').unwrap_or((&text[1..], &text[1..]));
            (least.parse().unwrap(), most.parse().unwrap())
        }
        _ => (1, 1),
    }
}

#[test]
fn patterns_mean_what_they_mean_elsewhere() {
    for (pattern, fitting, others) in [
        (
            "^[0-9a-f]{2}-[0-9]{1,3}$",
            &["0f-1", "aa-123"][..],
            &["0f-", "0f-1234", "0F-1", "0f1", "x0f-1"][..],
        ),
        ("^[*]?[a-z]{0,3}$", &["", "*", "*abc", "ab"], &["**", "abcd", "a*"]),
        ("^[A-Za-z._:/-]{1,4}$", &["a", "-", "a/b:"], &["", " ", "a b", "abcde"]),
        ("^wzapi[.]x$", &["wzapi.x"], &["wzapi-x", "wzapi.x "]),
    ] {
        assert!(fitting.iter().all(|text| matches(pattern, text)), "{pattern}");
        assert!(!others.iter().any(|text| matches(pattern, text)), "{pattern}");
    }
}
