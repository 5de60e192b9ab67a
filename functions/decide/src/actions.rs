//! What the model may do, computed before it is asked: where it may do nothing, it is not asked.

use shared::books::PositionStatus;
use shared::decision::Action;
use shared::ids::{OrderId, Symbol};
use shared::state::{Live, StrategyState, Target};
use shared::status::{Act, Status, may};

use crate::snapshot::Books;

/// Whether the model could be asked at all, before any book is read. The hold `model_off` is no reason: whether it
/// still holds is read with the books.
pub const fn may_be_asked(state: &StrategyState) -> bool {
    match state.status {
        Status::Running | Status::Reducing => true,
        Status::Warmup | Status::Halted | Status::Stopped => false,
    }
}

/// The actions that change something; hold and abstain come on top. Empty: do not ask.
pub fn allowed(state: &StrategyState, books: &Books, symbols: &[Symbol]) -> Vec<Action> {
    let (status, held) = (state.status, !state.holds.is_empty());
    let opens = may_open(state, books, symbols) && books.know_balances();
    let closes = may(Act::ExitByModel, status, held)
        && books.positions.iter().any(|one| one.status == PositionStatus::Open && !is_wished(state, one));
    // Where the status is not running, execute withdraws entries itself.
    let cancels = status == Status::Running
        && may(Act::CancelEntry, status, held)
        && books.entries().any(|order| !is_wished_away(state, &order.terms.order_id));
    let choices = [(Action::Open, opens), (Action::Close, closes), (Action::Cancel, cancels)];
    choices.into_iter().filter_map(|(action, is_allowed)| is_allowed.then_some(action)).collect()
}

/// Whether something could be opened if it were known what the account holds.
pub fn lack_balances(state: &StrategyState, books: &Books, symbols: &[Symbol]) -> bool {
    may_open(state, books, symbols) && !books.know_balances()
}

fn may_open(state: &StrategyState, books: &Books, symbols: &[Symbol]) -> bool {
    may(Act::Open, state.status, !state.holds.is_empty())
        && state.has_room_to_open()
        && symbols.iter().any(|symbol| !books.is_taken(symbol))
}

/// Whether someone wishes to close it already.
fn is_wished(state: &StrategyState, position: &shared::books::Position) -> bool {
    state.live.values().any(|entry| match entry {
        Live::Wish(wish) => wish.target == Target::Close(position.id.clone()),
        Live::Position | Live::Order { .. } => false,
    })
}

/// Whether someone wishes to cancel it already.
fn is_wished_away(state: &StrategyState, id: &OrderId) -> bool {
    state.live.values().any(|entry| match entry {
        Live::Wish(wish) => matches!(&wish.target, Target::Cancel { order_id, .. } if order_id == id),
        Live::Position | Live::Order { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, at};
    use shared::books::AccountBook;
    use shared::records::AccountLedger;
    use shared::state::WishFor;
    use shared::status::Hold;

    fn state(status: Status) -> StrategyState {
        StrategyState { status, ..testing::state() }
    }
    fn names(state: &StrategyState, books: &Books) -> String {
        let names: Vec<&str> =
            allowed(state, books, &[testing::symbol()]).into_iter().map(Action::as_str).collect();
        names.join(" ")
    }

    /// Nothing held or ordered, by an account whose balance is known.
    fn empty() -> Books {
        Books { account: Some(testing::account("1000")), ..Books::default() }
    }

    #[test]
    fn the_allowed_actions_follow_status_and_books() {
        let (empty, holding, resting) = (empty(), testing::holding(), testing::resting());
        for (status, expected) in [
            (Status::Warmup, ["", "", ""]),
            (Status::Running, ["open", "close", "cancel"]),
            (Status::Reducing, ["", "close", ""]),
            (Status::Halted, ["", "", ""]),
            (Status::Stopped, ["", "", ""]),
        ] {
            let found = [&empty, &holding, &resting].map(|books| names(&state(status), books));
            assert_eq!(found, expected, "{}", status.as_str());
        }
    }

    #[test]
    fn any_hold_forbids_opening_alone() {
        for hold in Hold::ALL {
            let mut state = state(Status::Running);
            state.holds.insert(hold, at("2023-03-01T00:00:00Z"));
            assert_eq!(names(&state, &empty()), "");
            assert_eq!(names(&state, &testing::holding()), "close");
            assert!(may_be_asked(&state));
        }
    }

    #[test]
    fn the_model_is_asked_in_running_and_reducing_alone() {
        for status in Status::ALL {
            let expected = matches!(status, Status::Running | Status::Reducing);
            assert_eq!(may_be_asked(&state(status)), expected, "{}", status.as_str());
        }
    }

    #[test]
    fn a_full_state_allows_no_opening() {
        let mut state = state(Status::Running);
        for seq in 0..13 {
            state.live.insert(format!("demo.{seq}"), Live::Position);
        }
        assert_eq!(names(&state, &empty()), "");
    }

    #[test]
    fn an_entry_that_is_wished_away_is_not_cancelled_again() {
        let (mut state, books) = (state(Status::Running), testing::resting());
        let terms = &books.orders[0].terms;
        let (position, order_id) = (terms.position_id.clone(), terms.order_id.clone());
        let target = Target::Cancel { position, order_id };
        let Live::Wish(wish) = testing::close_wish(&terms.position_id) else { panic!("a wish") };
        state.live.insert("w-1".to_owned(), Live::Wish(WishFor { target, ..wish }));
        assert_eq!(names(&state, &books), "");
    }

    #[test]
    fn while_it_is_not_known_what_the_account_holds_only_opening_is_forbidden() {
        let (state, unread) = (state(Status::Running), Books::default());
        let unopened = AccountLedger { book: AccountBook::default(), ..testing::account("1000") };
        let unopened = Books { account: Some(unopened), ..Books::default() };
        for books in [&unread, &unopened] {
            assert_eq!(names(&state, books), "");
            assert!(lack_balances(&state, books, &[testing::symbol()]));
        }
        assert!(!lack_balances(&state, &empty(), &[testing::symbol()]));
        assert_eq!(names(&state, &testing::resting()), "cancel");
    }

    #[test]
    fn a_position_that_is_closing_or_wished_closed_is_not_closed_again() {
        let mut books = testing::holding();
        let mut state = state(Status::Running);
        let wish = testing::close_wish(&books.positions[0].id);
        state.live.insert("w-1".to_owned(), wish);
        assert_eq!(names(&state, &books), "");
        books.positions[0].status = PositionStatus::Closing;
        assert_eq!(names(&testing::state(), &books), "");
    }
}
