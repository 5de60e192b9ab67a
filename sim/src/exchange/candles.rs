//! Reader of market data files: one-minute candles as CSV or CSV.gz. Every defect is one line that names the
//! file, the line and the field and says how to mend it.

use std::fmt;
use std::io::Read;
use std::path::Path;

use csv::StringRecord;
use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::num::too_large;

/// The columns, in any order.
const COLUMNS: [&str; 6] = ["open_time", "open", "high", "low", "close", "volume"];
/// How a gzip file begins.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// One minute of trading. It covers `[open_time, open_time + 60 s)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When it opened: a whole minute.
    pub open_time: Timestamp,
    /// The first price.
    pub open: Decimal,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The last price.
    pub close: Decimal,
    /// The traded quantity in the base asset.
    pub volume: Decimal,
}

/// A market data file that cannot be used, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCandles {
    /// The file.
    pub file: String,
    /// The line, from 1, where the defect lies in one.
    pub line: Option<u64>,
    /// The field, where the defect lies in one.
    pub field: Option<&'static str>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: &'static str,
}

impl fmt::Display for BadCandles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(out, ", line {line}")?;
        }
        if let Some(field) = self.field {
            write!(out, ", field {field}")?;
        }
        write!(out, ": {}; {}", self.what, self.mend)
    }
}

impl std::error::Error for BadCandles {}

/// What is wrong and how to mend it, before the place is known.
#[derive(Debug)]
struct Defect {
    field: Option<&'static str>,
    what: String,
    mend: &'static str,
}

impl Defect {
    fn of(field: &'static str, what: String, mend: &'static str) -> Defect {
        Defect { field: Some(field), what, mend }
    }

    fn whole(what: String, mend: &'static str) -> Defect {
        Defect { field: None, what, mend }
    }

    fn at(self, file: &Path, line: Option<u64>) -> BadCandles {
        let file = file.display().to_string();
        BadCandles { file, line, field: self.field, what: self.what, mend: self.mend }
    }
}

/// Reads a whole file. Compression is told by content, not by name.
pub fn read_candles(path: &Path) -> Result<Vec<Candle>, BadCandles> {
    let raw = std::fs::read(path).map_err(|error| unreadable(&error).at(path, None))?;
    candles_in(raw, path)
}

/// Reads the bytes of a file that is called `path`.
pub fn candles_in(raw: Vec<u8>, path: &Path) -> Result<Vec<Candle>, BadCandles> {
    let plain = unpack(raw).map_err(|defect| defect.at(path, None))?;
    let text = std::str::from_utf8(&plain).map_err(|error| {
        let line = line_of(&plain, error.valid_up_to());
        Defect::whole("is not UTF-8 text".to_owned(), "save the file as UTF-8").at(path, Some(line))
    })?;
    parse(path, text)
}

fn unreadable(error: &std::io::Error) -> Defect {
    let mend = "check the path; it must name a CSV or CSV.gz file with one-minute candles";
    match error.kind() == std::io::ErrorKind::NotFound {
        true => Defect::whole("no such file".to_owned(), mend),
        false => Defect::whole(format!("cannot be read ({error})"), mend),
    }
}

fn unpack(raw: Vec<u8>) -> Result<Vec<u8>, Defect> {
    if !raw.starts_with(GZIP_MAGIC) {
        return Ok(raw);
    }
    let mut plain = Vec::new();
    match flate2::read::MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(error) => Err(Defect::whole(
            format!("is a damaged or truncated gzip file ({error})"),
            "fetch or compress the file again",
        )),
    }
}

/// The line that holds the byte at `offset`.
fn line_of(bytes: &[u8], offset: usize) -> u64 {
    let breaks = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count();
    u64::try_from(breaks).unwrap_or(u64::MAX).saturating_add(1)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Candle>, BadCandles> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    if !next(path, &mut reader, &mut record)? {
        let mend = "the file needs a header and at least one candle";
        return Err(Defect::whole("is empty".to_owned(), mend).at(path, None));
    }
    let columns = Columns::read(&record).map_err(|defect| defect.at(path, Some(1)))?;
    let mut candles: Vec<Candle> = Vec::new();
    while next(path, &mut reader, &mut record)? {
        let line = record.position().map(csv::Position::line);
        let candle = columns.candle(&record).map_err(|defect| defect.at(path, line))?;
        follows(candles.last(), &candle).map_err(|defect| defect.at(path, line))?;
        candles.push(candle);
    }
    if candles.is_empty() {
        let mend = "add at least one candle below the header";
        return Err(Defect::whole("holds no candle".to_owned(), mend).at(path, None));
    }
    Ok(candles)
}

