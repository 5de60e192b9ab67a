//! The models of OpenAI, on Chat Completions and on Responses.
//!
//! Sources: developers.openai.com "Deprecations", read 2026-12-01, and PyPI openai 3.57.0 `types/shared/chat_model.py` (shutdown
//! dates); pydantic profiles/openai.py (efforts, each verified live on Responses); litellm PR 34569 (raw probes of tools on
//! Chat, 2026-07-24), onyx-dot-app/onyx#15008 (2026-09-23), bolna-ai/bolna PR 1019 (2026-09-05, gpt-6-astra); dust-tt/dust PR
//! 33031 (gpt-6-luna, 2026-09-22); recorded `gpt-*`, `openai-*`, `o3-*`.

use super::{LOW_TO_MAX, is_snapshot};

/// What Chat Completions takes of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum OnChat {
    /// Tools at any effort.
    Tools,
    /// Tools where no effort is sent, or `none`.
    ToolsWithoutEffort,
    /// Tools where the effort `none` is sent.
    ToolsAtNone,
    /// No tools.
    NoTools,
    /// It is not a chat model.
    Absent,
}

/// Whether a temperature other than 1 is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Temperature {
    Taken,
    TakenAtNone,
    Refused,
}

/// One model.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Gpt {
    /// Its name, also of its dated snapshots.
    pub(in crate::model) name: &'static str,
    pub(in crate::model) on_chat: OnChat,
    /// The efforts that it takes; none where it does not reason.
    pub(in crate::model) efforts: &'static [&'static str],
    /// The effort where none is sent.
    pub(in crate::model) effort: &'static str,
    pub(in crate::model) temperature: Temperature,
    /// Takes `parallel_tool_calls`.
    pub(in crate::model) takes_parallel: bool,
    /// Takes `strict` functions and a schema of its answer.
    pub(in crate::model) takes_strict: bool,
}

const NONE_TO_XHIGH: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const NONE_TO_MAX: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];

/// Does not reason.
const GPT_4: Gpt = Gpt {
    name: "",
    on_chat: OnChat::Tools,
    efforts: &[],
    effort: "none",
    temperature: Temperature::Taken,
    takes_parallel: true,
    takes_strict: true,
};
const GPT_5: Gpt = Gpt {
    efforts: &["minimal", "low", "medium", "high"],
    effort: "medium",
    temperature: Temperature::Refused,
    ..GPT_4
};
const GPT_5_1: Gpt =
    Gpt { efforts: &["none", "low", "medium", "high"], temperature: Temperature::TakenAtNone, ..GPT_4 };
const GPT_5_2: Gpt = Gpt { efforts: NONE_TO_XHIGH, ..GPT_5_1 };
const GPT_5_4: Gpt = Gpt { on_chat: OnChat::ToolsWithoutEffort, ..GPT_5_2 };
/// One report says that 5.5 never takes tools on Chat (jeffdafoe PR 178).
const GPT_5_5: Gpt = Gpt { on_chat: OnChat::ToolsAtNone, effort: "medium", ..GPT_5_2 };
const GPT_5_6: Gpt = Gpt { efforts: NONE_TO_MAX, ..GPT_5_5 };
const ASTRA: Gpt = Gpt {
    on_chat: OnChat::NoTools,
    efforts: LOW_TO_MAX,
    effort: "medium",
    temperature: Temperature::Refused,
    ..GPT_4
};
const PRO: Gpt = Gpt { on_chat: OnChat::Absent, efforts: &["medium", "high", "xhigh"], ..ASTRA };
const O_SERIES: Gpt = Gpt { efforts: &["low", "medium", "high"], takes_parallel: false, ..GPT_5 };

/// Every model that lives. Gone since 2026-10-23: o1, o1-pro, o3-mini, o4-mini, gpt-4.1-nano, gpt-4o-2024-05-13.
const MODELS: &[Gpt] = &[
    Gpt { name: "gpt-4.1", ..GPT_4 },
    Gpt { name: "gpt-4.1-mini", ..GPT_4 },
    Gpt { name: "gpt-4o", ..GPT_4 },
    Gpt { name: "gpt-4o-mini", ..GPT_4 },
    Gpt { name: "gpt-5", ..GPT_5 },
    Gpt { name: "gpt-5-mini", ..GPT_5 },
    Gpt { name: "gpt-5-nano", ..GPT_5 },
    // Verified live in 2026-10: `high` alone.
    Gpt { name: "gpt-5-pro", efforts: &["high"], effort: "high", ..PRO },
    Gpt { name: "gpt-5.1", ..GPT_5_1 },
    Gpt { name: "gpt-5.2", ..GPT_5_2 },
    Gpt { name: "gpt-5.2-pro", ..PRO },
    Gpt { name: "gpt-5.3-codex", on_chat: OnChat::Absent, ..GPT_5_2 },
    Gpt { name: "gpt-5.4", ..GPT_5_4 },
    Gpt { name: "gpt-5.4-mini", ..GPT_5_4 },
    Gpt { name: "gpt-5.4-nano", ..GPT_5_4 },
    // By litellm 1.110.2 alone: `supports_response_schema` is false of these two.
    Gpt { name: "gpt-5.4-pro", takes_strict: false, ..PRO },
    Gpt { name: "gpt-5.5", ..GPT_5_5 },
    Gpt { name: "gpt-5.5-pro", takes_strict: false, ..PRO },
    Gpt { name: "gpt-5.6-sol", ..GPT_5_6 },
    Gpt { name: "gpt-5.6-terra", ..GPT_5_6 },
    Gpt { name: "gpt-5.6-luna", ..GPT_5_6 },
    Gpt { name: "gpt-6-sol", ..GPT_5_6 },
    Gpt { name: "gpt-6-luna", ..GPT_5_6 },
    Gpt { name: "gpt-6-astra", ..ASTRA },
    Gpt { name: "gpt-6.1-sol", ..ASTRA },
    // Disputed: never on Chat by rig (PR 2956), like 6-sol by litellm; the fake takes the stricter.
    Gpt { name: "gpt-6.1-terra", on_chat: OnChat::NoTools, ..GPT_5_6 },
    // Named by the SDK; taken to be as their forerunners.
    Gpt { name: "gpt-6.2-astra", ..ASTRA },
    Gpt { name: "gpt-6.2-sol", ..ASTRA },
    Gpt { name: "o3", ..O_SERIES },
    Gpt { name: "o3-pro", on_chat: OnChat::Absent, ..O_SERIES },
];

impl Gpt {
    /// The model of this name.
    pub(in crate::model) fn of(name: &str) -> Option<&'static Gpt> {
        let is_gone = name == "gpt-4o-2024-05-13";
        MODELS.iter().find(|model| !is_gone && is_snapshot(name, model.name))
    }

    /// Whether it reasons; then its bound has another name on Chat.
    pub(in crate::model) fn reasons(&self) -> bool {
        !self.efforts.is_empty()
    }

    /// Whether it takes `temperature` at `effort`.
    pub(in crate::model) fn takes_temperature(&self, temperature: f64, effort: &str) -> bool {
        match self.temperature {
            Temperature::Taken => true,
            Temperature::TakenAtNone => effort == "none" || is_default(temperature),
            Temperature::Refused => is_default(temperature),
        }
    }
}

/// 1, which every model takes.
fn is_default(temperature: f64) -> bool {
    (temperature - 1.0).abs() < f64::EPSILON
}
