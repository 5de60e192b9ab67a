//! The providers by name: what stands before the first `/` of a model in the settings. A server of the user's own has a
//! name beside them ([`Servers`](super::Servers)).

/// A provider, or a kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Anthropic.
    Anthropic,
    /// OpenAI.
    OpenAi,
    /// Amazon Bedrock.
    Bedrock,
    /// DeepSeek.
    DeepSeek,
    /// Alibaba's DashScope, the international address.
    Qwen,
    /// Moonshot.
    Kimi,
    /// Z.ai.
    Glm,
    /// Google's Gemini API, the compatible endpoint.
    Gemini,
    /// xAI.
    Xai,
    /// Mistral.
    Mistral,
    /// Groq.
    Groq,
    /// OpenRouter.
    OpenRouter,
    /// Ollama.
    Ollama,
    /// vLLM.
    Vllm,
    /// llama.cpp's server.
    LlamaCpp,
    /// LM Studio.
    LmStudio,
    /// The server that a local run names in its environment, of no known kind.
    Compatible,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Provider; 17] = [
        Provider::Anthropic,
        Provider::OpenAi,
        Provider::Bedrock,
        Provider::DeepSeek,
        Provider::Qwen,
        Provider::Kimi,
        Provider::Glm,
        Provider::Gemini,
        Provider::Xai,
        Provider::Mistral,
        Provider::Groq,
        Provider::OpenRouter,
        Provider::Ollama,
        Provider::Vllm,
        Provider::LlamaCpp,
        Provider::LmStudio,
        Provider::Compatible,
    ];

    /// Its name in settings, and in the name of its secret.
    pub const fn as_str(self) -> &'static str {
        match self {
            Provider::Anthropic => "anthropic",
            Provider::OpenAi => "openai",
            Provider::Bedrock => "bedrock",
            Provider::DeepSeek => "deepseek",
            Provider::Qwen => "qwen",
            Provider::Kimi => "kimi",
            Provider::Glm => "glm",
            Provider::Gemini => "gemini",
            Provider::Xai => "xai",
            Provider::Mistral => "mistral",
            Provider::Groq => "groq",
            Provider::OpenRouter => "openrouter",
            Provider::Ollama => "ollama",
            Provider::Vllm => "vllm",
            Provider::LlamaCpp => "llamacpp",
            Provider::LmStudio => "lmstudio",
            Provider::Compatible => "compatible",
        }
    }

    /// Its public address: scheme and host, then the path before the endpoint's own. None of a server that runs where its
    /// user put it, and of Bedrock, whose address names a region.
    ///
    /// Sources, read 2026-12: docs.anthropic.com "Messages"; platform.openai.com "API reference"; api-docs.deepseek.com;
    /// alibabacloud.com "Compatibility with OpenAI" (Singapore); platform.moonshot.ai; docs.z.ai "API reference";
    /// ai.google.dev "OpenAI compatibility"; docs.x.ai; docs.mistral.ai; console.groq.com; openrouter.ai "API overview".
    pub const fn home(self) -> Option<(&'static str, &'static str)> {
        match self {
            Provider::Anthropic => Some(("https://api.anthropic.com", "/v1")),
            Provider::OpenAi => Some(("https://api.openai.com", "/v1")),
            Provider::DeepSeek => Some(("https://api.deepseek.com", "")),
            Provider::Qwen => Some(("https://dashscope-intl.aliyuncs.com", "/compatible-mode/v1")),
            Provider::Kimi => Some(("https://api.moonshot.ai", "/v1")),
            Provider::Glm => Some(("https://api.z.ai", "/api/paas/v4")),
            Provider::Gemini => Some(("https://generativelanguage.googleapis.com", "/v1beta/openai")),
            Provider::Xai => Some(("https://api.x.ai", "/v1")),
            Provider::Mistral => Some(("https://api.mistral.ai", "/v1")),
            Provider::Groq => Some(("https://api.groq.com", "/openai/v1")),
            Provider::OpenRouter => Some(("https://openrouter.ai", "/api/v1")),
            Provider::Bedrock
            | Provider::Ollama
            | Provider::Vllm
            | Provider::LlamaCpp
            | Provider::LmStudio
            | Provider::Compatible => None,
        }
    }

    /// Where a server of this kind listens by default on the machine that it runs on: Ollama's FAQ, vLLM's `serve`,
    /// llama.cpp's `server` README, LM Studio's "Local server".
    pub const fn local(self) -> Option<&'static str> {
        match self {
            Provider::Ollama => Some("http://127.0.0.1:11434/v1"),
            Provider::Vllm => Some("http://127.0.0.1:8000/v1"),
            Provider::LlamaCpp => Some("http://127.0.0.1:8080/v1"),
            Provider::LmStudio => Some("http://127.0.0.1:1234/v1"),
            Provider::Anthropic
            | Provider::OpenAi
            | Provider::Bedrock
            | Provider::DeepSeek
            | Provider::Qwen
            | Provider::Kimi
            | Provider::Glm
            | Provider::Gemini
            | Provider::Xai
            | Provider::Mistral
            | Provider::Groq
            | Provider::OpenRouter
            | Provider::Compatible => None,
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// Whose model `provider/name` is.
    pub fn of(model: &str) -> Option<Provider> {
        model.split_once('/').and_then(|(provider, _)| Provider::parse(provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_names_its_provider_before_the_first_slash() {
        for provider in Provider::ALL {
            assert_eq!(Provider::of(&format!("{}/some/model:0", provider.as_str())), Some(provider));
        }
        for model in ["anthropic", "Anthropic/claude", "/claude", "azure/gpt", ""] {
            assert_eq!(Provider::of(model), None, "{model}");
        }
    }
}
