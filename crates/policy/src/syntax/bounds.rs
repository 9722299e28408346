//! One walk over the tree: places of everything, bounds, and the search for words of sale.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use crate::finding::{Code, Finding, Place};
use crate::syntax::lines::Lines;

/// The deepest nesting of tables and lists.
pub(crate) const MAX_DEPTH: usize = 8;
/// The most keys and values of a file.
pub(crate) const MAX_PARTS: usize = 20_000;
/// The longest key, in bytes.
pub(crate) const MAX_KEY: usize = 64;
/// The longest text, in bytes.
pub(crate) const MAX_TEXT: usize = 8 * 1024;
/// The longest list.
pub(crate) const MAX_LIST: usize = 256;

/// Where each key and each item of a list stands, by its path.
#[derive(Default)]
pub(crate) struct Places(BTreeMap<String, Place>);

impl Places {
    /// The place of `path`, or of the nearest table around it.
    pub(crate) fn of(&self, path: &str) -> Place {
        let mut rest = path;
        loop {
            if let Some(place) = self.0.get(rest) {
                return *place;
            }
            match rest.rfind(['.', '[']) {
                Some(end) => rest = rest.get(..end).unwrap_or_default(),
                None => return Place::START,
            }
        }
    }
}

/// What the walk sees: a key, or a text, with its path.
pub(crate) enum Part<'a> {
    Key(&'a str),
    Text(&'a str),
}

/// Walks over the tree and shows every key and text to `see`. Stops with a finding at the first bound that is passed.
pub(crate) fn walk(
    root: &DeTable<'_>,
    lines: &Lines<'_>,
    see: &mut dyn FnMut(&str, Part<'_>),
) -> Result<Places, Box<Finding>> {
    let mut walker = Walker { lines, see, places: Places::default(), parts: 0 };
    walker.table(root, "", 0)?;
    Ok(walker.places)
}

struct Walker<'w, 't> {
    lines: &'w Lines<'t>,
    see: &'w mut dyn FnMut(&str, Part<'_>),
    places: Places,
    parts: usize,
}

impl Walker<'_, '_> {
    fn table(&mut self, table: &DeTable<'_>, path: &str, depth: usize) -> Result<(), Box<Finding>> {
        for (key, value) in table {
            let place = self.lines.place(key.span().start);
            let name: &str = key.get_ref();
            if name.len() > MAX_KEY {
                return Err(over(
                    Code::TooMany,
                    path,
                    place,
                    format!("a key is longer than {MAX_KEY} bytes"),
                ));
            }
            let inner = join(path, name);
            (self.see)(&inner, Part::Key(name));
            self.value(value.get_ref(), inner, place, depth + 1)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        value: &DeValue<'_>,
        path: String,
        place: Place,
        depth: usize,
    ) -> Result<(), Box<Finding>> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            let reason = format!("the file has more than {MAX_PARTS} keys and values");
            return Err(over(Code::TooMany, &path, place, reason));
        }
        if depth > MAX_DEPTH {
            let reason = format!("tables and lists are nested more than {MAX_DEPTH} deep");
            return Err(over(Code::TooDeep, &path, place, reason));
        }
        match value {
            DeValue::String(text) => {
                if text.len() > MAX_TEXT {
                    let reason = format!("a text is longer than {MAX_TEXT} bytes");
                    return Err(over(Code::TooMany, &path, place, reason));
                }
                (self.see)(&path, Part::Text(text));
            }
            DeValue::Array(items) => {
                if items.len() > MAX_LIST {
                    let reason = format!("a list has more than {MAX_LIST} items");
                    return Err(over(Code::TooMany, &path, place, reason));
                }
                for (index, item) in items.iter().enumerate() {
                    // An item of `[[…]]` knows the place of its heading, which says more than that of the list.
                    let place = self.lines.place(item.span().start);
                    self.value(item.get_ref(), format!("{path}[{index}]"), place, depth + 1)?;
                }
            }
            DeValue::Table(table) => self.table(table, &path, depth)?,
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
        self.places.0.insert(path, place);
        Ok(())
    }
}

fn over(code: Code, path: &str, place: Place, reason: String) -> Box<Finding> {
    Box::new(Finding {
        code,
        severity: code.severity(),
        path: path.to_owned(),
        place,
        reason,
        remedy: "a policy that people can read is shorter; remove what is not needed".to_owned(),
    })
}

pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
