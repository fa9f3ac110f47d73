//! Request bodies. What is the same for all items is serialised once.

use super::config::{OpenaiApi, OpenaiSpec};
use super::dialect::Form;
use crate::measure::Item;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// Key that asks for token counts at the end of a stream.
pub(in crate::workflow) const STREAM_OPTIONS: &str = "stream_options";

/// Builder of request bodies.
pub(super) struct Requests {
    api: OpenaiApi,
    /// JSON object up to the keys that depend on the item, per form.
    heads: Vec<(Form, String)>,
    /// System message followed by a comma, or empty.
    system: String,
    messages_key: Option<String>,
    tools_key: Option<String>,
}

impl Requests {
    pub fn new(spec: &OpenaiSpec) -> Self {
        let mut common = spec.extra_body.clone();
        let mut set = |key: &str, value: Value| drop(common.insert(key.to_owned(), value));
        set("model", json!(spec.model));
        set("stream", json!(spec.stream));
        if spec.stream && !spec.extra_body.contains_key(STREAM_OPTIONS) {
            set(STREAM_OPTIONS, json!({ "include_usage": true }));
        }
        if let Some(max_tokens) = spec.max_tokens {
            set("max_tokens", json!(max_tokens));
        }
        if let Some(temperature) = spec.temperature {
            set("temperature", json!(temperature));
        }
        let system = spec.system.as_ref();
        let system = system.map(|text| json!({ "role": "system", "content": text }).to_string());
        Self {
            api: spec.api,
            heads: forms().map(|form| (form, head_of(&in_form(common.clone(), form)))).collect(),
            system: system.map_or_else(String::new, |message| format!("{message},")),
            messages_key: spec.messages_key.clone(),
            tools_key: spec.tools_key.clone(),
        }
    }

    /// Builds the body for an item: its question, or its own messages and tools if the spec says so.
    pub fn body(&self, item: &Item, form: Form) -> Bytes {
        let field =
            |key: &Option<String>| item.fields.get(key.as_ref()?).filter(|it| !it.is_null());
        let question = || Value::from(item.input.as_str()).to_string();
        let head = self.heads.iter().find(|(known, _)| *known == form);
        // There is a head for every form.
        let mut body = head.map_or_else(String::new, |(_, head)| head.clone());
        match (self.api, field(&self.messages_key)) {
            (OpenaiApi::Completions, _) => {
                body.push_str("\"prompt\":");
                body.push_str(&question());
            }
            (OpenaiApi::Chat, Some(Value::Array(messages))) => {
                body.push_str("\"messages\":[");
                body.push_str(if messages.is_empty() {
                    self.system.trim_end_matches(',')
                } else {
                    &self.system
                });
                let messages: Vec<String> = messages.iter().map(Value::to_string).collect();
                body.push_str(&messages.join(","));
                body.push(']');
            }
            (OpenaiApi::Chat, _) => {
                body.push_str("\"messages\":[");
                body.push_str(&self.system);
                body.push_str("{\"role\":\"user\",\"content\":");
                body.push_str(&question());
                body.push_str("}]");
            }
        }
        if let Some(tools) = field(&self.tools_key) {
            body.push_str(",\"tools\":");
            body.push_str(&tools.to_string());
        }
        body.push('}');
        Bytes::from(body)
    }
}

fn forms() -> impl Iterator<Item = Form> {
    [false, true].into_iter().flat_map(|without_stream_options| {
        [false, true]
            .map(|max_completion_tokens| Form { without_stream_options, max_completion_tokens })
    })
}

/// Adapts the keys of a request to what a server understands. A key that the spec sets to null is left out
/// where sizer would otherwise set it.
pub(in crate::workflow) fn in_form(mut body: Map<String, Value>, form: Form) -> Map<String, Value> {
    let left_out = body.get(STREAM_OPTIONS).is_some_and(Value::is_null);
    if left_out || form.without_stream_options {
        body.shift_remove(STREAM_OPTIONS);
    }
    if form.max_completion_tokens
        && let Some(most) = body.shift_remove("max_tokens")
    {
        body.insert("max_completion_tokens".to_owned(), most);
    }
    body
}

/// Serialises an object without its closing brace, ready for more keys. It must not be empty.
fn head_of(common: &Map<String, Value>) -> String {
    let mut text = json!(common).to_string();
    text.pop();
    text.push(',');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Address;

    fn body(spec: &OpenaiSpec, fields: Value) -> Value {
        let Value::Object(fields) = fields else { panic!("fields are an object") };
        let item = Item { id: "1".into(), input: "say \"hi\"".into(), fields };
        serde_json::from_slice(&Requests::new(spec).body(&item, Form::default())).unwrap()
    }

    fn spec() -> OpenaiSpec {
        let spec = OpenaiSpec::of(Address::from("http://h/v1".to_owned()), "m");
        OpenaiSpec {
            stream: false,
            system: Some("Be brief.".into()),
            messages_key: Some("turns".into()),
            tools_key: Some("tools".into()),
            ..spec
        }
    }

    #[test]
    fn messages_and_tools_can_come_from_the_dataset() {
        let turns = json!([
            { "role": "user", "content": "3 x 7?" },
            { "role": "assistant", "content": "21" },
            { "role": "user", "content": "and 8?" },
        ]);
        let tools = json!([{ "type": "function", "function": { "name": "multiply" } }]);
        let sent = body(&spec(), json!({ "turns": turns, "tools": tools, "answer": 29 }));
        let mut messages = vec![json!({ "role": "system", "content": "Be brief." })];
        messages.extend(turns.as_array().unwrap().clone());
        let expected =
            json!({ "model": "m", "stream": false, "messages": messages, "tools": tools });
        assert_eq!(sent, expected);
    }

    #[test]
    fn an_item_without_messages_of_its_own_is_a_question() {
        let sent = body(&spec(), json!({ "turns": null }));
        assert_eq!(sent["messages"][1], json!({ "role": "user", "content": "say \"hi\"" }));
        assert_eq!(sent["messages"][0]["role"], "system");
        assert_eq!(sent.get("tools"), None);
    }

    #[test]
    fn a_plain_prompt() {
        let sent = body(&OpenaiSpec { api: OpenaiApi::Completions, ..spec() }, json!({}));
        assert_eq!(sent, json!({ "model": "m", "stream": false, "prompt": "say \"hi\"" }));
    }
}
