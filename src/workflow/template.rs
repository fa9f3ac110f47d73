//! Templates over an item, for requests that differ from item to item.

use super::ConnectError;
use crate::bounded;
use crate::language::{Secret, Vault};
use crate::measure::{Failure, FailureKind, Item};
use minijinja::value::{Rest, Serde};
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Limit of the steps that a template may take: far more than a request needs, and enough to stop an endless
/// loop.
const FUEL: u64 = 1_000_000;
/// Limit of the size of a request in MiB.
const LARGEST_MIB: usize = 16;

/// Template with the variable `item`, and further ones where documented.
pub(super) struct Template {
    /// Compiled template; `None` if the text is the same for all items.
    environment: Option<Arc<Environment<'static>>>,
    /// True once it has been evaluated within the limits; what holds for one item holds for all.
    is_tried: AtomicBool,
    text: String,
    name: String,
}

impl Template {
    /// Parses a template; `name` is its location in the spec, for errors.
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

    /// Returns true if the text is the same for all items.
    pub fn is_fixed(&self) -> bool {
        self.environment.is_none()
    }

    /// Creates a template that renders to something if a condition holds, and to nothing otherwise.
    pub fn condition(name: &str, condition: &str) -> Result<Self, ConnectError> {
        Self::new(name, &format!("{{% if {condition} %}}yes{{% endif %}}"))
    }

    /// Renders the template for an item.
    pub fn render(&self, item: &Item) -> Result<String, Failure> {
        self.render_with(item, Map::new())
    }

    /// Renders the template for an item, with further variables.
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

/// Filters that would turn an undefined value into empty text, which would hide a typo in its name.
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

/// Makes filters refuse an undefined value; `default` still accepts one.
fn refuse_undefined(environment: &mut Environment<'static>) {
    let plain = Arc::new(Environment::new());
    for name in OF_VALUES {
        let plain = Arc::clone(&plain);
        environment.add_filter(name, move |args: Rest<minijinja::Value>| {
            if args.first().is_some_and(minijinja::Value::is_undefined) {
                let what = format!("the value that `{name}` is applied to does not exist");
                return Err(minijinja::Error::new(minijinja::ErrorKind::UndefinedError, what));
            }
            plain.empty_state().apply_filter(name, &args)
        });
    }
}

fn render(environment: &Environment<'_>, values: minijinja::Value) -> Result<String, String> {
    let mut out = bounded::BoundedWriter::new("it", LARGEST_MIB);
    let rendered =
        environment.get_template("it").and_then(|it| it.render_captured_to(values, &mut out));
    match rendered {
        Ok(_) => String::from_utf8(out.bytes).map_err(|error| error.to_string()),
        Err(error) => Err(match std::error::Error::source(&error) {
            // The cause says what failed in the output; minijinja's own message only says that something did.
            Some(cause) if error.kind() == minijinja::ErrorKind::WriteFailure => cause.to_string(),
            _ => error.to_string(),
        }),
    }
}

/// Template with secrets. They are not part of the template, and are substituted into the text it renders.
pub(super) struct SecretTemplate {
    template: Template,
    values: Vec<(String, String)>,
}

impl SecretTemplate {
    /// Parses a template and looks its secrets up; `name` is its location in the spec.
    pub fn new(name: &str, text: &Secret, vault: &Vault<'_>) -> Result<Self, ConnectError> {
        let (text, values) = text.reveal_as_template(vault)?;
        Ok(Self { template: Template::new(name, &text)?, values })
    }

    /// Renders the template for an item.
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
