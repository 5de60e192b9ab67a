//! The providers by name: what stands before the first `/` of a model in the settings.

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API.
    OpenAi,
    /// A server of the user's choice that speaks Chat Completions.
    Compatible,
    /// Amazon Bedrock's Converse API.
    Bedrock,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Provider; 4] =
        [Provider::Anthropic, Provider::OpenAi, Provider::Compatible, Provider::Bedrock];

    /// Its name in settings, and in the name of its secret.
    pub const fn as_str(self) -> &'static str {
        match self {
            Provider::Anthropic => "anthropic",
            Provider::OpenAi => "openai",
            Provider::Compatible => "compatible",
            Provider::Bedrock => "bedrock",
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
    fn a_provider_is_read_from_its_models_and_no_other() {
        for provider in Provider::ALL {
            assert_eq!(Provider::of(&format!("{}/some/model:0", provider.as_str())), Some(provider));
        }
        for model in ["anthropic", "Anthropic/claude", "/claude", "mistral/large", ""] {
            assert_eq!(Provider::of(model), None, "{model}");
        }
    }
}
