//! Every code and status of the table, after a read and after a send.

use super::*;
use crate::scripted::answer;

const NOW: i64 = 1_700_000_000_000;

fn failure(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
    let response = answer(status, headers, body).unwrap();
    Answer { response, at: Timestamp::from_millis(NOW) }.accepted().unwrap_err()
}

fn coded(status: u16, code: i64, text: &str) -> Failure {
    failure(status, &[], &format!(r#"{{"code":{code},"msg":"{text}"}}"#))
}

fn read_kind(failure: Failure) -> &'static str {
    match VenueError::from(failure) {
        VenueError::Unavailable(_) => "unavailable",
        VenueError::Throttled { banned: false, .. } => "throttled",
        VenueError::Throttled { banned: true, .. } => "banned",
        VenueError::Fatal { .. } => "fatal",
        VenueError::Refused { .. } => "refused",
        VenueError::BadReply(_) => "bad reply",
    }
}

fn send_kind(failure: Failure) -> &'static str {
    match SendError::from(failure) {
        SendError::NeverSent(_) => "never sent",
        SendError::Refused { .. } => "refused",
        SendError::NoAnswer(_) => "no answer",
        SendError::Fatal { .. } => "fatal",
    }
}

#[test]
fn every_code_means_one_thing_after_a_read_and_one_after_a_send() {
    let cases = [
        (400, -1000, "An unknown error occurred while processing the request.", "unavailable", "no answer"),
        (500, -1000, "An unknown error occurred while processing the request.", "unavailable", "no answer"),
        (400, -1001, "Internal error; unable to process your request.", "unavailable", "no answer"),
        (401, -1002, "You are not authorized to execute this request.", "fatal", "fatal"),
        (429, -1003, "Too much request weight used.", "throttled", "never sent"),
        (400, -1003, "Too many requests queued.", "throttled", "never sent"),
        (418, -1003, "IP banned until 1.", "banned", "never sent"),
        (500, -1006, "An unexpected response was received.", "unavailable", "no answer"),
        (400, -1006, "An unexpected response was received.", "unavailable", "no answer"),
        (504, -1007, "Timeout waiting for response from backend server.", "unavailable", "no answer"),
        (400, -1007, "Timeout waiting for response from backend server.", "unavailable", "no answer"),
        (503, -1008, "Server is currently overloaded.", "unavailable", "no answer"),
        (400, -1008, "Server is currently overloaded.", "unavailable", "no answer"),
        (400, -1013, "Filter failure: LOT_SIZE", "refused", "refused"),
        (
            429,
            -1015,
            "Too many new orders; current limit is 100 orders per 10 SECOND.",
            "throttled",
            "never sent",
        ),
        (400, -1015, "Too many new orders.", "throttled", "never sent"),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", "refused", "never sent"),
        (
            400,
            -1021,
            "Timestamp for this request was 1000ms ahead of the server's time.",
            "refused",
            "never sent",
        ),
        (400, -1022, "Signature for this request is not valid.", "refused", "refused"),
        (400, -1100, "Illegal characters found in parameter 'price'.", "refused", "refused"),
        (400, -1101, "Too many parameters.", "refused", "refused"),
        (400, -1102, "Mandatory parameter 'side' was not sent.", "refused", "refused"),
        (400, -1103, "An unknown parameter was sent.", "refused", "refused"),
        (400, -1104, "Not all sent parameters were read.", "refused", "refused"),
        (400, -1105, "Parameter 'price' was empty.", "refused", "refused"),
        (400, -1106, "Parameter 'timeInForce' sent when not required.", "refused", "refused"),
        (400, -1111, "Precision is over the maximum defined for this asset.", "refused", "refused"),
        (400, -1121, "Invalid symbol.", "refused", "refused"),
        (400, -2010, "Account has insufficient balance for requested action.", "refused", "refused"),
        (400, -2010, "Duplicate order sent.", "refused", "no answer"),
        (400, -2010, "Market is closed.", "refused", "refused"),
        (400, -2010, "Order would trigger immediately.", "refused", "refused"),
        (400, -2010, "Order would immediately match and take.", "refused", "refused"),
        (400, -2010, "This action is disabled on this account.", "refused", "refused"),
        (400, -2011, "Unknown order sent.", "refused", "no answer"),
        (400, -2013, "Order does not exist.", "refused", "no answer"),
        (401, -2014, "API-key format invalid.", "fatal", "fatal"),
        (400, -2014, "API-key format invalid.", "fatal", "fatal"),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", "fatal", "fatal"),
        (400, -2015, "Invalid API-key, IP, or permissions for action.", "fatal", "fatal"),
        (400, -2026, "Order was archived.", "refused", "refused"),
        (409, -2021, "Order cancel-replace partially failed.", "refused", "no answer"),
        (400, -2022, "Order cancel-replace failed.", "refused", "no answer"),
        (400, -9999, "A code of tomorrow.", "refused", "no answer"),
        (451, 0, "Service unavailable from a restricted location.", "fatal", "fatal"),
        (503, -2010, "Account has insufficient balance for requested action.", "unavailable", "no answer"),
    ];
    for (status, code, text, read, send) in cases {
        assert_eq!(read_kind(coded(status, code, text)), read, "read {status} {code} {text}");
        assert_eq!(send_kind(coded(status, code, text)), send, "send {status} {code} {text}");
    }
}

