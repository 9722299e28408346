//! Reads the acts of a person, has the document signed and proved, and accounts for it.

use std::fmt;
use std::sync::Arc;

use wzapi_consent::history::{HistoryCursor, PastAct, PersonSubjects};
use wzapi_consent::{ConsentError, ConsentLedger};
use wzapi_ledger::proof::checkpoint::CheckpointPolicy;
use wzapi_ledger::proof::receipt::{MAX_CITED, Receipt, document_hash};
use wzapi_ledger::proof::tlog_proof::TlogProof;
use wzapi_ledger::{Event, LedgerError, Notary};
use wzapi_model::Clock;
use wzapi_model::actor::Actor;
use wzapi_model::consent::PurposeScope;
use wzapi_model::ids::{ControllerId, SubjectId};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::{DataCategory, PurposeId};
use wzapi_policy::Policy;
use wzapi_policy::file::Purpose;
use wzapi_policy::language::Language;
use wzapi_storage::key::Owner;

use crate::document::{self, CitedAct, Contents, DocumentKind, Subject};
use crate::error::IssueError;

/// Rows read at a time.
const PAGE: usize = 256;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Whose document it is to be.
    pub kind: DocumentKind,
    /// The person.
    pub subject: SubjectId,
    /// The purpose.
    pub purpose: PurposeId,
    /// The language; `None` for the first one of the policy.
    pub language: Option<Language>,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The file: document, signature and proofs.
    pub receipt: Receipt,
    /// The person as known now.
    pub subject: SubjectId,
}

/// The purposes about which something is on record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purposes {
    /// Those that the policy declares: documents can be had.
    pub declared: Vec<PurposeId>,
    /// Those that it does not declare (any more).
    pub undeclared: Vec<PurposeId>,
}

/// Issues records and receipts.
#[derive(Clone)]
pub struct Issuer {
    consent: ConsentLedger,
    notary: Notary,
    policy: Arc<Policy>,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// An issuer under this policy.
    #[must_use]
    pub const fn new(
        consent: ConsentLedger,
        notary: Notary,
        policy: Arc<Policy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { consent, notary, policy, clock }
    }

    /// The purposes about which a document can be issued: those that a consent is asked for and that an act of the
    /// person covers, and those that an act names.
    ///
    /// # Errors
    /// [`IssueError::NothingOnRecord`], [`IssueError::Erased`]; the failure of a part.
    pub async fn purposes(
        &self,
        controller: ControllerId,
        subject: SubjectId,
    ) -> Result<Purposes, IssueError> {
        let person = self.person(controller, subject).await?;
        let mut found = Purposes::default();
        let scopes = self.collect(controller, &person, |act| Some(act.scope.purpose.clone())).await?;
        for scope in &scopes {
            if let PurposeScope::One(name) = scope
                && !self.policy.purposes.contains_key(name)
            {
                found.undeclared.push(name.clone());
            }
        }
        found.undeclared.sort();
        found.undeclared.dedup();
        for (name, declared) in &self.policy.purposes {
            let is_named = scopes.contains(&PurposeScope::One(name.clone()));
            let is_covered = scopes.iter().any(|scope| covers(scope, name, declared));
            if is_named || asks_for_consent(declared) && is_covered {
                found.declared.push(name.clone());
            }
        }
        Ok(found)
    }

    /// Makes one document, enters in the ledger that it was issued, and hands it out signed and proved.
    ///
    /// The document is the same for as long as history and policy are; the checkpoints of its proofs may be newer.
    ///
    /// # Errors
    /// [`IssueError`]. Nothing is handed out then; that it was about to be may stand in the ledger.
    pub async fn issue(
        &self,
        actor: &Actor,
        controller: ControllerId,
        order: &Order,
    ) -> Result<Issued, IssueError> {
        let declared = self.policy.purposes.get(&order.purpose).ok_or(IssueError::UndeclaredPurpose)?;
        let person = self.person(controller, order.subject).await?;
        let covered = |act: PastAct| covers(&act.scope.purpose, &order.purpose, declared).then_some(act);
        let acts = self.collect(controller, &person, covered).await?;
        if acts.len() > MAX_CITED {
            return Err(IssueError::TooManyActs);
        }
        let proved = self.prove(controller, acts).await?;
        let acts: Vec<CitedAct> = proved.iter().map(|one| one.cited.clone()).collect();
        let language = order.language.or(self.policy.languages.first().copied());
        let subject = Subject { controller, subject: person.current, former: person.former.clone() };
        let document = document::build(&Contents {
            kind: order.kind,
            subject: &subject,
            purpose: &order.purpose,
            policy: &self.policy,
            language: language.ok_or(IssueError::UndeclaredLanguage)?,
            acts: &acts,
            now: self.clock.now(),
        })?;
        self.account_for(actor, controller, &subject, order, &document).await?;
        let receipt = self.signed(controller, &document, proved).await?;
        Ok(Issued { receipt, subject: person.current })
    }

    async fn person(
        &self,
        controller: ControllerId,
        subject: SubjectId,
    ) -> Result<PersonSubjects, IssueError> {
        self.consent.person(controller, subject).await?.ok_or(IssueError::NothingOnRecord)
    }

