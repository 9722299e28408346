//! Tiles and bundles as paths: the index in groups of three digits, all but the last one begun by an `x`.

use std::fmt;
use std::str::FromStr;

use super::{Bundle, TILE_WIDTH, Tile, TileError};
use crate::decimal;

/// No path of a tile is longer: 18 digits in groups, level and width.
const MAX_PATH_BYTES: usize = 64;

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level())?;
        write_place(f, self.index(), self.width())
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_place(f, self.index(), self.width())
    }
}

impl FromStr for Tile {
    type Err = TileError;

    /// Reads the one spelling that `Display` writes.
    fn from_str(path: &str) -> Result<Self, TileError> {
        let parse = || {
            let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
            let (index, width) = parse_place(place)?;
            Self::new(u8::try_from(decimal::parse(level)?).ok()?, index, width).ok()
        };
        exactly(path, parse)
    }
}

impl FromStr for Bundle {
    type Err = TileError;

    /// Reads the one spelling that `Display` writes.
    fn from_str(path: &str) -> Result<Self, TileError> {
        let parse = || {
            let (index, width) = parse_place(path.strip_prefix("tile/entries/")?)?;
            Self::new(index, width).ok()
        };
        exactly(path, parse)
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut rest = index;
    let mut place = format!("{:03}", rest % 1000);
    while rest >= 1000 {
        rest /= 1000;
        place = format!("x{:03}/{place}", rest % 1000);
    }
    f.write_str(&place)?;
    if width == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{width}") }
}

/// Reads index and width loosely; [`exactly`] refuses what is not written so.
fn parse_place(place: &str) -> Option<(u64, u16)> {
    let (groups, width) = match place.split_once(".p/") {
        Some((groups, width)) => (groups, u16::try_from(decimal::parse(width)?).ok()?),
        None => (place, TILE_WIDTH),
    };
    let index = groups.split('/').try_fold(0u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let is_group = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let value = digits.parse::<u64>().ok().filter(|_| is_group)?;
        index.checked_mul(1000)?.checked_add(value)
    })?;
    Some((index, width))
}

fn exactly<T: fmt::Display>(path: &str, parse: impl FnOnce() -> Option<T>) -> Result<T, TileError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(TileError::BadPath);
    }
    parse().filter(|place| place.to_string() == path).ok_or(TileError::BadPath)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (level, index, width, path) in [
            (0, 0, 256, "tile/0/000"),
            (0, 0, 1, "tile/0/000.p/1"),
            (3, 999, 255, "tile/3/999.p/255"),
            (1, 1000, 256, "tile/1/x001/000"),
            (0, 1_234_067, 256, "tile/0/x001/x234/067"),
            (0, 1_234_067, 8, "tile/0/x001/x234/067.p/8"),
            (0, (1 << 54) - 1, 256, "tile/0/x018/x014/x398/x509/x481/983"),
        ] {
            let tile = Tile::new(level, index, width).unwrap();
            assert_eq!(tile.to_string(), path);
            assert_eq!(path.parse(), Ok(tile));
            if level == 0 {
                let entries = path.replacen("tile/0", "tile/entries", 1);
                let bundle = Bundle::new(index, width).unwrap();
                assert_eq!(bundle.to_string(), entries);
                assert_eq!(entries.parse(), Ok(bundle));
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/000/001",
            "tile/0/x001/1",
            "tile/0/x001",
            "tile/00/000",
            "tile/+0/000",
            "tile/8/000",
            "tile/64/000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/257",
            "tile/0/000.p/1/1",
            "tile/0/000.p/1.p/1",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/../0/000",
            "tile/data/000",
            "tile/0/x018/x014/x398/x509/x481/984",
            "tile/0/x018/x446/x744/x073/x709/x551/615",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(path.parse::<Tile>(), Err(TileError::BadPath), "{path}");
            let entries = path.replacen("tile/0", "tile/entries", 1);
            assert_eq!(entries.parse::<Bundle>(), Err(TileError::BadPath), "{entries}");
        }
    }
}
