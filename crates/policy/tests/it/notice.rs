//! The notice that people read.

use proptest::prelude::*;
use wzapi_policy::Policy;
use wzapi_policy::language::Language;
use wzapi_policy::notice::{Format, Layer, NoticeError, render};
use wzapi_policy::term::Term;

use crate::support::{CUSTOMER, SMALL, WZAPI, edited, filing, forbidding, policy};

fn page(policy: &Policy, language: Language) -> String {
    render(policy, language, Format::Html, Layer::Both).unwrap()
}

fn markdown(policy: &Policy, language: Language) -> String {
    render(policy, language, Format::Markdown, Layer::Both).unwrap()
}

/// The tags of a page in their order, checked to be balanced.
fn tags(html: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut all = Vec::new();
    let body = html.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a closed tag");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_ref(), Some(&name), "tags are nested");
            continue;
        }
        all.push(tag.to_owned());
        if name != "meta" {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    all
}

#[test]
fn clause_1_the_notice_is_rendered_in_every_language_and_form() {
    for text in [WZAPI, CUSTOMER] {
        let policy = policy(text);
        for language in &policy.languages {
            for layer in [Layer::Short, Layer::Full, Layer::Both] {
                let html = render(&policy, *language, Format::Html, layer).unwrap();
                tags(&html);
                let text = render(&policy, *language, Format::Markdown, layer).unwrap();
                for notice in [&html, &text] {
                    assert!(notice.contains(policy.title.get(*language).unwrap()));
                    assert!(
                        notice.contains(&policy.content_hash().to_string()),
                        "the hash stands at the foot"
                    );
                }
            }
        }
    }
}

#[test]
fn clause_1_the_page_has_language_landmarks_and_headings_in_order() {
    let policy = policy(WZAPI);
    for language in &policy.languages {
        let html = page(&policy, *language);
        let tags = tags(&html);
        assert_eq!(tags[0], format!("html lang=\"{}\"", language.code()));
        for landmark in ["header", "main id=\"content\"", "footer"] {
            assert_eq!(tags.iter().filter(|tag| *tag == landmark).count(), 1, "{landmark}");
        }
        assert_eq!(tags.iter().filter(|tag| tag.starts_with("nav aria-label=")).count(), 1);
        let mut level = 0;
        for heading in tags.iter().filter_map(|tag| tag.strip_prefix('h')) {
            let Some(next) = heading.get(..1).and_then(|digit| digit.parse::<u32>().ok()) else { continue };
            assert!(next <= level + 1, "no level is left out");
            level = next;
        }
        assert_eq!(tags.iter().filter(|tag| *tag == "h1").count(), 1);
        for section in tags.iter().filter_map(|tag| tag.strip_prefix("section aria-labelledby=")) {
            assert!(tags.contains(&format!("h2 id={section}")), "{section} names a heading");
        }
        let anchors: Vec<&str> = tags.iter().filter_map(|tag| tag.strip_prefix("a href=\"#")).collect();
        assert_eq!(anchors.len(), 10, "the contents name the short layer and nine clauses");
        for anchor in anchors {
            assert!(html.contains(&format!("id=\"{anchor}")), "{anchor}");
        }
        assert!(!html.contains("<script") && !html.contains("javascript:") && !html.contains("src="));
        assert!(html.contains("@media print"));
    }
}

#[test]
fn clause_1_both_layers_say_what_the_policy_says() {
    let policy = policy(WZAPI);
    let short = render(&policy, Language::English, Format::Markdown, Layer::Short).unwrap();
    let full = render(&policy, Language::English, Format::Markdown, Layer::Full).unwrap();
    assert!(short.len() < full.len() / 3);
    for label in ["Payment details", "Feature releases", "Payment gateways", "Request deletion"] {
        assert!(short.contains(label) && full.contains(label), "{label}");
    }
    for text in [
        "72 months from the day on which the annual return for the financial year of the invoice is due",
        "and, if there are proceedings, 1 year after they end (CGST Act 2017, s. 36)",
        "Because the law requires it: 180 days from the collection",
        "full card numbers, card verification values",
        "Only the first 24 of 32 bits",
        "European Union: 1 month",
        "answer STOP to any message",
    ] {
        assert!(full.contains(text), "{text}");
    }
}

