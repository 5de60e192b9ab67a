//! Rate limits: request weight by minute, orders by ten seconds and day, and the bans that follow.

use shared::time::{Day, Millis, Timestamp};

use super::refusal::Refusal;

/// Weight that one address may use in a minute.
pub(super) const WEIGHT_PER_MINUTE: u64 = 6_000;
/// Unfilled orders in ten seconds.
pub(super) const ORDERS_PER_10S: u64 = 100;
/// Unfilled orders in a day.
pub(super) const ORDERS_PER_DAY: u64 = 200_000;
/// The first ban; each later one is twice as long.
const FIRST_BAN_SECONDS: i64 = 120;
/// Three days.
const LONGEST_BAN_SECONDS: i64 = 259_200;

/// What was used of each limit.
#[derive(Debug)]
pub(super) struct Limits {
    minute: i64,
    pub(super) weight: u64,
    ten_seconds: i64,
    pub(super) orders_10s: u64,
    day: Day,
    pub(super) orders_1d: u64,
    retry_until: Timestamp,
    /// Whether the caller was told of it.
    told: bool,
    banned_until: Timestamp,
    next_ban_seconds: i64,
    /// Requests that came although the caller had been told to wait.
    pub(super) violations: u64,
}

impl Limits {
    pub(super) fn new() -> Limits {
        let never = Timestamp::from_millis(0);
        Limits {
            minute: 0,
            weight: 0,
            ten_seconds: 0,
            orders_10s: 0,
            day: Day(0),
            orders_1d: 0,
            retry_until: never,
            told: false,
            banned_until: never,
            next_ban_seconds: FIRST_BAN_SECONDS,
            violations: 0,
        }
    }

    /// Admits a request of this weight, or says how long to stay away.
    pub(super) fn admit(&mut self, weight: u64, now: Timestamp) -> Result<(), Refusal> {
        self.roll(now);
        if self.banned_until > now {
            self.violations += 1;
            return Err(banned(self.banned_until, now));
        }
        if self.retry_until > now && self.told {
            self.violations += 1;
            return Err(self.ban(now));
        }
        if self.retry_until > now {
            self.told = true;
            return Err(too_much_weight(self.retry_until, now));
        }
        self.weight += weight;
        if self.weight <= WEIGHT_PER_MINUTE {
            return Ok(());
        }
        (self.retry_until, self.told) = (now.minute() + Millis::from_minutes(1), true);
        Err(too_much_weight(self.retry_until, now))
    }

    /// Begins a window in which every request is one too many, as a scenario: the first one is told so, with a 429,
    /// and whoever goes on is banned.
    pub(super) fn throttle(&mut self, until: Timestamp) {
        (self.retry_until, self.told) = (until, false);
    }

    /// The same where the caller was told already.
    pub(super) fn throttled(&mut self, until: Timestamp) {
        (self.retry_until, self.told) = (until, true);
    }

    /// Refuses a new order over the order limits.
    pub(super) fn check_order(&self, now: Timestamp) -> Result<(), Refusal> {
        let (limit, interval, ends) = if self.orders_10s >= ORDERS_PER_10S {
            let ends = Timestamp::from_millis((self.ten_seconds + 1).saturating_mul(10_000));
            (ORDERS_PER_10S, "10 SECOND", ends)
        } else if self.orders_1d >= ORDERS_PER_DAY {
            (ORDERS_PER_DAY, "1 DAY", Day(self.day.0 + 1).start())
        } else {
            return Ok(());
        };
        let msg = format!("Too many new orders; current limit is {limit} orders per {interval}.");
        Err(Refusal::wait(429, -1015, msg, seconds_until(ends, now)))
    }

    /// Counts an accepted order.
    pub(super) fn count_order(&mut self) {
        self.orders_10s += 1;
        self.orders_1d += 1;
    }

    /// Gives an order's count back when it first fills.
    pub(super) fn credit_order(&mut self) {
        self.orders_10s = self.orders_10s.saturating_sub(1);
        self.orders_1d = self.orders_1d.saturating_sub(1);
    }

