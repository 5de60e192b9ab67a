//! Processor time of the four functions' own binaries, measured with `lambda-thousand` and kept as a dated file.
//!
//! A thousand invocations serve a thousand strategies, one each, so what an invocation costs by itself is counted again
//! for every strategy of a shard: an upper bound. Heartbeat serves all at once.

use rust_decimal::Decimal;
use shared::tables::Function;

/// The measurement; its head says how it was made.
const MEASURED: &str = include_str!("../../data/processor.csv");
/// Its name in messages.
const NAME: &str = "ops/data/processor.csv";
/// The head of its columns.
const COLUMNS: &str = "function,tick,strategies,invocations,microseconds";

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processor {
    /// The day.
    pub on: String,
    rows: Vec<Row>,
}

/// One kind of tick.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    function: String,
    tick: String,
    strategies: u64,
    microseconds: u64,
}

/// A file that says something else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{NAME}: {0}; write it anew with lambda-thousand --processor")]
pub struct BadFile(String);

impl Processor {
    /// The measurement that this program was built with.
    pub fn measured() -> Result<Processor, BadFile> {
        Processor::read(MEASURED)
    }

    fn read(text: &str) -> Result<Processor, BadFile> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let on = first.strip_prefix("# measured ").ok_or_else(|| BadFile("says no day".to_owned()))?;
        shared::time::Day::parse(on).map_err(|_| BadFile(format!("{on} is no day")))?;
        let mut rows = lines.skip_while(|line| line.starts_with('#'));
        if rows.next() != Some(COLUMNS) {
            return Err(BadFile(format!("its columns are not {COLUMNS}")));
        }
        let rows = rows.map(row).collect::<Result<Vec<_>, _>>()?;
        let processor = Processor { on: on.to_owned(), rows };
        let missing = WANTED.iter().find(|(of, tick)| processor.row(*of, tick).is_none());
        match missing {
            Some((of, tick)) => Err(BadFile(format!("no row for {}, {tick}", of.as_str()))),
            None => Ok(processor),
        }
    }

    /// Microseconds that so many invocations take a whole processor, which serve `strategies` in all in each round and
    /// ask the model `asked` times.
    pub fn microseconds(
        &self,
        of: Function,
        rounds: Decimal,
        strategies: Decimal,
        asked: Decimal,
    ) -> Decimal {
        let dearest =
            |ticks: &[&str]| ticks.iter().map(|tick| self.for_each(of, tick)).max().unwrap_or_default();
        match of {
            Function::Decide => {
                let (idle, cycle) = (dearest(&["idle"]), dearest(&["hold", "with intent"]));
                rounds * strategies * idle + asked * (cycle - idle).max(Decimal::ZERO)
            }
            Function::Execute => rounds * strategies * dearest(&["idle", "position held"]),
            Function::Reconcile => rounds * strategies * dearest(&["after orders"]),
            Function::Heartbeat => {
                let seen = self.row(of, "all is well").map_or(Decimal::ONE, |row| row.strategies.into());
                rounds * strategies.max(seen) * dearest(&["all is well"])
            }
        }
    }

    /// Microseconds for each strategy of a tick.
    fn for_each(&self, of: Function, tick: &str) -> Decimal {
        let each = |row: &Row| Decimal::from(row.microseconds).checked_div(Decimal::from(row.strategies));
        self.row(of, tick).and_then(each).unwrap_or_default()
    }

    fn row(&self, of: Function, tick: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.function == of.as_str() && row.tick == tick)
    }
}

/// The kinds of ticks that a bill needs.
const WANTED: [(Function, &str); 6] = [
    (Function::Decide, "idle"),
    (Function::Decide, "with intent"),
    (Function::Execute, "idle"),
    (Function::Execute, "position held"),
    (Function::Reconcile, "after orders"),
    (Function::Heartbeat, "all is well"),
];

fn row(line: &str) -> Result<Row, BadFile> {
    let bad = || BadFile(format!("{line:?} is not a row of it"));
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(bad);
    let [function, tick, strategies, invocations, microseconds] =
        line.split(',').collect::<Vec<_>>().try_into().map_err(|_| bad())?;
    number(invocations)?;
    Ok(Row {
        function: function.to_owned(),
        tick: tick.to_owned(),
        strategies: number(strategies)?,
        microseconds: number(microseconds)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_says_something_else_is_refused_in_one_line() {
        assert!(Processor::measured().is_ok());
        for (from, to, why) in [
            ("# measured ", "# seen ", "says no day"),
            ("tick,strategies", "tick,fleet", "its columns are not"),
            ("decide,idle,", "decide,lazy,", "no row for decide, idle"),
            ("decide,idle,1", "decide,idle,0", "is not a row of it"),
            ("decide,idle,1", "decide,idle,1,1", "is not a row of it"),
        ] {
            let error = Processor::read(&MEASURED.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(why) && error.starts_with(NAME) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn heartbeat_takes_no_less_for_few_strategies_than_for_those_that_were_measured() {
        let processor = Processor::measured().unwrap();
        let of = |strategies: u64| {
            processor.microseconds(Function::Heartbeat, Decimal::ONE, strategies.into(), Decimal::ZERO)
        };
        assert_eq!(of(1), of(100));
        assert_eq!(of(200), of(100) * Decimal::TWO);
    }
}
