//! Reading one table: every value by its type, every surprise as a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use chrono::NaiveDate;
use toml::de::{DeTable, DeValue};

use crate::finding::{Code, Finding};
use crate::language::{Language, Translated};
use crate::regimes::Regime;
use crate::syntax::bounds::{Places, join};
use crate::syntax::shape::Shape;
use crate::term::Term;

/// Collects findings while a tree is read.
pub(crate) struct Reader<'a> {
    pub(crate) places: &'a Places,
    pub(crate) findings: Vec<Finding>,
}

impl Reader<'_> {
    pub(crate) fn add(
        &mut self,
        code: Code,
        path: &str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding {
            code,
            severity: code.severity(),
            path: path.to_owned(),
            place: self.places.of(path),
            reason: reason.into(),
            remedy: remedy.into(),
        });
    }
}

/// One table of the tree.
pub(crate) struct Section<'t> {
    table: &'t DeTable<'t>,
    pub(crate) path: String,
}

impl<'t> Section<'t> {
    /// Begins to read a table: reports keys that are unknown and keys that are missing.
    pub(crate) fn open(reader: &mut Reader<'_>, table: &'t DeTable<'t>, path: String, shape: &Shape) -> Self {
        for (key, _) in table {
            let key: &str = key.get_ref();
            if !shape.keys.iter().any(|(known, _)| *known == key) {
                let known: Vec<&str> = shape.keys.iter().map(|(known, _)| *known).collect();
                report_unknown(reader, &join(&path, key), key, &known);
            }
        }
        for (key, required) in shape.keys {
            if *required && !table.contains_key(*key) {
                let contact = shape.path == "contact" || (shape.path.is_empty() && *key == "contact");
                let code = if contact { Code::MissingContact } else { Code::MissingKey };
                reader.add(code, &join(&path, key), format!("`{key}` is missing"), format!("add `{key}`"));
            }
        }
        Self { table, path }
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn get(&self, key: &str) -> Option<&'t DeValue<'t>> {
        self.table.get(key).map(|value| value.get_ref())
    }

    pub(crate) fn text(&self, reader: &mut Reader<'_>, key: &str) -> Option<String> {
        text_of(reader, self.get(key)?, &self.path_of(key))
    }

    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, reader: &mut Reader<'_>, key: &str) -> Option<T> {
        let text = self.text(reader, key)?;
        parse(reader, &text, &self.path_of(key), Code::WrongValue)
    }

    /// A text that is the name of something.
    pub(crate) fn name<T: FromStr<Err: Display>>(&self, reader: &mut Reader<'_>, key: &str) -> Option<T> {
        let text = self.text(reader, key)?;
        parse(reader, &text, &self.path_of(key), Code::WrongName)
    }

    pub(crate) fn term<T: Term>(&self, reader: &mut Reader<'_>, key: &str) -> Option<T> {
        let text = self.text(reader, key)?;
        term_of(reader, &text, &self.path_of(key))
    }

    pub(crate) fn flag(&self, reader: &mut Reader<'_>, key: &str) -> Option<bool> {
        match self.get(key)? {
            DeValue::Boolean(flag) => Some(*flag),
            other => wrong_type(reader, &self.path_of(key), other, "true or false"),
        }
    }

    pub(crate) fn whole(&self, reader: &mut Reader<'_>, key: &str) -> Option<u32> {
        let path = self.path_of(key);
        match self.get(key)? {
            DeValue::Integer(number) => {
                let value = u32::from_str_radix(number.as_str(), number.radix()).ok();
                if value.is_none() {
                    reader.add(
                        Code::WrongValue,
                        &path,
                        "the number is out of range",
                        "write a small whole number that is not negative",
                    );
                }
                value
            }
            other => wrong_type(reader, &path, other, "a whole number"),
        }
    }

    pub(crate) fn date(&self, reader: &mut Reader<'_>, key: &str) -> Option<NaiveDate> {
        let path = self.path_of(key);
        let date = match self.get(key)? {
            DeValue::Datetime(moment) if moment.time.is_none() => moment
                .date
                .and_then(|date| {
                    NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
                })
                .filter(|date| (1970..=9999).contains(&chrono::Datelike::year(date))),
            other => {
                return wrong_type(
                    reader,
                    &path,
                    other,
                    "a date without quotation marks, such as 2026-12-01",
                );
            }
        };
        if date.is_none() {
            reader.add(
                Code::WrongValue,
                &path,
                "the date is not in the calendar",
                "write a date between 1970 and 9999, such as 2026-12-01",
            );
        }
        date
    }

