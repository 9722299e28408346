//! What an act of consent consists of, and when a grant is set aside.

use wzapi_model::Timestamp;
use wzapi_model::consent::{ConsentAct, ConsentMethod, ConsentScope, Provenance};
use wzapi_model::ids::EntryId;
use wzapi_model::personal::Personal;
use wzapi_storage::row::{NoticeMark, Quarantine};

use crate::error::ConsentError;
use crate::import::ImportNote;
use crate::recording::rules::GrantRule;
use crate::recording::{ALLOWED_SKEW, MAX_EVIDENCE};

/// The text that a person was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its version.
    pub version: String,
    /// The SHA-256 of its text.
    pub sha256: [u8; 32],
    /// Its language (BCP 47).
    pub language: String,
}

impl Notice {
    /// What the gate's rows keep of it.
    #[must_use]
    pub fn mark(&self) -> NoticeMark {
        let mut mark = [0; 16];
        mark.iter_mut().zip(self.sha256).for_each(|(to, from)| *to = from);
        NoticeMark(mark)
    }
}

/// How much evidence shows, in the judgement of whoever records the act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EvidenceGrade {
    /// Too little: a grant that rests on it is set aside until an officer looks at it.
    Weak,
    /// Enough.
    #[default]
    Sufficient,
}

/// What shows that the person acted. It is sealed under the person's key; `docs/consent.md` lists what each method
/// should bring.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// What the person saw, wrote or said: the words of the message, the fields of the form, the sentence agreed to.
    pub words: Option<Personal<String>>,
    /// Where it can be looked up: the form's address or id, the advertisement's id, the number of the document, the name
    /// of the recording or of the witness, the file and line, the caller's own reference.
    pub reference: Option<Personal<String>>,
    /// How much it shows.
    pub grade: EvidenceGrade,
}

impl Evidence {
    /// Evidence that can be looked up elsewhere.
    #[must_use]
    pub fn referring_to(reference: &str) -> Self {
        Self { reference: Some(reference.into()), ..Self::default() }
    }

    /// Whether it shows nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.words, &self.reference].into_iter().flatten().all(|text| text.expose().trim().is_empty())
    }

    fn len(&self) -> usize {
        [&self.words, &self.reference].into_iter().flatten().map(|text| text.expose().len()).sum()
    }

    pub(crate) fn validate(&self) -> Result<(), ConsentError> {
        if self.len() > MAX_EVIDENCE {
            return Err(ConsentError::InvalidAct("its evidence is longer than 64 KiB"));
        }
        Ok(())
    }
}

impl From<&str> for Evidence {
    fn from(words: &str) -> Self {
        Personal::from(words).into()
    }
}

impl From<Personal<String>> for Evidence {
    fn from(words: Personal<String>) -> Self {
        Self { words: Some(words), ..Self::default() }
    }
}

/// Who consented for a child. It is sealed under the child's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardian {
    /// What they are to the child: mother, father, legal guardian.
    pub relation: Personal<String>,
    /// How it was verified that they are, and where that is on record (GDPR Art. 8(2); DPDP Act s. 9(1)).
    pub verified_by: Personal<String>,
}

/// An act to be recorded.
#[derive(Debug, Clone)]
pub struct NewAct {
    /// What happened.
    pub act: ConsentAct,
    /// How far it reaches.
    pub scope: ConsentScope,
    /// How it arrived.
    pub method: ConsentMethod,
    /// Whether it was recorded when the person acted, or taken over from other records.
    pub provenance: Provenance,
    /// When the person acted; `None` when nobody can say, and then the time of record counts.
    pub acted_at: Option<Timestamp>,
    /// When a grant ends by itself; `None` leaves it to the policy.
    pub expires_at: Option<Timestamp>,
    /// The notice that was shown.
    pub notice: Option<Notice>,
    /// What shows that the person acted.
    pub evidence: Option<Evidence>,
    /// Who gave a grant for a child.
    pub guardian: Option<Guardian>,
    /// The file and line that it was taken over from, and how well that shows it.
    pub import: Option<ImportNote>,
    /// What identifies the act at its source, so that a second arrival changes nothing. `None` makes each call a
    /// new act.
    pub source: Option<Personal<Vec<u8>>>,
}

