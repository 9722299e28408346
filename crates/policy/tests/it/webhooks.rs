//! Where the content of webhooks may be filed (policy clause 2.c).

use wzapi_policy::file::WebhookContent;

use crate::support::{SMALL, codes, edited, errors, filing, policy};

fn found(text: &str) -> Vec<(String, String)> {
    codes(text).into_iter().map(|(code, path, _)| (code, path)).collect()
}

#[test]
fn what_has_no_section_is_dropped() {
    let filed = policy(&filing(SMALL));
    let content = filed.filing_of(WebhookContent::MessageContent).unwrap();
    assert_eq!(content.category.as_str(), "chat");
    assert_eq!(content.purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>(), ["updates"]);
    assert_eq!(filed.filing_of(WebhookContent::Profile), None);
}

#[test]
fn nothing_is_filed_under_what_the_engines_keep_by_themselves() {
    let text = filing(SMALL);
    for kept in ["contact", "consent_evidence", "unrecognised", "accountability"] {
        let renamed = text
            .replace("categories.chat", &format!("categories.{kept}"))
            .replace("\"chat\"", &format!("\"{kept}\""));
        // The small policy declares `contact` already; that one only gets the source.
        let renamed = match kept {
            "contact" => {
                edited(SMALL, "[\"registration\"]", "[\"messaging_platform\"]")
                    + "\n[webhooks.message_content]\ncategory = \"contact\"\npurposes = [\"updates\"]\n"
            }
            _ => renamed,
        };
        assert_eq!(
            found(&renamed),
            [("P0803".to_owned(), "webhooks.message_content.category".to_owned())],
            "{kept}"
        );
    }
}

#[test]
fn a_filing_needs_the_source_the_purpose_and_the_use() {
    let text = filing(SMALL);
    assert_eq!(found(&text), []);
    let path = |key: &str| format!("webhooks.message_content.{key}");
    for (from, to, code, key) in [
        ("sources = [\"messaging_platform\"]", "sources = [\"customer\"]", "P0802", "category"),
        ("category = \"chat\"", "category = \"chats\"", "P0404", "category"),
        ("purposes = [\"updates\"]\n", "purposes = [\"update\"]\n", "P0503", "purposes"),
        ("category = \"chat\"", "category = \"Chat\"", "P0105", "category"),
    ] {
        // The agreement of the small policy names the purpose too; the filing stands last.
        let (before, after) = text.split_at(text.find("[categories.chat]").unwrap());
        let wrong = format!("{before}{}", edited(after, from, to));
        assert!(found(&wrong).contains(&(code.to_owned(), path(key))), "{to}: {:?}", found(&wrong));
        assert!(errors(&wrong) > 0);
    }
    let unused = text.replace("[\"contact\", \"chat\"]", "[\"contact\"]");
    assert!(found(&unused).contains(&("P0801".to_owned(), path("purposes"))));
}

#[test]
fn a_section_without_its_keys_or_of_another_name_is_refused() {
    let section = |text: &str| found(&format!("{SMALL}\n{text}\n"));
    let missing = section("[webhooks.profile]");
    for key in ["category", "purposes"] {
        assert!(missing.contains(&("P0102".to_owned(), format!("webhooks.profile.{key}"))), "{missing:?}");
    }
    assert!(
        section("[webhooks.profile]\ncategory = \"x\"\npurposes = [\"x\"]\nkeep = true")
            .contains(&("P0101".to_owned(), "webhooks.profile.keep".to_owned()))
    );
    assert_eq!(section("webhooks = 1")[0].0, "P0101", "a key of the section before");
}
