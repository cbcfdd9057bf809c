//! ROOF: what every client has to do, as one function over any of them.

mod driver;
mod place;
mod table;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::driver::Driver;
pub use self::driver::{Client, Words};
use self::place::Place;
pub use self::table::Context;
use self::table::FLAGS;

/// Whose key a client has.
#[derive(Clone, Copy, PartialEq)]
pub enum Side {
    /// A server-side key: it sees every flag and evaluates by itself.
    Server,
    /// A client-side id: it sees what is shown to browsers.
    Browser,
}

/// How long the way of a change to a client may be.
const SOON: Duration = Duration::from_secs(1);
/// How long a client may need to find a daemon that is back: their waits between attempts double.
const FOUND_AGAIN: Duration = Duration::from_secs(40);

/// Connects a client to a daemon and proves that it is served: the right values and reasons, a change within a
/// second, its events in the usage, and after the daemon was killed what changed meanwhile.
pub async fn is_served(client: Client) {
    let mut place = Place::furnished().await;
    let credential = place.credential(client.side).await;
    let mut driver = client.start(&place.base(), &credential).await;
    has_the_table(&mut driver).await;
    speaks_as_it_was_told(&driver, &place).await;
    hears_of_changes(&mut driver, &place).await;
    // OpenFeature's providers tell nothing; what is asked of the daemon each time is counted there.
    if driver.client.words != Words::OpenFeature || !driver.client.remembers {
        is_counted(&mut driver, &place).await;
    }
    is_known(&driver, &place).await;
    survives_the_daemon(&mut driver, &mut place).await;
    has_the_table(&mut driver).await;
    hears_of_changes(&mut driver, &place).await;
    driver.ask(json!({"close": {}})).await;
}

/// Connects a client that asks from time to time and proves that it is served: the right values and reasons, and its
/// events in the usage.
pub async fn is_served_when_it_asks(client: Client) {
    let place = Place::furnished().await;
    let credential = place.credential(client.side).await;
    let mut driver = client.start(&place.base(), &credential).await;
    has_the_table(&mut driver).await;
    is_counted(&mut driver, &place).await;
    driver.ask(json!({"close": {}})).await;
}

/// Proves that in secure mode a page has its flags with the hash that a server makes for its context, and with no other.
pub async fn needs_a_hash(server: Client, page: impl Fn() -> Client) {
    let place = Place::furnished().await;
    let (base, id) = (place.base(), place.credential(page().side).await);
    let mut server = server.start(&base, &place.credential(Side::Server).await).await;
    let hash = server.ask(json!({"hash": {"context": Context::Anna.json()}})).await;
    let other = server.ask(json!({"hash": {"context": Context::Ben.json()}})).await;
    let with = |hash: &Value| page().with(json!({"hash": hash}));
    with(&other).start(&base, &id).await;
    place.secure().await;
    let refused = with(&other).try_to_start(&base, &id).await;
    assert!(refused.is_err(), "the hash of somebody else opens");
    let mut page = with(&hash).start(&base, &id).await;
    let asked = json!({"context": Context::Anna.json(), "flags": {"words": "none"}});
    assert_eq!(page.ask(json!({"evaluate": asked})).await["words"]["value"], "grün 🌲");
    hears_of_changes(&mut page, &place).await;
}

/// Every flag is for every context what the table says.
async fn has_the_table(driver: &mut Driver) {
    for context in driver.client.contexts.iter().copied() {
        let defaults = FLAGS.iter().map(|flag| (flag.key.to_owned(), (flag.default)()));
        let defaults: serde_json::Map<_, _> = defaults.collect();
        let found = driver.ask(json!({"evaluate": {"context": context.json(), "flags": defaults}})).await;
        for flag in FLAGS.iter().filter(|flag| !driver.client.without.contains(&flag.key)) {
            let (value, variation, reason) = flag.told(context, &driver.client);
            let (key, found) = (flag.key, &found[flag.key]);
            let about = format!("{}: {key} for {context:?}", driver.client.name);
            assert!(same(&found["value"], &value), "{about}: {found} and not {value}");
            if driver.client.variations {
                assert_eq!(found["variation"], variation, "{about}: {found}");
            }
            if driver.client.reasons {
                assert_eq!(stated(&found["reason"]), reason, "{about}");
            }
        }
    }
}

/// A client that was told to speak the second protocol did not fall back to the first.
async fn speaks_as_it_was_told(driver: &Driver, place: &Place) {
    if driver.client.options.get("dataSystem").is_some() {
        let asked = place.metrics().await;
        let spoken =
            ["/sdk/stream", "/sdk/poll"].iter().any(|route| asked.contains(&format!("route=\"{route}")));
        assert!(spoken, "{}: it asked by the first protocol only", driver.client.name);
    }
}

