//! Where two trees of meaning differ.

use std::collections::{BTreeMap, BTreeSet};

use crate::canonical::Meaning;

/// A part that is in one tree and not in the other, or is another one there.
pub(super) struct Edit {
    pub(super) path: Vec<String>,
    pub(super) old: Option<Meaning>,
    pub(super) new: Option<Meaning>,
}

/// Every edit that leads from `old` to `new`. A table or an item of a set that is new or gone is one edit; so is a list
/// that is no set of texts.
pub(super) fn between(old: &Meaning, new: &Meaning) -> Vec<Edit> {
    let mut edits = Vec::new();
    compare(old, new, &mut Vec::new(), &mut edits);
    edits
}

fn compare(old: &Meaning, new: &Meaning, path: &mut Vec<String>, edits: &mut Vec<Edit>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Meaning::Map(left), Meaning::Map(right)) => {
            for key in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
                path.push(key.clone());
                match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => compare(left, right, path, edits),
                    (left, right) if is_left_out_by_default(path) => {
                        let nothing = Meaning::Map(BTreeMap::new());
                        compare(left.unwrap_or(&nothing), right.unwrap_or(&nothing), path, edits);
                    }
                    (left, right) => {
                        edits.push(Edit { path: path.clone(), old: left.cloned(), new: right.cloned() });
                    }
                }
                path.pop();
            }
        }
        (Meaning::List(left), Meaning::List(right)) => match (texts(left), texts(right)) {
            (Some(left), Some(right)) if left != right => {
                for text in left.symmetric_difference(&right) {
                    let mut path = path.clone();
                    path.push((*text).to_owned());
                    let item = Some(Meaning::Text((*text).to_owned()));
                    let (old, new) = if left.contains(text) { (item, None) } else { (None, item) };
                    edits.push(Edit { path, old, new });
                }
            }
            // The same texts in another order, or a list of something else.
            _ => edits.push(whole(path, old, new)),
        },
        _ => edits.push(whole(path, old, new)),
    }
}

/// Tables of which the canonical form leaves out all that is not set, themselves included: each of their keys is an edit of
/// its own.
fn is_left_out_by_default(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path.as_slice(), ["sending"] | ["purposes", _, "consent"])
}

fn whole(path: &[String], old: &Meaning, new: &Meaning) -> Edit {
    Edit { path: path.to_vec(), old: Some(old.clone()), new: Some(new.clone()) }
}

fn texts(list: &[Meaning]) -> Option<BTreeSet<&str>> {
    list.iter()
        .map(|item| match item {
            Meaning::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}
