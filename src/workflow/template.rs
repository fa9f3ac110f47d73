//! Templates over an item, for requests that differ from one to the next.

use super::ConnectError;
use crate::bounded;
use crate::measure::{Failure, FailureKind, Item};
use crate::spec::{Secret, Vault};
use minijinja::value::{Rest, Serde};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps that a template may take: far more than a request needs, far fewer than a loop without
/// end.
const FUEL: u64 = 1_000_000;
/// A request is no larger.
const LARGEST_MIB: usize = 16;

/// A template with the variable `item`, and others where it is said.
pub(super) struct Template {
    /// `None` where the text is the same for all items.
    environment: Option<Arc<Environment<'static>>>,
    /// Whether it was evaluated within bounds once: what it does for one item, it does for all.
    is_tried: AtomicBool,
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
            refuse_undefined(&mut environment);
            let wrong =
                |why: String| ConnectError::Client(format!("{name} is not a template: {why}"));
            let environment = bounded::add_template(environment, "it", text)
                .map_err(|exceeded| wrong(exceeded.to_string()))?
                .map_err(|error| wrong(error.to_string()))?;
            Some(Arc::new(environment))
        };
        let is_tried = AtomicBool::new(false);
        Ok(Self { environment, is_tried, text: text.to_owned(), name: name.to_owned() })
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
        let failed =
            |why: String| Failure::new(FailureKind::Template, format!("{}: {why}", self.name));
        let rendered = if self.is_tried.swap(true, Ordering::Relaxed) {
            render(environment, values)
        } else {
            let environment = Arc::clone(environment);
            bounded::evaluate(move || render(&environment, values))
                .map_err(|exceeded| failed(exceeded.to_string()))?
        };
        rendered.map_err(failed)
    }
}

/// Filters that would make an empty text of a value that is not there, and so hide a slip in its name.
const OF_VALUES: [&str; 15] = [
    "urlencode",
    "tojson",
    "string",
    "upper",
    "lower",
    "trim",
    "title",
    "capitalize",
    "length",
    "count",
    "first",
    "last",
    "int",
    "float",
    "list",
];

/// Makes filters refuse a value that is not there; `default` still takes one.
fn refuse_undefined(environment: &mut Environment<'static>) {
    let plain = Arc::new(Environment::new());
    for name in OF_VALUES {
        let plain = Arc::clone(&plain);
        environment.add_filter(name, move |args: Rest<minijinja::Value>| {
            if args.first().is_some_and(minijinja::Value::is_undefined) {
                let what = format!("nothing of that name is there for `{name}` to work on");
                return Err(minijinja::Error::new(minijinja::ErrorKind::UndefinedError, what));
            }
            plain.empty_state().apply_filter(name, &args)
        });
    }
}

fn render(environment: &Environment<'_>, values: minijinja::Value) -> Result<String, String> {
    let mut out = bounded::Bounded::new("it", LARGEST_MIB);
    let rendered =
        environment.get_template("it").and_then(|it| it.render_captured_to(values, &mut out));
    match rendered {
        Ok(_) => String::from_utf8(out.bytes).map_err(|error| error.to_string()),
        Err(error) => Err(match std::error::Error::source(&error) {
            // What the output itself said, rather than that there was something.
            Some(cause) if error.kind() == minijinja::ErrorKind::WriteFailure => cause.to_string(),
            _ => error.to_string(),
        }),
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
        for filter in OF_VALUES {
            let text = format!("{{{{ item.answer | {filter} }}}}");
            let failure =
                Template::new("workflow.url", &text).unwrap().render(&item()).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Template, "{filter}");
        }
        let given = Template::new("url", "{{ item.answer | default('a b') | urlencode }}").unwrap();
        assert_eq!(given.render(&item()).unwrap(), "a%20b");
        let endless = Template::new(
            "b",
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        );
        assert!(endless.unwrap().render(&item()).unwrap_err().message.contains("fuel"));
    }
}
