//! The decision's record: put before the answer is read, so that no answer is ever acted on unrecorded.

use std::io::{Read as _, Write as _};

use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sha2::{Digest, Sha256};
use shared::money::Notional;
use shared::ports::{RawReply, WriteTables};
use shared::records;
use shared::records::decision::DecisionRecord;
use shared::store::{Change, Cond, Item, Path, Write, WriteError};
use shared::time::Millis;

use crate::shift::Turn;

/// Most bytes of a compressed prompt; with the reply under the 100 KB of the contract.
const MOST_PROMPT: usize = 60 * 1024;
/// Most bytes of one compressed answer; a cycle has two at most.
const MOST_ANSWER: usize = 15 * 1024;
/// How long a decision without an order is kept.
const KEPT: Millis = Millis::from_minutes(30 * 24 * 60);
/// Most bytes that are unpacked: two of the largest answers that are read, and more than any prompt.
const MOST_UNPACKED: u64 = 4 * 1024 * 1024;
/// How often a put without an answer is tried.
const MOST_ATTEMPTS: u32 = 3;

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It stands.
    Ours,
    /// Another invocation has this minute.
    Taken,
}

/// A record of this turn, with what was asked of `model`; empty where nothing was asked.
pub fn draft<T, V, A>(turn: &Turn<'_, T, V, A>, model: &str, prompt: &str) -> DecisionRecord {
    DecisionRecord {
        strategy_id: turn.id().clone(),
        decided_at: turn.minute(),
        account: turn.settings.account.clone(),
        model: model.to_owned(),
        prompt: compressed(most(prompt.as_bytes(), MOST_PROMPT)),
        reply: Vec::new(),
        asked: Vec::new(),
        prompt_hash: hash(prompt),
        tokens_in: 0,
        tokens_out: 0,
        usd: Notional::ZERO,
        market_price: turn.sight.as_ref().ok().and_then(|markets| markets.first()).map(|one| one.quote.ask),
        outcome: None,
        reason: None,
        order_id: None,
        position_id: None,
        seen: None,
        inputs: None,
        limits: Some(turn.settings.limits.clone()),
        trace: turn.trace(),
        expires_at: Some(turn.minute() + KEPT),
    }
}

/// The hash of a prompt as it is recorded.
pub fn hash(prompt: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(prompt.as_bytes()))
}

/// As much of an answer as a record holds.
pub fn kept(answer: &RawReply) -> &[u8] {
    most(&answer.body, MOST_ANSWER)
}

/// Every answer of a cycle as one compressed text, one right after the other.
pub fn replies(answers: &[RawReply]) -> Vec<u8> {
    let kept: Vec<&[u8]> = answers.iter().map(kept).collect();
    compressed(&kept.concat())
}

/// What is packed in `bytes`; an error where it cannot be.
pub fn unpacked(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    ZlibDecoder::new(bytes).take(MOST_UNPACKED).read_to_end(&mut whole)?;
    Ok(whole)
}

/// Puts the record where nothing is.
pub async fn put(tables: &impl WriteTables, record: &DecisionRecord) -> Result<Put, WriteError> {
    let key = records::decision::key(&record.strategy_id, record.decided_at);
    let item = records::decision::encode(record);
    let mut doubts = 0;
    loop {
        match tables.write(vec![Write::put_if_absent(key.clone(), item.clone())]).await {
            Ok(()) => return Ok(Put::Ours),
            // After a put without an answer, what stands there may be that put.
            Err(WriteError::Lost { existing, .. }) if doubts > 0 && is_ours(existing.as_ref(), &item) => {
                return Ok(Put::Ours);
            }
            Err(WriteError::Lost { .. }) => return Ok(Put::Taken),
            Err(WriteError::Conflict | WriteError::NoAnswer(_)) if doubts < MOST_ATTEMPTS => doubts += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Adds what a second question was answered to a record that stands and has no outcome yet.
pub async fn add(tables: &impl WriteTables, record: &DecisionRecord) -> Result<(), WriteError> {
    let key = records::decision::key(&record.strategy_id, record.decided_at);
    let conds = unfinished();
    let mut doubts = 0;
    loop {
        match tables.write(vec![Write::update(key.clone(), answers(record), conds.clone())]).await {
            Err(WriteError::Conflict | WriteError::NoAnswer(_)) if doubts < MOST_ATTEMPTS => doubts += 1,
            done => return done,
        }
    }
}

/// Every answer of the cycle and what became of each question, as changes.
pub fn answers(record: &DecisionRecord) -> Vec<Change> {
    let item = records::decision::encode(record);
    let whole = ["reply", "asked"].into_iter().filter_map(|name| Some((name, item.get(name)?.clone())));
    whole.map(|(name, attr)| Change::Set(Path::of(name), attr)).collect()
}

/// That the decision stands and has no outcome yet.
pub fn unfinished() -> Vec<Cond> {
    vec![Cond::Present(Path::of("decided_at")), Cond::Absent(records::decision::path::outcome())]
}

fn is_ours(existing: Option<&Item>, item: &Item) -> bool {
    existing.is_some_and(|existing| existing.get("reply") == item.get("reply"))
}

/// What compressing adds at most to bytes that cannot be compressed: a tenth and this much, as miniz's `mz_deflateBound`
/// has it.
const MOST_ADDED: usize = 128;

/// The beginning of `bytes` that is at most `most` bytes when it is compressed: what is too long loses its end. Only what
/// might be too long is compressed to see.
fn most(mut bytes: &[u8], most: usize) -> &[u8] {
    let worst =
        |bytes: &[u8]| bytes.len().saturating_add(bytes.len().div_euclid(10)).saturating_add(MOST_ADDED);
    while worst(bytes) > most && compressed(bytes).len() > most {
        bytes = bytes.get(..bytes.len().div_euclid(2)).unwrap_or_default();
    }
    bytes
}

/// Writing into memory does not fail; if it did, nothing would be kept rather than something broken.
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_back() {
        let answers = [RawReply { body: b"{\"a\":1}".to_vec() }, RawReply { body: b"\x1e\x00{}".to_vec() }];
        assert_eq!(unpacked(&replies(&answers)).unwrap(), b"{\"a\":1}\x1e\x00{}");
    }

    /// Nothing of it can be compressed.
    fn noise(length: usize) -> Vec<u8> {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn a_record_never_outgrows_its_item() {
        let answer = RawReply { body: noise(400_000) };
        let packed = replies(&[answer.clone(), answer.clone()]);
        assert!(packed.len() <= 30 * 1024 && packed.len() > 10 * 1024, "{}", packed.len());
        let kept = kept(&answer);
        assert!(kept.len() < answer.body.len() && answer.body.starts_with(kept));
        for length in (12_000..17_000).step_by(100).chain([0, 1, 100]) {
            let noise = noise(length);
            assert!(compressed(most(&noise, MOST_ANSWER)).len() <= MOST_ANSWER, "{length}");
        }
    }
}
