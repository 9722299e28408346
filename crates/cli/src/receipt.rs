//! `wzapi consent receipt` and `wzapi consent record`.

use serde_json::json;
use wzapi_compliance::Error;
use wzapi_compliance::model::identifier::Identifier;
use wzapi_compliance::model::ids::SubjectId;
use wzapi_compliance::policy::language::Language;
use wzapi_compliance::policy::term::Term as _;
use wzapi_compliance::receipt::{DocumentKind, IssueError, Order};

use crate::arguments::DocumentOptions;
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::operator::Operator;

pub(crate) async fn issue(options: DocumentOptions, kind: DocumentKind) -> Result<Outcome, Failure> {
    let language = options.lang.as_deref().map(language_of).transpose()?;
    let identifier = options.to.as_deref().map(Identifier::parse_recipient).transpose();
    let identifier = identifier.map_err(Failure::Recipient)?;
    let operator = Operator::open(&options.data).await?;
    let controller = operator.compliance.controller(options.controller).await?;
    let receipts = controller.receipts();
    let found: Option<SubjectId> = match (options.subject, identifier) {
        (Some(subject), _) => Some(subject),
        (None, Some(identifier)) => receipts.person(&operator.actor, &identifier).await?,
        (None, None) => None,
    };
    let subject = found.ok_or(Error::Receipt(IssueError::NothingOnRecord))?;
    let (purposes, undeclared) = match &options.purpose {
        Some(purpose) => (vec![purpose.clone()], Vec::new()),
        None => {
            let known = receipts.purposes(&operator.actor, subject).await?;
            (known.declared, known.undeclared)
        }
    };
    if purposes.is_empty() && undeclared.is_empty() {
        return Err(Error::Receipt(IssueError::NothingOnRecord).into());
    }
    let mut written = Vec::new();
    for purpose in purposes {
        let file = options.out.join(format!("{}.{}.json", purpose.as_str(), kind.as_str()));
        let order = Order { kind, subject, purpose, language };
        let issued = receipts.issue(&operator.actor, &order).await?;
        files::write_new(&file, issued.receipt.to_string().as_bytes())?;
        written.push((order.purpose, file, issued.receipt));
    }
    if options.data.json {
        let documents: Vec<_> = written
            .iter()
            .map(|(purpose, file, receipt)| {
                json!({
                    "purpose": purpose.as_str(),
                    "file": file.display().to_string(),
                    "document": receipt.document_hash().to_string(),
                    "acts": receipt.proofs().len(),
                })
            })
            .collect();
        let undeclared: Vec<_> = undeclared.iter().map(|purpose| purpose.as_str()).collect();
        let (subject, kind) = (subject.to_string(), kind.as_str());
        say!(
            "{}",
            json!({ "kind": kind, "subject": subject, "documents": documents, "undeclared": undeclared })
        );
    } else {
        for (purpose, file, receipt) in &written {
            say!("{}: {} acts, in {}", purpose.as_str(), receipt.proofs().len(), file.display());
        }
        for purpose in &undeclared {
            say!("{}: not declared by the policy, nothing written", purpose.as_str());
        }
        say!("the files disclose what the person said: handle them like the data itself");
    }
    Ok(if undeclared.is_empty() { Outcome::Done } else { Outcome::BadInput })
}

fn language_of(code: &str) -> Result<Language, Failure> {
    Language::from_name(code).ok_or(Failure::Compliance(Error::Receipt(IssueError::UndeclaredLanguage)))
}
