//! The clauses of the policy and the rules of the page, one by one.

use wzapi_consent::gate::rows::WINDOW;
use wzapi_consent::gate::{GateRows, GateRules, Message, PurposeRule, ReasonCode};
use wzapi_model::Timestamp;
use wzapi_model::basis::LegalBasis;
use wzapi_model::consent::{ChannelScope, ConsentAct, ConsentScope, SenderScope};
use wzapi_model::message::{Channel, MessageCategory};
use wzapi_model::name::PurposeId;
use wzapi_storage::row::{IdentifierRow, ScopeMarks, Window};

use super::{
    at, before, by_a_sender_of_ours, decide, denied, entry, granted, message, now, row, rows_with, stopped,
    wzapi,
};
use crate::support::{OTHER_SENDER, SENDER, codes};

#[test]
fn clause_2_c_a_recipient_nobody_knows_is_refused_in_every_category() {
    for category in MessageCategory::ALL {
        let decision = wzapi(category, &by_a_sender_of_ours());
        assert!(!decision.is_allowed);
        assert!(codes(&decision).contains(&ReasonCode::UnknownRecipient));
        assert_eq!(decision.subject, None);
    }
}

#[test]
fn what_the_policy_does_not_declare_is_refused_beside_all_else() {
    let given = rows_with(vec![granted(ConsentScope::whatsapp(PurposeId::marketing()), -9)]);
    let undeclared = Message { purpose: "raffle".parse().unwrap(), ..message(MessageCategory::Utility) };
    let decision = decide(&GateRules::wzapi(), &undeclared, &given, now());
    assert!(!decision.is_allowed);
    assert_eq!(codes(&decision), [ReasonCode::UndeclaredPurpose, ReasonCode::NoConsent]);

    let wrong = Message { purpose: PurposeId::marketing(), ..message(MessageCategory::Utility) };
    let decision = decide(&GateRules::wzapi(), &wrong, &given, now());
    assert!(!decision.is_allowed);
    assert_eq!(codes(&decision), [ReasonCode::CategoryNotDeclared]);
}

#[test]
fn clause_3_b_a_feature_release_is_not_a_security_notification() {
    let rows = rows_with(vec![granted(ConsentScope::whatsapp(PurposeId::security_notifications()), -9)]);
    assert!(wzapi(MessageCategory::Authentication, &rows).is_allowed);
    let release = Message { purpose: PurposeId::feature_releases(), ..message(MessageCategory::Marketing) };
    assert_eq!(codes(&decide(&GateRules::wzapi(), &release, &rows, now())), [ReasonCode::NoConsent]);
    let disguised = Message { category: MessageCategory::Authentication, ..release };
    assert!(!decide(&GateRules::wzapi(), &disguised, &rows, now()).is_allowed);
}

#[test]
fn clause_3_b_security_messages_ignore_every_denial_of_marketing() {
    let marketing = || ConsentScope::whatsapp(PurposeId::marketing());
    let of_marketing = [ConsentAct::Refused, ConsentAct::Withdrawn, ConsentAct::Objected]
        .into_iter()
        .flat_map(|act| {
            [
                denied(ConsentScope::all_marketing(), act, -3),
                denied(ConsentScope::whatsapp_marketing(), act, -3),
                denied(marketing(), act, -3),
            ]
        })
        .chain([stopped(ConsentScope::whatsapp_marketing(), -3)]);
    for denial in of_marketing {
        for opt_in in [granted(marketing(), -9), granted(ConsentScope::everything(), -9)] {
            let rows = rows_with(vec![opt_in, denial.clone()]);
            assert!(wzapi(MessageCategory::Authentication, &rows).is_allowed, "{denial:?}");
            assert!(!wzapi(MessageCategory::Marketing, &rows).is_allowed, "{denial:?}");
        }
        let never_opted_in = rows_with(vec![denial]);
        assert_eq!(codes(&wzapi(MessageCategory::Authentication, &never_opted_in)), [ReasonCode::NoOptIn]);
    }
}

#[test]
fn clause_3_b_a_global_denial_refuses_security_messages_too() {
    for act in [ConsentAct::Withdrawn, ConsentAct::Objected, ConsentAct::Refused] {
        let opt_in = granted(ConsentScope::whatsapp(PurposeId::security_notifications()), -9);
        let rows = rows_with(vec![opt_in, denied(ConsentScope::everything(), act, -3)]);
        for category in MessageCategory::ALL {
            assert!(!wzapi(category, &rows).is_allowed, "{act:?} {category:?}");
        }
    }
}

