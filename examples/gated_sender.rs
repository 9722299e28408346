//! A `send` that cannot be called without a permit, and the time in which a withdrawal comes too late.
//!
//! A thousand people agree to marketing. Each message is checked, redeemed, written to the socket of a stand-in for the
//! Cloud API, and bound to its permit. Measured is what passes between the redemption and the socket, over the embedded
//! store. One person withdraws between check and redemption, and gets nothing.
//!
//! ```text
//! cargo run --release --example gated_sender -- [--data DIR] [--messages N] [--json]
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

#[path = "gated_sender/cloud.rs"]
mod cloud;
#[path = "gated_sender/gap.rs"]
mod gap;
#[path = "gated_sender/sender.rs"]
mod sender;
#[path = "gated_sender/shop.rs"]
mod shop;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use wzapi_compliance::consent::gate::{Checked, Decision, Redeemed};
use wzapi_compliance::model::consent::ConsentAct;

use crate::cloud::Cloud;
use crate::gap::Gaps;
use crate::sender::Sender;
use crate::shop::Shop;

/// An error that another task may hand over.
type Problem = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "gated_sender", about = "Sends under permits, and measures the gap from redeem to socket")]
struct Arguments {
    /// Where the store and the keyring are kept; a temporary directory unless it is named.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many people are written to.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    messages: u64,
    /// Print a JSON object as the last line.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause: Option<&dyn Error> = Some(error.as_ref());
            while let Some(current) = cause {
                eprintln!("gated_sender: {current}");
                cause = current.source();
            }
            ExitCode::from(1)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Problem> {
    let folder = tempfile::tempdir()?;
    let data = arguments.data.as_deref().map_or(folder.path(), Path::new);
    let shop = Shop::open(data).await?;
    println!("1. {} people agree to marketing", arguments.messages);
    shop.everybody_agrees(arguments.messages).await?;

    println!("2. Each is written to, under a permit");
    let cloud = Cloud::start().await?;
    let mut sender = Sender::connect(cloud.address()).await?;
    let (mut gaps, mut bound) = (Gaps::default(), 0_u64);
    for person in 0..arguments.messages {
        send_one(&shop, &mut sender, person, &mut gaps).await?;
        bound += 1;
    }
    gaps.print();

    println!("3. One of them withdraws after the check");
    let arrived = cloud.arrived();
    let refused = withdraws_in_between(&shop).await?;
    print_refusal(&refused);
    let sent_after_withdrawal = cloud.arrived() - arrived;
    println!("   messages that reached the socket after the withdrawal: {sent_after_withdrawal}");
    if arguments.json {
        let printed = json!({
            "messages": arguments.messages,
            "arrived": arrived,
            "arrived_with_permit": cloud.permits(),
            "bound": bound,
            "refused": u64::from(!refused.is_allowed),
            "sent_after_withdrawal": sent_after_withdrawal,
            "gap": gaps.to_json(),
        });
        println!("{printed}");
    }
    Ok(())
}

/// One message: check, redeem, transmit, bind.
async fn send_one(shop: &Shop, sender: &mut Sender, person: u64, gaps: &mut Gaps) -> Result<(), Problem> {
    let gate = shop.controller.gate();
    let permit = match gate.check(&shop.actor, &shop.request(person)?).await? {
        Checked::Allowed(permit) => permit,
        Checked::Refused(decision) => return Err(format!("refused: {decision:?}").into()),
    };
    // From here to the socket nothing is waited for but the gate's own read.
    let asked = gap::now();
    let redeemed = match gate.redeem(&shop.actor, permit).await? {
        Redeemed::Allowed(redeemed) => redeemed,
        Redeemed::Refused(decision) => return Err(format!("refused: {decision:?}").into()),
        Redeemed::Expired => return Err("the permit expired before it was redeemed".into()),
    };
    let answered = gap::now();
    let sent = sender.send(redeemed, "spring_sale").await?;
    gaps.add(asked, answered, sent.written);
    sent.bind(&gate, &shop.actor).await
}

/// A permit is given, the person withdraws, and the permit is worth nothing: there is no `RedeemedPermit` to call
/// [`Sender::send`] with.
async fn withdraws_in_between(shop: &Shop) -> Result<Decision, Problem> {
    let gate = shop.controller.gate();
    let Checked::Allowed(permit) = gate.check(&shop.actor, &shop.request(0)?).await? else {
        return Err("the person agreed, and is refused".into());
    };
    shop.record(0, ConsentAct::Withdrawn).await?;
    match gate.redeem(&shop.actor, permit).await? {
        Redeemed::Refused(decision) => Ok(decision),
        Redeemed::Allowed(_) => Err("a permit outlived a withdrawal: this must never happen".into()),
        Redeemed::Expired => Err("the permit expired before it was redeemed".into()),
    }
}

fn print_refusal(decision: &Decision) {
    for reason in &decision.reasons {
        let since = reason.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let shown_by = reason.evidence.map(|entry| format!(", ledger entry {entry}")).unwrap_or_default();
        println!("   refused: {}{since}{shown_by}", reason.code.as_str());
        println!("     {}", reason.code.remedy());
    }
}