fn next(path: &Path, reader: &mut csv::Reader<&[u8]>, record: &mut StringRecord) -> Result<bool, BadCandles> {
    reader.read_record(record).map_err(|error| {
        let line = error.position().map(csv::Position::line);
        Defect::whole(format!("is not CSV ({error})"), "separate the fields with commas").at(path, line)
    })
}

/// Where each column stands.
#[derive(Debug)]
struct Columns {
    at: [usize; 6],
    count: usize,
}

impl Columns {
    fn read(header: &StringRecord) -> Result<Columns, Defect> {
        let mut at = [0; 6];
        for (slot, name) in at.iter_mut().zip(COLUMNS) {
            *slot = header.iter().position(|field| field == name).ok_or_else(|| {
                let mend = "the header must name open_time,open,high,low,close,volume";
                Defect::of(name, "this column is missing".to_owned(), mend)
            })?;
        }
        Ok(Columns { at, count: header.len() })
    }

    fn candle(&self, record: &StringRecord) -> Result<Candle, Defect> {
        if record.len() != self.count {
            let what = format!("has {} fields where the header has {}", record.len(), self.count);
            return Err(Defect::whole(what, "complete or remove the line"));
        }
        let field = |at: usize| record.get(at).unwrap_or_default();
        let [time, open, high, low, close, volume] = self.at.map(field);
        let candle = Candle {
            open_time: minute(time)?,
            open: price("open", open)?,
            high: price("high", high)?,
            low: price("low", low)?,
            close: price("close", close)?,
            volume: number("volume", volume)?,
        };
        sane(&candle)?;
        Ok(candle)
    }
}

fn minute(text: &str) -> Result<Timestamp, Defect> {
    let mend = "write it like 2023-03-01 00:00:00+00:00, on a whole minute";
    let at = Timestamp::parse(&text.replacen(' ', "T", 1))
        .map_err(|_| Defect::of("open_time", format!("{text:?} is not a time with an offset"), mend))?;
    on_minute(at).map(|()| at)
}

fn on_minute(at: Timestamp) -> Result<(), Defect> {
    if at == at.minute() {
        return Ok(());
    }
    Err(Defect::of(
        "open_time",
        format!("{at} is not on a minute"),
        "candles open on whole minutes; mend the time",
    ))
}

fn number(field: &'static str, text: &str) -> Result<Decimal, Defect> {
    let mend = "write a decimal number like 23140.48";
    let legal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    // Tools that wrote the file from floats spell small volumes like 9e-05; that is exact all the same.
    let value = match text.contains(['e', 'E']) {
        true => Decimal::from_scientific(text).ok(),
        false => text.parse().ok(),
    };
    value
        .filter(|value| legal && !too_large(*value))
        .ok_or_else(|| Defect::of(field, format!("{text:?} is not a usable number"), mend))
}

fn price(field: &'static str, text: &str) -> Result<Decimal, Defect> {
    number(field, text)
}

/// What must hold within one candle, whatever it was made from.
fn sane(candle: &Candle) -> Result<(), Defect> {
    let prices = [("open", candle.open), ("high", candle.high), ("low", candle.low), ("close", candle.close)];
    for (field, value) in prices {
        if value <= Decimal::ZERO || too_large(value) {
            let what = format!("{value} is not a price above zero");
            return Err(Defect::of(field, what, "mend or remove the candle at its source"));
        }
    }
    if candle.volume < Decimal::ZERO || too_large(candle.volume) {
        let what = format!("{} is not a volume of zero or more", candle.volume);
        return Err(Defect::of("volume", what, "write 0 for a minute without trades"));
    }
    if candle.high < candle.low {
        let what = format!("{} lies below the low {}", candle.high, candle.low);
        return Err(Defect::of("high", what, "high and low may be swapped; mend the candle"));
    }
    for (field, value) in [("open", candle.open), ("close", candle.close)] {
        if value < candle.low || value > candle.high {
            let what = format!("{value} lies outside low {} to high {}", candle.low, candle.high);
            return Err(Defect::of(field, what, "mend the candle at its source"));
        }
    }
    Ok(())
}

