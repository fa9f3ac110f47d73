//! Checks of a chain: the shape of an agent's load.

use super::config::{ChainSpec, LlmStep, Step, ToolStep, each_step};
use super::draw_spec::Draw;
use crate::language::{Check, Checker};

/// Most tokens in a prompt or answer: far beyond any agent, and few enough to generate.
const MOST_TOKENS: f64 = 1e6;
const MOST_ROUNDS: f64 = 1e4;
const MOST_STEPS: usize = 10_000;

/// Checks all steps of a chain.
pub(super) fn check(chain: &ChainSpec, checker: &Checker<'_>) -> Check {
    let steps = Steps { chain, checker };
    let mut count = 0_usize;
    let mut checked = Ok(());
    each_step(&chain.steps, "workflow.steps", &mut |at, step| {
        count += 1;
        if checked.is_ok() {
            checked = steps.step(at, step);
        }
    });
    checked?;
    checker.ensure(
        (1..=MOST_STEPS).contains(&count),
        "workflow.steps",
        "a chain has between 1 and 10000 steps",
        "such as `- llm: {prompt: \"{{ item.input }}\"}`",
    )
}

/// Returns the path of the first step that takes something from the item.
pub(super) fn use_of_item(chain: &ChainSpec) -> Option<String> {
    let at = chain.steps.iter().position(reads_the_item)?;
    Some(format!("workflow.steps.{at}"))
}

/// The steps of a chain being checked.
struct Steps<'a> {
    chain: &'a ChainSpec,
    checker: &'a Checker<'a>,
}

impl Steps<'_> {
    fn step(&self, at: &str, step: &Step) -> Check {
        match step {
            Step::Llm(llm) => self.llm_step(&format!("{at}.llm"), llm),
            Step::Tool(tool) => self.tool_step(&format!("{at}.tool"), tool),
            Step::Repeat(repeat) => {
                self.draw(&format!("{at}.repeat.times"), Some(&repeat.times), MOST_ROUNDS)
            }
            Step::Parallel(branches) => self.checker.ensure(
                !branches.is_empty(),
                &format!("{at}.parallel"),
                "there is nothing to run in parallel",
                "it is a list of lists of steps",
            ),
            Step::When(_) => Ok(()),
            Step::Choose(choices) => self.checker.ensure(
                choices.iter().any(|choice| choice.weight > 0),
                &format!("{at}.choose"),
                "there is nothing to choose from",
                "give at least one list of steps a `weight` above 0",
            ),
        }
    }

    fn llm_step(&self, at: &str, step: &LlmStep) -> Check {
        let path = |key: &str| format!("{at}.{key}");
        self.draw(&path("prompt_tokens"), step.prompt_tokens.as_ref(), MOST_TOKENS)?;
        self.draw(&path("max_tokens"), step.max_tokens.as_ref(), MOST_TOKENS)?;
        self.checker.ensure(
            step.model.is_some() || self.chain.model.is_some(),
            at,
            "no model is named",
            "add `workflow.model`, or `model` here",
        )?;
        let given = [
            step.prompt.is_some() || step.system.is_some(),
            !step.messages.is_empty(),
            step.prompt_tokens.is_some(),
        ];
        self.checker.ensure(
            given.iter().filter(|given| **given).count() <= 1,
            at,
            "the prompt is given twice",
            "keep `prompt` (with `system`), `messages` or `prompt_tokens`",
        )?;
        let known = self.chain.llm.servers();
        self.checker.ensure(
            step.upstream.as_ref().is_none_or(|name| known.contains_key(name)),
            &path("upstream"),
            "no such server is named under `workflow.llm.upstreams`",
            "leave it out for the first one",
        )?;
        for key in ["model", "messages", "stream", "max_tokens"] {
            self.checker.ensure(
                !step.extra_body.contains_key(key),
                &path(&format!("extra_body.{key}")),
                "sizer itself sets this key",
                "use the step's own key of that name",
            )?;
        }
        Ok(())
    }

    fn tool_step(&self, at: &str, tool: &ToolStep) -> Check {
        const LONGEST: f64 = 86_400.0;
        let given = [tool.sleep.is_some(), !tool.command.is_empty(), tool.http.is_some()];
        self.checker.ensure(
            given.iter().filter(|given| **given).count() == 1,
            at,
            "a tool is one of `sleep`, `command` and `http`",
            "such as `sleep: 200ms`",
        )?;
        self.draw(&format!("{at}.sleep"), tool.sleep.as_ref(), LONGEST)?;
        let Some(http) = &tool.http else { return Ok(()) };
        let url = format!("{at}.http.url");
        self.checker.address(&url, http.url.public())?;
        self.checker.fixed_host(&url, http.url.public())
    }

    fn draw(&self, path: &str, draw: Option<&Draw>, most: f64) -> Check {
        let Some(draw) = draw else { return Ok(()) };
        let numbers = draw.numbers();
        let sound = numbers.iter().all(|it| it.is_finite() && (0.0..=most).contains(it));
        let sound = sound
            && match draw {
                Draw::LogNormal { sigma, .. } => *sigma <= 3.0,
                Draw::Uniform { from, to } => from <= to,
                Draw::Values { values } => !values.is_empty(),
                Draw::Same(_) => true,
            };
        let message = format!("it lies between 0 and {most}; a sigma between 0 and 3");
        self.checker.ensure(
            sound,
            path,
            &message,
            "a number, {median: 0.2, sigma: 0.5}, {from: 0.1, to: 0.3} or {values: [0.1, 0.3]}",
        )
    }
}

/// Returns true if a template of a step takes something from the item.
fn reads_the_item(step: &Step) -> bool {
    fn takes(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => takes_the_item(text),
            serde_json::Value::Array(values) => values.iter().any(takes),
            serde_json::Value::Object(map) => map.values().any(takes),
            _ => false,
        }
    }
    serde_json::to_value(step).is_ok_and(|step| takes(&step))
}

/// Returns true if a template has the word `item` with a key within its braces.
fn takes_the_item(template: &str) -> bool {
    let within = template.split("{{").skip(1).chain(template.split("{%").skip(1));
    within.filter_map(|rest| rest.split(['}', '%']).next()).any(|inside| {
        let before = |at: usize| inside.get(..at).and_then(|it| it.chars().next_back());
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let mut found = inside.match_indices("item.").chain(inside.match_indices("item["));
        found.any(|(at, _)| !before(at).is_some_and(is_word))
    })
}