#[test]
fn a_grant_that_was_found_invalid_shows_no_opt_in() {
    let scope = ConsentScope::whatsapp(PurposeId::marketing());
    for act in [ConsentAct::Revoked, ConsentAct::Invalidated] {
        let rows = rows_with(vec![granted(scope.clone(), -9), denied(scope.clone(), act, -3)]);
        assert_eq!(codes(&wzapi(MessageCategory::Authentication, &rows)), [ReasonCode::NoOptIn], "{act:?}");
    }
}

#[test]
fn clause_3_c_an_open_window_permits_replies_and_no_template() {
    let window = |last_inbound| vec![Window::plain(SENDER, last_inbound)];
    let rows = GateRows { same: vec![row(vec![], window(at(-1)))], ..by_a_sender_of_ours() };
    assert_eq!(codes(&wzapi(MessageCategory::Service, &rows)), [ReasonCode::WindowOpen]);
    for (category, reason) in [
        (MessageCategory::Utility, ReasonCode::NoOptIn),
        (MessageCategory::Authentication, ReasonCode::NoOptIn),
        (MessageCategory::Marketing, ReasonCode::NoConsent),
    ] {
        let decision = wzapi(category, &rows);
        assert!(!decision.is_allowed);
        assert_eq!(codes(&decision), [reason]);
    }
}

#[test]
fn clause_3_c_a_window_lasts_24_hours_and_belongs_to_one_sender() {
    let allowed = |sender, last_inbound| {
        let windows = vec![Window::plain(sender, last_inbound)];
        let rows = GateRows { same: vec![row(vec![], windows)], ..by_a_sender_of_ours() };
        wzapi(MessageCategory::Service, &rows).is_allowed
    };
    assert!(allowed(SENDER, now()));
    assert!(allowed(SENDER, Timestamp::from_millis(before(WINDOW).as_millis() + 1).unwrap()));
    assert!(!allowed(SENDER, before(WINDOW)), "its end is excluded");
    assert!(!allowed(SENDER, at(1)), "a message from the future opens nothing yet");
    assert!(!allowed(OTHER_SENDER, at(-1)));
}

#[test]
fn clause_2_c_a_marketing_purpose_needs_consent_in_every_category() {
    let purpose = PurposeId::marketing();
    let reply = Message { purpose: purpose.clone(), ..message(MessageCategory::Service) };
    let windows = vec![Window::plain(SENDER, at(-1))];
    let decision_on = |marks| {
        let rows = GateRows { same: vec![row(marks, windows.clone())], ..by_a_sender_of_ours() };
        decide(&GateRules::wzapi(), &reply, &rows, now())
    };
    assert_eq!(codes(&decision_on(vec![])), [ReasonCode::NoConsent]);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -3);
    assert_eq!(codes(&decision_on(vec![stop])), [ReasonCode::Withdrawn]);
    let given = granted(ConsentScope::whatsapp(purpose), -9);
    assert_eq!(codes(&decision_on(vec![given])), [ReasonCode::ConsentGiven, ReasonCode::WindowOpen]);
}

#[test]
fn clause_2_c_consent_for_another_sender_or_channel_is_none() {
    let given = ConsentScope::whatsapp(PurposeId::marketing());
    let other_sender = ConsentScope { sender: SenderScope::One(OTHER_SENDER), ..given.clone() };
    let other_channel = ConsentScope { channel: ChannelScope::One(Channel::Email), ..given };
    for scope in [other_sender, other_channel] {
        let rows = rows_with(vec![granted(scope, -9)]);
        assert_eq!(codes(&wzapi(MessageCategory::Marketing, &rows)), [ReasonCode::NoConsent]);
        assert_eq!(codes(&wzapi(MessageCategory::Authentication, &rows)), [ReasonCode::NoOptIn]);
    }
}

#[test]
fn an_inferred_spelling_denies_and_never_permits() {
    let given = granted(ConsentScope::whatsapp(PurposeId::marketing()), -9);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -10);
    let windows = vec![Window::plain(SENDER, at(-1))];
    let only_inferred =
        GateRows { same: vec![], inferred: vec![row(vec![given.clone()], windows)], ..by_a_sender_of_ours() };
    for category in MessageCategory::ALL {
        assert!(!wzapi(category, &only_inferred).is_allowed, "{category:?}");
    }
    let denied_elsewhere = GateRows {
        same: vec![row(vec![given], vec![])],
        inferred: vec![row(vec![stop], vec![])],
        ..by_a_sender_of_ours()
    };
    assert_eq!(codes(&wzapi(MessageCategory::Marketing, &denied_elsewhere)), [ReasonCode::Withdrawn]);
}

