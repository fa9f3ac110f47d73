//! Templates over an item, for requests that differ from one to the next.

use super::ConnectError;
use crate::measure::{Failure, FailureKind, Item};
use crate::spec::{Secret, Vault};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Steps that a template may take: far more than a request needs, far fewer than a loop without
/// end.
const FUEL: u64 = 1_000_000;

/// A template with the variable `item`, and others where it is said.
pub(super) struct Template {
    /// `None` where the text is the same for all items.
    environment: Option<Box<Environment<'static>>>,
    text: String,
    name: String,
}

impl Template {
    /// Reads a template; `name` is where it stands in the spec.
    pub fn new(name: &str, text: &str) -> Result<Self, ConnectError> {
        let plain = !["{{", "{%", "{#"].iter().any(|sign| text.contains(sign));
        let environment = if plain {
            None
        } else {
            let mut environment = Environment::new();
            environment.set_undefined_behavior(UndefinedBehavior::Strict);
            environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
            environment.set_fuel(Some(FUEL));
            let added = environment.add_template_owned("it", text.to_owned());
            added.map_err(|error| {
                ConnectError::Client(format!("{name} is not a template: {error}"))
            })?;
            Some(Box::new(environment))
        };
        Ok(Self { environment, text: text.to_owned(), name: name.to_owned() })
    }

    /// Whether the text is the same for all items.
    pub fn is_fixed(&self) -> bool {
        self.environment.is_none()
    }

    /// A template that says something where a condition holds, and nothing where it does not.
    pub fn condition(name: &str, condition: &str) -> Result<Self, ConnectError> {
        Self::new(name, &format!("{{% if {condition} %}}yes{{% endif %}}"))
    }

    /// The text for an item.
    pub fn render(&self, item: &Item) -> Result<String, Failure> {
        self.render_with(item, Map::new())
    }

    /// The text for an item, with further variables.
    pub fn render_with(&self, item: &Item, more: Map<String, Value>) -> Result<String, Failure> {
        let Some(environment) = &self.environment else { return Ok(self.text.clone()) };
        let more: BTreeMap<String, minijinja::Value> =
            more.into_iter().map(|(name, value)| (name, Serde(value).into())).collect();
        let values = context! { item => Serde(item.to_fields()), ..minijinja::Value::from(more) };
        let rendered = environment.get_template("it").and_then(|it| it.render(values));
        rendered
            .map_err(|error| Failure::new(FailureKind::Template, format!("{}: {error}", self.name)))
    }
}

/// A template with secrets, whose values are no part of it: they are put into the text that it gives.
pub(super) struct SecretTemplate {
    template: Template,
    values: Vec<(String, String)>,
}

impl SecretTemplate {
    /// Reads a template and looks its secrets up; `name` is where it stands in the spec.
    pub fn new(name: &str, text: &Secret, vault: &Vault<'_>) -> Result<Self, ConnectError> {
        let (text, values) = text.reveal_as_template(vault)?;
        Ok(Self { template: Template::new(name, &text)?, values })
    }

    /// The text for an item.
    pub fn render(&self, item: &Item) -> Result<String, Failure> {
        let text = self.template.render(item)?;
        Ok(self.values.iter().fold(text, |text, (number, value)| text.replace(number, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        let Value::Object(fields) = serde_json::json!({ "topic": "sums" }) else { panic!() };
        Item { id: "a/b".into(), input: "say \"hi\"".into(), fields }
    }

    #[test]
    fn an_item_is_filled_in() {
        let template = Template::new(
            "body",
            "{\"q\": {{ item.input | tojson }}, \"t\": \"{{ item.topic }}\"}",
        );
        let text = template.unwrap().render(&item()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::json!({ "q": "say \"hi\"", "t": "sums" }));
    }

    #[test]
    fn mistakes_are_named() {
        let broken = Template::new("workflow.body", "{{ item.").err().unwrap().to_string();
        assert!(broken.starts_with("workflow.body is not a template"), "{broken}");
        let missing = Template::new("workflow.body", "{{ item.answer }}").unwrap();
        let failure = missing.render(&item()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Template);
        let endless = Template::new(
            "b",
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        );
        assert!(endless.unwrap().render(&item()).unwrap_err().message.contains("fuel"));
    }
}