impl NewAct {
    /// A direct act with nothing but what every act must have.
    #[must_use]
    pub const fn direct(act: ConsentAct, scope: ConsentScope, method: ConsentMethod) -> Self {
        Self {
            act,
            scope,
            method,
            provenance: Provenance::Direct,
            acted_at: None,
            expires_at: None,
            notice: None,
            evidence: None,
            guardian: None,
            import: None,
            source: None,
        }
    }

    pub(super) fn validate(&self) -> Result<(), ConsentError> {
        self.evidence.as_ref().map_or(Ok(()), Evidence::validate)?;
        if let Some(guardian) = &self.guardian {
            if self.act != ConsentAct::Given {
                return Err(ConsentError::InvalidAct("only a grant can be a guardian's"));
            }
            let texts = [&guardian.relation, &guardian.verified_by].map(|text| text.expose());
            if texts.iter().any(|text| text.trim().is_empty()) {
                return Err(ConsentError::InvalidAct(
                    "it must say who the guardian is and how that was verified",
                ));
            }
            if texts.iter().map(|text| text.len()).sum::<usize>() > MAX_EVIDENCE {
                return Err(ConsentError::InvalidAct("what it says of the guardian is longer than 64 KiB"));
            }
        }
        if self.expires_at.is_some() && self.act != ConsentAct::Given {
            return Err(ConsentError::InvalidAct("only a grant can expire"));
        }
        Ok(())
    }

    /// Why a grant counts for nothing yet. Denials are never set aside, whatever their date. Reasons that nobody can
    /// release come first, so that releasing one that can be does not get around them.
    pub(super) fn quarantine(&self, rule: &GrantRule, by_child: bool, now: Timestamp) -> Option<Quarantine> {
        let is_future = self.acted_at.is_some_and(|acted| acted > now.saturating_add(ALLOWED_SKEW));
        match self.act {
            ConsentAct::Given => {}
            // The end of a stop or a doubt is no denial either: dated in the future it would outlast what comes before.
            ConsentAct::PlatformResumed | ConsentAct::DoubtCleared => {
                return is_future.then_some(Quarantine::FutureDated);
            }
            ConsentAct::Requested
            | ConsentAct::Refused
            | ConsentAct::Withdrawn
            | ConsentAct::Objected
            | ConsentAct::Revoked
            | ConsentAct::Invalidated
            | ConsentAct::PlatformStopped
            | ConsentAct::Doubted
            | ConsentAct::Erased => return None,
        }
        let is_imported = self.provenance == Provenance::Imported;
        let is_shown = self.evidence.as_ref().is_some_and(|evidence| !evidence.is_empty());
        let is_weak = self.evidence.as_ref().is_some_and(|evidence| evidence.grade == EvidenceGrade::Weak);
        let reasons = [
            (by_child && self.guardian.is_none(), Quarantine::NoGuardian),
            (rule.notice_required && self.notice.is_none(), Quarantine::NoNotice),
            (is_future, Quarantine::FutureDated),
            (!is_imported && rule.must_confirm(self.method), Quarantine::Unconfirmed),
            (!is_shown && (is_imported || rests_on_evidence(self.method)), Quarantine::NoEvidence),
            (is_weak, Quarantine::WeakEvidence),
        ];
        reasons.into_iter().find_map(|(applies, reason)| applies.then_some(reason))
    }
}

/// Whether somebody else than the person enters the act, so that nothing but the evidence shows it (GDPR Art. 7(1): the
/// controller must be able to demonstrate consent). By the other methods the person's own act reaches the host, and the
/// entry in the ledger says when and how.
const fn rests_on_evidence(method: ConsentMethod) -> bool {
    match method {
        ConsentMethod::Paper | ConsentMethod::Verbal | ConsentMethod::Import | ConsentMethod::Review => true,
        ConsentMethod::WebForm
        | ConsentMethod::ClickToChat
        | ConsentMethod::InboundMessage
        | ConsentMethod::Keyword
        | ConsentMethod::Api
        | ConsentMethod::PlatformPreference
        | ConsentMethod::PlatformError
        | ConsentMethod::Block => false,
    }
}

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It was recorded, and counts.
    New {
        /// Its ledger entry.
        entry: EntryId,
    },
    /// It was recorded, but counts for nothing until the reason is gone: see `docs/consent.md`.
    Quarantined {
        /// Its ledger entry.
        entry: EntryId,
        /// Why.
        reason: Quarantine,
    },
    /// It had been recorded before; nothing changed.
    Duplicate,
}
