//! The schema and the documentation say what the code says.

use std::collections::BTreeSet;

use serde_json::Value;
use wzapi_policy::finding::{Code, Severity};
use wzapi_policy::schema::{SHAPES, Shape};
use wzapi_policy::term::Term;

use crate::support::{CUSTOMER, WZAPI};

const DOCUMENT: &str = include_str!("../../../../docs/policy.md");

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../policies/policy.schema.json")).unwrap()
}

/// What a part of the schema refers to.
fn resolved<'a>(root: &'a Value, part: &'a Value) -> &'a Value {
    match part.get("$ref").and_then(Value::as_str) {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).expect("a definition"),
        None => part,
    }
}

/// The part of the schema for the tables of a shape.
fn part_of<'a>(root: &'a Value, shape: &Shape) -> &'a Value {
    let mut part = root;
    for step in shape.path.split('.').filter(|step| !step.is_empty()) {
        let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        part = if name == "*" {
            let any = &part["additionalProperties"];
            if any.is_object() {
                any
            } else {
                part["properties"].as_object().unwrap().values().next().unwrap()
            }
        } else {
            &part["properties"][name]
        };
        part = resolved(root, part);
        if is_list {
            part = resolved(root, &part["items"]);
        }
    }
    part
}

#[test]
fn the_schema_has_every_key_of_the_model_and_no_other() {
    let root = schema();
    for shape in SHAPES {
        let part = part_of(&root, shape);
        let keys: BTreeSet<&str> = shape.keys.iter().map(|(key, _)| *key).collect();
        let found: BTreeSet<&str> =
            part["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, keys, "{}", shape.path);
        let required: BTreeSet<&str> =
            shape.keys.iter().filter(|(_, required)| *required).map(|(key, _)| *key).collect();
        let found: BTreeSet<&str> =
            part["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(found, required, "{}", shape.path);
        assert_eq!(part["additionalProperties"], Value::Bool(false), "{}", shape.path);
        assert!(part["properties"].as_object().unwrap().values().all(|key| key["description"].is_string()));
    }
}

/// Whether the value is what the schema asks for; a small part of JSON Schema, as far as the file uses it.
fn validate(root: &Value, part: &Value, value: &toml::Value, path: &str) {
    let part = resolved(root, part);
    let text = match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Datetime(moment) => Some(moment.to_string()),
        _ => None,
    };
    if let Some(kind) = part.get("type").and_then(Value::as_str) {
        let found = match value {
            toml::Value::String(_) | toml::Value::Datetime(_) => "string",
            toml::Value::Integer(_) => "integer",
            toml::Value::Boolean(_) => "boolean",
            toml::Value::Array(_) => "array",
            toml::Value::Table(_) => "object",
            toml::Value::Float(_) => "number",
        };
        assert_eq!(found, kind, "{path}");
    }
    if let Some(allowed) = part.get("enum").and_then(Value::as_array) {
        assert!(allowed.iter().any(|one| one.as_str() == text.as_deref()), "{path}: {text:?}");
    }
    if let Some(table) = value.as_table() {
        for (key, value) in table {
            let named = part.get("properties").and_then(|properties| properties.get(key));
            let inner = named.or_else(|| part.get("additionalProperties").filter(|any| any.is_object()));
            let inner = inner.unwrap_or_else(|| panic!("{path}.{key} is not in the schema"));
            validate(root, inner, value, &format!("{path}.{key}"));
        }
        for key in part.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(table.contains_key(key.as_str().unwrap()), "{path}: {key} is missing");
        }
    }
    for item in value.as_array().into_iter().flatten() {
        validate(root, &part["items"], item, path);
    }
}

#[test]
fn both_policies_satisfy_the_schema() {
    let root = schema();
    for text in [WZAPI, CUSTOMER] {
        validate(&root, &root, &toml::Value::Table(toml::from_str(text).unwrap()), "");
    }
}

#[test]
fn the_words_of_the_schema_are_those_of_the_model() {
    use wzapi_model::basis::LegalBasis;
    use wzapi_model::consent::ConsentMethod;
    use wzapi_model::message::MessageCategory;
    use wzapi_policy::file::{
        AskVia, ContinuedUse, DataSource, PlatformStopScope, RecipientKind, RightKind, TransferBasis,
        UnknownAge, WebhookContent,
    };
    use wzapi_policy::language::Language;
    use wzapi_policy::regimes::Regime;
    use wzapi_policy::retention::Trigger;

    fn names<T: Term>() -> BTreeSet<String> {
        T::ALL.iter().map(|value| value.as_str().to_owned()).collect()
    }
    fn words(root: &Value, pointer: &str) -> BTreeSet<String> {
        match root.pointer(pointer).unwrap_or_else(|| panic!("{pointer}")) {
            Value::Array(list) => list.iter().map(|word| word.as_str().unwrap().to_owned()).collect(),
            Value::Object(table) => table.keys().cloned().collect(),
            other => panic!("{other}"),
        }
    }
    let root = schema();
    for (pointer, expected) in [
        ("/$defs/text/properties", names::<Language>()),
        ("/properties/regimes/properties", names::<Regime>()),
        ("/properties/rights/properties", names::<RightKind>()),
        ("/properties/webhooks/properties", names::<WebhookContent>()),
        ("/properties/notices/properties/continued_use/enum", names::<ContinuedUse>()),
        ("/$defs/ground/properties/trigger/enum", names::<Trigger>()),
        ("/$defs/category/properties/sources/items/enum", names::<DataSource>()),
        ("/$defs/purpose/properties/basis/properties/EU/enum", names::<LegalBasis>()),
        ("/$defs/purpose/properties/messages/items/enum", names::<MessageCategory>()),
        ("/$defs/confirmation/properties/methods/items/enum", names::<ConsentMethod>()),
        ("/$defs/quiet_hours/properties/categories/items/enum", names::<MessageCategory>()),
        ("/$defs/limit/properties/category/enum", names::<MessageCategory>()),
        ("/$defs/countries_refused/properties", names::<MessageCategory>()),
        ("/properties/sending/properties/unknown_age/enum", names::<UnknownAge>()),
        ("/properties/sending/properties/platform_stop/enum", names::<PlatformStopScope>()),
        ("/$defs/recipient/properties/kind/enum", names::<RecipientKind>()),
        ("/$defs/recipient/properties/transfer/properties/EU/enum", names::<TransferBasis>()),
        ("/$defs/right/properties/ask/items/enum", names::<AskVia>()),
    ] {
        assert_eq!(words(&root, pointer), expected, "{pointer}");
    }
}

#[test]
fn the_document_names_every_key_and_every_code_with_its_severity() {
    for shape in SHAPES.iter().filter(|shape| !shape.path.is_empty()) {
        let heading = match shape.path.strip_suffix("[]") {
            Some(list) => format!("### `[[{list}]]`"),
            None => format!("### `[{}]`", shape.path),
        };
        let section = DOCUMENT.split(&heading).nth(1).unwrap_or_else(|| panic!("{heading}"));
        let section = section.split("\n###").next().unwrap();
        for (key, required) in shape.keys {
            let row = format!("| `{key}` | {} |", if *required { "yes" } else { "" });
            assert!(section.contains(&row), "{heading} {key}");
        }
    }
    for code in Code::ALL {
        let severity = match code.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        assert!(DOCUMENT.contains(&format!("| `{}` | {severity} |", code.as_str())), "{}", code.as_str());
    }
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `P0")).count();
    assert_eq!(rows, Code::ALL.len());
}
