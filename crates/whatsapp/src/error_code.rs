//! What Meta's error codes mean for consent and for retries.
//!
//! Source: Meta, "Cloud API error codes". Codes that bear on neither are left out; a code that is not listed
//! says nothing about a person's will.

/// A code of a failed message that says something about the person, the window or the business's standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// 131050: the person stopped marketing from this business.
    MarketingStopped,
    /// 131047: outside the customer service window.
    OutsideWindow,
    /// 131049: held back for the health of the ecosystem. Not an opt-out.
    HeldBack,
    /// 131026: undeliverable. It does not say that the person blocked the business.
    Undeliverable,
    /// 130472: the number is part of an experiment of Meta's.
    Experiment,
    /// 131062: this kind of message cannot be sent to a business-scoped id.
    BsuidNotSupported,
    /// 131063: marketing templates are disabled on this interface.
    MarketingTemplatesDisabled,
    /// 131064: limited after templates were put in the wrong category.
    Misclassified,
    /// 131048: limited because of spam.
    SpamLimit,
    /// 131031: the account is locked.
    AccountLocked,
    /// 368: blocked for breaking a policy.
    PolicyViolation,
    /// 130497: the business may not write to this country.
    CountryRestricted,
    /// 137000: the identity key of the person changed: perhaps another device, perhaps another owner.
    IdentityKeyMismatch,
}

/// What to do about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Response {
    /// Record an opt-out from marketing, and never retry.
    RecordOptOut,
    /// Send a template, or wait until the person writes.
    UseTemplate,
    /// Do not retry for 24 hours.
    WaitOneDay,
    /// Do not retry this message to this person; nothing is known about their will.
    GiveUp,
    /// Send to the telephone number.
    UseTelephoneNumber,
    /// Stop sending and look at the standing of the account or its templates.
    ReviewAccount,
    /// Do not send before it is known that the number still is this person's.
    ConfirmIdentity,
}

impl ErrorCode {
    /// Every code listed here.
    pub const ALL: [Self; 13] = [
        Self::MarketingStopped,
        Self::OutsideWindow,
        Self::HeldBack,
        Self::Undeliverable,
        Self::Experiment,
        Self::BsuidNotSupported,
        Self::MarketingTemplatesDisabled,
        Self::Misclassified,
        Self::SpamLimit,
        Self::AccountLocked,
        Self::PolicyViolation,
        Self::CountryRestricted,
        Self::IdentityKeyMismatch,
    ];

    /// The code with this number, if it is listed here.
    ///
    /// ```
    /// use wzapi_whatsapp::error_code::{ErrorCode, Response};
    ///
    /// let code = ErrorCode::from_code(131_050);
    /// assert_eq!(code.map(ErrorCode::response), Some(Response::RecordOptOut));
    /// assert_eq!(ErrorCode::from_code(131_049).map(ErrorCode::response), Some(Response::WaitOneDay));
    /// ```
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// Its number.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::MarketingStopped => 131_050,
            Self::OutsideWindow => 131_047,
            Self::HeldBack => 131_049,
            Self::Undeliverable => 131_026,
            Self::Experiment => 130_472,
            Self::BsuidNotSupported => 131_062,
            Self::MarketingTemplatesDisabled => 131_063,
            Self::Misclassified => 131_064,
            Self::SpamLimit => 131_048,
            Self::AccountLocked => 131_031,
            Self::PolicyViolation => 368,
            Self::CountryRestricted => 130_497,
            Self::IdentityKeyMismatch => 137_000,
        }
    }

    /// What it means, in a sentence for operators.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::MarketingStopped => "the person stopped marketing messages from this business",
            Self::OutsideWindow => "the customer service window is closed",
            Self::HeldBack => "held back to keep the ecosystem healthy; this is not an opt-out",
            Self::Undeliverable => "undeliverable; this does not show that the person blocked the business",
            Self::Experiment => "the number is part of an experiment of Meta's",
            Self::BsuidNotSupported => "this message cannot be sent to a business-scoped user id",
            Self::MarketingTemplatesDisabled => "marketing templates are disabled on this interface",
            Self::Misclassified => "limited after templates were put in the wrong category",
            Self::SpamLimit => "limited because of spam",
            Self::AccountLocked => "the account is locked",
            Self::PolicyViolation => "blocked for breaking a policy",
            Self::CountryRestricted => "the business may not write to this country",
            Self::IdentityKeyMismatch => "the identity key of the person changed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn response(self) -> Response {
        match self {
            Self::MarketingStopped => Response::RecordOptOut,
            Self::OutsideWindow => Response::UseTemplate,
            Self::HeldBack => Response::WaitOneDay,
            Self::Undeliverable | Self::Experiment | Self::CountryRestricted => Response::GiveUp,
            Self::BsuidNotSupported => Response::UseTelephoneNumber,
            Self::MarketingTemplatesDisabled
            | Self::Misclassified
            | Self::SpamLimit
            | Self::AccountLocked
            | Self::PolicyViolation => Response::ReviewAccount,
            Self::IdentityKeyMismatch => Response::ConfirmIdentity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_number_and_only_one_is_an_opt_out() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_code(code.code()), Some(code));
            assert_eq!(code.response() == Response::RecordOptOut, code.code() == 131_050);
        }
        assert_eq!(ErrorCode::from_code(0), None);
    }
}
