//! The codes of findings. `docs/policy.md` explains each.

use crate::term::terms;

terms! {
    /// How grave a finding is.
    Severity {
        /// The file is no policy.
        Error = "error",
        /// The file is a policy; a person should look at it.
        Warning = "warning",
    }
}

terms! {
    /// What sort of finding it is. Codes are never used again for something else.
    Code {
        /// The file is longer than 1 MiB.
        FileTooLarge = "P0001",
        /// The file is not TOML.
        Syntax = "P0002",
        /// Tables are nested too deeply.
        TooDeep = "P0003",
        /// A list, a key, a text or the file has too many parts.
        TooMany = "P0004",
        /// There are more findings than are listed.
        TooManyFindings = "P0005",
        /// The regime rules cannot be read.
        RulesUnreadable = "P0006",
        /// A key that means nothing here.
        UnknownKey = "P0101",
        /// A required key is missing.
        MissingKey = "P0102",
        /// A value of another type is needed.
        WrongType = "P0103",
        /// A value that is not allowed here.
        WrongValue = "P0104",
        /// A name that is not a name.
        WrongName = "P0105",
        /// A text or a list is empty.
        EmptyText = "P0106",
        /// Words of sale, rental or trade of data.
        SaleWording = "P0107",
        /// A format version that this program does not know.
        WrongFormat = "P0108",
        /// The contact point is missing or incomplete.
        MissingContact = "P0201",
        /// A contact that cannot be reached.
        WrongContact = "P0202",
        /// A language without templates for the notice.
        NoTemplate = "P0203",
        /// A text is missing in a declared language.
        MissingTranslation = "P0204",
        /// A text in a language that is not declared.
        UndeclaredLanguage = "P0205",
        /// No legal regime is in force.
        NoRegime = "P0207",
        /// A law that the regime rules do not know.
        UnknownLaw = "P0208",
        /// A regime without laws.
        NoLaw = "P0209",
        /// An age of consent below the lowest that the regime rules permit.
        AgeBelowLaw = "P0210",
        /// A rule of low certainty decides about the age of consent.
        DoubtfulAge = "P0211",
        /// A category that no purpose uses.
        CategoryWithoutPurpose = "P0301",
        /// A category without an end of retention.
        CategoryWithoutEnd = "P0302",
        /// A category that nothing collects.
        UnusedCategory = "P0303",
        /// Payment details that do not forbid card numbers and verification values.
        CardsNotForbidden = "P0304",
        /// A kind of record that no regime rule knows.
        UnknownRecordKind = "P0305",
        /// A category that is about nobody.
        NoSubject = "P0306",
        /// A forbidden pattern that is not declared.
        UnknownPattern = "P0307",
        /// A pattern that no category forbids.
        UnusedPattern = "P0308",
        /// A pattern that cannot be looked for.
        WrongPattern = "P0309",
        /// A purpose without a legal basis for a regime in force.
        PurposeWithoutBasis = "P0401",
        /// A legal basis for a regime that is not in force.
        BasisWithoutRegime = "P0402",
        /// Consent that cannot be withdrawn.
        ConsentWithoutWithdrawal = "P0403",
        /// A category that is not declared.
        UnknownCategory = "P0404",
        /// Legitimate interests that are not named.
        InterestNotNamed = "P0405",
        /// A basis that the law of the regime does not know.
        BasisUnknownToRegime = "P0406",
        /// Marketing messages for a purpose that does not rest on consent.
        MarketingWithoutConsent = "P0407",
        /// A purpose that uses no data.
        PurposeWithoutCategories = "P0408",
        /// Rules of consent for a purpose that asks for none.
        ConsentRulesWithoutConsent = "P0409",
        /// A confirmation of what is never a grant.
        NothingToConfirm = "P0410",
        /// A confirmation that may come when the consent has ended.
        ConfirmationAfterEnd = "P0411",
        /// A recipient without an agreement.
        RecipientWithoutAgreement = "P0501",
        /// An agreement without confidentiality.
        NoConfidentiality = "P0502",
        /// A purpose that is not declared.
        UnknownPurpose = "P0503",
        /// An agreement that is not in force.
        AgreementNotInForce = "P0504",
        /// A transfer to another country that rests on nothing.
        TransferWithoutBasis = "P0505",
        /// An agreement over data that none of its purposes uses.
        AgreementTooWide = "P0506",
        /// An agreement over no data or for no purpose.
        EmptyAgreement = "P0507",
        /// A legal ground without a citation.
        FloorWithoutCitation = "P0601",
        /// Retention shorter than a legal floor.
        ShorterThanFloor = "P0602",
        /// A very long period.
        VeryLongPeriod = "P0603",
        /// A rule of low certainty decides about retention.
        DoubtfulFloor = "P0604",
        /// A legal floor that begins later.
        FloorBeginsLater = "P0605",
        /// A regime rule that does not exist or is not in force.
        UnknownRule = "P0606",
        /// A calendar without its parameters, or with those of another.
        CalendarIncomplete = "P0607",
        /// A right of a regime in force is not named.
        MissingRight = "P0701",
        /// A promise to answer later than the law permits.
        AnswerTooLate = "P0702",
        /// A rule of low certainty decides about a deadline.
        DoubtfulDeadline = "P0703",
        /// A right that cannot be asked for.
        CannotAsk = "P0704",
        /// Continued use taken for consent.
        ContinuedUseAsConsent = "P0705",
        /// Changes that are announced nowhere or not before.
        NoNoticeChannel = "P0706",
        /// Webhook content filed for a purpose that does not use the category.
        FilingOutsidePurpose = "P0801",
        /// Webhook content filed under a category that does not come from the messaging platform.
        FilingWithoutSource = "P0802",
        /// Webhook content filed under a category that the engines keep by themselves.
        FilingUnderKept = "P0803",
        /// Quiet hours that end when they begin.
        EmptyQuietHours = "P0901",
        /// A rule that holds back one-time codes.
        CodesHeldBack = "P0902",
        /// A limit that another one makes idle.
        IdleLimit = "P0903",
        /// A rule about messages that no purpose sends.
        RuleWithoutMessages = "P0904",
        /// A code that stands for no country.
        UnknownCountry = "P0905",
    }
}

