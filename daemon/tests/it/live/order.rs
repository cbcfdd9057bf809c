//! Changes come once each, in order, without gaps.

use serde_json::{Value, json};

use super::{Ears, flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_on_two_daemons_are_heard_without_gap_or_duplicate() {
    let one = TestApp::start().await;
    let two = TestApp::start_on(one.url.clone(), |_| {}).await;
    let mut first = 0;
    for writer in 0..8 {
        first = flag(&one, &format!("f{writer}")).await;
    }
    for app in [&one, &two] {
        app.until("both are there", async || app.state.live.feed().position().revision.0 == first).await;
    }
    let last = first + 8 * 15;

    let mut listeners = Vec::new();
    for turn in 0..6 {
        let app = if turn % 2 == 0 { &one } else { &two };
        let topics: &[&str] = if turn < 2 { &["audit"] } else { &["environment:default/staging"] };
        let (mut ears, answer) = Ears::on(app, topics, json!(null)).await;
        assert_eq!(answer["position"], format!("1.{first}"));
        listeners.push(tokio::spawn(async move {
            let mut heard = Vec::new();
            while heard.last() != Some(&last) {
                heard.push(ears.hear("revision").await["revision"].as_i64().unwrap());
            }
            heard
        }));
    }
    // One that loses its connection over and over, and comes back to either daemon.
    let (a, b) = (one.address, two.address);
    let restless = {
        let (one, two) = (&one, &two);
        async move {
            let (mut heard, mut at) = (Vec::new(), first);
            let mut turn = 0;
            while at != last {
                let app = if turn % 2 == 0 { one } else { two };
                turn += 1;
                let (mut ears, _) = Ears::on(app, &["audit"], json!(format!("1.{at}"))).await;
                for _ in 0..5 {
                    if at != last {
                        at = ears.hear("revision").await["revision"].as_i64().unwrap();
                        heard.push(at);
                    }
                }
            }
            heard
        }
    };
    let writers = async {
        let write = async |writer: usize| {
            let app = if writer.is_multiple_of(2) { &one } else { &two };
            let mut before = 0;
            for _ in 0..15 {
                let revision = flip(app, &format!("f{writer}")).await;
                assert!(revision > before);
                before = revision;
            }
        };
        tokio::join!(write(0), write(1), write(2), write(3), write(4), write(5), write(6), write(7));
    };
    let (restless, ()) = tokio::join!(restless, writers);
    let all: Vec<i64> = (first + 1..=last).collect();
    assert_ne!(a, b);
    assert_eq!(restless, all);
    for listener in listeners {
        assert_eq!(listener.await.unwrap(), all);
    }
}

#[tokio::test]
async fn a_change_is_told_to_whom_it_concerns_with_what_was_and_what_is() {
    let app = TestApp::start().await;
    let (mut staging, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    let (mut production, _) = Ears::on(&app, &["environment:production"], json!(null)).await;
    let made = flag(&app, "f").await;
    let flipped = flip(&app, "f").await;

    let created = staging.hear("revision").await;
    assert_eq!((&created["revision"], &created["epoch"]), (&json!(made), &json!(1)));
    assert_eq!(created["position"], format!("1.{made}"));
    assert_eq!((&created["kind"], &created["actor"]), (&json!("change"), &json!("user:alice")));
    let kinds = |message: &Value| {
        let changes = message["changes"].as_array().unwrap().clone();
        let mut kinds: Vec<String> = changes
            .iter()
            .map(|c| format!("{} {}", c["entity"]["kind"].as_str().unwrap(), c["entity"]["environment"]))
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&created), ["config \"staging\"", "flag null"]);
    let toggled = staging.hear("revision").await;
    assert_eq!(toggled["revision"], flipped);
    let change = &toggled["changes"][0];
    assert_eq!((&change["action"], &change["entity"]["key"]), (&json!("turned-on"), &json!("f")));
    assert_eq!(change["before"]["document"]["on"], false);
    assert_eq!(change["after"]["document"]["on"], true);

    // What happened in staging is none of production's business: the next it hears is its own.
    assert_eq!(kinds(&production.hear("revision").await), ["config \"production\"", "flag null"]);
    app.patch("/api/flags/f", &json!({"name": "renamed"})).await;
    let renamed = production.hear("revision").await;
    assert_eq!(renamed["revision"], flipped + 1);
    assert_eq!(renamed["changes"][0]["after"]["name"], "renamed");
}

#[tokio::test]
async fn what_is_not_understood_is_said_and_the_connection_stays() {
    let app = TestApp::start().await;
    let mut ears = Ears::open(&app).await;
    for (message, status, word) in [
        (json!({"type": "subscribe", "topics": ["environment:nowhere"]}), 404, "nowhere"),
        (json!({"type": "subscribe", "topics": ["weather"]}), 422, "weather"),
        (json!({"type": "subscribe", "topics": ["audit"], "since": "yesterday"}), 422, "since"),
        (json!({"type": "subscribe", "topics": ["audit"], "sicne": 1}), 422, "sicne"),
        (json!({"type": "applied", "revision": 1_000_000}), 422, "revision"),
        (json!({"type": "shout"}), 422, "shout"),
        (json!([]), 422, ""),
    ] {
        ears.say(&message).await;
        let problem = ears.hear("error").await["problem"].clone();
        assert_eq!(problem["status"], status, "{message}: {problem}");
        assert!(problem.to_string().contains(word), "{problem}");
    }
    ears.subscribe(&["audit"], json!(null)).await;
    let made = flag(&app, "f").await;
    assert_eq!(ears.hear("revision").await["revision"], made);
    ears.say(&json!({"type": "unsubscribe", "topics": ["audit"]})).await;
    assert_eq!(ears.hear("subscribed").await["topics"], json!([]));
    let plain = app.get("/api/ws").await;
    assert_eq!(plain.status(), 400);
    assert_eq!(plain.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_connection() {
    let app = TestApp::start().await;
    let mut ears = Ears::open(&app).await;
    ears.say(&json!({"type": "subscribe", "topics": ["x".repeat(70_000)]})).await;
    assert!(ears.next().await.is_err());
    app.until("it is off the register", async || app.state.live.clients().count() == 0).await;
}

#[tokio::test]
async fn without_notifications_another_daemon_hears_by_asking() {
    let url = cluster::fresh_database().await;
    let one = TestApp::start_on(url.clone(), |c| c.database.listen = false).await;
    let two = TestApp::start_on(url, |c| c.database.listen = false).await;
    let (mut ears, _) = Ears::on(&two, &["environment:staging"], json!(null)).await;
    flag(&one, "f").await;
    ears.hear("revision").await;
    let mut slowest = std::time::Duration::ZERO;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let revision = flip(&one, "f").await;
        assert_eq!(ears.hear("revision").await["revision"], revision);
        slowest = slowest.max(start.elapsed());
    }
    println!("the slowest of five changes took {slowest:?} to the other daemon, polling");
    assert!(slowest < std::time::Duration::from_secs(5), "{slowest:?}");
}
