//! What can go wrong with one call, and which calls it can befall.

use super::target::Target;

/// A kind of fault with its printed name and the calls that it can befall.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal on $($target:ident)|+;)*) => {
        /// What goes wrong with one call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in the order in which one draw is laid out over them.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// The printed name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// Whether it can befall such a call.
            pub const fn fits(self, target: Target) -> bool {
                match self { $(Kind::$kind => matches!(target, $(Target::$target)|+),)* }
            }
        }
    };
}

kinds! {
    /// The request never arrives; nobody answers.
    VenueRequestLost = "venue_request_lost" on VenueSend | VenueRead;
    /// The request is served; nobody answers.
    VenueReplyLost = "venue_reply_lost" on VenueSend | VenueRead;
    /// The request is served, and the answer is a 503.
    Venue503Applied = "venue_503_applied" on VenueSend;
    /// A 503, and nothing happened.
    Venue503Clean = "venue_503_clean" on VenueSend | VenueRead;
    /// The request is served, and the answer is a 504 with code -1007.
    Venue1007Applied = "venue_1007_applied" on VenueSend;
    /// A 429 with Retry-After; a request inside that time is a violation.
    Venue429 = "venue_429" on VenueSend | VenueRead;
    /// A proxy's page; a send happened half of the time.
    VenueHtml502 = "venue_html_502" on VenueSend | VenueRead;
    /// The request is served, and the answer stops half way.
    VenueTruncatedJson = "venue_truncated_json" on VenueSend | VenueRead;
    /// Nothing left this machine.
    VenueNeverSent = "venue_never_sent" on VenueSend | VenueRead;
    /// Nobody answers, and the request arrives seconds or minutes later.
    VenueGhost = "venue_ghost" on VenueSend;
    /// The request arrives twice.
    VenueDuplicate = "venue_duplicate" on VenueSend;
    /// Served, nobody answers, and fresh orders are invisible to queries for some seconds.
    VenueReadLag = "venue_read_lag" on VenueSend;
    /// The model provider's 429.
    Model429 = "model_429" on Model;
    /// The model provider is overloaded.
    Model529 = "model_529" on Model;
    /// The model does not answer.
    ModelTimeout = "model_timeout" on Model;
    /// The model's answer stops half way.
    ModelGarbage = "model_garbage" on Model;
    /// DynamoDB says: not now. Nothing happened.
    TableThrottled = "table_throttled" on Table | Transaction;
    /// Another transaction holds an item. Nothing happened.
    TableConflict = "table_conflict" on Transaction;
    /// Done, and nobody answers.
    TableReplyLost = "table_reply_lost" on Table | Transaction;
    /// An internal error. Nothing happened.
    Table500Clean = "table_500_clean" on Table | Transaction;
    /// The request never arrives; nobody answers.
    TableRequestLost = "table_request_lost" on Table | Transaction;
    /// SNS fails. Nothing was published.
    PublishFailed = "publish_failed" on Publish;
    /// Published, and nobody answers.
    PublishReplyLost = "publish_reply_lost" on Publish;
    /// CloudWatch fails. Nothing was put.
    MetricsFailed = "metrics_failed" on Metrics;
}
