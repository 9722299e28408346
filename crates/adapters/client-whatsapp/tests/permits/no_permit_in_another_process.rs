//! A permit cannot be written down, so no queue, file or other process gets one.

use wzapi_compliance::consent::gate::{RedeemedPermit, SendPermit};

fn write(checked: &SendPermit, redeemed: &RedeemedPermit) {
    let _ = serde_json::to_string(checked);
    let _ = serde_json::to_string(redeemed);
}

fn read(text: &str) {
    let _ = serde_json::from_str::<SendPermit>(text);
    let _ = serde_json::from_str::<RedeemedPermit>(text);
}

fn main() {}
