//! The bound judged by the vocabulary itself, tiktoken's o200k: over prompts that are rendered from recorded candles,
//! over hostile texts, and over anything else.

use std::collections::BTreeSet;
use std::io::Read as _;

use rust_decimal::Decimal;
use shared::decision::Action;
use shared::market::{Candle, Quote};
use shared::money::{Price, Qty};
use shared::order::State;
use shared::time::{Millis, Timestamp};
use tiktoken_rs::{CoreBPE, o200k_base_singleton};

use super::known::{KNOWN, Known};
use crate::market::{CANDLES, Market};
use crate::notes::{MOST_SOURCE, MOST_TEXT, Shown, plain};
use crate::prompt::{SYSTEM, facts, tool};
use crate::snapshot::{Books, Earlier};
use crate::testing::{self, at};

/// Prompts that are judged.
const PROMPTS: usize = 10_000;
/// Of the vocabulary, so many first tokens are known where they are printable ASCII.
const FIRST: u32 = 5_000;

fn truth(text: &str) -> u32 {
    u32::try_from(o200k_base_singleton().encode_ordinary(text).len()).unwrap()
}

/// Every token that has a text.
fn tokens(vocabulary: &CoreBPE) -> impl Iterator<Item = (u32, String)> {
    (0..250_000)
        .filter_map(|rank| Some((rank, String::from_utf8(vocabulary.decode_bytes(&[rank]).ok()?).ok()?)))
}

/// What every prompt says: instructions, tool, and the names of the facts.
fn our_words() -> Vec<String> {
    let mut books = books(0);
    books.orders = testing::resting().orders;
    books.recent = [1, 3, 5].map(|number| earlier(number, 0)).to_vec();
    let id = books.orders.first().map(|order| order.terms.order_id.to_string()).unwrap();
    let now = at("2023-03-01T16:00:05Z");
    let told = facts(&testing::settings(), &[testing::market(now)], &books, &Action::ALL, now);
    let tool = tool(&[testing::symbol()]);
    vec![SYSTEM.to_owned(), tool.schema.to_string(), told.replace(&id, "")]
}

/// What is known is true, so the bound is never below the truth; and it is close where prompts are.
#[test]
fn what_is_known_of_the_vocabulary_is_its_first_tokens_and_our_words() {
    let vocabulary = o200k_base_singleton();
    let is_plain = |text: &str| {
        text.len() > 1 && !text.ends_with(' ') && text.bytes().all(|one| matches!(one, b' '..=b'~'))
    };
    let first = tokens(vocabulary).filter(|(rank, _)| *rank < FIRST).map(|(_, text)| text);
    let words = our_words();
    let ours = words.iter().flat_map(|text| vocabulary.encode_ordinary(text));
    let ours = ours.filter_map(|token| String::from_utf8(vocabulary.decode_bytes(&[token]).ok()?).ok());
    let known: BTreeSet<String> = first.chain(ours).filter(|text| is_plain(text)).collect();
    let lines: String = known.iter().map(|one| format!("{one}\n")).collect();
    if lines != KNOWN {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tokens/known.txt");
        std::fs::write(file, lines).unwrap();
        panic!("{file} was written anew: look at what changed and run again");
    }
}

#[test]
fn up_to_three_digits_are_one_token() {
    let all: BTreeSet<String> = tokens(o200k_base_singleton()).map(|(_, text)| text).collect();
    for number in 0..1_000 {
        for width in 1..=3 {
            let digits = format!("{number:0width$}");
            assert!(all.contains(&digits), "{digits}");
        }
    }
}

