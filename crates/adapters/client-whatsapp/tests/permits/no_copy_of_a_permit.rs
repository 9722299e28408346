//! A permit cannot be copied.

use wzapi_compliance::consent::gate::{RedeemedPermit, SendPermit};

fn copy(checked: &SendPermit, redeemed: &RedeemedPermit) -> (SendPermit, RedeemedPermit) {
    (checked.clone(), redeemed.clone())
}

fn main() {}
