//! A warm process keeps nothing of the cycles that it has served. Bytes are counted here; the real process is weighed
//! round after round by `lambda-thousand --rounds 4`, in `.ci/run lambda`.

use allocation_counter::measure;
use shared::money::Notional;
use shared::ports::Clock;
use shared::roster::Trail;
use shared::settings::Tokens;
use shared::tables::Table;
use shared::time::Millis;

use crate::testing::World;

/// Cycles until everything that is bounded is full: windows are an hour at most.
const WARM: i64 = 300;
/// Cycles between two looks.
const ROUND: i64 = 200;

/// Asks in every minute, as long as the test goes on.
fn world() -> World {
    let world = World::new();
    world.set(|settings| {
        settings.llm_usd_per_day = Notional::parse("100").unwrap();
        settings.llm_tokens = Tokens::new(Tokens::MOST).unwrap();
    });
    world
}

/// One cycle a minute, and what it left outside the function is thrown away: items expire, lines are shipped.
fn serve(world: &World, trail: &Trail, cycles: i64) {
    for _ in 0..cycles {
        let now = world.clock.now();
        world.change(|state| state.last_reconciled_at = Some(now));
        world.tick_over(&world.tables, trail, now.minute());
        world.clock.0.set(now + Millis::from_minutes(1));
        world.tables.forget(Table::Decisions);
        world.log.0.borrow_mut().clear();
        world.model.recorded.borrow_mut().clear();
    }
    let asked = std::mem::take(&mut *world.model.asked.borrow_mut()).len();
    assert_eq!(asked, usize::try_from(cycles).unwrap(), "every cycle asks");
}

#[test]
fn a_warm_function_keeps_nothing_of_the_cycles_that_it_has_served() {
    let (world, trail) = (world(), Trail::default());
    serve(&world, &trail, WARM);
    let kept: Vec<i64> = (0..5).map(|_| measure(|| serve(&world, &trail, ROUND)).bytes_current).collect();
    // Less than a byte for each cycle: numbers that count have become longer.
    assert!(kept.iter().all(|bytes| bytes.abs() < ROUND), "{kept:?}");
}