    /// What `choose` takes of all acts of the person, page by page, as recorded under each of their ids.
    async fn collect<T>(
        &self,
        controller: ControllerId,
        person: &PersonSubjects,
        choose: impl Fn(PastAct) -> Option<T>,
    ) -> Result<Vec<T>, IssueError> {
        let mut chosen = Vec::new();
        for subject in person.all() {
            let mut after: Option<HistoryCursor> = None;
            loop {
                let page = self.consent.history(controller, subject, after.as_ref(), PAGE).await?;
                chosen.extend(page.acts.into_iter().filter_map(&choose));
                after = page.next;
                if after.is_none() || chosen.len() > MAX_SEEN {
                    break;
                }
            }
        }
        if chosen.len() > MAX_SEEN { Err(IssueError::TooManyActs) } else { Ok(chosen) }
    }

    /// Where the entries of the acts are, and the proof of each, in the order of logs and indexes.
    async fn prove(&self, controller: ControllerId, acts: Vec<PastAct>) -> Result<Vec<Proved>, IssueError> {
        let mut proved = Vec::with_capacity(acts.len());
        for act in acts {
            let (log, index) = self.notary.locate(controller, Owner::Subject(act.subject), act.entry).await?;
            let proof = self.notary.prove_in(controller, log, index).await?;
            let origin =
                proof.checkpoint().unverified_text().split('\n').next().unwrap_or_default().to_owned();
            let answers = answered_by(&proof);
            let cited = CitedAct { act, log: origin, index, answers };
            proved.push(Proved { cited, shard: log.shard, proof });
        }
        proved.sort_by(|one, other| {
            (&one.cited.log, one.cited.index).cmp(&(&other.cited.log, other.cited.index))
        });
        Ok(proved)
    }

    /// The entry that says that somebody read the acts of a person, before they are handed out.
    async fn account_for(
        &self,
        actor: &Actor,
        controller: ControllerId,
        subject: &Subject,
        order: &Order,
        document: &[u8],
    ) -> Result<(), IssueError> {
        for _ in 0..ConsentLedger::MAX_ATTEMPTS {
            let mut recording = self.consent.begin(controller).await?;
            let event = Event::new("receipt.issued", controller, recording.now())
                .with("actor", actor.name())
                .with("subject", subject.subject.to_string())
                .with("purpose", order.purpose.as_str())
                .with("kind", order.kind.as_str())
                .with("document", document_hash(document).to_string());
            let owner = Owner::Subject(subject.subject);
            recording.entry(owner, &DataCategory::consent_evidence(), &event).await?;
            match recording.commit().await {
                Err(ConsentError::Busy) => {}
                outcome => return Ok(outcome.map(drop)?),
            }
        }
        Err(ConsentError::Busy.into())
    }

    /// Signature and proofs; what is handed out was verified.
    async fn signed(
        &self,
        controller: ControllerId,
        document: &[u8],
        proved: Vec<Proved>,
    ) -> Result<Receipt, IssueError> {
        let shard = proved.iter().map(|one| one.shard).max().unwrap_or_default();
        let known = self.known_logs(controller, &proved, shard).await?;
        let signature = self.notary.sign_receipt(controller, shard, document_hash(document)).await?;
        let proofs = proved.into_iter().map(|one| one.proof).collect();
        let receipt = Receipt::new(document, signature, proofs).map_err(IssueError::Contradiction)?;
        receipt.verify(&known).map_err(IssueError::Contradiction)?;
        Ok(receipt)
    }

    /// A policy for each log that a receipt speaks of.
    async fn known_logs(
        &self,
        controller: ControllerId,
        proved: &[Proved],
        signer: u16,
    ) -> Result<Vec<CheckpointPolicy>, IssueError> {
        let mut logs: Vec<(u16, String)> =
            proved.iter().map(|one| (one.shard, one.cited.log.clone())).collect();
        logs.push((signer, self.notary.current_origin(controller, signer).await?));
        logs.sort();
        logs.dedup();
        let mut policies = Vec::with_capacity(logs.len());
        for (shard, origin) in logs {
            let keys = self.notary.verifier_keys(controller, shard, &origin).await?;
            policies.push(
                CheckpointPolicy::for_log(keys).map_err(|_| IssueError::Ledger(LedgerError::DamagedKey))?,
            );
        }
        Ok(policies)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}

/// An act with the proof of its entry.
struct Proved {
    cited: CitedAct,
    shard: u16,
    proof: TlogProof,
}

/// The entry that the disclosed one says it answers, and how.
fn answered_by(proof: &TlogProof) -> Option<(&'static str, String)> {
    let (_blinding, event) = proof.extra()?.split_at_checked(32)?;
    let event: serde_json::Value = serde_json::from_slice(event).ok()?;
    ["confirms", "resolves"].into_iter().find_map(|word| Some((word, event.get(word)?.as_str()?.to_owned())))
}

/// The most acts of a person, over all purposes, that are looked at.
const MAX_SEEN: usize = 65_536;

fn covers(scope: &PurposeScope, name: &PurposeId, declared: &Purpose) -> bool {
    match scope {
        PurposeScope::All => true,
        PurposeScope::Marketing => is_marketing(declared),
        PurposeScope::One(one) => one == name,
    }
}

/// As the send gate asks: marketing messages may serve it.
fn is_marketing(declared: &Purpose) -> bool {
    declared.messages.contains(&MessageCategory::Marketing)
}

fn asks_for_consent(declared: &Purpose) -> bool {
    declared.needs_consent() || is_marketing(declared)
}
