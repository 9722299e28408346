//! Every purpose has data and a basis, and consent can be withdrawn.

use wzapi_model::basis::LegalBasis;
use wzapi_model::message::MessageCategory;

use crate::file::{PolicyFile, Purpose};
use crate::finding::Code;
use crate::syntax::Reader;

pub(super) fn check(reader: &mut Reader<'_>, file: &PolicyFile) {
    for (name, purpose) in &file.purposes {
        let path = format!("purposes.{name}");
        basis(reader, file, purpose, &path);
        if purpose.needs_consent() && purpose.withdrawal.is_empty() {
            reader.add(
                Code::ConsentWithoutWithdrawal,
                &format!("{path}.withdrawal"),
                "the purpose rests on consent, and it is not said how consent is withdrawn",
                "add `withdrawal`, such as [\"reply_stop\"]; it must be as easy as giving consent (GDPR Art. 7(3))",
            );
        }
        super::consent::check(reader, purpose, &path);
        if purpose.categories.is_empty() {
            reader.add(
                Code::PurposeWithoutCategories,
                &format!("{path}.categories"),
                "the purpose uses no data",
                "name the categories that it uses, or remove it",
            );
        }
        for category in purpose.categories.iter().filter(|category| !file.categories.contains_key(category)) {
            reader.add(
                Code::UnknownCategory,
                &format!("{path}.categories"),
                format!("`{category}` is not declared"),
                format!("add `[categories.{category}]`, or correct the name"),
            );
        }
    }
}

fn basis(reader: &mut Reader<'_>, file: &PolicyFile, purpose: &Purpose, path: &str) {
    for regime in file.regimes.keys().filter(|regime| !purpose.basis.contains_key(regime)) {
        reader.add(
            Code::PurposeWithoutBasis,
            &format!("{path}.basis.{}", regime.code()),
            format!("the purpose has no legal basis under {}", regime.code()),
            format!("add `basis.{}`, such as \"contract\" or \"consent\"", regime.code()),
        );
    }
    for (regime, basis) in &purpose.basis {
        let path = format!("{path}.basis.{}", regime.code());
        if !file.regimes.contains_key(regime) {
            reader.add(
                Code::BasisWithoutRegime,
                &path,
                format!("{} is not in force", regime.code()),
                format!("add `[regimes.{}]`, or remove the basis", regime.code()),
            );
        }
        if !regime.knows(*basis) {
            reader.add(
                Code::BasisUnknownToRegime,
                &path,
                format!("the law of {} knows no basis like `{}`", regime.code(), basis.as_str()),
                "ask for consent, or name a use that this law permits without",
            );
        }
        if *basis != LegalBasis::Consent && purpose.messages.contains(&MessageCategory::Marketing) {
            reader.add(
                Code::MarketingWithoutConsent,
                &path,
                "marketing messages may serve this purpose, and it does not rest on consent",
                "write `consent`: the gate asks for it whatever the file says",
            );
        }
    }
    let weighs = purpose.basis.values().any(|basis| *basis == LegalBasis::LegitimateInterests);
    if weighs && purpose.interest.is_none() {
        reader.add(
            Code::InterestNotNamed,
            &format!("{path}.interest"),
            "the purpose rests on legitimate interests, and they are not named",
            "add `interest` (GDPR Art. 13(1)(d))",
        );
    }
}
