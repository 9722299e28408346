//! What is kept with an imported act: where it was read, and how well it is shown.

use serde_json::{Map, Value};
use wzapi_model::personal::Personal;

use super::grading::{EvidenceKind, ImportGrade};
use super::row::hash_of;

/// Where an imported act was read, and how well it is shown. It stands in the act's sealed details and in the body of
/// its ledger entry; `docs/formats/ledger.md` lists its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNote {
    /// How well the act is shown.
    pub grade: ImportGrade,
    /// The line on which the row begins.
    pub line: u64,
    /// The SHA-256 of the file, if it was read to its end before.
    pub file: Option<[u8; 32]>,
    /// What the reference refers to.
    pub kind: Option<EvidenceKind>,
    /// The system or file that the row comes from.
    pub source: Option<Personal<String>>,
}

impl ImportNote {
    /// As ledger entries and details have it. What is not known is left out.
    pub(crate) fn to_json(&self) -> Value {
        let file = self.file.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let known = [
            ("file", file),
            ("grade", Some(self.grade.as_str().to_owned())),
            ("kind", self.kind.map(|kind| kind.as_str().to_owned())),
            ("source", self.source.as_ref().map(|source| source.expose().clone())),
        ];
        let mut json: Map<String, Value> =
            known.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))).collect();
        json.insert("line".to_owned(), self.line.into());
        Value::Object(json)
    }

    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Value::as_str);
        let grade = ImportGrade::ALL.into_iter().find(|grade| Some(grade.as_str()) == text("grade"))?;
        let file = match text("file") {
            None => None,
            Some(hash) => Some(hash_of(hash)?),
        };
        let kind = match text("kind") {
            None => None,
            Some(kind) => Some(EvidenceKind::ALL.into_iter().find(|known| known.as_str() == kind)?),
        };
        let line = json.get("line")?.as_u64()?;
        Some(Self { grade, line, file, kind, source: text("source").map(Into::into) })
    }
}
