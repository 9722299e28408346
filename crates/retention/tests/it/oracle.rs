//! Generated lives against a day-by-day reference: on each day exactly those records are there that the reference keeps.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use wzapi_model::Timestamp;
use wzapi_policy::retention::Trigger;
use wzapi_retention::{Holds, NewHold};
use wzapi_storage::row::HoldScope;
use wzapi_vault::{NewRecord, RecordRef};

use crate::support::{A, ANA, World, email, invoice};
use crate::sweeping::{close_account, is_there, sweep, sweeper};

/// What happens in a step, and how many days pass after it.
#[derive(Debug, Clone)]
enum Step {
    Email,
    Invoice,
    /// Closes the account of the record with this number.
    Close(usize),
    /// Places the hold, or releases it.
    Hold,
    /// Opens a request of the person, or closes it.
    Freeze,
}

fn steps() -> impl Strategy<Value = Vec<(Step, u64)>> {
    let step = prop_oneof![
        3 => Just(Step::Email),
        2 => Just(Step::Invoice),
        3 => (0..8_usize).prop_map(Step::Close),
        1 => Just(Step::Hold),
        1 => Just(Step::Freeze),
    ];
    proptest::collection::vec((step, 1..400_u64), 4..14)
}

/// A record as the reference knows it: days, in the policy's offset.
struct Kept {
    collected: NaiveDate,
    closed: Option<NaiveDate>,
    is_invoice: bool,
}

fn day_of(moment: Timestamp) -> NaiveDate {
    (moment.to_datetime().naive_utc() + chrono::Duration::minutes(330)).date()
}

/// The first 31 March on or after a day.
fn end_of_financial_year(day: NaiveDate) -> NaiveDate {
    let mut end = day;
    while end.format("%m-%d").to_string() != "03-31" {
        end = end.succ_opt().unwrap();
    }
    end
}

/// Counts years day by day: the same date, so many years on.
fn years_on(day: NaiveDate, years: i32) -> NaiveDate {
    let wanted = day.format("%m-%d").to_string();
    let mut end = day;
    for _ in 0..years {
        end = end.succ_opt().unwrap();
        while end.format("%m-%d").to_string() != wanted {
            end = end.succ_opt().unwrap();
        }
    }
    end
}

impl Kept {
    fn holds(&self, today: NaiveDate) -> bool {
        let in_service = self.closed.is_none_or(|closed| today <= closed + Days::new(30));
        // Books: eight years from the end of the financial year of collection (Companies Act 2013 s. 128(5)). The tax
        // ground, 72 months from the due date of the annual return on 31 December, ends earlier.
        let by_law = self.is_invoice && today <= years_on(end_of_financial_year(self.collected), 8);
        in_service || by_law
    }
}

async fn live(steps: Vec<(Step, u64)>) {
    let world = World::new().await;
    sweeper(&world).begin(A).await.unwrap();
    let holds = Holds::new(world.parts.clone());
    let mut kept: BTreeMap<RecordRef, Kept> = BTreeMap::new();
    let mut order: Vec<RecordRef> = Vec::new();
    let (mut hold, mut is_frozen) = (None, false);
    let ending = [(Step::Email, 4000), (Step::Email, 1)];
    for (step, days) in steps.into_iter().chain(ending) {
        match step {
            Step::Email | Step::Invoice => {
                let is_invoice = matches!(step, Step::Invoice);
                let new = if is_invoice {
                    NewRecord { events: [(Trigger::InvoiceIssued, world.now())].into(), ..invoice("7") }
                } else {
                    email("ana@example.org")
                };
                let record = world.store(ANA, &new).await;
                kept.insert(
                    record.clone(),
                    Kept { collected: day_of(world.now()), closed: None, is_invoice },
                );
                order.push(record);
            }
            Step::Close(number) => {
                if let Some(record) = order.get(number)
                    && let Some(of) = kept.get_mut(record)
                {
                    close_account(&world, record).await;
                    of.closed = Some(day_of(world.now()));
                }
            }
            Step::Hold => match hold.take() {
                Some(placed) => holds.release(A, placed, &"over".into(), &world.actor).await.unwrap(),
                None => {
                    let new = NewHold { matter: "a dispute".into(), scope: HoldScope::default() };
                    hold = Some(holds.place(A, &new, &world.actor).await.unwrap());
                }
            },
            Step::Freeze => {
                is_frozen = !is_frozen;
                let case = wzapi_model::ids::CaseId::from_bytes([1; 16]);
                world.know(A, ANA, |row| row.frozen_by = Vec::from_iter(is_frozen.then_some(case))).await;
            }
        }
        world.pass_days(days);
        sweep(&world).await;
        let today = day_of(world.now());
        if hold.is_none() && !is_frozen {
            kept.retain(|_, of| of.holds(today));
        }
        for record in &order {
            assert_eq!(is_there(&world, record).await, kept.contains_key(record), "{record} on {today}");
        }
    }
    world.verify(A).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn clauses_6_a_to_6_c_generated_lives_keep_exactly_what_the_reference_keeps(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(steps));
    }
}
