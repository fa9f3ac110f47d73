//! LLM providers of the reference that speak the chat completions protocol: where each is asked,
//! for which model, and how it takes its key.

use serde_json::{Map, Value};

/// Version of Azure's API that the reference names if the configuration does not.
const AZURE_VERSION: &str = "2025-04-01-preview";
/// Prefixes of a model of `litellm` that stand for this protocol at the configured address.
const LITELLM: [&str; 5] = ["openai", "hosted_vllm", "nvidia_nim", "litellm_proxy", "vllm"];

/// An LLM as the chat completions protocol addresses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Provider {
    /// Address below which the requests go, with its query.
    pub base_url: String,
    /// True if requests need a key: at the provider's own address, and with Azure at any address.
    pub takes_key: bool,
    pub model: String,
    /// Variable that holds the API key where the configuration does not refer to another.
    pub key_variable: &'static str,
    /// Header that takes the key; `None` for a bearer token.
    pub key_header: Option<&'static str>,
    /// Settings of the configuration that are contained in the above.
    pub settings: &'static [&'static str],
}

/// Reasons why an LLM cannot be asked directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoProvider {
    /// Its type, or its type together with its model, is not known to speak the protocol.
    OtherProtocol(String),
    NoModel,
}

impl Provider {
    /// Finds out how an LLM of the configuration is asked.
    pub fn of(llm: &Map<String, Value>) -> Result<Self, NoProvider> {
        let text = |keys: &[&str]| {
            let texts = keys.iter().filter_map(|key| llm.get(*key)?.as_str());
            texts.map(str::trim).find(|it| !it.is_empty()).map(str::to_owned)
        };
        let kind = text(&["_type"]);
        let model = text(&["model_name", "model"]);
        match kind.as_deref().unwrap_or("") {
            "openai" => Ok(Self::at(
                text(&["base_url"]),
                "https://api.openai.com/v1",
                "OPENAI_API_KEY",
                model.ok_or(NoProvider::NoModel)?,
            )),
            "nim" => Ok(Self::at(
                text(&["base_url"]),
                "https://integrate.api.nvidia.com/v1",
                "NVIDIA_API_KEY",
                model.ok_or(NoProvider::NoModel)?,
            )),
            "azure_openai" => {
                let deployment = text(&["azure_deployment"]).or(model);
                let deployment = deployment.ok_or(NoProvider::NoModel)?;
                let url = text(&["azure_endpoint", "base_url"])
                    .unwrap_or_else(|| "${env:AZURE_OPENAI_ENDPOINT}".to_owned());
                let version = text(&["api_version"]).unwrap_or_else(|| AZURE_VERSION.to_owned());
                Ok(Self {
                    base_url: format!(
                        "{}/openai/deployments/{deployment}?api-version={version}",
                        url.trim_end_matches('/')
                    ),
                    takes_key: true,
                    model: deployment,
                    key_variable: "AZURE_OPENAI_API_KEY",
                    key_header: Some("api-key"),
                    settings: &["azure_endpoint", "azure_deployment", "api_version"],
                })
            }
            "litellm" => {
                let model = model.ok_or(NoProvider::NoModel)?;
                let other =
                    || NoProvider::OtherProtocol(format!("litellm` with the model `{model}"));
                let (prefix, name) = model.split_once('/').ok_or_else(other)?;
                let url = text(&["base_url", "api_base"]);
                // Without an address LiteLLM takes one from its own tables.
                if !LITELLM.contains(&prefix) || url.is_none() {
                    return Err(other());
                }
                let found = Self::at(url, "", "OPENAI_API_KEY", name.to_owned());
                Ok(Self { settings: &["api_base"], ..found })
            }
            other => Err(NoProvider::OtherProtocol(other.to_owned())),
        }
    }

    fn at(url: Option<String>, public: &str, key_variable: &'static str, model: String) -> Self {
        Self {
            takes_key: url.is_none(),
            base_url: url.unwrap_or_else(|| public.to_owned()),
            model,
            key_variable,
            key_header: None,
            settings: &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(llm: &Value) -> Result<Provider, NoProvider> {
        Provider::of(llm.as_object().unwrap())
    }

    #[test]
    fn azure_is_asked_for_a_deployment_with_its_version_and_key_header() {
        let found = of(&json!({
            "_type": "azure_openai", "azure_endpoint": "https://a.example/", "model_name": "gpt"
        }));
        let found = found.unwrap();
        assert_eq!(
            found.base_url,
            "https://a.example/openai/deployments/gpt?api-version=2025-04-01-preview"
        );
        assert_eq!((found.model.as_str(), found.key_header), ("gpt", Some("api-key")));
        let found = of(&json!({
            "_type": "azure_openai", "base_url": "https://b.example", "azure_deployment": "d", "api_version": "v1"
        }));
        let found = found.unwrap();
        assert_eq!(found.base_url, "https://b.example/openai/deployments/d?api-version=v1");
        let found = of(&json!({"_type": "azure_openai", "model": "d"})).unwrap();
        assert!(found.base_url.starts_with("${env:AZURE_OPENAI_ENDPOINT}/openai/deployments/d?"));
    }

    #[test]
    fn a_model_of_litellm_says_which_protocol_it_takes() {
        let found = of(&json!({
            "_type": "litellm", "model_name": "openai/org/name", "api_base": "http://h/v1"
        }));
        let found = found.unwrap();
        assert_eq!((found.base_url.as_str(), found.model.as_str()), ("http://h/v1", "org/name"));
        for other in [
            json!({"_type": "litellm", "model_name": "anthropic/claude", "base_url": "http://h"}),
            json!({"_type": "litellm", "model_name": "openai/gpt"}),
            json!({"_type": "litellm", "model_name": "gpt", "base_url": "http://h"}),
        ] {
            assert!(matches!(of(&other), Err(NoProvider::OtherProtocol(_))), "{other}");
        }
    }

    #[test]
    fn other_types_and_llms_without_a_model_are_told_apart() {
        let bedrock = of(&json!({"_type": "aws_bedrock", "model_name": "m"}));
        assert_eq!(bedrock, Err(NoProvider::OtherProtocol("aws_bedrock".to_owned())));
        assert_eq!(of(&json!({"_type": "nim"})), Err(NoProvider::NoModel));
    }
}
