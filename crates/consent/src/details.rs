//! What is sealed with an act: evidence, notice and guardian.

use serde_json::{Value, json};
use wzapi_encryption::{Place, TenantKeys};
use wzapi_model::name::DataCategory;
use wzapi_model::personal::Personal;
use wzapi_storage::key::Key;
use wzapi_storage::row::{ConsentEventRow, DataKeyRow};

use crate::entry_words::notice_json;
use crate::error::ConsentError;
use crate::import::ImportNote;
use crate::recording::{Evidence, EvidenceGrade, Guardian, NewAct, Notice};

/// Everything about an act that says something about the person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// What shows that the person acted.
    pub evidence: Option<Evidence>,
    /// The notice that was shown.
    pub notice: Option<Notice>,
    /// Who gave a grant for a child.
    pub guardian: Option<Guardian>,
    /// The file and line that it was taken over from.
    pub import: Option<ImportNote>,
}

impl Details {
    /// The field of the event's row in which they are sealed.
    pub(crate) const FIELD: &str = "details";

    pub(crate) fn of(act: &NewAct) -> Self {
        Self {
            evidence: act.evidence.clone(),
            notice: act.notice.clone(),
            guardian: act.guardian.clone(),
            import: act.import.clone(),
        }
    }

    /// The bytes that are sealed. Keys that hold nothing are left out.
    pub(crate) fn to_json(&self) -> String {
        let mut fields = serde_json::Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            value.map(|value| fields.insert(name.to_owned(), value));
        };
        let text =
            |text: &Option<Personal<String>>| text.as_ref().map(|text| Value::from(text.expose().as_str()));
        if let Some(evidence) = &self.evidence {
            put("evidence", text(&evidence.words));
            put("reference", text(&evidence.reference));
            put("grade", (evidence.grade == EvidenceGrade::Weak).then(|| "weak".into()));
        }
        put("notice", self.notice.as_ref().map(notice_json));
        let guardian = self.guardian.as_ref().map(|guardian| {
            json!({ "relation": guardian.relation.expose(), "verified_by": guardian.verified_by.expose() })
        });
        put("guardian", guardian);
        put("import", self.import.as_ref().map(ImportNote::to_json));
        Value::Object(fields).to_string()
    }

    fn from_json(bytes: &[u8]) -> Option<Self> {
        let fields: Value = serde_json::from_slice(bytes).ok()?;
        let text = |object: &Value, name: &str| object.get(name)?.as_str().map(Personal::from);
        let present = |name: &str| fields.get(name).filter(|value| !value.is_null());
        let (words, reference) = (text(&fields, "evidence"), text(&fields, "reference"));
        let is_weak = present("grade").and_then(Value::as_str) == Some("weak");
        let grade = if is_weak { EvidenceGrade::Weak } else { EvidenceGrade::Sufficient };
        let has_evidence = words.is_some() || reference.is_some() || is_weak;
        let notice = match present("notice") {
            None => None,
            Some(notice) => Some(notice_of(notice)?),
        };
        let guardian = match present("guardian") {
            None => None,
            Some(guardian) => Some(Guardian {
                relation: text(guardian, "relation")?,
                verified_by: text(guardian, "verified_by")?,
            }),
        };
        let evidence = has_evidence.then_some(Evidence { words, reference, grade });
        let import = match present("import") {
            None => None,
            Some(note) => Some(ImportNote::from_json(note)?),
        };
        Some(Self { evidence, notice, guardian, import })
    }

    /// Where the data key that opens them is kept.
    pub(crate) fn data_key(place: &Key, row: &ConsentEventRow) -> Key {
        TenantKeys::data_key_of(place.owner(), &DataCategory::consent_evidence(), &row.details)
    }

    /// Opens those of the event that stands at `place`.
    pub(crate) fn open(
        keys: &TenantKeys,
        place: &Key,
        row: &ConsentEventRow,
        data_key: Option<&DataKeyRow>,
    ) -> Result<Self, ConsentError> {
        let sealed_to = Place { controller: keys.controller(), row: place, field: Self::FIELD };
        let opened = keys.open(&Self::data_key(place, row), data_key, &sealed_to, &row.details)?;
        Self::from_json(&opened).ok_or(ConsentError::Damaged("the details of an act cannot be read"))
    }
}

fn notice_of(notice: &Value) -> Option<Notice> {
    let text = |name: &str| notice.get(name)?.as_str();
    let hex = text("sha256")?;
    let mut sha256 = [0; 32];
    for (position, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(Notice { version: text("version")?.to_owned(), sha256, language: text("language")?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{EvidenceKind, ImportGrade};

    #[test]
    fn what_is_sealed_is_read_back() {
        let evidence = Evidence {
            words: Some("I agree".into()),
            reference: Some("form 7".into()),
            grade: EvidenceGrade::Weak,
        };
        let notice = Notice { version: "4".to_owned(), sha256: [0xa7; 32], language: "pt-BR".to_owned() };
        let guardian = Guardian { relation: "mother".into(), verified_by: "document 12".into() };
        let only_words = Evidence::from("yes");
        let note = ImportNote {
            grade: ImportGrade::Verifiable,
            line: 12,
            file: Some([0x5b; 32]),
            kind: Some(EvidenceKind::Message),
            source: Some("crm".into()),
        };
        for details in [
            Details::default(),
            Details {
                evidence: Some(evidence),
                notice: Some(notice),
                guardian: Some(guardian),
                import: Some(note),
            },
            Details { evidence: Some(only_words), ..Details::default() },
        ] {
            assert_eq!(Details::from_json(details.to_json().as_bytes()), Some(details));
        }
        assert_eq!(Details::from_json(b"{\"notice\":{}}"), None);
        assert_eq!(Details::from_json(b"no"), None);
    }
}
