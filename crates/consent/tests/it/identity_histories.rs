//! Histories of numbers that change hands, delivered in any order, against a naive reference that knows what happened.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use wzapi_consent::person::KnownAs;
use wzapi_consent::{ConsentError, NewAct};
use wzapi_model::Timestamp;
use wzapi_model::ids::SubjectId;
use wzapi_storage::key::BlindIndex;
use wzapi_storage::row::{IdentifierRow, RowType, SubjectRow};

use crate::support::{CONTROLLER, NOON, SENDER, World, grant, known, stop, time};

/// How many holders the number has, each with a user id of their own; the next one takes it over ten seconds later.
const HOLDERS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Yes,
    No,
}

/// By what a delivery names the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Both,
    UserId,
    Number,
}

#[derive(Debug, Clone, Copy)]
struct Delivery {
    /// Which holder acted, at which second of their time with the number.
    holder: usize,
    second: u64,
    names: Names,
    said: Said,
}

#[derive(Debug, Clone)]
struct History {
    /// Whether each holder after the first is the one before with a new user id, as Meta announces.
    is_announced: [bool; HOLDERS],
    deliveries: Vec<Delivery>,
    /// The order in which deliveries and announcements arrive.
    order: Vec<usize>,
}

impl Delivery {
    const fn at(&self) -> u64 {
        10 * self.holder as u64 + self.second
    }
}

fn number() -> KnownAs {
    known("+91 98765 43210")
}

fn user_id(holder: usize) -> KnownAs {
    known(&format!("IN.7777{holder}")).in_portfolio(Some(BlindIndex([10; 16])))
}

fn second(second: u64) -> Timestamp {
    time(NOON).saturating_add(Duration::from_secs(second))
}

/// What is true in the end, from all that happened in the order in which it happened: whether marketing is permitted for
/// the number and for each user id.
fn truth(history: &History) -> Vec<bool> {
    let person_of = |holder: usize| {
        let is_new = |one: &usize| !history.is_announced[*one] || *one == 0;
        (0..=holder).rev().find(is_new).unwrap()
    };
    let stands = |holder: usize| {
        let person = person_of(holder);
        let mut acts: Vec<&Delivery> = history.deliveries.iter().collect();
        acts.sort_by_key(|act| (act.at(), act.said == Said::No));
        let mut is_permitted = false;
        for act in acts.iter().filter(|act| person_of(act.holder) == person || act.holder < person) {
            match act.said {
                Said::No => is_permitted = false,
                Said::Yes if person_of(act.holder) == person => is_permitted = true,
                Said::Yes | Said::Nothing => {}
            }
        }
        is_permitted
    };
    let last = (0..HOLDERS).rev().find(|holder| is_known(history, *holder)).unwrap_or(0);
    let mut answers = vec![stands(last)];
    for holder in 0..HOLDERS {
        let has_changed = holder + 1 < HOLDERS && history.is_announced[holder + 1];
        answers.push(is_known(history, holder) && !has_changed && stands(holder));
    }
    answers
}

/// Whether anybody heard of the holder.
fn is_known(history: &History, holder: usize) -> bool {
    history.is_announced[holder]
        || (holder + 1 < HOLDERS && history.is_announced[holder + 1])
        || history.deliveries.iter().any(|delivery| delivery.holder == holder)
}

async fn deliver(world: &World, delivery: &Delivery) {
    let known_as = match delivery.names {
        Names::Both => vec![number(), user_id(delivery.holder)],
        Names::UserId => vec![user_id(delivery.holder)],
        Names::Number => vec![number()],
    };
    let at = second(delivery.at());
    match delivery.said {
        Said::Nothing => world.inbound(&known_as, Some(at)).await,
        Said::Yes => drop(world.record(&known_as, &NewAct { acted_at: Some(at), ..grant() }).await),
        Said::No => drop(world.record(&known_as, &NewAct { acted_at: Some(at), ..stop() }).await),
    }
}

async fn answers(history: &History) -> Vec<bool> {
    let world = World::new().await;
    world.pass(1000);
    for &event in &history.order {
        if let Some(delivery) = history.deliveries.get(event) {
            deliver(&world, delivery).await;
        } else {
            let holder = event - history.deliveries.len();
            if holder > 0 && history.is_announced[holder] {
                let current = [number(), user_id(holder)];
                world.change_at(&[user_id(holder - 1)], &current, second(10 * holder as u64)).await;
            }
        }
    }
    living_rows_of_one_person_agree(&world).await;
    let mut answers = vec![world.may_market(&number()).await];
    for holder in 0..HOLDERS {
        answers.push(world.may_market(&user_id(holder)).await);
    }
    answers
}

/// All that a person goes by says the same, and every row is listed by the subject that it names.
async fn living_rows_of_one_person_agree(world: &World) {
    let rows = world.dump().await;
    let gate: Vec<(BlindIndex, IdentifierRow)> = rows
        .iter()
        .filter_map(|(key, row)| match key {
            wzapi_storage::key::Key::Identifier(index) => {
                Some((*index, IdentifierRow::of(&row.body)?.clone()))
            }
            _ => None,
        })
        .collect();
    let listed = |subject: SubjectId, index: BlindIndex| {
        rows.iter().any(|(key, row)| {
            *key == wzapi_storage::key::Key::Subject(subject)
                && SubjectRow::of(&row.body)
                    .is_some_and(|row| row.identifiers.iter().any(|one| one.index == index))
        })
    };
    for (index, row) in &gate {
        assert!(listed(row.subject, *index), "a row that nobody lists is never changed again");
        let others = gate.iter().filter(|(_, other)| other.subject == row.subject && other.left_at.is_none());
        for (_, other) in others.filter(|_| row.left_at.is_none()) {
            assert_eq!(other.marks, row.marks);
            assert_eq!(other.age, row.age);
        }
    }
}

