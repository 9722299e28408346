//! Where the data is, and how it is opened.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Args;
use wzapi_compliance::location::Location;

use crate::failure::Failure;

/// Every text is a location, so that clap never has to repeat one: it may hold a password.
fn location(text: &str) -> Result<Location, Infallible> {
    Ok(Location::from(text))
}

#[derive(Args, Clone)]
pub(crate) struct Data {
    /// The directory of the store and its keyring, or the address of a database: postgres://…
    #[arg(long, value_name = "DIR|ADDRESS", value_parser = location)]
    pub(crate) data: Location,
    #[command(flatten)]
    pub(crate) opening: Opening,
    /// Print a JSON object as the last line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What stands beside the store.
#[derive(Args, Clone)]
pub(crate) struct Opening {
    /// The file of the wrapping keys; DIR/keyring.json unless it is named. A database needs it.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring: Option<PathBuf>,
    /// A file with the passphrase of that file on one line. A keyring that is made gets it.
    #[arg(long, value_name = "FILE")]
    pub(crate) keyring_passphrase_file: Option<PathBuf>,
    /// The journal of signed checkpoints; DIR/journal unless it is named. A database has none unless it is named.
    /// Never restore it together with the store.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Take the journal for the store's own although it is another one, or missing. Only when the right one is lost.
    #[arg(long)]
    pub(crate) adopt_journal: bool,
    /// The privacy policy that is enforced; wzapi's own purposes unless it is named.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

/// A log in a store, or one that was exported.
#[derive(Args)]
pub(crate) struct StoreOrTiles {
    /// The directory of the store and its keyring, or the address of a database: postgres://…
    #[arg(long, value_name = "DIR|ADDRESS", value_parser = location, required_unless_present = "tiles")]
    data: Option<Location>,
    /// An exported log instead: a directory with `checkpoint` and `tile/`. Needs --key, and no keyring.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "Opening"])]
    tiles: Option<PathBuf>,
    #[command(flatten)]
    opening: Opening,
    /// Print a JSON object as the last line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a [`StoreOrTiles`] names.
pub(crate) enum Source {
    Store(Data),
    Tiles(PathBuf),
}

impl StoreOrTiles {
    pub(crate) fn source(self) -> Result<Source, Failure> {
        let Self { data, tiles, opening, json } = self;
        match (tiles, data) {
            (Some(tiles), _) => Ok(Source::Tiles(tiles)),
            (None, Some(data)) => Ok(Source::Store(Data { data, opening, json })),
            (None, None) => Err(Failure::NoSource),
        }
    }
}
