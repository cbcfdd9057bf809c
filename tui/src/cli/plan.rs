//! Every write: planned first, shown, confirmed, and then made as it was planned.

use clap::Args;
use shared::json::Json;
use uuid::Uuid;

use super::ask;
use super::global::Format;
use super::session::{LONG, Session};
use super::sheet::{Columns, Sheet, at, say, text};
use super::trouble::{Exit, Trouble};
use crate::clock::Clock;
use crate::request::{Answer, Failure, Method, Request};
use crate::text::shown;

/// The options of every write.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of every change")]
pub struct Writing {
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The text that the plan asks for, such as the flag's key
    #[arg(long, value_name = "TEXT")]
    pub confirm: Option<String>,
    /// Show the plan and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Only if the last revision of what is changed is still this one
    #[arg(long, value_name = "REVISION")]
    pub if_rev: Option<u64>,
    /// A UUID: a command that is repeated with it makes its change once
    #[arg(id = "idempotency", long = "key", value_name = "UUID")]
    pub key: Option<Uuid>,
    /// Do not ask where no text is demanded
    #[arg(short = 'y', long)]
    pub yes: bool,
}

/// A change to be made.
pub struct Change<'c> {
    /// The request; its query gets the options.
    pub request: Request,
    /// The path whose revision `--if-rev` is about, where there is one.
    pub about: Option<String>,
    /// The schema and columns of the answer.
    pub sheet: (&'static str, Columns),
    /// The options.
    pub writing: &'c Writing,
}

/// Plans, shows, asks, makes, and writes the answer.
///
/// # Errors
/// A refusal, a missing confirmation, an answer that was lost.
pub async fn make(session: &Session, change: Change<'_>) -> Result<Option<Answer>, Trouble> {
    let (schema, columns) = change.sheet;
    let Some(answer) = agreed(session, change.request, change.about.as_deref(), change.writing).await? else {
        return Ok(None);
    };
    let global = &session.global;
    if matches!(global.format(), Format::Table | Format::Wide) && global.fields.is_empty() {
        tell(&answer)?;
    } else {
        Sheet::one(schema, columns, answer.body.clone()).print(global)?;
    }
    Ok(Some(answer))
}

/// The same without writing the answer; `None` where the plan was all that was asked for.
///
/// # Errors
/// As [`make`].
pub async fn agreed(
    session: &Session,
    request: Request,
    about: Option<&str>,
    writing: &Writing,
) -> Result<Option<Answer>, Trouble> {
    let global = &session.global;
    let mut request = request;
    if let Some(wanted) = writing.if_rev {
        request.if_match = Some(unmoved(session, about, wanted).await?);
    }
    if let Some(reason) = &writing.reason {
        request = request.with_query("comment", reason);
    }
    let plan = session.send(request.clone().with_query("dryRun", "true")).await?.body;
    if writing.dry_run {
        show_alone(session, plan)?;
        return Ok(None);
    }
    let nothing = plan.get("changes").and_then(Json::as_array).is_some_and(<[Json]>::is_empty);
    if nothing && writing.key.is_none() {
        // Without a plan to keep to, the write itself says how things stand.
        return Ok(Some(sent(session, request, writing).await?));
    }
    let request = confirmed(session, request, &plan, writing).await?;
    let request = match plan.get("planHash").and_then(Json::as_str) {
        Some(hash) => request.with_query("planHash", hash),
        None => request,
    };
    if global.may_ask() && !writing.yes && plan.get("confirmation").is_none_or(Json::is_null) {
        eprint!("{}", describe(&plan));
        let said = ask::line("apply? [y/N]").await?;
        if !matches!(said.trim(), "y" | "Y" | "yes") {
            return Err(Trouble::new(Exit::NeedsConfirmation, "not-confirmed", "not applied"));
        }
    }
    Ok(Some(sent(session, request, writing).await?))
}

/// The ETag of what is changed, if its last revision is the one that was named.
async fn unmoved(session: &Session, about: Option<&str>, wanted: u64) -> Result<String, Trouble> {
    let Some(path) = about else {
        return Err(Trouble::usage("--if-rev is for changes of one thing"));
    };
    let answer = session.send(Request::get(path)).await?;
    let last = answer.body.get("revision").and_then(Json::as_i64).and_then(|r| u64::try_from(r).ok());
    match (last, answer.etag) {
        (Some(last), Some(etag)) if last == wanted => Ok(etag),
        (Some(last), _) => Err(Trouble::new(
            Exit::Conflict,
            "stale",
            format!("somebody was faster: its last revision is {last}, not {wanted}"),
        )
        .hint(format!("`flagstaff audit show {last}` shows what was changed"))),
        (None, _) => Err(Trouble::usage("--if-rev: this has no revision of its own")),
    }
}