/// The bundled candles.
fn candles() -> Vec<Candle> {
    let packed: &[u8] = include_bytes!("../../../../ops/data/BTCUSDT-1m-2023-03.csv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let first = at("2023-03-01T00:00:00Z");
    let candle = |(minute, line): (i64, &str)| {
        let [_, open, high, low, close, volume] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let price = |text| Price::parse(text).unwrap();
        Candle {
            open_time: first + Millis::from_minutes(minute),
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume: Qty::parse(volume).unwrap(),
        }
    };
    (0..).zip(text.lines().skip(1)).map(candle).collect()
}

/// What a pipeline may note: headlines, figures, and a line that is not English.
const HEADLINES: [&str; 12] = [
    "SEC delays its decision on spot bitcoin ETFs again; next deadline is in May",
    "Funding on perpetual swaps turned negative for the first time since January (-0.012%)",
    "A wallet that had slept for nine years moved 4,300 BTC (about $98M) to an exchange",
    "Powell: inflation remains elevated and rates may stay higher for longer",
    "Silvergate delays its 10-K filing, shares fall 46%; Coinbase stops taking its payments",
    "Hash rate reached a record of 340 EH/s, difficulty rises by about 9.9% on Friday",
    "Open interest fell by $1.2bn within the hour, mostly longs that were liquidated",
    "Circle says 3.3bn of USDC's reserves are held at the failed bank; the coin trades at 0.91",
    "Regulators close Signature Bank; depositors will have access to all of their money",
    "Exchange outflows are at their highest since November, stablecoin supply shrinks",
    "Options expire today: 5.1bn notional, max pain at 21,500",
    "Zentralbank erhöht die Zinsen um 50 Basispunkte trotz der Unruhe bei den Banken",
];

fn note(source: &str, text: &str, number: usize) -> Shown {
    Shown {
        age_minutes: i64::try_from(number % 180).unwrap(),
        similarity: Decimal::new(i64::try_from(75 + number % 25).unwrap(), 2),
        source: plain(source, MOST_SOURCE),
        text: plain(text, MOST_TEXT),
    }
}

/// Books of every kind: with and without a position, an order, an account, earlier decisions.
fn books(number: usize) -> Books {
    let mut books = if number.is_multiple_of(2) { testing::holding() } else { Books::default() };
    for position in &mut books.positions {
        position.quantity = Qty::parse(&format!("0.{:05}", 1 + number * 7 % 9_999)).unwrap();
    }
    if number % 3 == 1 {
        books.orders = testing::resting().orders;
    }
    if !number.is_multiple_of(5) {
        books.account = Some(testing::account(&format!("{}.{:02}", number * 13 % 20_000, number % 100)));
    }
    books.recent = (0..number % 4).map(|nth| earlier(number + nth, nth)).collect();
    books
}

/// Decisions of every kind, `nth` cycles back.
fn earlier(number: usize, nth: usize) -> Earlier {
    let refused = [
        format!("order notional {}.5 exceeds limit 1000", number * 3),
        format!("price drifted 0.{} % since the decision, limit 0.5 %", 51 + number % 40),
        "this account already has a position or entry in this asset".to_owned(),
    ];
    let refused = State::Refused { rule: "a rule".to_owned(), message: refused[number % 3].clone() };
    let (outcome, order, is_over) = match number % 6 {
        0 => ("hold", None, false),
        1 => ("open", Some(refused), false),
        2 => ("abstain:unavailable", None, false),
        3 => ("open", Some(State::DryRun), true),
        4 => ("close", None, true),
        _ => ("open", Some(State::Rejected { code: "-2010".to_owned() }), false),
    };
    let minutes = i64::try_from(25 + 25 * nth + number % 300).unwrap();
    Earlier {
        at: at("2023-03-01T16:00:05Z") - Millis::from_minutes(minutes),
        outcome: outcome.to_owned(),
        symbol: (order.is_some() || is_over).then(testing::symbol),
        order,
        gain: is_over.then(|| Decimal::new(i64::try_from(number % 900).unwrap() - 450, 2)),
    }
}

/// The market after `end` of the recorded minutes.
fn market(like: &Market, candles: &[Candle], end: usize) -> (Market, Timestamp) {
    let window = candles[end - CANDLES as usize..end].to_vec();
    let last = window.last().unwrap();
    let now = last.open_time + Millis::from_secs(65);
    let above = |cents| Price::new(last.close.value().checked_add(Decimal::new(cents, 2)).unwrap()).unwrap();
    let quote = Quote { bid: above(0), ask: above(1), at: now, ..like.quote.clone() };
    (Market { quote, candles: window, ..like.clone() }, now)
}

#[test]
fn over_ten_thousand_prompts_the_bound_is_never_below_the_truth_and_not_far_above() {
    let (known, candles) = (Known::of_o200k(), candles());
    let like = testing::market(at("2023-03-01T16:00:05Z"));
    let hostile: Vec<String> = crate::hostile::texts(include_str!("../../hostile/texts.txt"));
    let settings = testing::settings();
    let (mut over, mut rendered) = (0.0, 0.0);
    let step = (candles.len() - CANDLES as usize) / PROMPTS;
    for number in 0..PROMPTS {
        let (market, now) = market(&like, &candles, CANDLES as usize + number * step);
        let mut books = books(number);
        let is_hostile = number % 4 == 3;
        let noted = |place: usize| {
            let at = number / 4 * 3 + place;
            match is_hostile {
                true => note(&hostile[at % hostile.len()], &hostile[(at * 5 + 1) % hostile.len()], at),
                false => note("news", HEADLINES[at % HEADLINES.len()], at),
            }
        };
        books.notes = (0..number % 4).map(noted).collect();
        let told = facts(&settings, &[market], &books, &Action::ALL, now);
        let (bound, truth) = (known.bound(&told), truth(&told));
        assert!(bound >= truth, "{bound} < {truth}: {told}");
        if !is_hostile {
            over += f64::from(bound) / f64::from(truth) - 1.0;
            rendered += 1.0;
        }
    }
    let mean = over / rendered;
    println!(
        "{PROMPTS} prompts, mean overestimate of {rendered} that nobody is hostile in: {:.1} %",
        mean * 100.0
    );
    assert!(mean <= 0.25, "{mean}");
    for text in our_words() {
        let (bound, truth) = (known.bound(&text), truth(&text));
        println!("fixed or full: {bound} for {truth}");
        assert!(bound >= truth && bound * 100 <= truth * 125, "{bound} for {truth}: {text}");
    }
}

/// What a model says is shown back to it as it is, and nobody has cleaned that.
#[test]
fn of_hostile_texts_as_they_are_the_bound_is_not_below_the_truth() {
    let known = Known::of_o200k();
    let texts = crate::hostile::texts(include_str!("../../hostile/texts.txt"));
    let answers = include_str!("../../hostile/answers.txt");
    for text in texts.iter().map(String::as_str).chain(answers.lines()).chain([answers]) {
        assert!(known.bound(text) >= truth(text), "{text:?}");
        let as_json = serde_json::Value::from(text).to_string();
        assert!(known.bound(&as_json) >= truth(&as_json), "{as_json}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2_000))]

    #[test]
    fn of_any_text_the_bound_is_not_below_the_truth(
        text in "([ -~]{0,12}|\\PC{0,4}|[a-zA-Z' ]{0,16}|[0-9٣²½.,]{0,8}|[\\s\u{b}\u{a0}]{0,4}|[{}\\[\\]\":,_/-]{0,8}|[а-яÀ-ž\u{301}\u{17f}]{0,6}){0,8}",
    ) {
        let (bound, truth) = (Known::of_o200k().bound(&text), truth(&text));
        proptest::prop_assert!(bound >= truth, "{bound} < {truth}: {text:?}");
    }
}
