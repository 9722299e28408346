//! Whom a message is for, as far as the host says.

use std::borrow::Cow;

use wzapi_model::identifier::{Bsuid, E164, Identifier, IdentifierError};
use wzapi_model::personal::Personal;
use wzapi_policy::file::CountryCode;

use super::region::TimeZone;

/// The recipient of a message: an identifier, and what the host knows about where the person is.
///
/// ```
/// use wzapi_consent::gate::Recipient;
///
/// // One line in Mexico has two spellings, and the provider is given the one that it uses itself.
/// let recipient = Recipient::parse("5215512345678")?;
/// assert_eq!(recipient.expose_address(), "5215512345678");
/// assert_eq!(recipient.identifier().expose_canonical(), "525512345678");
/// assert_eq!(Recipient::parse("+52 55 1234 5678")?.identifier(), recipient.identifier());
/// # Ok::<(), wzapi_model::identifier::IdentifierError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    identifier: Identifier,
    address: Option<Personal<Box<str>>>,
    country: Option<CountryCode>,
    time_zone: Option<TimeZone>,
}

impl Recipient {
    /// Reads a recipient: a telephone number with country code in any spelling, an id as WhatsApp writes it, or a
    /// business-scoped user id. Digits alone, with or without a `+`, are kept as the address to give to the provider.
    ///
    /// # Errors
    /// [`IdentifierError::Unrecognised`] when it is none of these.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if let Ok(bsuid) = Bsuid::parse(text) {
            return Ok(Identifier::Bsuid(bsuid).into());
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let as_written = E164::from_wa_id(digits);
        let number = E164::parse(text).or(as_written).map_err(|_| IdentifierError::Unrecognised)?;
        // Only a spelling of the very line that is asked about may be transmitted to.
        let is_address = as_written == Ok(number) && digits != number.expose_digits();
        let address = is_address.then(|| Personal::new(digits.into()));
        Ok(Self { address, ..Identifier::Phone(number).into() })
    }

    /// The same recipient, whom the host knows to be in this country. It decides alone where the identifier leaves the
    /// country open; otherwise it is one country more whose rules hold.
    #[must_use]
    pub fn in_country(self, country: CountryCode) -> Self {
        Self { country: Some(country), ..self }
    }

    /// The same recipient, whom the host knows to live by the clocks of this zone. Quiet hours are told by it alone.
    #[must_use]
    pub fn in_time_zone(self, zone: TimeZone) -> Self {
        Self { time_zone: Some(zone), ..self }
    }

    /// Under what the person is on record.
    #[must_use]
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// The country that the host states.
    #[must_use]
    pub const fn country(&self) -> Option<CountryCode> {
        self.country
    }

    /// The time zone that the host states.
    #[must_use]
    pub const fn time_zone(&self) -> Option<TimeZone> {
        self.time_zone
    }

    /// What to give to the provider: the digits as the host had them, and the canonical form where it had none.
    /// Personal data.
    #[must_use]
    pub fn expose_address(&self) -> Cow<'_, str> {
        match &self.address {
            Some(address) => Cow::Borrowed(address.expose()),
            None => Cow::Owned(self.identifier.expose_canonical()),
        }
    }
}

impl From<Identifier> for Recipient {
    fn from(identifier: Identifier) -> Self {
        Self { identifier, address: None, country: None, time_zone: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_a_spelling_of_the_very_line_or_the_canonical_one() {
        for (text, address) in [
            ("5215512345678", "5215512345678"),
            ("+5215512345678", "5215512345678"),
            ("553187654321", "553187654321"),
            ("+52 1 55 1234 5678", "525512345678"),
            ("+44 (0)20 7946 0958", "442079460958"),
            ("00919876543210", "919876543210"),
            ("919876543210", "919876543210"),
            ("IN.a1B2", "IN.a1B2"),
        ] {
            let recipient = Recipient::parse(text).unwrap();
            assert_eq!(recipient.expose_address(), address, "{text}");
            let again = Recipient::parse(&recipient.expose_address()).unwrap();
            assert_eq!(again.identifier(), recipient.identifier(), "{text}");
        }
        for text in ["", "PHONE_NUMBER", "12", "+1555000222255555"] {
            assert_eq!(Recipient::parse(text), Err(IdentifierError::Unrecognised), "{text}");
        }
    }

    #[test]
    fn no_part_of_it_shows_in_debug_output() {
        let text = format!("{:?}", Recipient::parse("5215512345678").unwrap());
        assert!(!text.contains("5512345678"), "{text}");
    }
}