#[test]
fn an_identifier_that_changed_hands_keeps_denials_and_permits_nothing() {
    let left = |marks| IdentifierRow {
        left_at: Some(at(-5)),
        former: Vec::new(),
        ..row(marks, vec![Window::plain(SENDER, at(-6))])
    };
    let given = granted(ConsentScope::whatsapp(PurposeId::marketing()), -9);
    let rows = GateRows { same: vec![left(vec![given])], ..by_a_sender_of_ours() };
    for category in MessageCategory::ALL {
        assert!(!wzapi(category, &rows).is_allowed, "{category:?}");
    }
    assert_eq!(wzapi(MessageCategory::Marketing, &rows).subject, None);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -10);
    let rows = GateRows { same: vec![left(vec![stop])], ..by_a_sender_of_ours() };
    assert_eq!(codes(&wzapi(MessageCategory::Marketing, &rows)), [ReasonCode::Withdrawn]);
}

#[test]
fn a_decision_cites_the_act_it_rests_on() {
    let given = granted(ConsentScope::whatsapp(PurposeId::marketing()), -9);
    let stop = denied(ConsentScope::all_marketing(), ConsentAct::Withdrawn, -3);
    let decision = wzapi(MessageCategory::Marketing, &rows_with(vec![given.clone()]));
    assert_eq!(decision.reasons[0].evidence, Some(entry(-9)));
    let decision = wzapi(MessageCategory::Marketing, &rows_with(vec![given, stop]));
    assert_eq!((decision.reasons[0].since, decision.reasons[0].evidence), (Some(at(-3)), Some(entry(-3))));
}

#[test]
fn a_sender_that_nobody_registered_may_send_nothing() {
    for category in MessageCategory::ALL {
        let rows = GateRows { is_sender_registered: false, ..rows_with(vec![]) };
        let decision = wzapi(category, &rows);
        assert!(!decision.is_allowed);
        assert!(decision.reasons.iter().any(|reason| reason.code == ReasonCode::UnknownSender));
    }
}

#[test]
fn clause_1_the_gate_takes_its_purposes_from_the_policy_file() {
    let policy =
        wzapi_policy::parse(include_str!("../../../../../policies/wzapi.toml"), "wzapi.toml").unwrap();
    let (loaded, built_in) = (GateRules::of(&policy), GateRules::wzapi());
    for purpose in [
        PurposeId::marketing(),
        PurposeId::feature_releases(),
        PurposeId::service_updates(),
        PurposeId::technical_support(),
        PurposeId::security_notifications(),
    ] {
        let (loaded, built_in) = (loaded.purpose(&purpose).unwrap(), built_in.purpose(&purpose).unwrap());
        assert_eq!(loaded.categories, built_in.categories, "{purpose}");
        let rests_on_consent = |rule: &PurposeRule| rule.basis == LegalBasis::Consent;
        assert_eq!(rests_on_consent(loaded), rests_on_consent(built_in), "{purpose}");
    }
    // What the policy does not name is refused.
    let message = Message { purpose: "profiling".parse().unwrap(), ..message(MessageCategory::Marketing) };
    let decision = decide(&loaded, &message, &by_a_sender_of_ours(), now());
    assert!(codes(&decision).contains(&ReasonCode::UndeclaredPurpose));
}

#[test]
fn a_withdrawal_does_not_bring_an_invalidated_consent_back_as_an_opt_in() {
    let everywhere = ConsentScope::all_marketing();
    let mut marks = vec![granted(ConsentScope::whatsapp(PurposeId::marketing()), -9)];
    wzapi_consent::standing::join(&mut marks, &[denied(everywhere.clone(), ConsentAct::Invalidated, -5)]);
    let refused = |marks: &[ScopeMarks]| {
        codes(&wzapi(MessageCategory::Utility, &rows_with(marks.to_vec()))).contains(&ReasonCode::NoOptIn)
    };
    assert!(refused(&marks));
    wzapi_consent::standing::join(&mut marks, &[denied(everywhere, ConsentAct::Withdrawn, -3)]);
    assert!(refused(&marks), "a no never makes more possible");
}
