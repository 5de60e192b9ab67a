//! A simple trend follower, long only: enough sense that the system around it does all it can do.

use rust_decimal::{Decimal, RoundingStrategy};

use super::answer::Answer;
use super::ask::Ask;
use super::decision::Decision;
use super::facts::{Bounds, Facts, Features, Position, Symbol};

/// An hour's gain, in percent, that counts as a trend.
const TREND_PCT: Decimal = thousandths(150);
/// Above this RSI nothing is bought.
const HOT_RSI: Decimal = thousandths(75_000);
/// Above this RSI what is held is sold.
const BOILING_RSI: Decimal = thousandths(80_000);
/// The share of the permitted quantity that is used.
const SHARE: Decimal = thousandths(400);
/// How many ATRs away the stop lies.
const STOP_ATRS: Decimal = thousandths(1_200);
/// The closest stop, in percent.
const CLOSEST_STOP_PCT: Decimal = thousandths(500);
/// How far the target lies, in stop distances.
const TARGET_STOPS: Decimal = thousandths(2_000);
/// Where a limit entry rests, as a share of the last price.
const LIMIT_SHARE: Decimal = Decimal::from_parts(9_995, 0, 0, false, 4);
/// A limit entry that rested this long without a fill has missed its market.
const STALE_ENTRY_MINUTES: i64 = 45;

const fn thousandths(count: u32) -> Decimal {
    Decimal::from_parts(count, 0, 0, false, 3)
}

/// Answers one request.
pub(super) fn answer(ask: &Ask) -> Answer {
    let decision = match ask.facts() {
        Some(facts) => decide(facts),
        None => Decision::hold("Holding: the facts could not be read."),
    };
    decision.answer(ask)
}

/// One decision for all symbols: what ends risk first, then what adds it.
fn decide(facts: &Facts) -> Decision {
    let each = |step: fn(&Facts, &Symbol) -> Option<Decision>| {
        facts.symbols.iter().find_map(|symbol| step(facts, symbol))
    };
    each(close).or_else(|| each(cancel)).or_else(|| each(open)).unwrap_or_else(|| hold(facts))
}

fn close(facts: &Facts, symbol: &Symbol) -> Option<Decision> {
    let position = symbol.position.as_ref().filter(|_| facts.allows("close"))?;
    let why = exit_reason(&symbol.features)?;
    let result = percent(position);
    Some(
        Decision::new("close", format!("Closing {}{result}: {why}.", symbol.name))
            .with("symbol", &symbol.name),
    )
}

fn exit_reason(features: &Features) -> Option<String> {
    let rsi = features.rsi_14.filter(|rsi| *rsi > BOILING_RSI);
    let boiling = rsi.map(|rsi| format!("RSI {rsi} is above {}", BOILING_RSI.normalize()));
    boiling.or_else(|| turned(features))
}

fn turned(features: &Features) -> Option<String> {
    let (fast, slow, hour) = (features.ema_fast?, features.ema_slow?, features.return_60m_pct?);
    let down = fast < slow && hour.is_sign_negative() && !hour.is_zero();
    down.then(|| format!("fast EMA {fast} is below slow EMA {slow} and the hour lost {hour} %"))
}

fn percent(position: &Position) -> String {
    position.gain_pct.map(|pct| format!(" at {pct} %")).unwrap_or_default()
}

fn cancel(facts: &Facts, symbol: &Symbol) -> Option<Decision> {
    let order = symbol.resting_entry().filter(|_| facts.allows("cancel"))?;
    let reason = format!("Cancelling an entry that rested for {} minutes.", order.age_minutes);
    (order.age_minutes >= STALE_ENTRY_MINUTES).then(|| {
        Decision::new("cancel", reason).with("symbol", &symbol.name).with("order_id", &order.order_id)
    })
}

fn open(facts: &Facts, symbol: &Symbol) -> Option<Decision> {
    let free = symbol.position.is_none() && symbol.resting_entry().is_none() && facts.allows("open");
    let trend = Trend::of(&symbol.features).filter(|trend| free && trend.rises())?;
    let price = trend.entry(&symbol.bounds)?;
    let quantity = size(&symbol.bounds, price)?;
    let notional = quantity.checked_mul(price)?;
    let affordable = facts.quote_balance.is_none_or(|balance| notional <= balance);
    let order = Decision::new("open", trend.describe(&symbol.name))
        .with("symbol", &symbol.name)
        .with("side", "buy")
        .with_number("quantity", quantity);
    let order = trend.protected(trend.priced(order, price), &symbol.bounds)?;
    affordable.then_some(order)
}

