//! The two policy files that come with the project.

use wzapi_model::basis::LegalBasis;
use wzapi_model::message::MessageCategory;
use wzapi_model::name::PurposeId;
use wzapi_policy::check;
use wzapi_policy::file::{
    BuiltInPattern, ContinuedUse, DataSource, ForbiddenPattern, NoticeChannel, RightKind, WebhookContent,
};
use wzapi_policy::regimes::Regime;
use wzapi_policy::term::Term;

use crate::support::{CUSTOMER, SMALL, WZAPI, policy};

#[test]
fn clause_1_the_policy_file_of_wzapi_has_no_findings() {
    assert_eq!(check(WZAPI, "wzapi.toml").findings.findings, []);
    assert_eq!(check(SMALL, "small.toml").findings.findings, []);
}

#[test]
fn the_policy_file_of_a_campaign_customer_has_no_findings() {
    assert_eq!(check(CUSTOMER, "campaign-customer.toml").findings.findings, []);
}

#[test]
fn clause_2_a_user_data_has_the_categories_of_the_policy() {
    let policy = policy(WZAPI);
    for name in ["name", "email", "phone", "billing_information", "payment_details"] {
        assert!(policy.categories.contains_key(&name.parse().unwrap()), "{name}");
    }
    let payment = &policy.categories[&"payment_details".parse().unwrap()];
    let forbids = |pattern: &BuiltInPattern| payment.forbidden.contains(&ForbiddenPattern::BuiltIn(*pattern));
    assert!(BuiltInPattern::ALL.iter().all(forbids));
}

#[test]
fn clause_2_b_usage_data_has_categories_purposes_and_retention_of_its_own() {
    let policy = policy(WZAPI);
    for name in ["ip_address", "device_type", "browser_information", "usage_patterns"] {
        let category = &policy.categories[&name.parse().unwrap()];
        assert!(!category.retention.is_empty(), "{name}");
    }
    let ip = &policy.categories[&"ip_address".parse().unwrap()];
    assert_eq!(ip.ip_truncation.unwrap().kept_bits(), (24, 48));
}

#[test]
fn clause_2_c_the_content_of_webhooks_is_filed_for_a_purpose_and_no_card_number_with_it() {
    for text in [WZAPI, CUSTOMER] {
        let policy = policy(text);
        for content in WebhookContent::ALL {
            let filing = policy.filing_of(*content).unwrap();
            assert!(filing.purposes.iter().all(|purpose| policy.permits(purpose, &filing.category)));
            assert!(policy.category(&filing.category).unwrap().comes_from(DataSource::MessagingPlatform));
        }
        let messages = &policy.filing_of(WebhookContent::MessageContent).unwrap().category;
        assert!(policy.forbidden_in(messages, "4111 1111 1111 1111").is_some());
    }
    assert_eq!(policy(SMALL).filing_of(WebhookContent::MessageContent), None);
}

#[test]
fn clause_7_b_history_is_kept_where_the_law_needs_it_and_nowhere_else() {
    let policy = policy(WZAPI);
    let kept: Vec<&str> = policy
        .categories
        .iter()
        .filter(|(_, category)| category.keep_history)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(kept, ["billing_information"]);
}

#[test]
fn clause_3_a_a_category_is_read_for_the_purposes_that_list_it() {
    let policy = policy(WZAPI);
    for category in policy.categories.keys() {
        let listed: Vec<_> = policy.purposes_of(category).collect();
        assert!(!listed.is_empty());
        for purpose in policy.purposes.keys() {
            assert_eq!(policy.permits(purpose, category), listed.contains(&purpose), "{purpose} {category}");
        }
    }
    let unknown = "fingerprint".parse().unwrap();
    assert_eq!(policy.purposes_of(&unknown).count(), 0);
    assert!(!policy.permits(&PurposeId::marketing(), &unknown));
    assert!(!policy.permits(&"profiling".parse().unwrap(), &"name".parse().unwrap()));
}

#[test]
fn clause_3_b_the_four_communication_purposes_are_separate_and_have_a_basis_each() {
    let policy = policy(WZAPI);
    let rule = |purpose: PurposeId| {
        let purpose = &policy.purposes[&purpose];
        (purpose.basis[&Regime::Eu], purpose.messages.contains(&MessageCategory::Marketing))
    };
    assert_eq!(rule(PurposeId::service_updates()), (LegalBasis::Contract, false));
    assert_eq!(rule(PurposeId::feature_releases()), (LegalBasis::Consent, true));
    assert_eq!(rule(PurposeId::technical_support()), (LegalBasis::Contract, false));
    assert_eq!(rule(PurposeId::security_notifications()), (LegalBasis::LegitimateInterests, false));
    assert_eq!(rule(PurposeId::marketing()), (LegalBasis::Consent, true));
}

#[test]
fn consent_is_the_strictest_basis_over_regimes() {
    let policy = policy(WZAPI);
    let improvement = &policy.purposes[&"service_improvement".parse().unwrap()];
    assert_eq!(improvement.basis[&Regime::Eu], LegalBasis::LegitimateInterests);
    assert_eq!(improvement.strictest_basis(), Some(LegalBasis::Consent));
}

#[test]
fn clause_4_b_every_recipient_has_an_agreement_of_confidentiality_in_force() {
    let policy = policy(WZAPI);
    assert!(policy.recipients.len() >= 2);
    for (name, recipient) in &policy.recipients {
        let agreement = recipient.agreement.as_ref().unwrap();
        assert!(agreement.confidentiality && agreement.is_in_force(policy.effective), "{name}");
    }
}

#[test]
fn clause_7_the_rights_of_the_policy_can_be_asked_for() {
    let policy = policy(WZAPI);
    for kind in [RightKind::Access, RightKind::Correction, RightKind::Deletion] {
        assert!(!policy.rights[&kind].ask.is_empty());
    }
}

#[test]
fn clause_8_changes_are_announced_and_continued_use_is_never_consent() {
    let notices = policy(WZAPI).notices.clone();
    assert!(
        notices.channels.contains(&NoticeChannel::Email)
            && notices.channels.contains(&NoticeChannel::Platform)
    );
    assert_eq!(notices.continued_use, ContinuedUse::AcceptsTerms);
}

#[test]
fn clause_9_the_contact_point_is_that_of_the_policy() {
    let contact = policy(WZAPI).contact.clone();
    assert_eq!(contact.email, "support@ttmsg.com");
    assert_eq!(contact.website, "https://wzapi.shop/");
    assert_eq!(contact.phone.as_deref(), Some("+91 9012345678"));
}
