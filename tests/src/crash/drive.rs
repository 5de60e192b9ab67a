//! Drives one run: ticks, AWS's retries, people, ghosts; and then ticks alone until everything is settled.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use shared::approval::{Approval, Offer};
use shared::ids::PositionId;
use shared::records;
use shared::secret::Secret;
use shared::state::{Live, Target, WishFor};
use shared::store::{Attr, Change, Cond, Item, Key, Path, Write};
use shared::tables::{Function, Table};
use shared::testkit::at_once;
use shared::time::{Millis, Timestamp};
use sim::exchange::{NewOrder, Side as SimSide};

use super::effects::{Faults, Stop};
use super::outside::{entries, text};
use super::phases::{Method, Phase};
use super::scenario::{Act, Scenario};
use super::stream::{Author, Commit};
use super::world::{APPROVAL_KEY, Invocation, Manner, World, env};

/// When each function is woken within its minute.
const fn wakes_at(function: Function) -> Millis {
    match function {
        Function::Decide => Millis(1_000),
        Function::Execute => Millis(4_000),
        Function::Reconcile => Millis(8_000),
        Function::Heartbeat => Millis(12_000),
    }
}

/// When AWS delivers an event again whose invocation failed.
const RETRY: Millis = Millis::from_secs(3);
/// When everything of a minute has run.
const END_OF_MINUTE: Millis = Millis(50_000);
/// Ticks within which everything must be settled once the last fence has passed.
const SETTLED_WITHIN: i64 = 10;
/// How long nothing must have failed before a run counts as settled.
const QUIET: Millis = Millis::from_minutes(2);
/// Most events of a run: more is a loop.
const MOST_EVENTS: usize = 2_000;

/// What happens at a time.
enum Event {
    Wake(Function, Timestamp),
    Retry(Function, Timestamp),
    Act(Act),
    Ghost,
    Thaw(usize, Function, Invocation),
}

/// A run that has ended.
pub struct Ended {
    /// The world as it is now.
    pub world: World,
    /// Whether it settled in time.
    pub settled: bool,
    /// Every invocation: function, scheduled minute, and its error if it had one.
    pub invocations: Vec<(Function, Timestamp, Option<String>)>,
    /// Invocations that ran at once.
    pub pairs: Vec<(usize, usize)>,
}

struct Driver {
    world: World,
    events: BTreeMap<(Timestamp, usize), Event>,
    number: usize,
    invocations: Vec<(Function, Timestamp, Option<String>)>,
    pairs: Vec<(usize, usize)>,
    minutes: i64,
}

/// Runs `scenario` to its end.
pub fn run(scenario: &Scenario, manner: &Manner) -> Ended {
    let mut driver = Driver {
        world: World::new(scenario, manner),
        events: BTreeMap::new(),
        number: 0,
        invocations: Vec::new(),
        pairs: Vec::new(),
        minutes: 0,
    };
    for (minute, second, act) in &scenario.acts {
        driver.add(scenario.minute(*minute) + Millis::from_secs(*second), Event::Act(act.clone()));
    }
    let most = scenario.minutes + SETTLED_WITHIN + recovery(&manner.faults);
    let mut settled = false;
    while driver.minutes < most && !settled {
        driver.minute();
        settled = driver.minutes >= scenario.minutes && driver.is_settled();
    }
    let Driver { world, invocations, pairs, .. } = driver;
    Ended { world, settled, invocations, pairs }
}

/// Minutes that faults may add before the last fence: a retry, a ghost, a fence.
fn recovery(faults: &Faults) -> i64 {
    2 * i64::try_from(faults.len()).unwrap() + 2
}

impl Driver {
    fn add(&mut self, at: Timestamp, event: Event) {
        self.number += 1;
        self.events.insert((at, self.number), event);
    }

