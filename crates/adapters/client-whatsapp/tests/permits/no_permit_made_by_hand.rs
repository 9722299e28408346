//! Only the gate makes permits.

use wzapi_compliance::consent::gate::{Decision, RedeemedPermit, SendPermit};

fn of_nothing() -> (SendPermit, RedeemedPermit) {
    (SendPermit::default(), RedeemedPermit::default())
}

fn of_a_decision(decision: Decision) -> SendPermit {
    SendPermit::new(decision)
}

fn of_a_permit_that_was_not_redeemed(permit: SendPermit) -> RedeemedPermit {
    permit.redeem()
}

fn main() {}
