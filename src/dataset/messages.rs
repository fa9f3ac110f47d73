//! Conversations in the form that a chat endpoint takes.

use super::RawRow;
use crate::bounded::{MOST_VALUES, has_too_many_values};
use serde_json::{Map, Value, json};

/// Returns the messages of a row's conversation, ready to be sent; `None` if there are none.
/// Conversations in the format of `ShareGPT` (`{from: human, value: …}`) are translated; their last
/// answer is what the model is asked for, and therefore not sent.
pub(super) fn messages(value: &Value) -> Result<Option<Vec<Value>>, String> {
    let parsed;
    let list = match value {
        Value::Array(list) => list,
        // Tables hold lists as text.
        Value::String(text) if text.trim_start().starts_with('[') => {
            if has_too_many_values(text.as_bytes()) {
                return Err(format!("holds a list of more than {MOST_VALUES} values"));
            }
            parsed = serde_json::from_str::<Vec<Value>>(text)
                .map_err(|_| "holds a text that is not a JSON list of messages".to_owned())?;
            &parsed
        }
        _ => return Ok(None),
    };
    let mut messages = Vec::with_capacity(list.len());
    let mut translated = false;
    for (index, entry) in list.iter().enumerate() {
        let Value::Object(entry) = entry else {
            return Err(format!(
                "[{index}] is not a message: a message is {{\"role\": …, \"content\": …}}"
            ));
        };
        if entry.get("role").is_some_and(Value::is_string) {
            messages.push(Value::Object(entry.clone()));
            continue;
        }
        let message = from_share_gpt(entry).map_err(|message| format!("[{index}] {message}"))?;
        translated = true;
        messages.push(message);
    }
    while translated && messages.last().is_some_and(|it| it["role"] == "assistant") {
        messages.pop();
    }
    Ok(Some(messages).filter(|messages| !messages.is_empty()))
}

fn from_share_gpt(entry: &Map<String, Value>) -> Result<Value, String> {
    let (Some(from), Some(content)) =
        (entry.get("from").and_then(Value::as_str), entry.get("value"))
    else {
        let keys: Vec<&str> = entry.keys().take(10).map(String::as_str).collect();
        return Err(format!(
            "has no `role`, which chat endpoints require (it has: {})",
            keys.join(", ")
        ));
    };
    let role = match from {
        "human" | "user" => "user",
        "gpt" | "assistant" | "chatgpt" | "bing" | "bard" | "model" => "assistant",
        "system" => "system",
        other => {
            return Err(format!("is from `{other}`; the known names are human, gpt and system"));
        }
    };
    Ok(json!({ "role": role, "content": content }))
}

/// Recognises a well-known kind of file from its first row and returns advice on its keys, for
/// files that have no question under the configured key.
pub(super) fn shape(row: &RawRow) -> Option<&'static str> {
    let list_of = |value: Option<&Value>, key: &str| {
        let list = value.and_then(Value::as_array)?;
        list.first()?.get(key).map(|_| ())
    };
    let body = row.get("body").filter(|_| row.contains_key("custom_id"));
    if list_of(body.and_then(|body| body.get("messages")), "role").is_some() {
        return Some(
            "it is an OpenAI batch file: with the workflow openai, set workflow.messages_key: /body/messages and \
             dataset.id_key: custom_id",
        );
    }
    for (key, advice) in [
        (
            "conversations",
            "it is a ShareGPT file: with the workflow openai, set workflow.messages_key: conversations",
        ),
        (
            "conversation",
            "it is a ShareGPT file: with the workflow openai, set workflow.messages_key: conversation",
        ),
    ] {
        if list_of(row.get(key), "value").is_some() {
            return Some(advice);
        }
    }
    list_of(row.get("messages"), "role")?;
    Some(
        "it holds conversations: with the workflow openai, set workflow.messages_key: messages; otherwise \
         dataset.question_key: /messages/0/content asks with the first message",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_are_messages() {
        let sent = |value: Value| messages(&value).map(|it| it.map(|it| json!(it).to_string()));
        for (value, expected) in [
            (json!([{"role": "user", "content": "a"}]), Some(r#"[{"role":"user","content":"a"}]"#)),
            (
                json!([{"from": "system", "value": "s"}, {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]),
                Some(r#"[{"role":"system","content":"s"},{"role":"user","content":"a"}]"#),
            ),
            (
                json!("[{\"role\": \"user\", \"content\": \"a\"}]"),
                Some(r#"[{"role":"user","content":"a"}]"#),
            ),
            (json!([{"from": "gpt", "value": "b"}]), None),
            (json!([]), None),
            (json!(null), None),
            // An answer to go on with is meant where it stands in the endpoint's own words.
            (
                json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]),
                Some(r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#),
            ),
        ] {
            assert_eq!(sent(value.clone()).unwrap().as_deref(), expected, "{value}");
        }
        assert!(
            sent(json!([{"speaker": "A", "text": "hi"}])).unwrap_err().contains("speaker, text")
        );
        assert!(
            sent(json!([{"from": "observation", "value": ""}]))
                .unwrap_err()
                .contains("observation")
        );
        assert!(sent(json!(["hi"])).unwrap_err().starts_with("[0] is not a message"));
    }
}
