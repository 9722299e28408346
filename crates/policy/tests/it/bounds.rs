//! Any text up to 1 MiB gives findings or a policy: no panic, no time beyond proportion.

use proptest::prelude::*;
use wzapi_policy::check;
use wzapi_policy::finding::Code;
use wzapi_policy::policy::MAX_FILE;

use crate::support::{SMALL, WZAPI};

fn refused_with(text: &str, code: Code) {
    let report = check(text, "x");
    assert!(report.policy.is_none());
    let found: Vec<Code> = report.findings.findings.iter().map(|finding| finding.code).collect();
    assert!(found.contains(&code), "{found:?}");
}

#[test]
fn a_file_beyond_one_mebibyte_is_not_read() {
    refused_with(&" ".repeat(MAX_FILE + 1), Code::FileTooLarge);
    assert!(check(&format!("{SMALL}{}", "\n".repeat(MAX_FILE - SMALL.len())), "x").policy.is_some());
}

#[test]
fn depth_length_and_number_are_bounded() {
    refused_with(&format!("a = {}{}", "[".repeat(20), "]".repeat(20)), Code::TooDeep);
    refused_with(&format!("{} = 1", ["a"; 20].join(".")), Code::TooDeep);
    refused_with(&format!("{} = 1", "a".repeat(65)), Code::TooMany);
    refused_with(&format!("a = \"{}\"", "x".repeat(9000)), Code::TooMany);
    refused_with(&format!("a = [{}]", "1,".repeat(300)), Code::TooMany);
    let pattern = |number| format!("[patterns.p{number}]\nlabel.en = \"p\"\npattern = 'p{number}'\n");
    refused_with(&(0..33).map(pattern).collect::<String>(), Code::TooMany);
    let many: String = (0..30_000).map(|number| format!("k{number} = 1\n")).collect();
    refused_with(&many, Code::TooMany);
}

/// Texts of full length that cost a careless reader too much: they only have to come back.
#[test]
fn hostile_texts_of_full_length_come_back() {
    let fill = |piece: &str| piece.repeat(MAX_FILE / piece.len());
    let long_key = "k".repeat(MAX_FILE / 2);
    let texts = [
        fill("["),
        fill("a=1\n"),
        fill("=\n"),
        fill("\r"),
        fill("\"\"\""),
        fill("[[categories.contact.retention]]\n"),
        (0..9_000).map(|n| format!("[patterns.p{n}]\npattern='((a{{99}}){{99}}'\n")).collect(),
        fill("[policy]\ntitle.en=\"sell not \"\n"),
        format!("a={}", "{a=".repeat(300_000)),
        format!("{}=1", vec!["a"; 400_000].join(".")),
        format!("[{long_key}]\n{}", (0..40_000).map(|n| format!("a{n}=1\n")).collect::<String>()),
        format!("a = \"{}\"", "not sell ".repeat(100_000)),
        format!("a = [{}]", "\"sell\",".repeat(140_000)),
    ];
    for text in &texts {
        assert!(check(text, "x").policy.is_none());
    }
}

fn lines_of_policies() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = WZAPI.lines().chain(SMALL.lines()).collect();
    proptest::collection::vec(proptest::sample::select(lines), 0..60).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,400}") {
        let _ = check(&text, "x");
    }

    #[test]
    fn arbitrary_toml_like_text_never_panics(
        text in "([a-z\\[\\]{}=.,\"' \n#0-9:-]|policy|categories|retention|= true|\\[\\[|\\]\\]|\"\"\"){0,120}"
    ) {
        let _ = check(&text, "x");
    }

    #[test]
    fn lines_of_policies_in_any_order_never_panic(text in lines_of_policies()) {
        let _ = check(&text, "x");
    }

    #[test]
    fn a_policy_with_bytes_changed_is_a_policy_or_has_findings(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0u8..3), 1..6)
    ) {
        let mut characters: Vec<char> = SMALL.chars().collect();
        for (index, character, sort) in edits {
            let at = index.index(characters.len());
            match sort {
                0 => characters[at] = character,
                1 => characters.insert(at, character),
                _ => drop(characters.remove(at)),
            }
        }
        let text: String = characters.into_iter().collect();
        let report = check(&text, "x");
        prop_assert_eq!(report.policy.is_none(), report.findings.errors() > 0);
        let lines = u32::try_from(text.lines().count()).unwrap() + 1;
        prop_assert!(report.findings.findings.iter().all(|finding| (1..=lines).contains(&finding.place.line)));
    }
}
