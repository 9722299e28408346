//! Which term of the Data Privacy Vocabulary stands for what. `data/dpv` has the vocabulary, and a test looks up every
//! term that is written here.

use wzapi_consent::history::PastAct;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ConsentAct, ConsentMethod};
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::file::{Purpose, RecipientRole, WithdrawalMethod};
use wzapi_policy::language::Language;

/// The status that an act brought about. A grant that counts for nothing is not `ConsentGiven`; the end of a stop or
/// of a doubt has no term of its own and is of the class alone, for it gives nothing.
#[must_use]
pub const fn status(act: &PastAct) -> &'static str {
    match act.act {
        ConsentAct::Given if act.quarantine.is_some() => "dpv:ConsentUnknown",
        ConsentAct::Given => "dpv:ConsentGiven",
        ConsentAct::Requested => "dpv:ConsentRequested",
        ConsentAct::Refused => "dpv:ConsentRefused",
        ConsentAct::Withdrawn
        | ConsentAct::Objected
        | ConsentAct::PlatformStopped
        | ConsentAct::Doubted
        | ConsentAct::Erased => "dpv:ConsentWithdrawn",
        ConsentAct::Revoked => "dpv:ConsentRevoked",
        ConsentAct::Invalidated => "dpv:ConsentInvalidated",
        ConsentAct::PlatformResumed | ConsentAct::DoubtCleared => "dpv:ConsentStatus",
    }
}

/// Whether it was the controller who acted, and not the person.
#[must_use]
pub const fn is_by_controller(act: ConsentAct) -> bool {
    match act {
        ConsentAct::Requested | ConsentAct::Revoked | ConsentAct::Invalidated | ConsentAct::DoubtCleared => {
            true
        }
        ConsentAct::Given
        | ConsentAct::Refused
        | ConsentAct::Withdrawn
        | ConsentAct::Objected
        | ConsentAct::PlatformStopped
        | ConsentAct::PlatformResumed
        | ConsentAct::Doubted
        | ConsentAct::Erased => false,
    }
}

/// How a grant was expressed. Explicitly, where the person did nothing else than to agree; for a record of somebody
/// else's, or of a host's own program, no more is said than that it was expressed.
#[must_use]
pub const fn consent_type(method: ConsentMethod) -> &'static str {
    match method {
        ConsentMethod::WebForm
        | ConsentMethod::Keyword
        | ConsentMethod::Paper
        | ConsentMethod::Verbal
        | ConsentMethod::PlatformPreference => "dpv:ExplicitlyExpressedConsent",
        ConsentMethod::ClickToChat
        | ConsentMethod::InboundMessage
        | ConsentMethod::Import
        | ConsentMethod::Api
        | ConsentMethod::PlatformError
        | ConsentMethod::Block
        | ConsentMethod::Review => "dpv:ExpressedConsent",
    }
}

/// The legal basis.
#[must_use]
pub const fn legal_basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "dpv:Consent",
        LegalBasis::Contract => "dpv:Contract",
        LegalBasis::LegalObligation => "dpv:LegalObligation",
        LegalBasis::VitalInterests => "dpv:VitalInterest",
        LegalBasis::PublicTask => "dpv:PublicInterest",
        LegalBasis::LegitimateInterests => "dpv:LegitimateInterest",
    }
}

/// The kind of purpose, by the names that wzapi's own policy uses. Of another name it is marketing if marketing
/// messages serve it, and else nothing more than a purpose.
#[must_use]
pub fn purpose(name: &PurposeId, declared: &Purpose) -> &'static str {
    match name.as_str() {
        "marketing" => "dpv:DirectMarketing",
        "service_provision" => "dpv:ServiceProvision",
        "billing" => "dpv:PaymentManagement",
        "service_improvement" => "dpv:ImproveExistingProductsAndServices",
        "security" | "security_notifications" => "dpv:EnforceSecurity",
        "service_updates" | "feature_releases" => "dpv:CommunicationForCustomerCare",
        "technical_support" => "dpv:CustomerCare",
        "legal_compliance" => "dpv:LegalCompliance",
        "dispute_resolution" => "dpv:DisputeManagement",
        _ if declared.messages.contains(&MessageCategory::Marketing) => "dpv:Marketing",
        _ => "dpv:Purpose",
    }
}

/// What is done with the data: it is collected, stored and used; transmitted, where messages are sent; and disclosed,
/// where somebody else gets it.
#[must_use]
pub fn processing(declared: &Purpose, has_recipients: bool) -> Vec<&'static str> {
    let mut terms = vec!["dpv:Collect", "dpv:Store", "dpv:Use"];
    if !declared.messages.is_empty() {
        terms.push("dpv:Transmit");
    }
    if has_recipients {
        terms.push("dpv:Disclose");
    }
    terms
}

/// The property that names a recipient by its role beside `dpv:hasRecipient`, if there is one.
#[must_use]
pub const fn role(role: RecipientRole) -> Option<&'static str> {
    match role {
        RecipientRole::Processor => Some("dpv:hasDataProcessor"),
        RecipientRole::Controller => None,
    }
}

/// How consent is withdrawn, in words.
#[must_use]
pub const fn withdrawal(method: WithdrawalMethod, language: Language) -> &'static str {
    match (method, language) {
        (WithdrawalMethod::ReplyStop, Language::English) => "Answer STOP to any message.",
        (WithdrawalMethod::ReplyStop, Language::Hindi) => "किसी भी संदेश के उत्तर में STOP लिखें।",
        (WithdrawalMethod::ReplyStop, Language::Portuguese) => "Responda PARAR a qualquer mensagem.",
        (WithdrawalMethod::ReplyStop, Language::Spanish) => "Responda BAJA a cualquier mensaje.",
        (WithdrawalMethod::PlatformControl, Language::English) => "Stop the messages in WhatsApp itself.",
        (WithdrawalMethod::PlatformControl, Language::Hindi) => "WhatsApp में ही संदेश रोकें।",
        (WithdrawalMethod::PlatformControl, Language::Portuguese) => "Pare as mensagens no próprio WhatsApp.",
        (WithdrawalMethod::PlatformControl, Language::Spanish) => {
            "Detenga los mensajes en el propio WhatsApp."
        }
        (WithdrawalMethod::AccountSettings, Language::English) => "Change the settings of your account.",
        (WithdrawalMethod::AccountSettings, Language::Hindi) => "अपने खाते की सेटिंग बदलें।",
        (WithdrawalMethod::AccountSettings, Language::Portuguese) => "Altere as configurações da sua conta.",
        (WithdrawalMethod::AccountSettings, Language::Spanish) => "Cambie los ajustes de su cuenta.",
        (WithdrawalMethod::Link, Language::English) => "Follow the link in any message.",
        (WithdrawalMethod::Link, Language::Hindi) => "किसी भी संदेश में दिए लिंक पर जाएँ।",
        (WithdrawalMethod::Link, Language::Portuguese) => "Siga o link em qualquer mensagem.",
        (WithdrawalMethod::Link, Language::Spanish) => "Siga el enlace de cualquier mensaje.",
        (WithdrawalMethod::Contact, Language::English) => "Write to the contact point.",
        (WithdrawalMethod::Contact, Language::Hindi) => "संपर्क बिंदु को लिखें।",
        (WithdrawalMethod::Contact, Language::Portuguese) => "Escreva ao ponto de contato.",
        (WithdrawalMethod::Contact, Language::Spanish) => "Escriba al punto de contacto.",
    }
}
