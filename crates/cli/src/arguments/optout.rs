//! `wzapi optout`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum OptoutCommand {
    /// Read lines `lang<TAB>text` and print `withdraw|ambiguous|none<TAB>rule` for each.
    ///
    /// The language is a hint and may be empty. A line without a tab is text.
    Classify,
}
