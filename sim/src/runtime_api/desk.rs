//! Where the invoker leaves an event and the function collects it: one at a time.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use shared::time::{Millis, Timestamp};
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;

use super::outcome::Complaint;
use super::wall::{self, Stopwatch};

/// What the function did, for the invoker who waits.
#[derive(Debug)]
pub(super) enum Event {
    /// It collected the event.
    Taken { id: String },
    /// It answered.
    Answered { id: String, body: Bytes },
    /// Its handler failed.
    Failed { id: String, complaint: Complaint },
    /// It could not initialise.
    InitFailed(Complaint),
}

/// An event as it is handed over.
#[derive(Debug, Clone)]
pub(super) struct Handover {
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) deadline: Timestamp,
    pub(super) function_arn: String,
    pub(super) trace: String,
}

#[derive(Debug)]
struct Offer {
    id: String,
    trace: String,
    payload: Bytes,
    timeout: Millis,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Offered(Offer),
    Running(String),
}

/// The state that the endpoints share with the invoker.
#[derive(Debug)]
pub(super) struct Desk {
    function_arn: String,
    port: u16,
    opened_at: Timestamp,
    opened: Stopwatch,
    ready_after: OnceLock<Millis>,
    count: AtomicU64,
    slot: Mutex<Slot>,
    offered: Notify,
    events: Sender<Event>,
}

impl Desk {
    pub(super) fn new(function_arn: &str, port: u16, events: Sender<Event>) -> Desk {
        Desk {
            function_arn: function_arn.to_owned(),
            port,
            opened_at: wall::now(),
            opened: Stopwatch::start(),
            ready_after: OnceLock::new(),
            count: AtomicU64::new(0),
            slot: Mutex::default(),
            offered: Notify::new(),
            events,
        }
    }

    /// Leaves an event for the function, in place of whatever lay there.
    pub(super) fn offer(&self, payload: Bytes, timeout: Millis) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let id = self.request_id(count);
        let trace =
            format!("Root=1-{:08x}-{:04x}{count:020x};Sampled=0", self.opened_at.as_secs(), self.port);
        *self.slot() = Slot::Offered(Offer { id: id.clone(), trace, payload, timeout });
        self.offered.notify_waiters();
        id
    }

    /// Withdraws what lies there: what is said about it from now on comes too late.
    pub(super) fn clear(&self) {
        *self.slot() = Slot::Empty;
    }

    /// Whether nothing was offered yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// From opening to the first request for work; none until then.
    pub(super) fn ready_after(&self) -> Option<Millis> {
        self.ready_after.get().copied()
    }

    /// Waits for an event. The deadline counts from here, as on Lambda.
    pub(super) async fn take(&self) -> Handover {
        self.ready_after.get_or_init(|| self.opened.elapsed());
        loop {
            // Listening before looking: an offer in between is not missed.
            let offered = self.offered.notified();
            if let Some(handover) = self.try_take() {
                self.tell(Event::Taken { id: handover.id.clone() });
                return handover;
            }
            offered.await;
        }
    }

    /// The function answered; whether that invocation is the one that runs.
    pub(super) fn answered(&self, id: &str, body: Bytes) -> bool {
        self.finish(id) && self.tell(Event::Answered { id: id.to_owned(), body })
    }

    /// The function's handler failed; whether that invocation is the one that runs.
    pub(super) fn failed(&self, id: &str, complaint: Complaint) -> bool {
        self.finish(id) && self.tell(Event::Failed { id: id.to_owned(), complaint })
    }

    /// The function could not initialise.
    pub(super) fn init_failed(&self, complaint: Complaint) -> bool {
        self.tell(Event::InitFailed(complaint))
    }

    fn request_id(&self, count: u64) -> String {
        // In the shape of a UUID; unique by when and where the process was started.
        format!("{:08x}-{:04x}-4000-8000-{count:012x}", self.opened_at.as_secs(), self.port)
    }

    fn try_take(&self) -> Option<Handover> {
        let mut slot = self.slot();
        let offer = match mem::take(&mut *slot) {
            Slot::Offered(offer) => offer,
            other @ (Slot::Empty | Slot::Running(_)) => {
                *slot = other;
                return None;
            }
        };
        *slot = Slot::Running(offer.id.clone());
        Some(Handover {
            id: offer.id,
            payload: offer.payload,
            deadline: wall::now() + offer.timeout,
            function_arn: self.function_arn.clone(),
            trace: offer.trace,
        })
    }

    fn finish(&self, id: &str) -> bool {
        let mut slot = self.slot();
        let runs = matches!(&*slot, Slot::Running(running) if running == id);
        if runs {
            *slot = Slot::Empty;
        }
        runs
    }

    /// The channel holds more than one invocation can say; a function that floods it is not heard.
    fn tell(&self, event: Event) -> bool {
        self.events.try_send(event).is_ok()
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