    /// A text in several languages.
    pub(crate) fn translated(&self, reader: &mut Reader<'_>, key: &str) -> Option<Translated> {
        let path = self.path_of(key);
        let table = self.table_of(reader, key, "a text per language, such as `label.en = \"…\"`")?;
        let mut texts = BTreeMap::new();
        for (name, value) in table {
            let name: &str = name.get_ref();
            let path = join(&path, name);
            let Some(language) = Language::from_name(name) else {
                report_unknown(reader, &path, name, &names_of::<Language>());
                continue;
            };
            if let Some(text) = text_of(reader, value.get_ref(), &path) {
                texts.insert(language, text);
            }
        }
        Some(Translated(texts))
    }

    /// A list of values of a closed list.
    pub(crate) fn terms<T: Term + Ord>(&self, reader: &mut Reader<'_>, key: &str) -> BTreeSet<T> {
        let texts = self.texts(reader, key);
        texts.into_iter().filter_map(|(path, text)| term_of(reader, &text, &path)).collect()
    }

    /// A list of names or other values that texts are read as.
    pub(crate) fn names<T: FromStr<Err: Display> + Ord>(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
    ) -> BTreeSet<T> {
        let texts = self.texts(reader, key);
        texts.into_iter().filter_map(|(path, text)| parse(reader, &text, &path, Code::WrongName)).collect()
    }

