//! Which keys each table of a policy file has.

/// A table of the policy file: the pattern of its path, in which `*` stands for a name and `[]` for a place in a list,
/// and its keys, each with whether it must be there.
#[derive(Debug)]
pub struct Shape {
    /// The pattern of its path; empty for the file itself.
    pub path: &'static str,
    /// Its keys, each with whether it must be there.
    pub keys: &'static [(&'static str, bool)],
}

pub(crate) const FILE: Shape = Shape {
    path: "",
    keys: &[
        ("policy", true),
        ("controller", true),
        ("contact", true),
        ("regimes", true),
        ("categories", true),
        ("patterns", false),
        ("webhooks", false),
        ("purposes", true),
        ("sending", false),
        ("recipients", false),
        ("legal_disclosure", true),
        ("rights", true),
        ("security", true),
        ("duties", false),
        ("notices", true),
    ],
};

pub(crate) const POLICY: Shape = Shape {
    path: "policy",
    keys: &[
        ("format", true),
        ("title", true),
        ("introduction", true),
        ("effective", true),
        ("supersedes", false),
        ("languages", true),
        ("utc_offset", false),
    ],
};

pub(crate) const CONTROLLER: Shape =
    Shape { path: "controller", keys: &[("name", true), ("operator", false)] };

pub(crate) const CONTACT: Shape =
    Shape { path: "contact", keys: &[("team", true), ("email", true), ("website", true), ("phone", false)] };

pub(crate) const REGIME: Shape = Shape {
    path: "regimes.*",
    keys: &[("laws", false), ("financial_year_starts", false), ("consent_age", false)],
};

pub(crate) const CATEGORY: Shape = Shape {
    path: "categories.*",
    keys: &[
        ("label", true),
        ("description", false),
        ("subjects", false),
        ("sources", false),
        ("dpv", false),
        ("forbidden", false),
        ("ip_truncation", false),
        ("keep_history", false),
        ("disposal", false),
        ("record_kinds", false),
        ("retention", false),
    ],
};

pub(crate) const IP_TRUNCATION: Shape =
    Shape { path: "categories.*.ip_truncation", keys: &[("v4", true), ("v6", true)] };

pub(crate) const GROUND: Shape = Shape {
    path: "categories.*.retention[]",
    keys: &[
        ("kind", true),
        ("trigger", true),
        ("period", true),
        ("calendar", false),
        ("financial_year_starts", false),
        ("return_due", false),
        ("after_proceedings", false),
        ("citation", false),
        ("regime", false),
        ("rule", false),
    ],
};

pub(crate) const PATTERN: Shape =
    Shape { path: "patterns.*", keys: &[("label", true), ("description", false), ("pattern", true)] };

pub(crate) const WEBHOOK: Shape =
    Shape { path: "webhooks.*", keys: &[("category", true), ("purposes", true)] };

pub(crate) const PURPOSE: Shape = Shape {
    path: "purposes.*",
    keys: &[
        ("label", true),
        ("description", false),
        ("basis", false),
        ("interest", false),
        ("categories", false),
        ("messages", false),
        ("withdrawal", false),
        ("consent", false),
    ],
};

pub(crate) const CONSENT: Shape = Shape {
    path: "purposes.*.consent",
    keys: &[("expires_after", false), ("confirmation", false), ("notice_required", false)],
};

pub(crate) const CONFIRMATION: Shape =
    Shape { path: "purposes.*.consent.confirmation", keys: &[("methods", true), ("within", true)] };

pub(crate) const SENDING: Shape = Shape {
    path: "sending",
    keys: &[
        ("quiet_hours", false),
        ("frequency", false),
        ("unknown_age", false),
        ("countries_refused", false),
        ("platform_stop", false),
    ],
};

pub(crate) const QUIET_HOURS: Shape =
    Shape { path: "sending.quiet_hours", keys: &[("from", true), ("until", true), ("categories", true)] };

pub(crate) const FREQUENCY: Shape =
    Shape { path: "sending.frequency[]", keys: &[("category", true), ("at_most", true), ("within", true)] };

pub(crate) const COUNTRIES_REFUSED: Shape = Shape {
    path: "sending.countries_refused",
    keys: &[("marketing", false), ("utility", false), ("authentication", false), ("service", false)],
};

pub(crate) const RECIPIENT: Shape = Shape {
    path: "recipients.*",
    keys: &[
        ("label", true),
        ("kind", true),
        ("role", true),
        ("countries", true),
        ("transfer", false),
        ("agreement", false),
    ],
};

pub(crate) const AGREEMENT: Shape = Shape {
    path: "recipients.*.agreement",
    keys: &[
        ("reference", true),
        ("confidentiality", false),
        ("categories", false),
        ("purposes", false),
        ("from", true),
        ("until", false),
        ("onward", false),
    ],
};

pub(crate) const LEGAL_DISCLOSURE: Shape = Shape { path: "legal_disclosure", keys: &[("text", true)] };

pub(crate) const RIGHT: Shape = Shape {
    path: "rights.*",
    keys: &[
        ("label", true),
        ("description", false),
        ("ask", false),
        ("answer_within", false),
        ("citations", false),
    ],
};

pub(crate) const SECURITY: Shape =
    Shape { path: "security.*", keys: &[("label", true), ("description", false)] };

pub(crate) const DUTY: Shape = Shape { path: "duties.*", keys: &[("text", true)] };

pub(crate) const NOTICES: Shape = Shape {
    path: "notices",
    keys: &[("material_change_notice", true), ("channels", false), ("continued_use", true)],
};

/// Every table of the policy file.
pub const SHAPES: [&Shape; 24] = [
    &FILE,
    &POLICY,
    &CONTROLLER,
    &CONTACT,
    &REGIME,
    &CATEGORY,
    &IP_TRUNCATION,
    &GROUND,
    &PATTERN,
    &WEBHOOK,
    &PURPOSE,
    &CONSENT,
    &CONFIRMATION,
    &SENDING,
    &QUIET_HOURS,
    &FREQUENCY,
    &COUNTRIES_REFUSED,
    &RECIPIENT,
    &AGREEMENT,
    &LEGAL_DISCLOSURE,
    &RIGHT,
    &SECURITY,
    &DUTY,
    &NOTICES,
];
