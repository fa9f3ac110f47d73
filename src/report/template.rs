//! Reports rendered from templates: the built-in summary and the user's own.

use super::format::significant;
use super::gantt::{charts, svg, text};
use super::material::BuiltIn;
use super::prose::{estimate_line, recommendation, sum_line};
use super::steps_table::steps_table;
use super::table::levels_table;
use super::{Material, Report, ReportError, TemplateError};
use crate::bounded::{self, BoundedWriter, LimitExceeded};
use crate::sizing::Estimate;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, context};
use serde::Deserialize;

pub(super) const SUMMARY: BuiltIn = BuiltIn {
    name: SUMMARY_NAME,
    is_default: true,
    template: Some(SUMMARY_TEXT),
    report: || Box::new(Template::built_in(SUMMARY_NAME, SUMMARY_TEXT)),
};

const SUMMARY_NAME: &str = "summary.md";
const SUMMARY_TEXT: &str = include_str!("../../templates/summary.md.j2");

/// Limit of the steps that a template may take: far more than any report needs.
const FUEL: u64 = 5_000_000;
/// Limit of the size of a report in MiB.
const LARGEST_MIB: usize = 64;

/// A report from a template.
pub(super) struct Template {
    pub report: String,
    pub path: String,
    pub text: String,
}

impl Template {
    fn built_in(report: &str, text: &str) -> Self {
        Self {
            report: report.to_owned(),
            path: format!("(built-in) {report}"),
            text: text.to_owned(),
        }
    }
}

impl Report for Template {
    fn render(&self, material: &Material<'_>) -> Result<Vec<u8>, ReportError> {
        let result = material.result;
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .map_err(|error| self.failed(&error))?;
        environment.set_syntax(syntax);
        environment.add_filter("significant", significant);
        environment.add_filter("answer", answer);
        let failed = |error: &minijinja::Error| self.failed(error);
        let runs = charts(result);
        let context = context! {
            result => Serde(result),
            table => levels_table(result),
            steps_table => steps_table(result),
            gantt => text(&runs),
            gantt_svg => (!runs.is_empty()).then(|| svg(&runs)),
            recommendation => recommendation(&result.gpus, &result.estimates),
            sum => sum_line(&result.gpus, &result.estimates),
            sizer_version => env!("CARGO_PKG_VERSION"),
        };
        // The name decides about escaping: `.html` is escaped, `.md` is not.
        let environment = bounded::add_template(environment, &self.report, &self.text)
            .map_err(|exceeded| self.stopped(&exceeded))?
            .map_err(|error| failed(&error))?;
        let name = self.report.clone();
        let rendered = bounded::evaluate(move || {
            let mut out = BoundedWriter::new("the report", LARGEST_MIB);
            let template = environment.get_template(&name)?;
            template.render_captured_to(context, &mut out)?;
            Ok(out.bytes)
        });
        rendered.map_err(|exceeded| self.stopped(&exceeded))?.map_err(|error| failed(&error))
    }
}

/// Filter `answer`: describes an estimate in a sentence.
fn answer(estimate: Value) -> Result<String, minijinja::Error> {
    Ok(estimate_line(&Estimate::deserialize(estimate)?))
}

impl Template {
    fn failed(&self, error: &minijinja::Error) -> ReportError {
        let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
        ReportError::Template(TemplateError {
            path: self.path.clone(),
            line: error.line(),
            message: match std::error::Error::source(error) {
                // The cause says what failed in the output; minijinja's own message only says that something
                // did.
                Some(cause) if error.kind() == ErrorKind::WriteFailure => cause.to_string(),
                _ if error.kind() == ErrorKind::OutOfFuel => {
                    format!("it takes more than {} million steps", FUEL / 1_000_000)
                }
                _ => format!("{}{detail}", error.kind()),
            },
        })
    }

    fn stopped(&self, exceeded: &LimitExceeded) -> ReportError {
        let (path, message) = (self.path.clone(), exceeded.to_string());
        ReportError::Template(TemplateError { path, line: None, message })
    }
}
