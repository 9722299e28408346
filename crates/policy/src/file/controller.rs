//! Who answers for the data, and how it is protected.

use serde::Serialize;

use crate::language::Translated;

/// The controller: who decides about purposes and means (GDPR Art. 4(7); the data fiduciary of the DPDP Act).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Controller {
    /// The name under which people know it.
    pub name: String,
    /// The company behind the name, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// The contact point. It stands in every notice, receipt and report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// Who answers, such as "our Support Team".
    pub team: Translated,
    /// An e-mail address.
    pub email: String,
    /// The web site, an `https://` address.
    pub website: String,
    /// A phone number in international form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// One thing that is done to protect the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecurityMeasure {
    /// Its name.
    pub label: Translated,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Translated>,
}
