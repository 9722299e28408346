//! Telephone numbers, with the spellings that WhatsApp uses for one line.

use std::fmt;
use std::str::FromStr;

use super::IdentifierError;
use super::digits::with_ascii_digits;

/// Fewest digits, country code included, that any country uses for a subscriber line.
const MIN_DIGITS: u32 = 7;
/// Most digits of an international number (ITU-T E.164, 6.2.1).
const MAX_DIGITS: u32 = 15;
/// Longest text that is looked at: an international number with generous punctuation.
const MAX_TEXT: usize = 64;

/// A telephone number in international form, canonical for WhatsApp: every spelling of one line is one value.
///
/// Two countries write one mobile line in two ways; the canonical form is the one of today's numbering plan:
///
/// | country | spellings of one line | canonical |
/// |---|---|---|
/// | Mexico | `52 1` + 10 digits, `52` + 10 digits | without the `1` |
/// | Brazil | `55` + area + 8 digits beginning with 6 to 9, the same with a `9` before them | with the `9` |
///
/// In Argentina `54 9 …` is a mobile line and `54 …` may be somebody else's landline: they stay two values, and
/// each is an [`Relation::Inferred`] spelling of the other.
///
/// Sources: ITU-T E.164; IFT (Mexico) plan of 3 August 2019; Anatel resolution 553/2010; Meta, "Phone numbers".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct E164(u64);

/// How sure it is that two spellings are one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The very number that was given. Grants and denials count.
    Same,
    /// Perhaps the same line, perhaps another person's. Denials count, grants do not, and nothing is erased.
    Inferred,
}

/// A number under which something about a person may be filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// The number.
    pub number: E164,
    /// How it relates to the one asked for.
    pub relation: Relation,
}

/// A region by its two letters of ISO 3166-1, to complete national numbers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(phonenumber::country::Id);

impl FromStr for Region {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        phonenumber::country::Id::from_str(text).map(Self).map_err(|_| IdentifierError::Region)
    }
}

impl E164 {
    /// The most values that [`E164::spellings`] returns.
    pub const MAX_SPELLINGS: usize = 2;

    /// Reads a number with its country code in any usual spelling: `+`, `00` or bare digits, with spaces,
    /// dots, hyphens, brackets, a trunk zero in brackets, or the digits of another script.
    ///
    /// ```
    /// use wzapi_model::identifier::E164;
    ///
    /// let number = E164::parse("+44 (0)20 7946 0958")?;
    /// assert_eq!(number.expose_digits(), "442079460958");
    /// assert_eq!(E164::parse("00442079460958")?, number);
    /// # Ok::<(), wzapi_model::identifier::IdentifierError>(())
    /// ```
    ///
    /// # Errors
    /// [`IdentifierError::PhoneNumber`] when it is not a number with a known country code.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if text.len() > MAX_TEXT {
            return Err(IdentifierError::PhoneNumber);
        }
        let text = with_ascii_digits(text);
        let text = text.trim_start_matches(['(', '+', '＋', ' ']).trim();
        Self::parse_with_library(None, &format!("+{}", text.strip_prefix("00").unwrap_or(text)))
    }

    /// Reads a number that may lack its country code, which `region` then supplies.
    ///
    /// # Errors
    /// [`IdentifierError::PhoneNumber`] when it is not a number.
    pub fn parse_in(text: &str, region: Region) -> Result<Self, IdentifierError> {
        if text.len() > MAX_TEXT {
            return Err(IdentifierError::PhoneNumber);
        }
        Self::parse_with_library(Some(region.0), with_ascii_digits(text).trim())
    }

    /// Takes a `wa_id` as WhatsApp writes it: country code and digits, no `+`. WhatsApp's ids are not held
    /// against the numbering plan, whose strict metadata refuses real ones.
    ///
    /// # Errors
    /// [`IdentifierError::PhoneNumber`] unless it is 7 to 15 ASCII digits that do not begin with 0.
    pub fn from_wa_id(wa_id: &str) -> Result<Self, IdentifierError> {
        let all_digits = wa_id.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits || wa_id.starts_with('0') || wa_id.len() > MAX_TEXT {
            return Err(IdentifierError::PhoneNumber);
        }
        Self::from_number(wa_id.parse().map_err(|_| IdentifierError::PhoneNumber)?)
    }

    /// The digits with country code and without `+`: personal data.
    #[must_use]
    pub fn expose_digits(self) -> String {
        self.0.to_string()
    }

    /// This number and those under which the same line may have been filed, this one first.
    #[must_use]
    pub fn spellings(self) -> Vec<Spelling> {
        let mut all = vec![Spelling { number: self, relation: Relation::Same }];
        all.extend(self.argentine_twin().map(|number| Spelling { number, relation: Relation::Inferred }));
        all
    }

    fn parse_with_library(
        region: Option<phonenumber::country::Id>,
        text: &str,
    ) -> Result<Self, IdentifierError> {
        if text.chars().any(char::is_alphabetic) {
            return Err(IdentifierError::PhoneNumber);
        }
        let parsed = phonenumber::parse(region, text).map_err(|_| IdentifierError::PhoneNumber)?;
        let national = parsed.national();
        let mut digits = parsed.code().value().to_string();
        for _ in 0..national.zeros().min(4) {
            digits.push('0');
        }
        digits.push_str(&national.value().to_string());
        Self::from_number(digits.parse().map_err(|_| IdentifierError::PhoneNumber)?)
    }

    fn from_number(number: u64) -> Result<Self, IdentifierError> {
        if number < 10_u64.pow(MIN_DIGITS - 1) || number >= 10_u64.pow(MAX_DIGITS) {
            return Err(IdentifierError::PhoneNumber);
        }
        Ok(Self(canonical_mexican(number).or_else(|| canonical_brazilian(number)).unwrap_or(number)))
    }

    fn argentine_twin(self) -> Option<Self> {
        const NATIONAL: u64 = 10_u64.pow(10);
        let (prefix, national) = (self.0 / NATIONAL, self.0 % NATIONAL);
        match prefix {
            549 => Some(Self(54 * NATIONAL + national)),
            54 => Some(Self(549 * NATIONAL + national)),
            _ => None,
        }
    }
}