/// A change is seen within a second of its answer; a machine that is busy with something else gets two more tries.
async fn hears_of_changes(driver: &mut Driver, place: &Place) {
    let mut needed = Vec::new();
    for _ in 0..3 {
        let now = place.turns("changing").await;
        driver.ask(until("changing", now)).await;
        driver.say(&until("changing", !now)).await;
        place.turn("changing", !now).await;
        let answered = Instant::now();
        driver.answer(Duration::from_secs(20)).await;
        let took = answered.elapsed();
        if took < SOON {
            return;
        }
        needed.push(took);
    }
    panic!("{}: changes were seen after {needed:?}", driver.client.name);
}

/// What it evaluates is counted, once each; of a flag that is tracked, each evaluation is told beside.
async fn is_counted(driver: &mut Driver, place: &Place) {
    const FLAGS: [&str; 2] = ["counted", "tracked"];
    const TIMES: u64 = 5;
    let defaults = FLAGS.map(|flag| (flag.to_owned(), json!(false)));
    let flags: serde_json::Map<_, _> = defaults.into_iter().collect();
    let asked = json!({"context": Context::Anna.json(), "flags": flags, "times": TIMES});
    let found = driver.ask(json!({"evaluate": asked})).await;
    driver.ask(json!({"flush": {}})).await;
    for flag in FLAGS {
        assert_eq!(found[flag]["value"], true, "{}: {flag}", driver.client.name);
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let mut usage = place.usage(flag).await;
            usage["series"].take();
            let total = usage["total"].as_u64().expect("a number");
            assert!(total <= TIMES, "{}: counted more often than evaluated: {usage}", driver.client.name);
            if total == TIMES {
                let counters = usage["counters"].as_array().expect("a list");
                assert!(counters.iter().all(|counter| counter["variation"] == 0), "{usage}");
                assert!(usage["lastEvaluated"].is_string(), "{usage}");
                break;
            }
            let about = format!("{}: counted {total} of {TIMES}: {usage}", driver.client.name);
            assert!(Instant::now() < end, "{about}\n{}", driver.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The daemon tells of it: who hears changes, and whom it asked for.
async fn is_known(driver: &Driver, place: &Place) {
    let Client { name, side, words, .. } = &driver.client;
    if *words != Words::LaunchDarkly {
        return;
    }
    let protocol = if *side == Side::Server { "launchdarkly" } else { "launchdarkly-client" };
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let (clients, seen) = (place.clients().await, place.contexts().await);
        let here = clients["byProtocol"][protocol].as_u64().is_some_and(|count| count > 0)
            && clients["byEnvironment"]["default/staging"]["connected"]
                .as_u64()
                .is_some_and(|count| count > 0);
        let anna =
            seen["contexts"].as_array().is_some_and(|all| all.iter().any(|one| one["key"] == "userKeyA"));
        if here && anna {
            return;
        }
        assert!(Instant::now() < end, "{name} is not known: {clients} {seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The daemon is killed, a flag is changed through another one, and the daemon comes back.
async fn survives_the_daemon(driver: &mut Driver, place: &mut Place) {
    let now = place.turns("meanwhile").await;
    // It has seen what was before.
    driver.ask(until("meanwhile", now)).await;
    place.kill().await;
    // What it had it still has.
    let kept = json!({"context": Context::Anna.json(), "flags": {"meanwhile": !now}});
    let kept = driver.ask(json!({"evaluate": kept})).await;
    let had = if driver.client.remembers { now } else { !now };
    assert_eq!(kept["meanwhile"]["value"], had, "{}: without a daemon", driver.client.name);
    driver.say(&until("meanwhile", !now)).await;
    place.turn_elsewhere("meanwhile", !now).await;
    place.start().await;
    driver.answer(FOUND_AGAIN).await;
}

fn until(flag: &str, value: bool) -> Value {
    json!({"until": {"context": Context::Anna.json(), "flag": flag, "fallback": null, "value": value}})
}

/// Whether two values are the same one in JavaScript, which has one kind of number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// A reason without what it only says by leaving it out in another language.
fn stated(reason: &Value) -> Value {
    let mut reason = reason.clone();
    if let Some(members) = reason.as_object_mut() {
        members.retain(|_, value| !value.is_null() && *value != json!(false));
    }
    reason
}

#[tokio::test]
async fn what_is_written_in_the_table_is_what_the_daemon_says() {
    let place = Place::furnished().await;
    for context in Context::ALL {
        let told = place.evaluated(context).await;
        for flag in FLAGS.iter().filter(|flag| flag.is_made()) {
            let (value, variation, reason) = flag.outcome(context, Side::Server);
            let (about, told) = (format!("{} for {context:?}", flag.key), &told[flag.key]);
            let served = if variation.is_null() { (flag.default)() } else { told["value"].clone() };
            assert!(same(&served, &value), "{about}: {told}");
            assert_eq!((&told["variation"], &told["reason"]), (&variation, &reason), "{about}");
        }
    }
}
