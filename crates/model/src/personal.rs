//! Personal data in memory: readable on purpose, never by accident.

use std::fmt;

/// A value about a person. `Debug` prints a redaction; there is no `Display`, and it does not serialise.
///
/// ```
/// use wzapi_model::personal::Personal;
///
/// let name = Personal::new("Ana".to_owned());
/// assert_eq!(format!("{name:?}"), "[personal]");
/// assert_eq!(name.expose(), "Ana");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Marks `value` as personal data.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. The caller takes over the duty to keep it out of logs, errors and clear columns.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, taken out of its wrapper.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl From<&str> for Personal<String> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}