/// Histories in which a delivery names the person by these.
fn histories(names: &'static [Names]) -> impl Strategy<Value = History> {
    let said = prop::sample::select(vec![Said::Nothing, Said::Yes, Said::No]);
    let delivery = (0..HOLDERS, 1_u64..9, prop::sample::select(names), said)
        .prop_map(|(holder, second, names, said)| Delivery { holder, second, names, said });
    (prop::collection::vec(delivery, 1..9), any::<[bool; HOLDERS]>())
        .prop_flat_map(|(mut deliveries, mut is_announced)| {
            is_announced[0] = false;
            // Two acts of a person at the very same moment are another test's.
            deliveries.sort_by_key(Delivery::at);
            deliveries.dedup_by_key(|delivery| delivery.at());
            let order: Vec<usize> = (0..deliveries.len() + HOLDERS).collect();
            (Just(deliveries), Just(is_announced), Just(order).prop_shuffle())
        })
        .prop_map(|(deliveries, is_announced, order)| History { is_announced, deliveries, order })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clause_2_c_deliveries_that_state_the_number_and_the_user_id_end_alike_in_every_order(
        history in histories(&[Names::Both]),
    ) {
        prop_assert_eq!(run(answers(&history)), truth(&history));
    }

    #[test]
    fn clause_2_c_whatever_a_delivery_states_nothing_is_permitted_that_should_not_be(
        history in histories(&[Names::Both, Names::UserId, Names::Number]),
    ) {
        // A number alone tells a new holder from the one before only when something else does.
        let is_told = (0..HOLDERS).all(|holder| {
            let of_holder = |delivery: &&Delivery| delivery.holder == holder;
            history.is_announced[holder]
                || history.deliveries.iter().all(|delivery| delivery.holder != holder)
                || history.deliveries.iter().filter(of_holder).min_by_key(|delivery| delivery.at())
                    .is_some_and(|delivery| delivery.names == Names::Both)
        });
        prop_assume!(is_told);
        let (given, right) = (run(answers(&history)), truth(&history));
        for (given, right) in given.iter().zip(&right) {
            prop_assert!(!given || *right, "{given:?} {right:?}");
        }
    }
}

#[tokio::test]
async fn clause_2_c_a_change_of_number_ends_alike_in_every_order() {
    let (old, new) = ([number(), user_id(0)], [known("+91 98765 43211"), user_id(1)]);
    let next = [number(), user_id(2)];
    for order in permutations(5) {
        let world = World::new().await;
        world.pass(1000);
        for event in &order {
            match event {
                0 => drop(world.record(&old, &NewAct { acted_at: Some(second(5)), ..grant() }).await),
                1 => world.change_at(&old, &new, second(20)).await,
                2 => world.inbound(&new, Some(second(25))).await,
                3 => drop(world.record(&next, &NewAct { acted_at: Some(second(30)), ..stop() }).await),
                _ => world.inbound(&old, Some(second(8))).await,
            }
        }
        living_rows_of_one_person_agree(&world).await;
        for one in &new {
            assert!(world.may_market(one).await, "{order:?}");
        }
        for one in [&old[0], &old[1], &next[1]] {
            assert!(!world.may_market(one).await, "{order:?}");
        }
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in permutations(count - 1) {
        for position in 0..count {
            let mut longer = shorter.clone();
            longer.insert(position, count - 1);
            all.push(longer);
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clause_2_c_denials_links_and_new_holders_at_the_same_time_never_pass_each_other() {
    for round in 0..8 {
        let world = Arc::new(World::new().await);
        let numbers: Vec<KnownAs> = (0..4).map(|one| known(&format!("+91 98765 4321{one}"))).collect();
        for one in &numbers {
            world.grant(std::slice::from_ref(one)).await;
        }
        world.grant(&[numbers[0].clone(), user_id(0)]).await;
        world.pass(60);
        world.storage.takes_time.store(true, Ordering::SeqCst);
        let mut tasks = Vec::new();
        for job in 0..6 {
            let (world, numbers) = (Arc::clone(&world), numbers.clone());
            tasks.push(tokio::spawn(async move {
                match (job + round) % 6 {
                    0 => linked(&world, &numbers[0], &numbers[1]).await,
                    1 => linked(&world, &numbers[1], &numbers[2]).await,
                    2 => drop(world.record(&[numbers[2].clone()], &stop()).await),
                    3 => inbound(&world, &[numbers[0].clone(), user_id(0)]).await,
                    4 => inbound(&world, &[numbers[3].clone(), user_id(3)]).await,
                    _ => inbound(&world, &[numbers[1].clone(), user_id(1)]).await,
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        living_rows_of_one_person_agree(&world).await;
        for one in &numbers[..3] {
            assert!(!world.may_market(one).await, "what one denies, all that are linked deny");
        }
        assert!(!world.may_market(&user_id(0)).await && !world.may_market(&user_id(1)).await);
        assert!(world.may_market(&numbers[3]).await && world.may_market(&user_id(3)).await);
        assert!(world.verified_entries().await >= 10);
    }
}

async fn linked(world: &World, one: &KnownAs, other: &KnownAs) {
    loop {
        match world.consent.link(CONTROLLER, one, other).await {
            Err(ConsentError::Busy) => {}
            outcome => return assert!(outcome.unwrap()),
        }
    }
}

async fn inbound(world: &World, known_as: &[KnownAs]) {
    loop {
        let mut recording = world.consent.begin(CONTROLLER).await.unwrap();
        recording.inbound(known_as, SENDER, Some(world.now())).await.unwrap();
        match recording.commit().await {
            Err(ConsentError::Busy) => {}
            outcome => return drop(outcome.unwrap()),
        }
    }
}