/// Candles are one minute apart.
fn follows(earlier: Option<&Candle>, candle: &Candle) -> Result<(), Defect> {
    let Some(earlier) = earlier else { return Ok(()) };
    let step = candle.open_time.since(earlier.open_time);
    if step == Millis::from_minutes(1) {
        return Ok(());
    }
    let (now, then) = (candle.open_time, earlier.open_time);
    let (what, mend) = if step > Millis(0) {
        let missing = step.as_secs() / 60 - 1;
        (
            format!("{missing} minutes are missing between {then} and {now}"),
            "fill the gap with volume 0 candles",
        )
    } else if step == Millis(0) {
        (format!("{now} is there twice"), "remove one of the two lines")
    } else {
        (format!("{now} steps back from {then}"), "sort the file by open_time")
    };
    Err(Defect::of("open_time", what, mend))
}

/// The rules of a file for candles that were made in memory: the defect in one line, or nothing.
pub(super) fn check(candles: &[Candle]) -> Result<(), String> {
    let mut earlier = None;
    for (at, candle) in candles.iter().enumerate() {
        let verdict =
            on_minute(candle.open_time).and_then(|()| sane(candle)).and_then(|()| follows(earlier, candle));
        verdict.map_err(|defect| {
            format!("candle {at}, field {}: {}; {}", defect.field.unwrap_or("-"), defect.what, defect.mend)
        })?;
        earlier = Some(candle);
    }
    if candles.is_empty() { Err("there is no candle; give at least one".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const HEADER: &str = "open_time,open,high,low,close,volume\n";
    const GOOD: &str = "2023-03-01 00:00:00+00:00,10,12,9,11,1.5\n";

    fn write(name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("tradai-candles-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn pack(text: &str) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    fn defect(name: &str, bytes: &[u8]) -> BadCandles {
        let found = read_candles(&write(name, bytes)).unwrap_err();
        assert!(!found.to_string().contains('\n'), "one line: {found}");
        assert!(found.to_string().contains(name), "names the file: {found}");
        assert!(found.to_string().contains("; "), "says how to mend it: {found}");
        found
    }

    /// The defect of a second candle line, which is line 3 of the file.
    fn line_defect(name: &str, line: &str) -> BadCandles {
        let found = defect(name, format!("{HEADER}{GOOD}{line}\n").as_bytes());
        assert_eq!(found.line, Some(3), "{found}");
        found
    }

    #[test]
    fn plain_and_packed_files_read_the_same_whatever_their_name() {
        let text = format!("{HEADER}{GOOD}2023-03-01T00:01:00Z,11,11,11,11,0\n");
        let plain = read_candles(&write("plain.gz", text.as_bytes())).unwrap();
        let packed = read_candles(&write("packed.csv", &pack(&text))).unwrap();
        assert_eq!(plain, packed);
        assert_eq!(plain.len(), 2);
        assert_eq!(plain[0].low, Decimal::from(9));
        assert_eq!(plain[1].open_time, Timestamp::parse("2023-03-01T00:01:00Z").unwrap());
    }

    #[test]
    fn columns_are_found_by_name_and_others_are_passed_over() {
        let text =
            "close,trades,volume,low,high,open,open_time\n11,7,1.5,9,12,10,2023-03-01 00:00:00+00:00\n";
        let candles = read_candles(&write("order.csv", text.as_bytes())).unwrap();
        let usual = read_candles(&write("usual.csv", format!("{HEADER}{GOOD}").as_bytes())).unwrap();
        assert_eq!(candles, usual);
    }

    #[test]
    fn a_number_with_an_exponent_is_read_exactly() {
        let text = format!("{HEADER}2023-03-01 00:00:00+00:00,10,1.2E1,9,11,9e-05\n");
        let candle = read_candles(&write("exponent.csv", text.as_bytes())).unwrap()[0];
        assert_eq!((candle.high, candle.volume), (Decimal::from(12), Decimal::new(9, 5)));
    }

    #[test]
    fn a_missing_file_is_named() {
        let found = read_candles(Path::new("/nowhere/at/all.csv")).unwrap_err();
        assert!(found.to_string().starts_with("/nowhere/at/all.csv: no such file; "), "{found}");
    }

    #[test]
    fn a_truncated_gzip_file_is_told() {
        let mut packed = pack(&format!("{HEADER}{GOOD}"));
        packed.truncate(packed.len() - 12);
        assert!(defect("cut.csv.gz", &packed).what.contains("truncated gzip"));
    }

    #[test]
    fn bytes_that_are_not_utf8_name_their_line() {
        let mut bytes = format!("{HEADER}{GOOD}").into_bytes();
        bytes.push(0xff);
        let found = defect("latin.csv", &bytes);
        assert_eq!(found.line, Some(3));
        assert!(found.what.contains("UTF-8"));
    }

    #[test]
    fn an_empty_file_and_a_file_of_a_header_alone_are_told() {
        assert_eq!(defect("empty.csv", b"").what, "is empty");
        assert_eq!(defect("header.csv", HEADER.as_bytes()).what, "holds no candle");
    }

    #[test]
    fn a_missing_column_is_named() {
        let found = defect("column.csv", b"open_time,open,high,low,close\n");
        assert_eq!((found.line, found.field), (Some(1), Some("volume")));
    }

    #[test]
    fn a_wrong_count_of_fields_is_told() {
        assert!(
            line_defect("short.csv", "2023-03-01 00:01:00+00:00,10,12,9,11").what.contains("has 5 fields")
        );
        assert!(
            line_defect("long.csv", "2023-03-01 00:01:00+00:00,10,12,9,11,1,1").what.contains("has 7 fields")
        );
    }

    #[test]
    fn a_bad_number_names_its_field() {
        for bad in ["abc", "", "1e", "e5", "NaN", "1_0", "99999999999999", "1e99", "1e-99"] {
            let found = line_defect("number.csv", &format!("2023-03-01 00:01:00+00:00,10,12,{bad},11,1"));
            assert_eq!(found.field, Some("low"), "{found}");
        }
    }

    #[test]
    fn prices_are_above_zero_and_volumes_not_below() {
        for bad in ["0", "-1"] {
            let found = line_defect("price.csv", &format!("2023-03-01 00:01:00+00:00,{bad},12,9,11,1"));
            assert_eq!(found.field, Some("open"), "{found}");
        }
        let found = line_defect("volume.csv", "2023-03-01 00:01:00+00:00,10,12,9,11,-0.1");
        assert_eq!(found.field, Some("volume"), "{found}");
    }

    #[test]
    fn a_candle_that_contradicts_itself_names_the_field() {
        let cases = [("10,8,9,10,1", "high"), ("13,12,9,11,1", "open"), ("10,12,9,8,1", "close")];
        for (line, field) in cases {
            let found = line_defect("range.csv", &format!("2023-03-01 00:01:00+00:00,{line}"));
            assert_eq!(found.field, Some(field), "{found}");
        }
    }

    #[test]
    fn times_are_whole_minutes_with_an_offset() {
        for bad in ["2023-03-01 00:01:30+00:00", "2023-03-01 00:01:00", "noon", ""] {
            let found = line_defect("time.csv", &format!("{bad},10,12,9,11,1"));
            assert_eq!(found.field, Some("open_time"), "{found}");
        }
    }

    #[test]
    fn gaps_steps_back_and_duplicates_are_told_apart() {
        let at = |time: &str| line_defect("series.csv", &format!("{time},10,12,9,11,1")).what;
        assert!(at("2023-03-01 00:03:00+00:00").starts_with("2 minutes are missing"));
        assert!(at("2023-03-01 00:00:00+00:00").ends_with("is there twice"));
        assert!(at("2023-02-28 23:59:00+00:00").contains("steps back"));
    }
}
