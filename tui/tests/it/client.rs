//! The client against a daemon: requests, and a feed that is broken and resumes.

use std::time::Duration;

use flagstaff::client::{Client, Credential, Outcome, Step, Target, Watch};
use flagstaff::request::{Failure, FeedEvent, Method, Request};
use shared::json::{Json, parse};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::daemon::{Daemon, PATIENCE, block_on};

async fn next(events: &mut mpsc::Receiver<FeedEvent>, what: &str) -> FeedEvent {
    match tokio::time::timeout(PATIENCE, events.recv()).await {
        Ok(Some(event)) => event,
        other => panic!("waited for {what}: {other:?}"),
    }
}

/// The next message of a type; other events are passed over.
async fn message(events: &mut mpsc::Receiver<FeedEvent>, kind: &str) -> Json {
    loop {
        if let FeedEvent::Message(message) = next(events, kind).await
            && message.get("type").and_then(Json::as_str) == Some(kind)
        {
            return message;
        }
    }
}

fn toggle(project: &str) -> Request {
    let body = parse(r#"{"environment":"staging"}"#).unwrap();
    Request::new(Method::Post, format!("/api/projects/{project}/flags/f/toggle")).with_body(body)
}

#[test]
fn the_steps_of_a_connection_are_told_and_the_daemon_says_who_we_are() {
    let daemon = Daemon::shared();
    let (tell, told) = std::sync::mpsc::channel();
    let watch = Watch::by(move |event| tell.send(event).unwrap());
    let me = block_on(async { daemon.user("alice").connect(&watch).await }).unwrap();
    assert_eq!(me.body.get("principal").and_then(Json::as_str), Some("user:alice"));
    drop(watch);
    let done: Vec<Step> =
        told.iter().filter(|e| matches!(e.outcome, Outcome::Done(_))).map(|e| e.step).collect();
    assert_eq!(done, [Step::Resolving, Step::Connecting, Step::Identifying]);
}

#[test]
fn a_refusal_is_a_problem_and_a_closed_door_is_unreachable() {
    let daemon = Daemon::shared();
    let Err(Failure::Refused(problem)) = daemon.send(Request::get("/api/flags/no-such-flag")) else {
        panic!("it is refused")
    };
    assert_eq!((problem.status, problem.kind.as_str()), (404, "not-found"));
    assert!(!problem.instance.is_empty(), "{problem:?}");
    let nobody = Client::new(Target::Unix("/nowhere/at.all".into()), Credential::None);
    let failure = block_on(nobody.send(Request::get("/health"))).unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");
}

#[test]
fn an_answer_that_never_comes_is_lost_and_not_unreachable() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let client = Client::new(target, Credential::None);
    let mut request = Request::new(Method::Post, "/api/flags");
    request.timeout = Duration::from_millis(300);
    let failure = block_on(client.send(request)).unwrap_err();
    assert!(matches!(failure, Failure::Lost(_)), "{failure}");
}

#[test]
fn requests_use_one_connection_and_survive_that_it_was_closed() {
    let mut daemon = Daemon::start();
    let client = daemon.owner();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (opened, told) = std::sync::mpsc::channel();
    let watch = Watch::by(move |event| opened.send(event).unwrap());
    runtime.block_on(client.connect(&watch)).unwrap();
    for _ in 0..5 {
        runtime.block_on(client.send(Request::get("/health"))).unwrap();
    }
    assert_eq!(told.try_iter().filter(|e| e.step == Step::Connecting).count(), 2, "begun and done, once");
    daemon.kill();
    let failure = runtime.block_on(client.send(Request::get("/health"))).unwrap_err();
    assert!(matches!(failure, Failure::Unreachable(_)), "{failure}");
    daemon.start_again();
    runtime.block_on(client.send(Request::get("/health"))).unwrap();
}

