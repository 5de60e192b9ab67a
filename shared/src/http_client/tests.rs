//! Servers on this machine that close their connections, and what the client makes of it.

use std::sync::atomic::AtomicI64;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::*;
use crate::ports::Clock;

/// What a server does with a request that it has read.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Answers and keeps the connection.
    Answer,
    /// Answers and closes, without a word of it in the answer.
    AnswerAndClose,
    /// Closes without an answer.
    Close,
    /// Resets the connection without an answer.
    Reset,
    /// Sends half of an answer's body and closes.
    Half,
    /// Says nothing and keeps the connection.
    Silence,
}

/// A request as a server saw it: the number of the connection, and the words.
type Seen = Arc<Mutex<Vec<(usize, String)>>>;

struct Server {
    url: String,
    seen: Seen,
    /// A connection ended.
    closed: Arc<Notify>,
}

impl Server {
    /// Serves by `script`, which is told the number of the connection and how many requests it has carried before.
    async fn new(script: impl Fn(usize, usize) -> Act + Copy + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server { url, seen: Seen::default(), closed: Arc::default() };
        let (seen, closed) = (server.seen.clone(), server.closed.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, closed) = (seen.clone(), closed.clone());
                tokio::spawn(async move {
                    serve(stream, |before| script(number, before), number, &seen).await;
                    closed.notify_one();
                });
            }
        });
        server
    }

    /// The connections of all requests so far, in order.
    fn connections(&self) -> Vec<usize> {
        self.seen.lock().unwrap().iter().map(|(connection, _)| *connection).collect()
    }
}

/// The length of a request, once it is whole.
fn length(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).unwrap();
    let head = text.find("\r\n\r\n")? + 4;
    let body = text
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split('\r').next().unwrap().parse().unwrap());
    (bytes.len() >= head + body).then_some(head + body)
}

async fn serve(mut stream: TcpStream, script: impl Fn(usize) -> Act, number: usize, seen: &Seen) {
    let mut bytes = Vec::new();
    for before in 0.. {
        let whole = loop {
            if let Some(length) = length(&bytes) {
                break bytes.drain(..length).collect::<Vec<u8>>();
            }
            match stream.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        seen.lock().unwrap().push((number, String::from_utf8(whole).unwrap()));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        match script(before) {
            Act::Answer => stream.write_all(answer).await.unwrap(),
            Act::AnswerAndClose => return stream.write_all(answer).await.unwrap(),
            Act::Close => return,
            Act::Reset => return stream.set_zero_linger().unwrap(),
            Act::Half => {
                return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
            }
            Act::Silence => std::future::pending().await,
        }
    }
}

/// A clock that a test moves, in milliseconds.
#[derive(Default)]
struct Hands(AtomicI64);

impl Hands {
    fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn client() -> (HttpClient, Arc<Hands>) {
    let hands = Arc::new(Hands::default());
    (HttpClient::new(hands.clone()).unwrap(), hands)
}

async fn send(client: &HttpClient, server: &Server, repeat: Repeat) -> Result<Response, TransportError> {
    let body = if repeat == Repeat::Read { "" } else { "{}" };
    let request =
        http::Request::post(format!("{}/path?query=1", server.url)).body(Bytes::from(body)).unwrap();
    client.send(repeat.mark(request), Millis::from_secs(5)).await
}

fn is_unanswered(outcome: &Result<Response, TransportError>) -> bool {
    matches!(outcome, Err(TransportError::NoAnswer(_)))
}

#[tokio::test]
async fn reads_and_writes_reuse_a_connection_and_a_question_never_does() {
    let server = Server::new(|_, _| Act::Answer).await;
    let (client, _) = client();
    for repeat in [Repeat::Once, Repeat::Read, Repeat::Write, Repeat::Once, Repeat::Read, Repeat::Once] {
        send(&client, &server, repeat).await.unwrap();
    }
    assert_eq!(server.connections(), [0, 1, 1, 2, 1, 3]);
}

#[tokio::test]
async fn a_connection_that_is_idle_too_long_is_closed_unused() {
    for (gap, connections) in [(IDLE.0, [0, 0]), (IDLE.0 + 1, [0, 1]), (-1, [0, 1])] {
        let server = Server::new(|_, _| Act::Answer).await;
        let (client, hands) = client();
        hands.set(1_000_000);
        send(&client, &server, Repeat::Read).await.unwrap();
        hands.set(1_000_000 + gap);
        send(&client, &server, Repeat::Read).await.unwrap();
        assert_eq!(server.connections(), connections, "{gap}");
    }
    assert!(IDLE < Millis::from_secs(20));
}

/// The age is of the connection, not of the client: traffic elsewhere keeps nothing alive.
#[tokio::test]
async fn a_busy_client_closes_its_other_idle_connections() {
    let (quiet, busy) = (Server::new(|_, _| Act::Answer).await, Server::new(|_, _| Act::Answer).await);
    let (client, hands) = client();
    send(&client, &quiet, Repeat::Read).await.unwrap();
    for second in 0..=11 {
        hands.set(second * 1_000);
        send(&client, &busy, Repeat::Read).await.unwrap();
    }
    timeout(Duration::from_secs(5), quiet.closed.notified()).await.unwrap();
    assert_eq!(busy.connections(), [0; 12]);
}

/// A server on a thread of its own closes while this thread, and with it the runtime, stands still: a frozen Lambda.
#[tokio::test]
async fn a_connection_that_closed_during_a_freeze_carries_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (close, told) = std::sync::mpsc::channel::<()>();
    let (tell, closed) = std::sync::mpsc::channel::<()>();
    let serving = std::thread::spawn(move || {
        for stream in listener.incoming().take(20) {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 1_024];
            assert!(std::io::Read::read(&mut stream, &mut bytes).unwrap() > 0);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            std::io::Write::write_all(&mut stream, answer).unwrap();
            told.recv().unwrap();
            drop(stream);
            tell.send(()).unwrap();
        }
    });
    let (client, _) = client();
    for number in 0..20 {
        let request = http::Request::post(&url).body(Bytes::from("{}")).unwrap();
        let answer = client.send(Repeat::Write.mark(request), Millis::from_secs(5)).await;
        assert!(answer.is_ok(), "{number}: {answer:?}");
        close.send(()).unwrap();
        closed.recv().unwrap();
    }
    serving.join().unwrap();
}

