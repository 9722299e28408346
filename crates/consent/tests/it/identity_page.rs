//! `docs/identity.md`: its tables, tried row by row.

use std::time::Duration;

use wzapi_consent::NewAct;
use wzapi_consent::gate::ReasonCode;
use wzapi_consent::person::{KnownAs, LINKED_PORTFOLIOS};
use wzapi_model::Timestamp;
use wzapi_model::identifier::{Email, Identifier};
use wzapi_model::message::MessageCategory;
use wzapi_storage::key::BlindIndex;

use crate::support::{CONTROLLER, NOON, World, grant, known, stop, time};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/identity.md"));

/// The cells of the table under a heading.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The identifier that a name of the page stands for.
fn named(name: &str) -> KnownAs {
    let (name, portfolio) = name.split_once('@').map_or((name, None), |(name, at)| (name, Some(at)));
    let (kind, digit) = name.split_at(1);
    let portfolio = match portfolio.unwrap_or(kind) {
        "a" | "A" => Some(BlindIndex([10; 16])),
        "b" | "B" => Some(BlindIndex([11; 16])),
        "p" => Some(LINKED_PORTFOLIOS),
        _ => None,
    };
    let known = match kind {
        "n" => known(&format!("+91 98765 4321{digit}")),
        "r" => known(&format!("549112345678{digit}")),
        "s" => known(&format!("54112345678{digit}")),
        "e" => KnownAs::canonical(Identifier::Email(Email::parse(&format!("{digit}@example.org")).unwrap())),
        _ => known(&format!("IN.{kind}{digit}{digit}{digit}{digit}{digit}{digit}")),
    };
    known.in_portfolio(portfolio)
}

fn names(text: &str) -> Vec<KnownAs> {
    text.split_whitespace().map(named).collect()
}

/// A world whose clock stands at second 100 of the history.
async fn begin() -> World {
    let world = World::new().await;
    world.pass(100);
    world
}

async fn take(world: &World, step: &str) {
    let (dated, step) = step.split_once(": ").map_or((None, step), |(second, step)| (Some(second), step));
    let second =
        |second: &str| time(NOON).saturating_add(Duration::from_secs(second.trim().parse().unwrap()));
    let at: Timestamp = dated.map_or(world.now(), second);
    let (verb, whom) = step.trim().split_once(' ').unwrap();
    match verb {
        "grant" => drop(world.record(&names(whom), &NewAct { acted_at: Some(at), ..grant() }).await),
        "stop" => drop(world.record(&names(whom), &NewAct { acted_at: Some(at), ..stop() }).await),
        "write" => world.inbound(&names(whom), Some(at)).await,
        "change" => {
            let (previous, current) = whom.split_once('>').unwrap();
            world.change_at(&names(previous), &names(current), at).await;
        }
        "recycle" => assert!(world.consent.recycle(CONTROLLER, &named(whom), at).await.unwrap()),
        "link" | "unlink" => {
            let [one, other] = <[KnownAs; 2]>::try_from(names(whom)).unwrap();
            let is_news = if verb == "link" {
                world.consent.link(CONTROLLER, &one, &other).await
            } else {
                world.consent.unlink(CONTROLLER, &one, &other).await
            };
            assert!(is_news.unwrap(), "{step}");
        }
        other => panic!("no such step: {other}"),
    }
    world.pass(1);
}

async fn play(world: &World, steps: &str) {
    for step in steps.split(';') {
        take(world, step.trim()).await;
    }
}

#[tokio::test]
async fn clause_2_c_every_link_shares_what_the_page_says() {
    let rows = table("Links");
    assert!(rows.len() >= 10);
    for row in rows {
        let [link, steps, x, y, grants, denials] = <[String; 6]>::try_from(row).unwrap();
        let is_shared = |cell: &str| match cell {
            "shared" => true,
            "own" => false,
            other => panic!("{other}"),
        };
        // The person behind x agrees after the first step, and before whatever links the two.
        let (first, rest) = steps.split_once(';').unwrap_or((&steps, ""));
        let is_statement = rest.is_empty();
        for (verb, shared) in [("grant", is_shared(&grants)), ("stop", is_shared(&denials))] {
            let world = begin().await;
            if !is_statement {
                take(&world, first).await;
            }
            take(&world, &format!("{verb} {x}")).await;
            play(&world, if is_statement { &steps } else { rest }).await;
            let answer = world.reasons(&named(&y), MessageCategory::Marketing).await;
            let carries = match verb {
                "grant" => answer == Ok(vec![ReasonCode::ConsentGiven]),
                _ => answer == Err(vec![ReasonCode::Withdrawn]),
            };
            assert_eq!(carries, shared, "{link}: {verb}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn clause_2_c_every_history_ends_as_the_page_says() {
    let rows = table("Histories");
    assert!(rows.len() >= 25);
    let mut wrong = Vec::new();
    for row in rows {
        let [what, steps, then] = <[String; 3]>::try_from(row).unwrap();
        let world = begin().await;
        play(&world, &steps).await;
        for end in then.split(", ") {
            let (name, answer) = end.split_once(' ').unwrap();
            let expected = match answer {
                "yes" => true,
                "no" => false,
                other => panic!("{other}"),
            };
            if world.may_market(&named(name)).await != expected {
                wrong.push(format!("{what}: {end}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
