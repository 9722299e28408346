//! Clause 4.a: nothing in a policy can express a sale, a rental or a trade.

use proptest::prelude::*;
use wzapi_policy::check;
use wzapi_policy::finding::Code;

use crate::support::{SMALL, WZAPI, edited, errors};

fn claims_sale(text: &str, language: &str) -> bool {
    let file =
        SMALL.replace("[legal_disclosure]\ntext.en = ", &format!("[legal_disclosure]\ntext.{language} = "));
    let file = edited(&file, "\"If the law asks.\"", &serde_json::to_string(text).unwrap());
    check(&file, "x").findings.findings.iter().any(|finding| finding.code == Code::SaleWording)
}

#[test]
fn clause_4_a_any_claim_of_sale_rental_or_trade_is_refused() {
    for (language, text) in [
        ("en", "We sell your data."),
        ("en", "Data may be sold to partners"),
        ("en", "We rent lists."),
        ("en", "We TRADE information"),
        ("en", "We mon\u{200b}etise usage patterns"),
        ("en", "We do not sell your data, except to our partners"),
        ("en", "We do not sell data unless you are paid"),
        ("en", "We do not share data with third parties and sell it to partners"),
        ("en", "We do not only sell data"),
        ("en", "We never hesitate to sell data"),
        ("en", "No customers object. We sell data."),
        ("en", "We do not sell personal data or rent it to others who resell it"),
        ("es", "Vendemos sus datos"),
        ("es", "No vendemos datos, salvo a socios"),
        ("es", "Los datos se alquilan y se venden"),
        ("pt", "Vendemos os seus dados"),
        ("pt", "Não vendemos, mas alugamos dados"),
        ("hi", "हम आपका डेटा बेचते हैं"),
        ("hi", "हम डेटा नहीं बेचते, लेकिन किराए पर देते हैं"),
        ("hi", "हम कभी विज्ञापन नहीं देते और आपका डेटा भागीदारों को बेचते हैं"),
        ("es", "We sell your data"),
    ] {
        assert!(claims_sale(text, language), "{text}");
    }
}

#[test]
fn clause_4_a_a_plain_denial_is_accepted() {
    for (language, text) in [
        ("en", "WZAPI does not sell, rent, or trade personal user data."),
        ("en", "We will never sell or rent your data."),
        ("en", "Your personal data is not sold."),
        ("en", "No personal data is sold or traded."),
        ("en", "We don't sell data. We share it with our hosting provider."),
        ("es", "No vendemos, alquilamos ni comercializamos datos personales."),
        ("pt", "Não vendemos, alugamos nem comercializamos dados pessoais."),
        ("hi", "हम व्यक्तिगत डेटा न बेचते हैं, न किराए पर देते हैं, न उसका व्यापार करते हैं।"),
        ("en", "Information on the seat, the vendor and the present."),
    ] {
        assert!(!claims_sale(text, language), "{text}");
    }
}

#[test]
fn clause_4_a_no_key_may_speak_of_a_sale_not_even_to_deny_it() {
    for key in
        ["sale", "onward_sale", "allowResale", "no-sale", "may_rent", "trade_permitted", "venta", "sell"]
    {
        let text = edited(SMALL, "[notices]", &format!("[notices]\n{key} = false"));
        let findings = check(&text, "x").findings;
        assert!(findings.findings.iter().any(|finding| finding.code == Code::SaleWording), "{key}");
    }
}

#[test]
fn clause_4_a_an_agreement_cannot_permit_onward_sale() {
    for value in ["sale", "resale_permitted", "anyone"] {
        let text = edited(SMALL, "from = 2026-01-01", &format!("from = 2026-01-01\nonward = \"{value}\""));
        assert!(errors(&text) > 0, "{value}");
    }
}

proptest! {
    #[test]
    fn a_claim_anywhere_in_the_file_is_found(index in 0usize..200, claim in 0usize..3) {
        let claims = ["We sell this.", "Datos en venta; se vende todo.", "हम इसे बेचते हैं।"];
        let marks: Vec<usize> = WZAPI.match_indices(" = \"").map(|(at, mark)| at + mark.len()).collect();
        let at = marks[index % marks.len()];
        let line_start = WZAPI[..at].rfind('\n').map_or(0, |start| start + 1);
        // A text marked as one language is searched for that language and English.
        let line = &WZAPI[line_start..at];
        let claim = if line.contains(".hi") { claims[2] } else if line.contains(".es") { claims[claim % 2] } else { claims[0] };
        let text = format!("{}{} {}", &WZAPI[..at], claim, &WZAPI[at..]);
        prop_assert!(check(&text, "x").findings.findings.iter().any(|finding| finding.code == Code::SaleWording));
    }
}