#[tokio::test]
async fn a_server_that_closes_after_every_answer_loses_nothing() {
    for repeat in [Repeat::Read, Repeat::Write, Repeat::Once] {
        let server = Server::new(|_, _| Act::AnswerAndClose).await;
        let (client, _) = client();
        for _ in 0..200 {
            send(&client, &server, repeat).await.unwrap();
        }
        assert_eq!(server.connections(), (0..200).collect::<Vec<_>>(), "{repeat:?}");
    }
}

#[tokio::test]
async fn a_read_is_repeated_once_when_its_reused_connection_closes() {
    for lost in [Act::Close, Act::Reset] {
        let server = Server::new(move |_, before| if before == 0 { Act::Answer } else { lost }).await;
        let (client, _) = client();
        for _ in 0..5 {
            send(&client, &server, Repeat::Read).await.unwrap();
        }
        assert_eq!(server.connections(), [0, 0, 1, 1, 2, 2, 3, 3, 4], "{lost:?}");
    }
}

#[tokio::test]
async fn a_read_that_a_new_connection_loses_is_not_repeated() {
    let server = Server::new(|_, _| Act::Close).await;
    let (client, _) = client();
    assert!(is_unanswered(&send(&client, &server, Repeat::Read).await));
    assert_eq!(server.connections(), [0]);
}

#[tokio::test]
async fn a_read_is_repeated_no_more_than_once() {
    let server = Server::new(|number, before| match (number, before) {
        (0, 0) => Act::Answer,
        _ => Act::Close,
    })
    .await;
    let (client, _) = client();
    send(&client, &server, Repeat::Read).await.unwrap();
    assert!(is_unanswered(&send(&client, &server, Repeat::Read).await));
    assert_eq!(server.connections(), [0, 0, 1]);
}

#[tokio::test]
async fn a_write_or_a_question_is_never_sent_twice() {
    for repeat in [Repeat::Write, Repeat::Once] {
        for lost in [Act::Close, Act::Reset, Act::Half] {
            let server = Server::new(move |_, _| lost).await;
            let (client, _) = client();
            for _ in 0..5 {
                assert!(is_unanswered(&send(&client, &server, repeat).await), "{repeat:?} {lost:?}");
            }
            assert_eq!(server.connections(), [0, 1, 2, 3, 4], "{repeat:?} {lost:?}");
        }
    }
}

#[tokio::test]
async fn a_write_on_a_reused_connection_that_closes_has_no_answer() {
    for lost in [Act::Close, Act::Reset] {
        let server = Server::new(move |_, before| if before == 0 { Act::Answer } else { lost }).await;
        let (client, _) = client();
        send(&client, &server, Repeat::Write).await.unwrap();
        assert!(is_unanswered(&send(&client, &server, Repeat::Write).await), "{lost:?}");
        assert_eq!(server.connections(), [0, 0], "{lost:?}");
    }
}

#[tokio::test]
async fn an_answer_that_began_is_not_asked_for_again() {
    let server = Server::new(|_, before| if before == 0 { Act::Answer } else { Act::Half }).await;
    let (client, _) = client();
    send(&client, &server, Repeat::Read).await.unwrap();
    assert!(is_unanswered(&send(&client, &server, Repeat::Read).await));
    assert_eq!(server.connections(), [0, 0]);
}

async fn within(client: &HttpClient, server: &Server, repeat: Repeat) -> Result<Response, TransportError> {
    let request = http::Request::post(&server.url).body(Bytes::new()).unwrap();
    client.send(repeat.mark(request), Millis(50)).await
}