impl Code {
    /// How grave findings of this code are.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::UndeclaredLanguage
            | Self::NoLaw
            | Self::AgeBelowLaw
            | Self::DoubtfulAge
            | Self::UnusedCategory
            | Self::UnknownRecordKind
            | Self::UnusedPattern
            | Self::BasisWithoutRegime
            | Self::BasisUnknownToRegime
            | Self::MarketingWithoutConsent
            | Self::AgreementTooWide
            | Self::VeryLongPeriod
            | Self::DoubtfulFloor
            | Self::FloorBeginsLater
            | Self::MissingRight
            | Self::DoubtfulDeadline
            | Self::CodesHeldBack
            | Self::IdleLimit
            | Self::RuleWithoutMessages => Severity::Warning,
            Self::FileTooLarge
            | Self::Syntax
            | Self::TooDeep
            | Self::TooMany
            | Self::TooManyFindings
            | Self::RulesUnreadable
            | Self::UnknownKey
            | Self::MissingKey
            | Self::WrongType
            | Self::WrongValue
            | Self::WrongName
            | Self::EmptyText
            | Self::SaleWording
            | Self::WrongFormat
            | Self::MissingContact
            | Self::WrongContact
            | Self::NoTemplate
            | Self::MissingTranslation
            | Self::NoRegime
            | Self::UnknownLaw
            | Self::CategoryWithoutPurpose
            | Self::CategoryWithoutEnd
            | Self::CardsNotForbidden
            | Self::NoSubject
            | Self::UnknownPattern
            | Self::WrongPattern
            | Self::PurposeWithoutBasis
            | Self::ConsentWithoutWithdrawal
            | Self::UnknownCategory
            | Self::InterestNotNamed
            | Self::PurposeWithoutCategories
            | Self::ConsentRulesWithoutConsent
            | Self::NothingToConfirm
            | Self::ConfirmationAfterEnd
            | Self::RecipientWithoutAgreement
            | Self::NoConfidentiality
            | Self::UnknownPurpose
            | Self::AgreementNotInForce
            | Self::TransferWithoutBasis
            | Self::EmptyAgreement
            | Self::FloorWithoutCitation
            | Self::ShorterThanFloor
            | Self::UnknownRule
            | Self::CalendarIncomplete
            | Self::AnswerTooLate
            | Self::CannotAsk
            | Self::ContinuedUseAsConsent
            | Self::NoNoticeChannel
            | Self::FilingOutsidePurpose
            | Self::FilingWithoutSource
            | Self::FilingUnderKept
            | Self::EmptyQuietHours
            | Self::UnknownCountry => Severity::Error,
        }
    }

    /// The code as it is printed, such as `P0107`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        crate::term::Term::as_str(self)
    }
}

impl Severity {
    /// The name of the severity.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        crate::term::Term::as_str(self)
    }
}