    /// The next minute, with everything that falls into it.
    fn minute(&mut self) {
        let n = self.minutes;
        let minute = self.world.scenario.minute(n);
        for function in Function::ALL {
            let is_due = minute.minute_number().rem_euclid(function.period_minutes()) == 0;
            if is_due && self.world.scenario.wakes(function, n) {
                self.add(minute + wakes_at(function), Event::Wake(function, minute));
            }
        }
        self.world.clock.set(minute);
        self.world.exchange.advance(minute);
        self.world.tables.stream.begin_minute();
        self.minutes += 1;
        let end = minute + Millis::from_minutes(1);
        for _ in 0..MOST_EVENTS {
            if let Some(due) = self.world.effects.next_ghost()
                && due < end
                && self.events.first_key_value().is_none_or(|((at, _), _)| due <= *at)
            {
                self.add(due, Event::Ghost);
            }
            match self.events.first_key_value() {
                Some(((at, _), _)) if *at < end => {}
                _ => return,
            }
            let Some(((at, _), event)) = self.events.pop_first() else { return };
            self.happen(at, event);
        }
        panic!("{}: a minute without end", self.world.scenario.name);
    }

    fn happen(&mut self, at: Timestamp, event: Event) {
        self.world.clock.set(at);
        self.world.exchange.advance(self.world.clock.now());
        self.world.effects.deliver_ghosts();
        match event {
            Event::Wake(function, minute) => self.invoke(function, minute, true),
            Event::Retry(function, minute) => self.invoke(function, minute, false),
            Event::Act(act) => self.act(&act),
            Event::Ghost => {}
            Event::Thaw(number, function, invocation) => {
                let minute = self.invocations[number].1;
                self.drive(number, function, minute, invocation, false);
            }
        }
    }

    fn begin(&mut self, function: Function, minute: Timestamp) -> usize {
        self.invocations.push((function, minute, None));
        self.invocations.len() - 1
    }

    fn invoke(&mut self, function: Function, minute: Timestamp, may_retry: bool) {
        let number = self.begin(function, minute);
        let invocation = self.world.wake(function, minute);
        self.drive(number, function, minute, invocation, may_retry);
    }