#[tokio::test]
async fn a_repeated_read_ends_with_its_first_timeout() {
    let server = Server::new(|number, before| match (number, before) {
        (0, 0) => Act::Answer,
        (0, _) => Act::Close,
        _ => Act::Silence,
    })
    .await;
    let (client, _) = client();
    send(&client, &server, Repeat::Read).await.unwrap();
    let outcome = within(&client, &server, Repeat::Read).await;
    assert_eq!(outcome.unwrap_err(), TransportError::NoAnswer("timed out".to_owned()));
    assert_eq!(server.connections(), [0, 0, 1]);
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_was_never_sent() {
    // It takes the connection and never says a word of TLS.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let (client, _) = client();
    let request = http::Request::post(url).body(Bytes::new()).unwrap();
    let outcome = client.send(Repeat::Once.mark(request), Millis(50)).await;
    assert_eq!(outcome.unwrap_err(), TransportError::NeverSent("timed out".to_owned()));
}

/// The first attempt may have arrived, although the second could not be made.
#[tokio::test]
async fn a_read_whose_repetition_finds_no_server_has_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (client, _) = client();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let script = |before| if before == 0 { Act::Answer } else { Act::Close };
        serve(stream, script, 0, &Seen::default()).await;
    });
    let ask = || {
        let request = http::Request::get(&url).body(Bytes::new()).unwrap();
        client.send(request, Millis::from_secs(5))
    };
    ask().await.unwrap();
    assert!(is_unanswered(&ask().await));
    serving.await.unwrap();
    assert!(matches!(ask().await, Err(TransportError::NeverSent(_))));
}

#[tokio::test]
async fn no_more_idle_connections_are_kept_than_the_bound() {
    let server = Server::new(|_, _| Act::Answer).await;
    let (client, _) = client();
    let all = (0..MOST_IDLE + 8).map(|_| send(&client, &server, Repeat::Read));
    // All at once, so that none finds the connection of another.
    let mut running: Vec<_> = all.map(Box::pin).collect();
    poll_fn(|cx| {
        running.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(client.idle().len(), MOST_IDLE);
}

/// The wire form that the exchange and the models have always been sent.
#[tokio::test]
async fn a_request_stands_on_the_wire_as_the_caller_made_it() {
    let server = Server::new(|_, _| Act::Answer).await;
    let (client, _) = client();
    let host = server.url.strip_prefix("http://").unwrap();
    let usual =
        format!("accept: */*\r\nuser-agent: tradai/{}\r\nhost: {host}\r\n", env!("CARGO_PKG_VERSION"));
    let cases = [
        ("DELETE", "/a?x=1", "", "", format!("DELETE /a?x=1 HTTP/1.1\r\n{usual}\r\n")),
        ("GET", "", "", "", format!("GET / HTTP/1.1\r\n{usual}\r\n")),
        (
            "POST",
            "/b",
            "x-mbx-apikey",
            "{}",
            format!("POST /b HTTP/1.1\r\nx-mbx-apikey: k\r\n{usual}content-length: 2\r\n\r\n{{}}"),
        ),
        (
            "GET",
            "/c",
            "user-agent",
            "",
            format!("GET /c HTTP/1.1\r\nuser-agent: k\r\nhost: {host}\r\naccept: */*\r\n\r\n"),
        ),
    ];
    for (method, path, header, body, expected) in cases {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", server.url));
        if !header.is_empty() {
            request = request.header(header, "k");
        }
        client.send(request.body(Bytes::from(body)).unwrap(), Millis::from_secs(5)).await.unwrap();
        let (_, seen) = server.seen.lock().unwrap().pop().unwrap();
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&seen), sorted(&expected));
    }
}

#[test]
fn an_address_is_split_into_origin_and_path() {
    let split = |uri: &str| {
        let request = http::Request::get(uri).body(Bytes::new()).unwrap();
        addressed(request).map(|(origin, request)| {
            let host = request.headers()[HOST].to_str().unwrap().to_owned();
            (origin.to_string(), host, request.uri().to_string())
        })
    };
    let parts = |origin: &str, host: &str, path: &str| (origin.to_owned(), host.to_owned(), path.to_owned());
    for (uri, expected) in [
        ("https://a.example/v1?x=1", parts("https://a.example/", "a.example", "/v1?x=1")),
        ("https://a.example:443", parts("https://a.example/", "a.example", "/")),
        ("http://a.example:80/", parts("http://a.example/", "a.example", "/")),
        ("http://a.example:443/", parts("http://a.example:443/", "a.example:443", "/")),
        ("https://user:word@a.example/v1", parts("https://a.example/", "a.example", "/v1")),
        ("http://[::1]:8080/v1", parts("http://[::1]:8080/", "[::1]:8080", "/v1")),
    ] {
        assert_eq!(split(uri).unwrap(), expected, "{uri}");
    }
    for uri in ["/v1", "127.0.0.1:8300", "ftp://a.example/"] {
        assert!(matches!(split(uri), Err(TransportError::NeverSent(_))), "{uri}");
    }
}