#[test]
fn the_notice_says_what_is_refused_filed_and_kept_when_it_is_corrected() {
    let text = forbidding(SMALL, "\"passport_number\", \"card_number\"");
    let notice = markdown(&policy(&text), Language::English);
    assert!(notice.contains("full card numbers, passport numbers"), "{notice}");
    let described =
        edited(&text, "\"passport numbers\"", "\"passport numbers\"\ndescription.en = \"of India\"");
    assert!(markdown(&policy(&described), Language::English).contains("passport numbers: of India"));

    let corrected = "The earlier value is kept too.";
    let filed = "what messages say, for: Updates";
    assert!(!notice.contains(corrected) && !notice.contains(filed));
    let kept = edited(&filing(SMALL), "[\"registration\"]", "[\"registration\"]\nkeep_history = true");
    let notice = markdown(&policy(&kept), Language::English);
    assert!(notice.contains(corrected) && notice.contains(filed), "{notice}");
}

#[test]
fn clause_2_c_the_notice_says_who_obtains_the_consent_of_end_users() {
    let policy = policy(WZAPI);
    assert!(markdown(&policy, Language::English).contains("solely responsible for obtaining proper consent"));
}

#[test]
fn clause_4_a_the_notice_says_that_nothing_is_sold_in_every_language() {
    for text in [WZAPI, SMALL] {
        let policy = policy(text);
        for language in &policy.languages {
            let words = match language {
                Language::English => "We do not sell, rent, or trade personal data.",
                Language::Hindi => "न बेचते हैं",
                Language::Portuguese => "Não vendemos",
                Language::Spanish => "No vendemos",
            };
            for layer in [Layer::Short, Layer::Full] {
                assert!(render(&policy, *language, Format::Html, layer).unwrap().contains(words));
            }
        }
    }
}

#[test]
fn clause_8_c_the_notice_says_that_continued_use_is_never_consent() {
    let accepts = policy(SMALL);
    assert!(markdown(&accepts, Language::English).contains("you accept the revised terms"));
    let nothing = policy(&edited(SMALL, "accepts_terms", "means_nothing"));
    let text = markdown(&nothing, Language::English);
    assert!(!text.contains("you accept") && text.contains("Continued use is never consent"));
}

#[test]
fn clause_9_the_contact_point_stands_in_every_layer() {
    let policy = policy(WZAPI);
    for layer in [Layer::Short, Layer::Full] {
        let html = render(&policy, Language::Spanish, Format::Html, layer).unwrap();
        for link in ["mailto:support@ttmsg.com", "https://wzapi.shop/", "tel:+919012345678"] {
            assert!(html.contains(&format!("href=\"{link}\"")), "{link}");
        }
    }
}

#[test]
fn a_language_that_is_not_declared_is_refused() {
    let policy = policy(SMALL);
    let refused = render(&policy, Language::Hindi, Format::Html, Layer::Full);
    assert_eq!(refused, Err(NoticeError::LanguageNotDeclared(Language::Hindi)));
}

#[test]
fn the_same_policy_gives_the_same_bytes() {
    let (one, other) = (policy(WZAPI), policy(&format!("# a comment\n{WZAPI}")));
    for language in Language::ALL {
        assert_eq!(page(&one, *language), page(&other, *language));
        assert_eq!(markdown(&one, *language), markdown(&other, *language));
    }
}

