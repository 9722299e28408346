//! Finding values that are never stored (policy clause 2.a). Every search takes time in proportion to the value.

mod card_number;
mod card_verification;
mod characters;
mod named;

pub(crate) use card_number::holds_card_number;
pub(crate) use card_verification::holds_verification_value;
pub(crate) use named::{MAX_PATTERN_LENGTH, MAX_PATTERNS, PatternFault, Recogniser, Recognisers};
