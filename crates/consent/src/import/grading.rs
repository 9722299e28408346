//! How well a file shows that a person agreed (pure).

use wzapi_model::Timestamp;

/// What a reference of an imported grant refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// A form that was submitted.
    FormSubmission,
    /// A record in a system that keeps its history.
    Record,
    /// A message, by its id.
    Message,
    /// A paper with a signature.
    SignedPaper,
    /// A recording of what was said.
    Recording,
}

impl EvidenceKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::FormSubmission, Self::Record, Self::Message, Self::SignedPaper, Self::Recording];

    /// The name used in files and ledger entries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FormSubmission => "form_submission",
            Self::Record => "record",
            Self::Message => "message",
            Self::SignedPaper => "signed_paper",
            Self::Recording => "recording",
        }
    }
}

/// How well an imported act is shown. Only grants are judged by it: a denial counts however weak it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportGrade {
    /// A: somebody can look it up. A date, a method, a reference with its kind, and the notice that was shown.
    Verifiable,
    /// B: somebody wrote down how. A date, a method, and a text, a reference or a source.
    Documented,
    /// C: somebody says so, and no more.
    Stated,
}

impl ImportGrade {
    /// Every grade, the best first.
    pub const ALL: [Self; 3] = [Self::Verifiable, Self::Documented, Self::Stated];

    /// The letter used in files and ledger entries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verifiable => "A",
            Self::Documented => "B",
            Self::Stated => "C",
        }
    }
}

/// What a row brings to show its act.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    pub(super) acted_at: Option<Timestamp>,
    pub(super) has_method: bool,
    pub(super) has_text: bool,
    pub(super) kind: Option<EvidenceKind>,
    pub(super) has_reference: bool,
    pub(super) has_source: bool,
    pub(super) has_notice: bool,
}

impl Shown {
    const fn has_anything(self) -> bool {
        self.has_text || self.has_reference || self.has_source
    }

    pub(super) const fn grade(self) -> ImportGrade {
        if self.acted_at.is_none() || !self.has_method || !self.has_anything() {
            ImportGrade::Stated
        } else if self.kind.is_some() && self.has_reference && self.has_notice {
            ImportGrade::Verifiable
        } else {
            ImportGrade::Documented
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Shown = Shown {
        acted_at: Some(Timestamp::EPOCH),
        has_method: true,
        has_text: true,
        kind: Some(EvidenceKind::Record),
        has_reference: true,
        has_source: true,
        has_notice: true,
    };

    #[test]
    fn each_grade_asks_for_what_it_says() {
        assert_eq!(FULL.grade(), ImportGrade::Verifiable);
        assert_eq!(Shown { has_text: false, has_source: false, ..FULL }.grade(), ImportGrade::Verifiable);
        let documented = [
            Shown { kind: None, ..FULL },
            Shown { has_reference: false, ..FULL },
            Shown { has_notice: false, ..FULL },
            Shown { has_text: false, has_reference: false, ..FULL },
        ];
        for shown in documented {
            assert_eq!(shown.grade(), ImportGrade::Documented, "{shown:?}");
        }
        let nothing = Shown { has_text: false, has_reference: false, has_source: false, ..FULL };
        for shown in [Shown { acted_at: None, ..FULL }, Shown { has_method: false, ..FULL }, nothing] {
            assert_eq!(shown.grade(), ImportGrade::Stated, "{shown:?}");
        }
    }
}
