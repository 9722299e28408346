//! `wzapi compact`.

use crate::support::{ANA, BEN, Place, close, fields, open};

#[tokio::test]
async fn the_files_are_rewritten_and_everything_is_as_it_was() {
    let place = Place::with_people();
    let before = place.verify().ended_with(0).json();
    let json = place.run(&["compact", "--json", "--data", "DATA"]).ended_with(0).json();
    assert_eq!(fields(&json), ["bytes_after", "bytes_before"]);
    assert!(json["bytes_after"].as_u64().is_some_and(|bytes| bytes > 0), "{json}");
    let text = place.run(&["compact", "--data", "DATA"]).ended_with(0).stdout;
    assert!(text.contains(" bytes before, ") && text.ends_with(" after\n"), "{text}");
    assert_eq!(place.verify().ended_with(0).json(), before);
    place.check(ANA, "marketing").ended_with(0);
    place.check(BEN, "marketing").ended_with(3);

    let held = open(&place.data()).await;
    let run = place.run(&["compact", "--data", "DATA"]).ended_with(1);
    assert!(run.stderr.contains("in use"), "{run:?}");
    close(held);
    place.run(&["compact", "--data", "nowhere"]).ended_with(2);
    assert!(!place.path("nowhere").exists());
}
