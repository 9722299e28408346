//! Cutting IP addresses at collection (policy clause 2.b).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// A number of bits is more than an address has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an IPv4 address has 32 bits and an IPv6 address 128")]
pub struct IpTruncationError;

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

    /// The address with its last bits cut. An IPv4 address written as IPv6 is cut as IPv4.
    #[must_use]
    pub fn apply(self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.v4)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.v6)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        }
    }
}