    fn poll(
        &self,
        number: usize,
        function: Function,
        invocation: &mut Invocation,
    ) -> Poll<Result<(), String>> {
        self.world.effects.enter(number, function);
        invocation.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Drives one invocation until it ends, dies or freezes.
    fn drive(
        &mut self,
        number: usize,
        function: Function,
        minute: Timestamp,
        mut invocation: Invocation,
        may_retry: bool,
    ) {
        loop {
            match self.poll(number, function, &mut invocation) {
                Poll::Ready(result) => {
                    let failed = result.is_err();
                    self.invocations[number].2 = result.err();
                    return self.retry(function, minute, failed && may_retry);
                }
                Poll::Pending => match self.world.effects.take_stop() {
                    Some(Stop::Crashed) => {
                        drop(invocation);
                        self.world.saboteur.forget();
                        self.invocations[number].2 = Some("died".to_owned());
                        return self.retry(function, minute, may_retry);
                    }
                    Some(Stop::Frozen(Phase::FrozenLong)) => {
                        let thaws = self.world.clock.now().minute() + Millis::from_minutes(1) + END_OF_MINUTE;
                        return self.add(thaws, Event::Thaw(number, function, invocation));
                    }
                    Some(Stop::Frozen(Phase::FrozenPerson)) => self.next_act(),
                    Some(Stop::Frozen(_)) => self.invoke(function, minute, false),
                    // Alone, there is nobody to switch to.
                    Some(Stop::Switched) => {}
                    None => panic!("{} waits for something that is no port", function.as_str()),
                },
            }
        }
    }

    fn retry(&mut self, function: Function, minute: Timestamp, again: bool) {
        if again {
            let at = self.world.clock.now() + RETRY;
            self.add(at, Event::Retry(function, minute));
        }
    }

    /// What a person would do next happens now.
    fn next_act(&mut self) {
        let next =
            self.events.iter().find(|(_, event)| matches!(event, Event::Act(act) if act.is_a_persons()));
        let Some(key) = next.map(|(key, _)| *key) else { return };
        if let Some(Event::Act(act)) = self.events.remove(&key) {
            self.act(&act);
        }
    }

    /// Two invocations of one event, switching where the faults say.
    fn both(&mut self, function: Function, minute: Timestamp) {
        let numbers = [self.begin(function, minute), self.begin(function, minute)];
        self.pairs.push((numbers[0], numbers[1]));
        let mut pair = [Some(self.world.wake(function, minute)), Some(self.world.wake(function, minute))];
        let mut turn = 0;
        while pair.iter().any(Option::is_some) {
            let number = numbers[turn];
            let Some(mut one) = pair[turn].take() else {
                turn = 1 - turn;
                continue;
            };
            match self.poll(number, function, &mut one) {
                Poll::Ready(result) => {
                    self.invocations[number].2 = result.err();
                    turn = 1 - turn;
                }
                Poll::Pending => match self.world.effects.take_stop() {
                    Some(Stop::Switched | Stop::Frozen(Phase::Frozen)) => {
                        pair[turn] = Some(one);
                        turn = 1 - turn;
                    }
                    Some(Stop::Frozen(Phase::FrozenPerson)) => {
                        self.next_act();
                        pair[turn] = Some(one);
                    }
                    Some(Stop::Frozen(_)) => {
                        let thaws = self.world.clock.now().minute() + Millis::from_minutes(1) + END_OF_MINUTE;
                        self.add(thaws, Event::Thaw(number, function, one));
                        turn = 1 - turn;
                    }
                    Some(Stop::Crashed) => {
                        drop(one);
                        self.world.saboteur.forget();
                        self.invocations[number].2 = Some("died".to_owned());
                        self.retry(function, minute, true);
                        turn = 1 - turn;
                    }
                    None => panic!("{} waits for something that is no port", function.as_str()),
                },
            }
        }
    }

    /// Nothing is under way: every order is over or rests, every position is closed or open.
    fn is_settled(&self) -> bool {
        let waits = self.events.values().any(|event| !matches!(event, Event::Wake(..)));
        if waits || self.world.effects.next_ghost().is_some() || self.is_unseen() {
            return false;
        }
        // Two whole minutes without a fault: each function has seen what the last one left.
        let last = self.world.effects.last_fault();
        if last.is_some_and(|at| self.world.clock.now().minute().since(at.minute()) < QUIET) {
            return false;
        }
        let stream = &self.world.tables.stream;
        let is = |item: &Item, words: &[&str]| words.contains(&text(item, "status"));
        let sending = ["intended", "awaiting_approval", "pending", "unknown"];
        let wishes = |state: &Item| entries(state, "live").keys().any(|name| name.starts_with("w-"));
        !stream.scan(Table::Orders).iter().any(|order| is(order, &sending))
            && !stream.scan(Table::Positions).iter().any(|position| is(position, &["closing"]))
            && !stream.scan(Table::TradingState).iter().any(wishes)
    }

    /// Whether the exchange did something twice that no reconcile and heartbeat has looked at since.
    fn is_unseen(&self) -> bool {
        let Some(doubled) = doubled(&self.world) else { return false };
        // A look that the venue let it take ends with a write of the account.
        let is_look = |commit: &&Commit| {
            let Author::Invocation(number) = commit.by else { return false };
            let by = self.invocations.get(number).map(|(function, ..)| *function);
            let of_account = commit.images.iter().any(|image| image.key.hash.starts_with("account#"));
            by == Some(Function::Reconcile) && commit.at >= doubled && of_account
        };
        let since = self.world.tables.stream.commits().iter().find(is_look).map(|commit| commit.at);
        since.is_none_or(|at| self.world.clock.now().since(at) < Millis::from_minutes(2))
    }

    fn act(&mut self, act: &Act) {
        let minute = self.world.clock.now().minute();
        match act {
            Act::Again(function) => self.invoke(*function, minute, false),
            Act::Both(function) => self.both(*function, minute),
            Act::SetStatus(status) => {
                let set = Change::Set(Path::of("status"), Attr::S(status.as_str().to_owned()));
                self.edit(records::state::key(&Scenario::strategy()), vec![set]);
            }
            Act::CloseByHand => self.close_by_hand(),
            Act::WishClose => self.wish_close(),
            Act::Approve => self.approve(),
            Act::Forge => self.forge(),
            Act::TradeByHand(side, quantity) => self.trade_by_hand(*side, quantity),
        }
    }

    fn edit(&self, key: Key, changes: Vec<Change>) {
        self.world
            .tables
            .stream
            .write(Author::Person, vec![Write::update(key, changes, Vec::new())])
            .unwrap();
    }

    fn positions(&self) -> Vec<(PositionId, Item)> {
        let items = self.world.tables.stream.store.snapshot();
        let of = items.into_iter().filter(|(key, item)| {
            key.table == Table::Positions && item.get("status") != Some(&Attr::S("closed".to_owned()))
        });
        of.map(|(key, item)| (PositionId::parse(&key.hash).unwrap(), item)).collect()
    }

    fn close_by_hand(&self) {
        for (id, _) in self.positions() {
            let now = self.world.clock.now();
            let changes = vec![
                Change::Set(Path::of("status"), Attr::S("closed".to_owned())),
                Change::Set(Path::of("closed_manually"), Attr::Bool(true)),
                Change::Set(Path::of("closed_at"), Attr::S(now.to_string())),
            ];
            self.edit(records::position::key(&id), changes);
        }
    }

    fn wish_close(&self) {
        for (id, _) in self.positions() {
            let key = records::state::key(&Scenario::strategy());
            let item = at_once(shared::ports::ReadTables::get(
                &self.world.tables.stream.store,
                std::slice::from_ref(&key),
            ));
            let mut state = records::state::decode(item.unwrap()[0].as_ref().unwrap()).unwrap();
            let before = records::state::encode(&state);
            state.intent_seq += 1;
            let wish = WishFor {
                target: Target::Close(id),
                origin: shared::order::Origin::Person,
                at: self.world.clock.now(),
                decision: None,
            };
            state.live.insert(records::state::wish_key(state.intent_seq), Live::Wish(wish));
            let conds = vec![Cond::Equals(Path::of("intent_seq"), before["intent_seq"].clone())];
            let changes = shared::store::changes(&before, &records::state::encode(&state));
            let write = Write::update(key, changes, conds);
            self.world.tables.stream.write(Author::Person, vec![write]).unwrap();
        }
    }

    /// What waits for a person.
    fn offers(&self) -> Vec<Offer> {
        let items = self.world.tables.stream.store.snapshot().into_iter();
        let orders = items.filter(|(key, _)| key.table == Table::Orders);
        let orders = orders.filter_map(|(_, item)| records::order::decode(&item).ok());
        orders.filter_map(|order| Offer::of(&order)).collect()
    }

    fn approve(&self) {
        let key = Secret::new(APPROVAL_KEY.to_owned());
        for offer in self.offers() {
            let now = self.world.clock.now();
            self.leave(&offer, &shared::approval::sign(&key, &env(), &offer, "ada", now).unwrap());
        }
    }

    fn forge(&self) {
        for offer in self.offers() {
            let at = self.world.clock.now();
            self.leave(&offer, &Approval { by: "mallory".to_owned(), at, mac: "00".repeat(32) });
        }
    }

    /// Somebody may have ended the offer meanwhile: then nothing is left on it.
    fn leave(&self, offer: &Offer, approval: &Approval) {
        let write = records::order::approve(&offer.terms.position_id, &offer.terms.order_id, approval);
        self.world.tables.stream.write(Author::Person, vec![write]).ok();
    }

    fn trade_by_hand(&self, side: shared::market::Side, quantity: &str) {
        let side = match side {
            shared::market::Side::Buy => SimSide::Buy,
            shared::market::Side::Sell => SimSide::Sell,
        };
        let wish = NewOrder::market(side, quantity.parse().unwrap());
        self.world.exchange.manual_order(self.world.clock.now(), &wish).unwrap();
    }
}

/// When the exchange first took one request twice: no client can prevent it, so it must be found.
pub fn doubled(world: &World) -> Option<Timestamp> {
    let suffered = world.effects.suffered().contains(&(Method::Place, Phase::Twice));
    let arrivals = world.venue.arrivals.borrow();
    let taken = |id: &str| arrivals.iter().filter(|one| one.taken && one.client_id == id).count();
    let orders = world.exchange.orders();
    let made = |id: &str| orders.iter().filter(|order| order.client_id == id).count();
    let twice = arrivals.iter().find(|one| taken(&one.client_id) > 1 && made(&one.client_id) > 1);
    twice.filter(|_| suffered).map(|one| one.at)
}

impl Act {
    /// Whether a person does it.
    pub const fn is_a_persons(&self) -> bool {
        match self {
            Act::SetStatus(_)
            | Act::CloseByHand
            | Act::WishClose
            | Act::Approve
            | Act::Forge
            | Act::TradeByHand(..) => true,
            Act::Again(_) | Act::Both(_) => false,
        }
    }
}
