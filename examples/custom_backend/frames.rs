//! Changesets as bytes in a file: one frame each.
//!
//! ```text
//! length of the rest (4 bytes) ‖ checksum of the rest (8) ‖ version (8) ‖ changes
//! change: length of key (4) ‖ key ‖ 0, or 1 ‖ length of value (4) ‖ value
//! ```
//!
//! A crash can leave the last frame torn. The checksum tells, and whatever follows the last whole frame is cut off:
//! it was never acknowledged. The checksum is there against accidents, not against people; the ledger is.

use crate::rows::Change;

/// What stands before the length-checked part.
const HEADER: usize = 12;

pub(crate) struct Frame {
    pub(crate) version: u64,
    pub(crate) changes: Vec<Change>,
}

pub(crate) fn encode(version: u64, changes: &[Change]) -> Option<Vec<u8>> {
    let mut rest = version.to_be_bytes().to_vec();
    for (key, value) in changes {
        push(&mut rest, key)?;
        match value {
            None => rest.push(0),
            Some(value) => {
                rest.push(1);
                push(&mut rest, value)?;
            }
        }
    }
    let mut frame = u32::try_from(rest.len()).ok()?.to_be_bytes().to_vec();
    frame.extend_from_slice(&checksum(&rest).to_be_bytes());
    frame.extend_from_slice(&rest);
    Some(frame)
}

/// The frame at the beginning of `bytes` and its length, when it is whole.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (length, after) = bytes.split_first_chunk::<4>()?;
    let (sum, after) = after.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let rest = after.get(..length)?;
    if checksum(rest) != u64::from_be_bytes(*sum) {
        return None;
    }
    let (version, mut rest) = rest.split_first_chunk::<8>()?;
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let key = take(&mut rest)?;
        let (tag, after) = rest.split_first()?;
        rest = after;
        let value = if *tag == 0 { None } else { Some(take(&mut rest)?) };
        changes.push((key, value));
    }
    Some((Frame { version: u64::from_be_bytes(*version), changes }, HEADER + length))
}

fn push(out: &mut Vec<u8>, part: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
    out.extend_from_slice(part);
    Some(())
}

fn take(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (part, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    Some(part.to_vec())
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
