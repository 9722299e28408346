//! The words that ledger entries about consent use; `docs/formats/ledger.md` lists them.

use serde_json::json;
use wzapi_model::consent::{ChannelScope, ConsentAct, PurposeScope, SenderScope};
use wzapi_storage::row::{AgeBand, Quarantine};

use crate::recording::Notice;

pub(crate) const fn event_type(act: ConsentAct) -> &'static str {
    match act {
        ConsentAct::Requested => "consent.requested",
        ConsentAct::Given => "consent.given",
        ConsentAct::Refused => "consent.refused",
        ConsentAct::Withdrawn => "consent.withdrawn",
        ConsentAct::Objected => "consent.objected",
        ConsentAct::Revoked => "consent.revoked",
        ConsentAct::Invalidated => "consent.invalidated",
        ConsentAct::PlatformStopped => "consent.platform_stopped",
        ConsentAct::PlatformResumed => "consent.platform_resumed",
        ConsentAct::Doubted => "consent.doubted",
        ConsentAct::DoubtCleared => "consent.doubt_cleared",
        ConsentAct::Erased => "consent.erased",
    }
}

pub(crate) fn purpose_text(scope: &PurposeScope) -> &str {
    match scope {
        PurposeScope::All => "*",
        PurposeScope::Marketing => "*marketing",
        PurposeScope::One(purpose) => purpose.as_str(),
    }
}

pub(crate) const fn channel_text(scope: ChannelScope) -> &'static str {
    match scope {
        ChannelScope::All => "*",
        ChannelScope::One(channel) => channel.as_str(),
    }
}

pub(crate) fn sender_text(scope: SenderScope) -> String {
    match scope {
        SenderScope::All => "*".to_owned(),
        SenderScope::One(sender) => sender.to_string(),
    }
}

pub(crate) const fn quarantine_text(reason: Quarantine) -> &'static str {
    match reason {
        Quarantine::FutureDated => "future_dated",
        Quarantine::NoEvidence => "no_evidence",
        Quarantine::WeakEvidence => "weak_evidence",
        Quarantine::NoNotice => "no_notice",
        Quarantine::Unconfirmed => "unconfirmed",
        Quarantine::NoGuardian => "no_guardian",
    }
}

pub(crate) const fn age_text(band: AgeBand) -> &'static str {
    match band {
        AgeBand::Adult => "adult",
        AgeBand::Child => "child",
    }
}

pub(crate) fn notice_json(notice: &Notice) -> serde_json::Value {
    let sha256: String = notice.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "version": notice.version, "sha256": sha256, "language": notice.language })
}