#[test]
fn bodies_that_are_not_the_apis() {
    let html = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    let cases = [
        (502, html, "unavailable", "no answer"),
        (503, "", "unavailable", "no answer"),
        (400, html, "bad reply", "no answer"),
        (404, html, "bad reply", "no answer"),
        (400, r#"{"code":-1013,"msg":"Fil"#, "bad reply", "no answer"),
        (400, r#"{"code":"-1013","msg":"Filter failure: LOT_SIZE"}"#, "bad reply", "no answer"),
        (302, "", "bad reply", "no answer"),
        (403, html, "banned", "never sent"),
        (401, html, "fatal", "fatal"),
        (429, html, "throttled", "never sent"),
        (418, html, "banned", "never sent"),
    ];
    for (status, body, read, send) in cases {
        assert_eq!(read_kind(failure(status, &[], body)), read, "read {status} {body}");
        assert_eq!(send_kind(failure(status, &[], body)), send, "send {status} {body}");
    }
}

fn wait(status: u16, headers: &[(&'static str, &str)], text: &str) -> Millis {
    let error = failure(status, headers, &format!(r#"{{"code":-1003,"msg":"{text}"}}"#)).into();
    let VenueError::Throttled { wait, .. } = error else { panic!("{error:?}") };
    wait
}

#[test]
fn the_wait_is_kept_in_full() {
    let three_days = [("retry-after", "259200")];
    assert_eq!(wait(418, &three_days, ""), Millis::from_secs(259_200));
    assert_eq!(wait(429, &[("retry-after", "37")], ""), Millis::from_secs(37));
    assert_eq!(wait(429, &[("retry-after", "0")], ""), Millis(0));
    assert_eq!(wait(429, &[("retry-after", "1.5")], ""), Millis(1_500));
    // NOW is Tue, 14 Nov 2023 22:13:20 GMT.
    let date = [("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")];
    assert_eq!(wait(429, &date, ""), Millis::from_minutes(1));
    let until = format!("IP banned until {}. Please use WebSocket.", NOW + 90_500);
    assert_eq!(wait(418, &[], &until), Millis(90_500));
    assert_eq!(wait(418, &[("retry-after", "91")], &until), Millis::from_secs(91));
}

#[test]
fn a_wait_that_is_not_named_is_the_shortest_that_can_be_meant() {
    for headers in [vec![], vec![("retry-after", "soon")], vec![("retry-after", "-5")]] {
        assert_eq!(wait(429, &headers, ""), Millis::from_minutes(1));
        assert_eq!(wait(418, &headers, ""), Millis::from_minutes(2));
    }
}

#[test]
fn a_transport_failure_after_a_send_says_whether_it_left() {
    let never = Failure::Transport(TransportError::NeverSent("no route".into()));
    let none = Failure::Transport(TransportError::NoAnswer("timed out".into()));
    assert_eq!((read_kind(never.clone()), send_kind(never)), ("unavailable", "never sent"));
    assert_eq!((read_kind(none.clone()), send_kind(none)), ("unavailable", "no answer"));
}

#[test]
fn a_request_that_cannot_be_made_is_fatal_and_never_sent() {
    let failure = Failure::Unsendable("the key cannot stand in a header".into());
    assert_eq!((read_kind(failure.clone()), send_kind(failure)), ("fatal", "never sent"));
}

#[test]
fn a_success_that_cannot_be_read_is_no_answer() {
    let failure = Failure::Unreadable("status is missing".into());
    assert_eq!((read_kind(failure.clone()), send_kind(failure)), ("bad reply", "no answer"));
}

/// Of what the venue can say to a send, these four are all that can come of it.
#[test]
fn every_code_that_is_documented_stands_in_the_table() {
    let codes = [
        -1000, -1001, -1002, -1003, -1006, -1007, -1008, -1013, -1014, -1015, -1016, -1021, -1022, -1100,
        -1101, -1102, -1103, -1104, -1105, -1106, -1111, -1121, -2010, -2011, -2013, -2014, -2015, -2021,
        -2022, -2026,
    ];
    for code in codes {
        assert!(listed(code, "").is_some(), "{code} is not listed");
    }
}

#[test]
fn what_is_over_our_share_was_never_sent() {
    assert_eq!((read_kind(Failure::OverShare), send_kind(Failure::OverShare)), ("unavailable", "never sent"));
}