#[test]
fn the_feed_tells_every_change_once_also_across_a_killed_daemon() {
    let mut daemon = Daemon::start();
    let project = daemon.project();
    daemon.must(Method::Post, &format!("/api/projects/{project}/flags"), r#"{"key":"f","type":"boolean"}"#);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (out, mut events) = mpsc::channel(16);
    let cancel = CancellationToken::new();
    let topics = vec![format!("environment:{project}/staging")];
    let client = daemon.owner();
    let handle = {
        let _inside = runtime.enter();
        client.feed(topics, None, out, cancel.clone())
    };
    let mut told = Vec::new();
    let mut made = Vec::new();
    let change = |daemon: &Daemon, made: &mut Vec<u64>| {
        made.push(daemon.send(toggle(&project)).unwrap().revision.unwrap());
    };
    runtime.block_on(message(&mut events, "subscribed"));
    change(&daemon, &mut made);
    change(&daemon, &mut made);
    for _ in 0..2 {
        told.push(
            runtime.block_on(message(&mut events, "revision")).get("revision").unwrap().as_i64().unwrap(),
        );
    }
    daemon.kill();
    runtime.block_on(async {
        loop {
            match next(&mut events, "the feed to break").await {
                FeedEvent::Down { retry_in, .. } => break assert!(retry_in <= Duration::from_secs(5)),
                FeedEvent::Shut(why) => panic!("{why}"),
                _ => {}
            }
        }
    });
    daemon.start_again();
    change(&daemon, &mut made);
    handle.reconnect_now();
    told.push(runtime.block_on(message(&mut events, "revision")).get("revision").unwrap().as_i64().unwrap());
    let made: Vec<i64> = made.into_iter().map(|r| i64::try_from(r).unwrap()).collect();
    assert_eq!(told, made);
    handle.subscribe(vec!["audit".to_owned()]);
    // The answer to the way back may come first.
    runtime.block_on(async {
        let topics = |told: Json| told.get("topics").map(Json::to_text);
        while topics(message(&mut events, "subscribed").await).as_deref() != Some(r#"["audit"]"#) {}
    });
    cancel.cancel();
    runtime.block_on(async {
        while tokio::time::timeout(PATIENCE, events.recv()).await.expect("the feed ends").is_some() {}
    });
}

#[test]
fn a_token_that_is_not_known_shuts_the_feed() {
    let daemon = Daemon::shared();
    block_on(async {
        let stranger = Credential::Token("fsp_notoneofours".to_owned());
        let client = Client::new(Target::parse(&daemon.url).unwrap(), stranger);
        let (out, mut events) = mpsc::channel(16);
        let _feed = client.feed(vec!["audit".to_owned()], None, out, CancellationToken::new());
        assert_eq!(next(&mut events, "the first try").await, FeedEvent::Connecting(1));
        let FeedEvent::Shut(why) = next(&mut events, "the refusal").await else { panic!("it is shut") };
        assert!(why.contains("not known"), "{why}");
    });
}

#[test]
fn what_was_applied_is_told_to_the_daemon() {
    let daemon = Daemon::shared();
    let project = daemon.project();
    daemon.must(Method::Post, &format!("/api/projects/{project}/flags"), r#"{"key":"f","type":"boolean"}"#);
    let topic = format!("environment:{project}/staging");
    block_on(async {
        let (out, mut events) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        let _feed = daemon.owner().feed(vec![topic.clone()], None, out, cancel.clone());
        message(&mut events, "subscribed").await;
        let revision = daemon.owner().send(toggle(&project)).await.unwrap().revision.unwrap();
        message(&mut events, "revision").await;
        let ours = |status: &Json| -> Option<i64> {
            let list = status.get("clients")?.get("list")?.as_array()?;
            let hears = |c: &&Json| c.get("topics").is_some_and(|t| t.to_text().contains(&topic));
            list.iter().find(hears)?.get("applied")?.as_i64()
        };
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let status = daemon.owner().send(Request::get("/api/status")).await.unwrap().body;
            if ours(&status) == Some(i64::try_from(revision).unwrap()) {
                break;
            }
            assert!(tokio::time::Instant::now() < end, "{status}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
    });
}