/// `52 1` + 10 digits was how mobile lines were dialled until 2019, and still is how WhatsApp writes many.
fn canonical_mexican(number: u64) -> Option<u64> {
    const NATIONAL: u64 = 10_u64.pow(10);
    (number / NATIONAL == 521).then(|| 52 * NATIONAL + number % NATIONAL)
}

/// Mobile lines had eight digits beginning with 6 to 9 before the ninth digit was put in front of them.
fn canonical_brazilian(number: u64) -> Option<u64> {
    const SUBSCRIBER: u64 = 10_u64.pow(8);
    let (prefix, subscriber) = (number / SUBSCRIBER, number % SUBSCRIBER);
    let (country, area) = (prefix / 100, prefix % 100);
    let is_old_mobile = country == 55 && area >= 11 && subscriber >= 6 * SUBSCRIBER / 10;
    is_old_mobile.then(|| (prefix * 10 + 9) * SUBSCRIBER + subscriber)
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("E164([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(text: &str) -> String {
        E164::parse(text).unwrap_or_else(|_| panic!("{text}")).expose_digits()
    }

    #[test]
    fn every_spelling_of_one_number_has_one_form() {
        let spellings = [
            "+919876543210",
            "919876543210",
            "00919876543210",
            "+91 98765 43210",
            "+91-98765-43210",
            "(+91) 98765.43210",
            " +91 (0) 98765 43210 ",
            "+९१९८७६५४३२१०",
            "＋９１９８７６５４３２１０",
        ];
        for spelling in spellings {
            assert_eq!(digits(spelling), "919876543210", "{spelling}");
        }
        let region: Region = "IN".parse().unwrap();
        assert_eq!(E164::parse_in("098765 43210", region).unwrap().expose_digits(), "919876543210");
    }

    #[test]
    fn mexico_and_brazil_have_one_form_for_both_spellings() {
        for text in ["5215512345678", "525512345678", "+52 1 55 1234 5678", "+52 55 1234 5678"] {
            assert_eq!(digits(text), "525512345678", "{text}");
            assert_eq!(E164::from_wa_id("5215512345678").unwrap().expose_digits(), "525512345678");
        }
        for text in ["553187654321", "5531987654321", "+55 31 8765-4321", "+55 (31) 98765-4321"] {
            assert_eq!(digits(text), "5531987654321", "{text}");
        }
        assert_eq!(E164::from_wa_id("553187654321").unwrap().expose_digits(), "5531987654321");
        assert_eq!(digits("+55 31 3222-3333"), "553132223333", "a landline gets no ninth digit");
    }

    #[test]
    fn argentine_spellings_stay_apart_and_know_each_other() {
        let mobile = E164::from_wa_id("5491123456789").unwrap();
        let other = E164::from_wa_id("541123456789").unwrap();
        assert_ne!(mobile, other);
        for (a, b) in [(mobile, other), (other, mobile)] {
            let spellings = a.spellings();
            assert_eq!(spellings[0], Spelling { number: a, relation: Relation::Same });
            assert_eq!(spellings[1], Spelling { number: b, relation: Relation::Inferred });
            assert!(spellings.len() <= E164::MAX_SPELLINGS);
        }
        assert_eq!(E164::parse("+54 9 11 2345-6789").unwrap(), mobile);
        assert_eq!(E164::parse("+54 11 15 2345-6789").unwrap(), mobile, "15 marks a mobile line");
    }

    #[test]
    fn what_is_not_a_number_is_refused_without_being_repeated() {
        let long = "1".repeat(1000);
        for text in ["", "+", "PHONE_NUMBER", "1-800-FLOWERS", "12", "+0123456789", "1234567890123456", &long]
        {
            let error = E164::parse(text).expect_err(text);
            assert_eq!(error, IdentifierError::PhoneNumber);
        }
        for text in ["", "+15550001111", "1555000111a", "0155500011", "1234567890123456"] {
            assert!(E164::from_wa_id(text).is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", E164::from_wa_id("15550001111").unwrap()), "E164([redacted])");
    }

    proptest! {
        #[test]
        fn canonical_form_is_stable(number in 1_000_000_u64..1_000_000_000_000_000) {
            let once = E164::from_wa_id(&number.to_string()).unwrap();
            let twice = E164::from_wa_id(&once.expose_digits()).unwrap();
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "\\PC{0,40}") {
            let _ = E164::parse(&text);
            let _ = crate::identifier::Bsuid::parse(&text);
            let _ = crate::identifier::Email::parse(&text);
        }

        #[test]
        fn a_meta_id_and_its_human_spelling_are_one_number(national in 6_000_000_000_u64..9_999_999_999) {
            let wa_id = format!("91{national}");
            let spelled = format!("+91 {} {}", national / 100_000, format_args!("{:05}", national % 100_000));
            prop_assert_eq!(E164::from_wa_id(&wa_id), E164::parse(&spelled));
        }
    }
}
