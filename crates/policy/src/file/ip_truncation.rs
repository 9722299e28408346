//! Cutting IP addresses at collection (policy clause 2.b).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// A number of bits is more than an address has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an IPv4 address has 32 bits and an IPv6 address 128")]
pub struct IpTruncationError;

/// A text is not an IP address. It may be personal data, so it is not in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an IP address: write an IPv4 or IPv6 address; a port, brackets and a zone may stand with it")]
pub struct NotAnAddress;

/// How many leading bits of an address are kept; the others become zero.
///
/// ```
/// use wzapi_policy::file::IpTruncation;
///
/// let rule = IpTruncation::new(24, 48)?;
/// assert_eq!(rule.apply("203.0.113.77".parse().unwrap()).to_string(), "203.0.113.0");
/// assert_eq!(rule.apply("2001:db8:1:2::3".parse().unwrap()).to_string(), "2001:db8:1::");
/// # Ok::<(), wzapi_policy::file::IpTruncationError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct IpTruncation {
    v4: u8,
    v6: u8,
}

impl IpTruncation {
    /// Keeps `v4` bits of IPv4 addresses and `v6` bits of IPv6 addresses.
    ///
    /// # Errors
    /// [`IpTruncationError`] when an address has fewer bits.
    pub const fn new(v4: u8, v6: u8) -> Result<Self, IpTruncationError> {
        if v4 > 32 || v6 > 128 { Err(IpTruncationError) } else { Ok(Self { v4, v6 }) }
    }

    /// How many bits are kept, of IPv4 and of IPv6 addresses.
    #[must_use]
    pub const fn kept_bits(self) -> (u8, u8) {
        (self.v4, self.v6)
    }

    /// The address with its last bits cut. An IPv4 address written as IPv6 (`::ffff:0:0/96`, RFC 4291) is cut as IPv4 and
    /// written so. Where else an IPv6 address holds an IPv4 address, no more of that is kept than of any other: the first
    /// 48 bits of 6to4 would be all of it.
    #[must_use]
    pub fn apply(self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.v4)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - self.kept_of(v6)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        }
    }

    /// The address in `text` with its last bits cut, in the form of RFC 5952. White space around it, a port
    /// (`203.0.113.7:443`, `[2001:db8::1]:443`), brackets and the zone of an IPv6 address (`fe80::1%eth0`, RFC 4007)
    /// may stand with it, and are not kept.
    ///
    /// ```
    /// use wzapi_policy::file::{IpTruncation, NotAnAddress};
    ///
    /// let rule = IpTruncation::new(24, 48)?;
    /// assert_eq!(rule.truncate_text("203.0.113.77:51034"), Ok("203.0.113.0".to_owned()));
    /// assert_eq!(rule.truncate_text("[2001:db8:1:2::3]:443"), Ok("2001:db8:1::".to_owned()));
    /// assert_eq!(rule.truncate_text("::ffff:203.0.113.77"), Ok("203.0.113.0".to_owned()));
    /// assert_eq!(rule.truncate_text("a host"), Err(NotAnAddress));
    /// # Ok::<(), wzapi_policy::file::IpTruncationError>(())
    /// ```
    ///
    /// # Errors
    /// [`NotAnAddress`] for everything else, such as names of hosts, several addresses, and ranges. Such a text must not
    /// be stored as it is: it may hold an address that was not cut.
    pub fn truncate_text(self, text: &str) -> Result<String, NotAnAddress> {
        let address = address_in(text.trim()).ok_or(NotAnAddress)?;
        Ok(self.apply(address).to_string())
    }

    fn kept_of(self, address: Ipv6Addr) -> u32 {
        let kept = u32::from(self.v6);
        EMBEDDING
            .into_iter()
            .find(|(prefix, length, _)| address.to_bits() >> (128 - length) == *prefix)
            .map_or(kept, |(_, _, at)| kept.min(at + u32::from(self.v4)))
    }
}

/// The prefixes under which an IPv6 address holds an IPv4 address, their lengths, and the bit at which that begins.
const EMBEDDING: [(u128, u32, u32); 5] = [
    // 6to4 (RFC 3056).
    (0x2002, 16, 16),
    // NAT64 under the well-known prefix (RFC 6052).
    (0x0064_ff9b_0000_0000_0000_0000, 96, 96),
    // Teredo: the client's address, each bit of it inverted (RFC 4380).
    (0x2001_0000, 32, 96),
    // IPv4-compatible (RFC 4291, section 2.5.5.1) and IPv4-translated (RFC 2765).
    (0, 96, 96),
    (0xffff_0000, 96, 96),
];

fn address_in(text: &str) -> Option<IpAddr> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']')?;
        let is_complete = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        return if is_complete { v6_in(address) } else { None };
    }
    let (before, after) = text.rsplit_once(':').unwrap_or((text, ""));
    let v4 = if is_port(after) { before } else { text };
    v4.parse().map(IpAddr::V4).ok().or_else(|| v6_in(text))
}

fn v6_in(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let is_zone = !zone.is_empty()
        && zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'~'));
    if is_zone { address.parse().map(IpAddr::V6).ok() } else { None }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u16>().is_ok()
}
