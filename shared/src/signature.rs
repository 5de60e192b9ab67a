//! Signature Version 4 over a finished request to AWS, with the crate that the AWS SDKs sign with.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;

use crate::environment::Aws;
use crate::time::Timestamp;
use crate::transport::Request;

/// The request with its signature, valid from `now` on; `service` is the service's name in a signature, which is not
/// always that of its host. An error says why it cannot be signed, without a word of the keys.
pub(crate) fn signed(
    mut request: Request,
    service: &str,
    aws: &Aws,
    now: Timestamp,
) -> Result<Request, String> {
    let (access, secret) = (aws.access_key.as_str(), aws.secret_key.expose());
    let session = aws.session_token.as_ref().map(|token| token.expose().to_owned());
    let identity: Identity = Credentials::new(access, secret, session, None, "tradai").into();
    let millis = u64::try_from(now.as_millis()).unwrap_or_default();
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&aws.region)
        .name(service)
        .time(time.unwrap_or(SystemTime::UNIX_EPOCH))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?;
    let uri = request.uri().to_string();
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body);
    let output = sign(signable.map_err(|error| error.to_string())?, &params.into());
    let (instructions, _) = output.map_err(|error| error.to_string())?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}
