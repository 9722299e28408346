//! JSON with sorted keys and no white space, so that equal documents have equal bytes.

use serde_json::Value;

/// The bytes of `value`. The depth is that of a document that was read here, so the recursion is bounded.
pub(super) fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Array(elements) => {
            let mut before = b'[';
            for element in elements {
                out.push(before);
                write(element, out);
                before = b',';
            }
            out.extend_from_slice(if elements.is_empty() { b"[]" } else { b"]" });
        }
        Value::Object(members) => {
            // The order of the map depends on a feature of serde_json that any crate of the build can enable.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            let mut before = b'{';
            for (key, member) in &members {
                out.push(before);
                out.extend_from_slice(Value::String((*key).clone()).to_string().as_bytes());
                out.push(b':');
                write(member, out);
                before = b',';
            }
            out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.extend_from_slice(value.to_string().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_documents_have_equal_bytes() {
        let a: Value = serde_json::from_str(r#"{"b":[1,{},[]],"a":{"d":"x\"y","c":null}}"#).unwrap();
        let b: Value = serde_json::from_str(r#" {"a":{"c":null,"d":"x\"y"}, "b":[1, {}, []]}"#).unwrap();
        assert_eq!(to_vec(&a), to_vec(&b));
        assert_eq!(to_vec(&a), br#"{"a":{"c":null,"d":"x\"y"},"b":[1,{},[]]}"#);
    }
}