    fn roll(&mut self, now: Timestamp) {
        if self.minute != now.minute_number() {
            (self.minute, self.weight) = (now.minute_number(), 0);
        }
        let ten_seconds = now.as_millis().div_euclid(10_000);
        if self.ten_seconds != ten_seconds {
            (self.ten_seconds, self.orders_10s) = (ten_seconds, 0);
        }
        if self.day != now.day() {
            (self.day, self.orders_1d) = (now.day(), 0);
        }
    }

    fn ban(&mut self, now: Timestamp) -> Refusal {
        self.banned_until = now + Millis::from_secs(self.next_ban_seconds);
        self.next_ban_seconds = self.next_ban_seconds.saturating_mul(2).min(LONGEST_BAN_SECONDS);
        banned(self.banned_until, now)
    }
}

fn banned(until: Timestamp, now: Timestamp) -> Refusal {
    let msg = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to \
         avoid bans.",
        until.as_millis()
    );
    Refusal::wait(418, -1003, msg, seconds_until(until, now))
}

fn too_much_weight(until: Timestamp, now: Timestamp) -> Refusal {
    let msg = format!(
        "Too much request weight used; current limit is {WEIGHT_PER_MINUTE} request weight per 1 MINUTE. Please \
         use WebSocket Streams for live updates to avoid polling the API."
    );
    Refusal::wait(429, -1003, msg, seconds_until(until, now))
}

/// Whole seconds, rounded up, at least one.
fn seconds_until(until: Timestamp, now: Timestamp) -> i64 {
    until.since(now).0.saturating_add(999).div_euclid(1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(600_000_000 + seconds * 1_000)
    }

    #[test]
    fn weight_above_the_limit_is_a_429_until_the_minute_ends() {
        let mut limits = Limits::new();
        assert_eq!(limits.admit(6_000, at(10)), Ok(()));
        let refusal = limits.admit(1, at(20)).unwrap_err();
        assert_eq!((refusal.status, refusal.code, refusal.retry_after), (429, -1003, Some(40)));
        assert_eq!(limits.admit(1, at(60)), Ok(()));
        assert_eq!((limits.weight, limits.violations), (1, 0));
    }

    #[test]
    fn a_request_inside_the_retry_window_is_a_ban_that_grows() {
        let mut limits = Limits::new();
        limits.throttle(at(30));
        let told = limits.admit(1, at(0)).unwrap_err();
        assert_eq!((told.status, told.code, told.retry_after, limits.violations), (429, -1003, Some(30), 0));
        let refusal = limits.admit(1, at(0)).unwrap_err();
        assert_eq!((refusal.status, refusal.code, refusal.retry_after), (418, -1003, Some(120)));
        assert!(refusal.msg.contains(&at(120).as_millis().to_string()));
        assert_eq!(limits.admit(1, at(119)).unwrap_err().retry_after, Some(1));
        assert_eq!(limits.admit(1, at(120)), Ok(()));
        assert_eq!(limits.violations, 2);
        limits.throttled(at(130));
        assert_eq!(limits.admit(1, at(121)).unwrap_err().retry_after, Some(240));
        limits.throttle(at(900));
        assert_eq!(limits.admit(1, at(899)).unwrap_err().status, 429);
        assert_eq!(limits.admit(1, at(900)), Ok(()), "whoever waits is served");
    }

    #[test]
    fn orders_are_counted_by_ten_seconds_and_credited_by_fills() {
        let mut limits = Limits::new();
        assert_eq!(limits.admit(1, at(3)), Ok(()));
        for _ in 0..ORDERS_PER_10S {
            limits.count_order();
        }
        let refusal = limits.check_order(at(3)).unwrap_err();
        assert_eq!((refusal.status, refusal.code, refusal.retry_after), (429, -1015, Some(7)));
        limits.credit_order();
        assert_eq!(limits.check_order(at(3)), Ok(()));
        limits.count_order();
        assert_eq!(limits.admit(1, at(10)), Ok(()));
        assert_eq!(limits.check_order(at(10)), Ok(()));
        assert_eq!(limits.orders_1d, ORDERS_PER_10S);
    }
}