    /// A list of texts, each with its path.
    pub(crate) fn texts(&self, reader: &mut Reader<'_>, key: &str) -> Vec<(String, String)> {
        let path = self.path_of(key);
        match self.get(key) {
            None => Vec::new(),
            Some(DeValue::Array(items)) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| {
                    let path = format!("{path}[{index}]");
                    text_of(reader, item.get_ref(), &path).map(|text| (path, text))
                })
                .collect(),
            Some(other) => {
                wrong_type::<()>(reader, &path, other, "a list of texts");
                Vec::new()
            }
        }
    }

    /// A table with a value for each regime.
    pub(crate) fn by_regime<T>(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        read: impl Fn(&mut Reader<'_>, &str, &str) -> Option<T>,
    ) -> BTreeMap<Regime, T> {
        let path = self.path_of(key);
        let mut values = BTreeMap::new();
        let Some(table) = self.table_of(reader, key, "a table with a value for each regime") else {
            return values;
        };
        for (name, value) in table {
            let name: &str = name.get_ref();
            let path = join(&path, name);
            let Some(regime) = Regime::from_name(name) else {
                report_unknown(reader, &path, name, &names_of::<Regime>());
                continue;
            };
            let value = text_of(reader, value.get_ref(), &path).and_then(|text| read(reader, &text, &path));
            if let Some(value) = value {
                values.insert(regime, value);
            }
        }
        values
    }

    /// A table of this table.
    pub(crate) fn child(&self, reader: &mut Reader<'_>, key: &str, shape: &Shape) -> Option<Section<'t>> {
        let table = self.table_of(reader, key, "a table")?;
        Some(Section::open(reader, table, self.path_of(key), shape))
    }

    /// The tables under a key, each with its name.
    pub(crate) fn children(
        &self,
        reader: &mut Reader<'_>,
        key: &str,
        shape: &Shape,
    ) -> Vec<(String, Section<'t>)> {
        let Some(table) = self.table_of(reader, key, "a table of tables") else { return Vec::new() };
        let path = self.path_of(key);
        let mut children = Vec::new();
        for (name, value) in table {
            let name: &str = name.get_ref();
            let path = join(&path, name);
            match value.get_ref() {
                DeValue::Table(table) => {
                    children.push((name.to_owned(), Section::open(reader, table, path, shape)));
                }
                other => {
                    wrong_type::<()>(reader, &path, other, "a table");
                }
            }
        }
        children
    }

    /// The tables of a list.
    pub(crate) fn items(&self, reader: &mut Reader<'_>, key: &str, shape: &Shape) -> Vec<Section<'t>> {
        let path = self.path_of(key);
        let items = match self.get(key) {
            None => return Vec::new(),
            Some(DeValue::Array(items)) => items,
            Some(other) => {
                wrong_type::<()>(reader, &path, other, "a list of tables");
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item.get_ref() {
                DeValue::Table(table) => sections.push(Section::open(reader, table, path, shape)),
                other => {
                    wrong_type::<()>(reader, &path, other, "a table");
                }
            }
        }
        sections
    }

    fn table_of(&self, reader: &mut Reader<'_>, key: &str, needed: &str) -> Option<&'t DeTable<'t>> {
        match self.get(key)? {
            DeValue::Table(table) => Some(table),
            other => wrong_type(reader, &self.path_of(key), other, needed),
        }
    }
}

/// Reads a text as a value of a closed list.
pub(crate) fn term_of<T: Term>(reader: &mut Reader<'_>, text: &str, path: &str) -> Option<T> {
    let value = T::from_name(text);
    if value.is_none() {
        let names = names_of::<T>().join(", ");
        reader.add(
            Code::WrongValue,
            path,
            format!("`{}` is not allowed here", short(text)),
            format!("use one of: {names}"),
        );
    }
    value
}

/// Reads a text as whatever it is to be.
pub(crate) fn parse<T: FromStr<Err: Display>>(
    reader: &mut Reader<'_>,
    text: &str,
    path: &str,
    code: Code,
) -> Option<T> {
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            reader.add(code, path, format!("`{}` cannot be used here", short(text)), error.to_string());
            None
        }
    }
}

fn text_of(reader: &mut Reader<'_>, value: &DeValue<'_>, path: &str) -> Option<String> {
    let DeValue::String(text) = value else {
        return wrong_type(reader, path, value, "a text in quotation marks");
    };
    let text = text.trim();
    if text.is_empty() {
        reader.add(Code::EmptyText, path, "the text is empty", "write a text, or leave the key out");
        return None;
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        reader.add(
            Code::WrongValue,
            path,
            "the text holds a control character",
            "remove it; line feeds and tabs are allowed",
        );
        return None;
    }
    Some(text.to_owned())
}

fn wrong_type<T>(reader: &mut Reader<'_>, path: &str, found: &DeValue<'_>, needed: &str) -> Option<T> {
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    reader.add(Code::WrongType, path, format!("found {found}"), format!("write {needed}"));
    None
}

fn report_unknown(reader: &mut Reader<'_>, path: &str, key: &str, known: &[&str]) {
    let near = known.iter().find(|name| is_near(key, name));
    let remedy = match near {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("remove it, or use one of: {}", known.join(", ")),
    };
    reader.add(Code::UnknownKey, path, format!("`{}` means nothing here", short(key)), remedy);
}

fn names_of<T: Term>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.as_str()).collect()
}

/// The first characters of a text, for a message.
pub(crate) fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether two names differ by at most one letter added, left out or changed, or two neighbours exchanged; or in
/// nothing but case and the sort of dash.
fn is_near(left: &str, right: &str) -> bool {
    let fold = |text: &str| text.to_lowercase().replace('-', "_");
    let (left, right) = (fold(left), fold(right));
    let common = left.bytes().zip(right.bytes()).take_while(|(one, other)| one == other).count();
    let rest_of = |text: &str, from: usize| text.as_bytes().get(from..).unwrap_or_default().to_vec();
    let (rest_left, rest_right) = (rest_of(&left, common), rest_of(&right, common));
    let without_first = |rest: &[u8]| rest.get(1..).unwrap_or_default().to_vec();
    let exchanged = match (rest_left.as_slice(), rest_right.as_slice()) {
        ([a, b, tail_left @ ..], [c, d, tail_right @ ..]) => a == d && b == c && tail_left == tail_right,
        _ => false,
    };
    left == right
        || exchanged
        || without_first(&rest_left) == rest_right
        || rest_left == without_first(&rest_right)
        || (!rest_left.is_empty() && without_first(&rest_left) == without_first(&rest_right))
}