/// Adds what the plan demands, or says which option gives it.
async fn confirmed(
    session: &Session,
    request: Request,
    plan: &Json,
    writing: &Writing,
) -> Result<Request, Trouble> {
    let mut request = request;
    let Some(wanted) = plan.get("confirmation").filter(|c| !c.is_null()) else { return Ok(request) };
    let member = |name: &str| wanted.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let (text, environment) = (member("text"), member("environment"));
    let ask = session.global.may_ask();
    let described = ask && writing.confirm.is_none();
    if described {
        eprint!("{}", describe(plan));
    }
    let reason_needed = wanted.get("commentRequired").and_then(Json::as_bool) == Some(true);
    if reason_needed && writing.reason.is_none() {
        if !ask {
            return Err(needs(plan, format!("{environment} asks for a reason"), "--reason TEXT"));
        }
        let reason = ask::line("reason:").await?;
        if reason.trim().is_empty() {
            return Err(Trouble::new(
                Exit::NeedsConfirmation,
                "not-confirmed",
                "no reason was given: not applied",
            ));
        }
        request = request.with_query("comment", reason.trim());
    }
    let said = match &writing.confirm {
        Some(said) => said.clone(),
        None if ask => ask::line(&format!("{environment} is protected; type {text} to apply:")).await?,
        None => {
            let option = format!("--confirm {}", quoted(&text));
            return Err(needs(
                plan,
                format!("{environment} is protected and asks for a confirmation"),
                &option,
            ));
        }
    };
    if said != text {
        let why = format!("what was said is not the text that the plan asks for ({text}): not applied");
        return Err(needs(plan, why, &format!("--confirm {}", quoted(&text))));
    }
    Ok(request.with_query("confirm", &said))
}