/// All figures that an entry needs.
struct Trend {
    last: Decimal,
    hour: Decimal,
    fast: Decimal,
    slow: Decimal,
    rsi: Decimal,
    atr_pct: Decimal,
}

impl Trend {
    fn of(features: &Features) -> Option<Trend> {
        Some(Trend {
            last: features.last?,
            hour: features.return_60m_pct?,
            fast: features.ema_fast?,
            slow: features.ema_slow?,
            rsi: features.rsi_14?,
            atr_pct: features.atr_60m_pct?,
        })
    }

    fn rises(&self) -> bool {
        self.fast > self.slow && self.hour > TREND_PCT && self.rsi < HOT_RSI
    }

    fn describe(&self, symbol: &str) -> String {
        let Trend { last, hour, fast, slow, rsi, .. } = self;
        format!(
            "Opening {symbol} at {last}: the hour gained {hour} %, fast EMA {fast} is above slow EMA {slow}, RSI is {rsi}."
        )
    }

    /// Whether to rest a limit instead of taking the market: by the digits of the price, so that both
    /// kinds occur and the same facts always give the same kind.
    fn rests(&self) -> bool {
        let digits = self.last.to_string();
        digits.bytes().filter(u8::is_ascii_digit).map(u32::from).sum::<u32>() % 2 == 1
    }

    fn entry(&self, bounds: &Bounds) -> Option<Decimal> {
        match self.rests() {
            true => down_to(self.last.checked_mul(LIMIT_SHARE)?, bounds.price_tick?),
            false => Some(self.last),
        }
    }

    fn priced(&self, order: Decision, price: Decimal) -> Decision {
        match self.rests() {
            true => order
                .with("order_type", "limit")
                .with_number("limit_price", price)
                .with("time_in_force", "GTC"),
            false => order.with("order_type", "market"),
        }
    }

    fn protected(&self, order: Decision, bounds: &Bounds) -> Option<Decision> {
        let tick = bounds.price_tick?;
        let distance_pct = self.atr_pct.checked_mul(STOP_ATRS)?.max(CLOSEST_STOP_PCT);
        let distance = self.last.checked_mul(distance_pct)?.checked_div(Decimal::ONE_HUNDRED)?;
        let stop = down_to(self.last.checked_sub(distance)?, tick)?;
        let target = down_to(self.last.checked_add(distance.checked_mul(TARGET_STOPS)?)?, tick)?;
        let sound = stop > Decimal::ZERO;
        sound.then(|| order.with_number("stop_loss", stop).with_number("take_profit", target))
    }
}

/// A share of what is permitted, at least what the venue accepts; nothing if both cannot be had.
fn size(bounds: &Bounds, price: Decimal) -> Option<Decimal> {
    let (most, step) = (bounds.max_quantity?, bounds.quantity_step?);
    let wanted = down_to(most.checked_mul(SHARE)?, step)?;
    let worth = up_to(bounds.min_notional.unwrap_or_default().checked_div(price)?, step)?;
    let least = up_to(bounds.min_quantity?, step)?.max(worth);
    let quantity = wanted.max(least);
    (quantity > Decimal::ZERO && quantity <= most).then_some(quantity)
}

fn down_to(value: Decimal, step: Decimal) -> Option<Decimal> {
    stepped(value, step, RoundingStrategy::ToNegativeInfinity)
}

fn up_to(value: Decimal, step: Decimal) -> Option<Decimal> {
    stepped(value, step, RoundingStrategy::ToPositiveInfinity)
}

fn stepped(value: Decimal, step: Decimal, rounding: RoundingStrategy) -> Option<Decimal> {
    value.checked_div(step)?.round_dp_with_strategy(0, rounding).checked_mul(step)
}

fn hold(facts: &Facts) -> Decision {
    let Some(symbol) = facts.symbols.first() else { return Decision::hold("Holding: no symbol to trade.") };
    let features = &symbol.features;
    let figure =
        |value: Option<Decimal>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    let reason = format!(
        "Holding {}: the hour made {} %, fast EMA {}, slow EMA {}, RSI {}.",
        symbol.name,
        figure(features.return_60m_pct),
        figure(features.ema_fast),
        figure(features.ema_slow),
        figure(features.rsi_14)
    );
    Decision::hold(reason).with("symbol", &symbol.name)
}
