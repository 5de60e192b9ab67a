//! The emulator as a function's runtime meets it, and as processes make it work.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::time::Millis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:test";
const AMPLE: Limits = Limits { init: Millis(20_000), timeout: Millis(20_000) };

async fn started() -> Arc<RuntimeApi> {
    Arc::new(RuntimeApi::start(ARN).await.unwrap())
}

/// One request over a connection of its own, as text.
async fn call(api: &RuntimeApi, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(api.address()).await.unwrap();
    let request = format!(
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Collects an event, as a runtime does.
async fn next(api: &RuntimeApi) -> String {
    call(api, "GET", "invocation/next", "").await
}

fn header(answer: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    answer.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
}

fn id(answer: &str) -> String {
    header(answer, "lambda-runtime-aws-request-id")
}

/// Hands over an event in the background.
fn invoked(
    api: &Arc<RuntimeApi>,
    payload: Value,
    limits: Limits,
) -> tokio::task::JoinHandle<Result<Invocation, InvokeError>> {
    let api = Arc::clone(api);
    tokio::spawn(async move { api.invoke(&payload, limits).await })
}

#[tokio::test]
async fn what_the_function_answers_is_what_the_invoker_gets() {
    let api = started().await;
    let invocation = invoked(&api, json!({"shard": 0}), AMPLE);
    let event = next(&api).await;
    assert!(event.ends_with("\r\n\r\n{\"shard\":0}"), "{event}");
    assert_eq!(header(&event, "lambda-runtime-invoked-function-arn"), ARN);
    assert!(header(&event, "lambda-runtime-trace-id").starts_with("Root=1-"));
    let accepted =
        call(&api, "POST", &format!("invocation/{}/response", id(&event)), "{\"done\":true}").await;
    assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
    let first = invocation.await.unwrap().unwrap();
    assert_eq!(first.response, json!({"done": true}));
    assert!(first.init.is_some());

    let invocation = invoked(&api, json!({}), AMPLE);
    let second = next(&api).await;
    assert_ne!(id(&second), id(&event));
    call(&api, "POST", &format!("invocation/{}/response", id(&second)), "null").await;
    assert_eq!(invocation.await.unwrap().unwrap().init, None);
}

#[tokio::test]
async fn the_deadline_is_the_handover_plus_the_timeout_in_true_time() {
    let api = started().await;
    let limits = Limits { timeout: Millis::from_secs(60), ..AMPLE };
    let invocation = invoked(&api, json!({}), limits);
    let before = wall::now();
    let event = next(&api).await;
    let after = wall::now();
    let deadline: i64 = header(&event, "lambda-runtime-deadline-ms").parse().unwrap();
    assert!(deadline >= before.as_millis() + 60_000, "{deadline} {before}");
    assert!(deadline <= after.as_millis() + 60_000, "{deadline} {after}");
    invocation.abort();
}

#[tokio::test]
async fn the_poll_waits_until_there_is_an_event() {
    let api = started().await;
    let poller = Arc::clone(&api);
    let mut poll = tokio::spawn(async move { next(&poller).await });
    assert!(wall::within(Millis(100), &mut poll).await.is_none(), "answered without an event");
    let invocation = invoked(&api, json!({"late": true}), AMPLE);
    assert!(poll.await.unwrap().ends_with("{\"late\":true}"));
    invocation.abort();
}

#[tokio::test]
async fn an_error_of_the_handler_carries_type_and_message() {
    let api = started().await;
    let invocation = invoked(&api, json!({}), AMPLE);
    let event = next(&api).await;
    let body = r#"{"errorType":"Stale","errorMessage":"the tick is old"}"#;
    call(&api, "POST", &format!("invocation/{}/error", id(&event)), body).await;
    let error = invocation.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "function error Stale: the tick is old");
}

#[tokio::test]
async fn an_error_before_any_event_ends_the_invocation_as_init_error() {
    let api = started().await;
    let body = r#"{"errorType":"Config","errorMessage":"TRADAI_ENV is missing"}"#;
    assert!(call(&api, "POST", "init/error", body).await.starts_with("HTTP/1.1 202"));
    let error = api.invoke(&json!({}), AMPLE).await.unwrap_err();
    assert!(matches!(error, InvokeError::InitError { kind, .. } if kind == "Config"));
}

#[tokio::test]
async fn an_answer_that_is_late_or_unknown_is_refused() {
    let api = started().await;
    let invocation = invoked(&api, json!({}), Limits { timeout: Millis(50), ..AMPLE });
    let event = next(&api).await;
    assert!(matches!(invocation.await.unwrap(), Err(InvokeError::TimedOut { after: Millis(50) })));
    for id in [id(&event), "unknown".to_owned()] {
        let answer = call(&api, "POST", &format!("invocation/{id}/response"), "{}").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_json_is_an_error() {
    let api = started().await;
    let invocation = invoked(&api, json!({}), AMPLE);
    let event = next(&api).await;
    call(&api, "POST", &format!("invocation/{}/response", id(&event)), "fine").await;
    let error = invocation.await.unwrap().unwrap_err();
    assert!(error.to_string().starts_with("function error Runtime.InvalidResponse"), "{error}");
}

/// A shell script in the place of a binary.
fn script(text: &str) -> Program {
    Program::new("/bin/sh").named("script").arg("-c").arg(text)
}

#[tokio::test]
async fn a_process_that_exits_is_told_with_its_status_and_last_errors() {
    let function = Function::start(script("echo broken >&2; exit 3")).await.unwrap();
    for starts in 1..=2 {
        let error = function.invoke(&json!({})).await.unwrap_err();
        let InvokeError::Exited { status, stderr } = error else { panic!("{error}") };
        assert_eq!((status.code(), stderr.as_str()), (Some(3), "broken"));
        assert_eq!(function.starts(), starts);
    }
    assert!(function.resident().is_err());
}

#[tokio::test]
async fn a_process_that_never_asks_for_work_is_killed() {
    let program = script("exec sleep 60").init_timeout(Millis(200)).timeout(Millis(200));
    let function = Function::start(program).await.unwrap();
    let memory = function.resident().unwrap();
    assert!(memory.rss_kib > 0 && memory.peak_kib >= memory.rss_kib, "{memory:?}");
    let pid = function.pid();
    let error = function.invoke(&json!({})).await.unwrap_err();
    assert!(matches!(error, InvokeError::TimedOut { .. }), "{error}");
    assert!(Memory::of(pid).is_err(), "still there");
}

#[tokio::test]
async fn a_binary_that_is_missing_is_an_error_at_once() {
    let env: [(&str, &str); 0] = [];
    assert!(Function::spawn("/nowhere/decide", env, AMPLE.timeout).await.is_err());
}

/// A runtime in shell: answers each event with itself, except one that asks to stall.
const ECHO: &str = r#"
cr=$(printf '\r')
ask() {
  exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: sim\r\nContent-Length: %s\r\n\r\n%s' "$1" "$2" "${#3}" "$3" >&3
  while IFS= read -r line <&3; do
    line=${line%"$cr"}
    case $line in
      '') break ;;
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" body <&3
  exec 3>&-
}
while true; do
  ask GET invocation/next ''
  event=$body
  printf '{"event":%s,"strategy":"%s","home":"%s"}\n' "$event" "$STRATEGY" "$HOME"
  case $event in *stall*) exec sleep 60 ;; esac
  ask POST "invocation/$id/response" "$event"
done
"#;

fn echo() -> Program {
    Program::new("/bin/bash").named("echo").arg("-c").arg(ECHO).env("STRATEGY", "demo")
}

#[tokio::test]
async fn a_real_process_answers_warm_until_it_stalls_and_cold_afterwards() {
    let program = echo().init_timeout(AMPLE.init).timeout(Millis(1_000));
    let function = Function::start(program).await.unwrap();
    let first = function.invoke(&json!({"n": 1})).await.unwrap();
    let second = function.invoke(&json!({"n": 2})).await.unwrap();
    assert_eq!((&first.response, &second.response), (&json!({"n": 1}), &json!({"n": 2})));
    assert!(first.init.is_some() && second.init.is_none());

    let stalled = function.invoke(&json!({"n": "stall"})).await.unwrap_err();
    assert!(matches!(stalled, InvokeError::TimedOut { after: Millis(1_000) }), "{stalled}");
    let third = function.invoke(&json!({"n": 3})).await.unwrap();
    assert_eq!((third.response, third.init.is_some(), function.starts()), (json!({"n": 3}), true, 2));

    let logs = function.take_logs();
    assert_eq!(logs.len(), 4, "{logs:?}");
    // Its own variable arrives, those of this process do not.
    assert_eq!(logs[0], r#"{"event":{"n":1},"strategy":"demo","home":""}"#);
}

#[tokio::test]
async fn functions_run_beside_each_other() {
    let (one, two) = tokio::join!(Function::start(echo()), Function::start(echo()));
    let (one, two) = (one.unwrap(), two.unwrap());
    let (payload_one, payload_two) = (json!({"to": 1}), json!({"to": 2}));
    let (first, second) = tokio::join!(one.invoke(&payload_one), two.invoke(&payload_two));
    assert_eq!((first.unwrap().response, second.unwrap().response), (payload_one, payload_two));
}

#[tokio::test]
async fn dropping_a_function_kills_its_process() {
    let function = Function::start(script("exec sleep 60")).await.unwrap();
    let pid = function.pid();
    drop(function);
    // Reaped in the background: until then it is a zombie, without memory.
    assert!(
        Memory::of(pid).is_err() || {
            tokio::task::yield_now().await;
            wall::within(Millis(300), std::future::pending::<()>()).await;
            Memory::of(pid).is_err()
        }
    );
}