fn needs(plan: &Json, why: String, option: &str) -> Trouble {
    let mut trouble = Trouble::new(Exit::NeedsConfirmation, "confirmation-required", why);
    trouble.details = Some(Box::new([("plan", plan.clone())].into_iter().collect()));
    trouble.hint(format!("look at the plan with --dry-run, then add {option}"))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@:".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// Sends the write; where its answer is lost, finds out whether it was made.
async fn sent(session: &Session, request: Request, writing: &Writing) -> Result<Answer, Trouble> {
    let key = writing.key.unwrap_or_else(|| session.clock.uuid());
    let mut request = session.timed(request);
    request.idempotency_key = Some(key);
    match session.client.send(request).await {
        Err(Failure::Lost(why)) => lost(session, key, &why).await,
        Err(Failure::Refused(problem)) if problem.kind == "outcome-unknown" => {
            lost(session, key, &problem.sentence()).await
        }
        Err(failure) => {
            let safe = matches!(failure, Failure::Unreachable(_));
            let trouble = session.trouble(failure);
            Err(if safe {
                trouble.hint(format!("nothing was sent; try again with --key {key}"))
            } else {
                trouble
            })
        }
        Ok(answer) => Ok(answer),
    }
}

/// Asks the daemon what became of a write whose answer was lost, for as long as that may take.
async fn lost(session: &Session, key: Uuid, why: &str) -> Result<Answer, Trouble> {
    eprintln!("flagstaff: {}; asking what became of it", shown(why));
    let resolve = format!("/api/idempotency-keys/{key}/resolve");
    let patience = session.global.timeout.unwrap_or(LONG / 4);
    let end = tokio::time::Instant::now() + patience;
    let mut pause = std::time::Duration::from_millis(200);
    let last = loop {
        match session.client.send(session.timed(Request::new(Method::Post, resolve.clone()))).await {
            Ok(answer) => {
                if answer.body.get("applied").and_then(Json::as_bool) == Some(true) {
                    return Ok(answer);
                }
                let said = format!("it was not applied, and never will be ({why})");
                return Err(Trouble::new(Exit::Unreachable, "not-applied", said).hint("repeat the command"));
            }
            Err(failure) => {
                if tokio::time::Instant::now() + pause > end {
                    break failure;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(2));
    };
    Err(Trouble::new(
        Exit::Unreachable,
        "unknown",
        format!("whether it was applied is not known: {why}; {last}"),
    )
    .hint(format!("ask later: flagstaff api POST {resolve}")))
}

/// The plan by itself.
fn show_alone(session: &Session, plan: Json) -> Result<(), Trouble> {
    let global = &session.global;
    if matches!(global.format(), Format::Table | Format::Wide) {
        return say(&describe(&plan));
    }
    let columns = Columns::new()
        .member("key", "key")
        .member("kind", "kind")
        .member("environment", "environment")
        .member("action", "action")
        .member("diff", "diff");
    let rows = matches!(global.format(), Format::Csv | Format::Name);
    let changes = plan.get("changes").and_then(Json::as_array).unwrap_or_default().to_vec();
    let sheet = if rows {
        Sheet::list("flagstaff.plan/1", columns, changes)
    } else {
        Sheet::one("flagstaff.plan/1", columns, plan)
    };
    sheet.print(global)
}

/// A plan in lines for people.
#[must_use]
pub fn describe(plan: &Json) -> String {
    let word = |json: &Json, name: &str| shown(&text(json.get(name))).into_owned();
    let changes = plan.get("changes").and_then(Json::as_array).unwrap_or_default();
    let mut out = match changes.len() {
        0 => "plan: nothing would change\n".to_owned(),
        1 => format!("plan on {}: 1 change\n", word(plan, "base")),
        several => format!("plan on {}: {several} changes\n", word(plan, "base")),
    };
    for change in changes {
        let place = word(change, "environment");
        let place = if place.is_empty() { place } else { format!(" in {place}") };
        let (kind, key, action) = (word(change, "kind"), word(change, "key"), word(change, "action"));
        out.push_str(&format!("  {kind} {key}{place}: {action}\n"));
        for part in change.get("diff").and_then(Json::as_array).unwrap_or_default() {
            let side = |name: &str| part.get(name).map(|value| brief(&value.to_text()));
            let path = word(part, "path");
            out.push_str(&match (side("before"), side("after")) {
                (Some(before), Some(after)) => format!("    ~ {path}  {before} -> {after}\n"),
                (None, Some(after)) => format!("    + {path}  {after}\n"),
                (Some(before), None) => format!("    - {path}  {before}\n"),
                (None, None) => format!("    ~ {path}\n"),
            });
        }
    }
    for warning in plan.get("warnings").and_then(Json::as_array).unwrap_or_default() {
        out.push_str(&format!("  warning {} {}\n", word(warning, "pointer"), word(warning, "detail")));
    }
    if let Some(wanted) = plan.get("confirmation").filter(|c| !c.is_null()) {
        let reason = wanted.get("commentRequired").and_then(Json::as_bool) == Some(true);
        let reason = if reason { " and --reason TEXT" } else { "" };
        let confirm = quoted(&text(wanted.get("text")));
        out.push_str(&format!(
            "  {} is protected: --confirm {}{reason}\n",
            word(wanted, "environment"),
            shown(&confirm)
        ));
    }
    out
}

/// The shares of a default that divides: `30% #0, 70% #1`.
fn shares(config: &Json) -> Option<String> {
    let shares = at(config, "fallthrough.rollout.variations").and_then(Json::as_array)?;
    let said = shares.iter().map(|share| {
        let number = |name: &str| share.get(name).and_then(Json::as_f64).unwrap_or_default();
        format!("{}% #{}", number("weight") / 1000.0, number("variation"))
    });
    Some(said.collect::<Vec<_>>().join(", "))
}

fn brief(text: &str) -> String {
    crate::text::fit(&shown(text), 60)
}

/// What was done, in one line.
fn tell(answer: &Answer) -> Result<(), Trouble> {
    let body = &answer.body;
    let revision = body.get("revision").map(|r| text(Some(r))).unwrap_or_default();
    let changed = body.get("changed").and_then(Json::as_bool) != Some(false);
    let key = body.get("flagKey").or_else(|| body.get("key")).and_then(Json::as_str);
    let count = body.get("changes").and_then(Json::as_array).map(<[Json]>::len);
    let mut what = match (key, count) {
        (Some(key), _) => shown(key).into_owned(),
        (None, Some(1)) => "1 change".to_owned(),
        (None, Some(several)) => format!("{several} changes"),
        (None, None) => "done".to_owned(),
    };
    if let Some(environment) = body.get("environment").and_then(Json::as_str) {
        what.push_str(&format!(" in {}", shown(environment)));
    }
    if let Some(on) = body.get("enabled").and_then(Json::as_bool) {
        what.push_str(if on { ": on" } else { ": off" });
    }
    if let Some(shares) = body.get("config").and_then(shares) {
        what.push_str(&format!(", {shares}"));
    }
    let said =
        if changed { format!("{what} (revision {revision})") } else { format!("{what}: nothing to change") };
    say(&format!("{said}\n"))?;
    for warning in body.get("warnings").and_then(Json::as_array).unwrap_or_default() {
        let word = |name: &str| text(warning.get(name));
        eprintln!("warning: {} {}", shown(&word("pointer")), shown(&word("detail")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_that_divides_says_its_shares_and_another_one_nothing() {
        let config = |text: &str| shared::json::parse(text).unwrap();
        let divided = config(
            r#"{"fallthrough":{"rollout":{"variations":[{"variation":0,"weight":12500},{"variation":1,"weight":87500}]}}}"#,
        );
        assert_eq!(shares(&divided).as_deref(), Some("12.5% #0, 87.5% #1"));
        assert_eq!(shares(&config(r#"{"fallthrough":{"variation":0}}"#)), None);
    }
}
