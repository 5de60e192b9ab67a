//! Signature Version 4 as AWS checks it, written from its reference and sharing no code with what signs.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use shared::time::{Millis, Timestamp};

use super::ask::header;
use crate::service::Request;

/// Identifies the one key that may ask.
pub const AWS_KEY: &str = "AKIASIMULATED0000000";
/// The secret of that key.
pub const AWS_SECRET: &str = "simulated/secret+of+the+one+key";

/// How far the caller's clock may be from ours.
const SKEW: Millis = Millis::from_minutes(5);

/// Whether the request is signed by the one key, for Bedrock, now; else why not.
pub(super) fn check(request: &Request, now: Timestamp) -> Result<(), String> {
    let headers = request.headers();
    let stated = header(headers, "authorization").ok_or("Missing Authentication Token")?;
    let stated =
        stated.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("Authorization is not of AWS4-HMAC-SHA256")?;
    let part = |name: &str| {
        let mut parts = stated.split(',').map(str::trim);
        let found = parts.find_map(|part| part.strip_prefix(name).and_then(|part| part.strip_prefix('=')));
        found.ok_or_else(|| format!("Authorization header requires '{name}' parameter."))
    };
    let scope = part("Credential")?.strip_prefix(AWS_KEY).and_then(|rest| rest.strip_prefix('/'));
    let scope = scope.ok_or("The security token included in the request is invalid.")?;
    let at = header(headers, "x-amz-date").ok_or("X-Amz-Date is missing")?;
    check_time(at, now)?;
    let [date, region, service, end] = scope.split('/').collect::<Vec<_>>()[..] else {
        return Err(format!("Credential should be scoped correctly, not {scope}"));
    };
    if !at.starts_with(date) || service != "bedrock" || end != "aws4_request" {
        return Err(format!("Credential should be scoped to a valid date and service, not {scope}"));
    }
    let canonical = canonical(request, part("SignedHeaders")?)?;
    let digest = HEXLOWER.encode(&Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}");
    let steps = [date, region, service, end, &text];
    let key = format!("AWS4{AWS_SECRET}").into_bytes();
    let signature = steps.iter().try_fold(key, |key, step| hmac(&key, step.as_bytes()));
    if signature.map(|bytes| HEXLOWER.encode(&bytes)).as_deref() == Some(part("Signature")?) {
        Ok(())
    } else {
        Err("The request signature we calculated does not match the signature you provided.".to_owned())
    }
}

/// `20230301T002500Z`.
fn check_time(at: &str, now: Timestamp) -> Result<(), String> {
    let digits = |from: usize, to: usize| at.get(from..to).unwrap_or_default();
    let spelled = format!(
        "{}-{}-{}T{}:{}:{}Z",
        digits(0, 4),
        digits(4, 6),
        digits(6, 8),
        digits(9, 11),
        digits(11, 13),
        digits(13, 15)
    );
    let at = Timestamp::parse(&spelled).map_err(|_| format!("X-Amz-Date {at} is no date"))?;
    let apart = at.since(now).0.abs();
    if apart <= SKEW.0 { Ok(()) } else { Err(format!("Signature expired: {spelled} is not near {now}")) }
}

/// Method, path, query, headers and the body's digest, each on its line.
fn canonical(request: &Request, signed: &str) -> Result<String, String> {
    let uri = request.uri();
    let mut text =
        format!("{}\n{}\n{}\n", request.method(), escaped(uri.path()), uri.query().unwrap_or_default());
    for name in signed.split(';') {
        let host = uri.authority().map(http::uri::Authority::as_str);
        let value = header(request.headers(), name).or(host.filter(|_| name == "host"));
        let value = value.ok_or_else(|| format!("the signed header {name} is missing"))?;
        text.push_str(&format!("{name}:{}\n", value.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    if !signed.split(';').any(|name| name == "host") {
        return Err("'Host' must be a signed header.".to_owned());
    }
    let digest = HEXLOWER.encode(&Sha256::digest(request.body()));
    Ok(format!("{text}\n{signed}\n{digest}"))
}

/// The path as it arrived, escaped once more: the rule for every service but S3.
fn escaped(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

fn hmac(key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text);
    Some(mac.finalize().into_bytes().to_vec())
}