#[test]
fn every_language_has_every_fixed_text_and_the_words_of_every_closed_list() {
    use wzapi_model::basis::LegalBasis;
    use wzapi_model::consent::ConsentMethod;
    use wzapi_model::message::MessageCategory;
    use wzapi_policy::file::{
        AskVia, BuiltInPattern, DataSource, NoticeChannel, OnwardSharing, RecipientKind, RecipientRole,
        SubjectKind, TransferBasis, WebhookContent, WithdrawalMethod,
    };
    use wzapi_policy::regimes::Regime;
    use wzapi_policy::retention::{GroundKind, Trigger};

    fn names<T: Term>() -> Vec<&'static str> {
        T::ALL.iter().map(|value| value.as_str()).collect()
    }
    let lists = [
        ("subject", names::<SubjectKind>()),
        ("source", names::<DataSource>()),
        ("basis_words", names::<LegalBasis>()),
        ("message", names::<MessageCategory>()),
        ("withdrawal_method", names::<WithdrawalMethod>()),
        ("consent_method", names::<ConsentMethod>()),
        ("recipient_kind", names::<RecipientKind>()),
        ("role_words", names::<RecipientRole>()),
        ("onward_words", names::<OnwardSharing>()),
        ("transfer_basis", names::<TransferBasis>()),
        ("ground_kind", names::<GroundKind>()),
        ("trigger", names::<Trigger>()),
        ("ask_via", names::<AskVia>()),
        ("channel", names::<NoticeChannel>()),
        ("regime", names::<Regime>()),
        ("forbidden", names::<BuiltInPattern>()),
        ("webhook_content", names::<WebhookContent>()),
    ];
    let files = [
        include_str!("../../data/notice/en.toml"),
        include_str!("../../data/notice/hi.toml"),
        include_str!("../../data/notice/pt.toml"),
        include_str!("../../data/notice/es.toml"),
    ];
    let tables: Vec<toml::Table> = files.iter().map(|text| toml::from_str(text).unwrap()).collect();
    let places = |text: &str| {
        let mut places: Vec<String> =
            text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
        places.sort();
        places
    };
    for table in &tables {
        for (name, words) in &lists {
            let found: Vec<&str> = table[*name].as_table().unwrap().keys().map(String::as_str).collect();
            let mut expected = words.clone();
            expected.sort_unstable();
            assert_eq!(found, expected, "{name}");
        }
        for (key, value) in &tables[0] {
            if let Some(text) = value.as_str() {
                assert_eq!(places(text), places(table[key].as_str().unwrap()), "{key}");
            }
        }
    }
}

proptest! {
    /// Whatever a policy says, it stays text: no tag, no attribute, no markup of its own.
    #[test]
    fn texts_of_the_policy_never_become_markup(hostile in "[<>&\"'`*_\\[\\]()#!|~\\\\/ a-z=:.-]{1,40}") {
        let hostile = hostile.trim();
        prop_assume!(!hostile.is_empty());
        let quoted = serde_json::to_string(hostile).unwrap();
        let text = edited(SMALL, "\"Notice\"", &quoted);
        let text = edited(&text, "\"Example\"", &quoted);
        let text = edited(&text, "\"What we do.\"", &quoted);
        let Ok(hostile_policy) = wzapi_policy::parse(&text, "x") else { return Ok(()) };
        let html = page(&hostile_policy, Language::English);
        let plain = page(&policy(SMALL), Language::English);
        prop_assert_eq!(tags(&html), tags(&plain));
        let escaped = hostile.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
            .replace('"', "&quot;").replace('\'', "&#39;");
        let heading = format!("<h1>{escaped}</h1>");
        prop_assert!(html.contains(&heading));
        let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        let lists = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("- ")).count();
        let (one, other) = (markdown(&hostile_policy, Language::English), markdown(&policy(SMALL), Language::English));
        prop_assert_eq!(headings(&one), headings(&other));
        prop_assert_eq!(lists(&one), lists(&other));
        prop_assert!(!one.contains('`') || one.contains("\\`"));
    }
}
