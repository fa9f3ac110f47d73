//! Failed commands: error output, and the exit code of the cause.

use super::diagnose::{CliError, shown, tell};
use super::end::{BAD_INPUT, End, FAILED};
use super::{log, signals};
use crate::dataset::DatasetError;
use crate::load::{ForeignError, LoadError, PlanError};
use crate::measure::{Failure, FailureKind, MergeError};
use crate::nat::ImportError;
use crate::report::{ReportError, TemplateError};
use crate::spec::{ReferenceError, SpecError};
use crate::store::StoreError;
use crate::study::{CalcError, PipelineError};
use crate::workflow::ConnectError;
use std::error::Error;
use std::io::{IsTerminal, Write};

/// Returns the text of an error as the command prints it, without colours: an error in a spec shows the line.
pub fn error_text(error: &(dyn Error + 'static)) -> String {
    let spec = match (error.downcast_ref(), error.downcast_ref(), error.downcast_ref()) {
        (Some(spec), _, _)
        | (_, Some(PipelineError::Spec(spec)), _)
        | (_, _, Some(CalcError::Pipeline(PipelineError::Spec(spec)))) => Some(spec),
        _ => None,
    };
    shown(&spec.map_or_else(|| error.to_string(), |spec: &SpecError| spec.render(false)))
}

/// Prints an error and returns its exit code.
pub(super) fn report(error: &CliError) -> u8 {
    log::causes(error);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    match error {
        CliError::Spec(spec) | CliError::Pipeline(PipelineError::Spec(spec)) => {
            let plain = spec.render(false);
            let safe = shown(&plain);
            // Colours are the renderer's own.
            let _ = if safe == plain {
                writeln!(std::io::stderr(), "{}", spec.render(colour))
            } else {
                writeln!(std::io::stderr(), "{safe}")
            };
        }
        other => tell(&format!("error: {other}")),
    }
    code_of(error)
}

/// Prints the error of a command line, or the requested help.
pub(super) fn refused(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // A closed pipe must not turn a help text into a failure.
        let _ = error.print();
        return End::Done.code();
    }
    // What was typed is quoted, and can be anything.
    let text = error.render().to_string();
    if shown(&text) == text {
        let _ = error.print();
    } else {
        tell(text.trim_end());
    }
    BAD_INPUT
}

/// Returns the exit code of an error: that of its innermost cause that has one, however it is
/// wrapped.
pub fn code_of(error: &(dyn Error + 'static)) -> u8 {
    let mut code = decides(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        code = decides(error).or(code);
        cause = error.source();
    }
    code.unwrap_or(FAILED)
}

/// Returns the exit code of one error in a chain; `None` if its cause, or the error that wraps it,
/// decides.
fn decides(error: &(dyn Error + 'static)) -> Option<u8> {
    if error.is::<SpecError>()
        || error.is::<ReferenceError>()
        || error.is::<ForeignError>()
        || error.is::<ImportError>()
        || error.is::<PlanError>()
        || error.is::<MergeError>()
        || error.is::<TemplateError>()
    {
        return Some(BAD_INPUT);
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return (failure.kind == FailureKind::NotInstalled).then_some(BAD_INPUT);
    }
    if error.is::<StoreError>() {
        return Some(FAILED);
    }
    if let Some(error) = error.downcast_ref::<DatasetError>() {
        return Some(if let DatasetError::Unkept { .. } = error { FAILED } else { BAD_INPUT });
    }
    match error.downcast_ref::<PipelineError>() {
        Some(PipelineError::Cancelled { .. }) => return Some(signals::exit_code()),
        Some(
            PipelineError::Overflow { .. }
            | PipelineError::NoSuchStage { .. }
            | PipelineError::NoBranch,
        ) => return Some(BAD_INPUT),
        _ => {}
    }
    match error.downcast_ref::<LoadError>() {
        Some(LoadError::Cancelled) => return Some(signals::exit_code()),
        Some(_) => return Some(FAILED),
        None => {}
    }
    match error.downcast_ref::<CalcError>() {
        Some(CalcError::Parameters(_) | CalcError::Jobs(_)) => return Some(BAD_INPUT),
        Some(CalcError::Scratch(_)) => return Some(FAILED),
        _ => {}
    }
    match error.downcast_ref::<ConnectError>() {
        Some(ConnectError::Client(_)) => return Some(BAD_INPUT),
        Some(ConnectError::Listen(_) | ConnectError::ProxyListen(_)) => return Some(FAILED),
        _ => {}
    }
    if let Some(ReportError::Format { .. }) = error.downcast_ref::<ReportError>() {
        return Some(FAILED);
    }
    match error.downcast_ref::<CliError>() {
        Some(CliError::Usage(_)) => Some(BAD_INPUT),
        Some(CliError::System { .. }) => Some(FAILED),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::WorkerError;
    use crate::pacing::LoadPoint;
    use crate::study::StageId;
    use std::io::{Error as IoError, ErrorKind};

    fn io() -> IoError {
        ErrorKind::PermissionDenied.into()
    }

    fn spec() -> SpecError {
        SpecError::in_file("spec.yml", "no")
    }

    fn unreadable() -> DatasetError {
        DatasetError::Unreadable { path: "d".to_owned(), error: io() }
    }

    fn recording() -> ForeignError {
        ForeignError::Unreadable { path: "r".to_owned(), error: io() }
    }

    fn unkept() -> DatasetError {
        DatasetError::Unkept { url: "u".to_owned(), path: "p".to_owned(), error: io() }
    }

    fn template() -> TemplateError {
        TemplateError { path: "t".to_owned(), line: None, message: "no".to_owned() }
    }

    fn stored() -> StoreError {
        StoreError::Io { action: "write the file", path: "p".to_owned(), error: io() }
    }

    fn load(error: LoadError) -> PipelineError {
        PipelineError::Load { stage: StageId::Sweep(LoadPoint::InFlight(1)), error }
    }

    #[test]
    fn an_error_in_a_spec_has_one_text_whatever_it_is_wrapped_in() {
        let expected = spec().render(false);
        assert!(expected.starts_with("error: no"), "{expected}");
        assert_eq!(error_text(&spec()), expected);
        assert_eq!(error_text(&PipelineError::from(spec())), expected);
        assert_eq!(error_text(&CalcError::from(spec())), expected);
        let gone = PipelineError::from(unreadable());
        assert_eq!(error_text(&gone), gone.to_string());
    }

    #[test]
    fn a_cause_has_one_code_whatever_it_is_wrapped_in() {
        let unset = || ReferenceError::Unset("KEY".to_owned());
        let client = || ConnectError::Client("no".to_owned());
        let failure = Failure::new(FailureKind::Connect, "gone");
        let missing = Failure::new(FailureKind::NotInstalled, "no toolkit");
        let missing = PipelineError::Unreachable { stage: None, kept: false, failure: missing };
        let runs = |error: PipelineError| ReportError::Runs { concurrency: 1, error: error.into() };
        let artifact = |error: StoreError| PipelineError::Artifact {
            stage: StageId::Fit,
            error: Box::new(error),
        };
        let interrupted = signals::exit_code();
        assert_eq!(interrupted, 130);
        let table: Vec<(&str, CliError, u8)> = vec![
            ("spec", CliError::Spec(spec()), 2),
            ("spec", PipelineError::from(spec()).into(), 2),
            ("spec", CalcError::from(spec()).into(), 2),
            ("spec, of calc", CliError::Calc(CalcError::Pipeline(spec().into())), 2),
            ("reference", PipelineError::from(ConnectError::from(unset())).into(), 2),
            ("reference", spec().because(unset()).into(), 2),
            ("settings", PipelineError::from(client()).into(), 2),
            ("settings", spec().because(client()).into(), 2),
            ("dataset", PipelineError::from(unreadable()).into(), 2),
            ("dataset", spec().because(unreadable()).into(), 2),
            ("disk", PipelineError::from(unkept()).into(), 1),
            ("disk", spec().because(unkept()).into(), 1),
            ("recording", PipelineError::from(recording()).into(), 2),
            ("recording", spec().because(recording()).into(), 2),
            ("template", PipelineError::from(ReportError::from(template())).into(), 2),
            ("template", CalcError::from(ReportError::from(template())).into(), 2),
            ("stage", PipelineError::NoBranch.into(), 2),
            ("stage", PipelineError::Overflow { stage: StageId::Fit }.into(), 2),
            ("flag", CliError::Usage("no".to_owned()), 2),
            ("flag", CliError::Calc(CalcError::Parameters("no".to_owned())), 2),
            (
                "report",
                PipelineError::from(ReportError::Format { report: "r", error: io().into() }).into(),
                1,
            ),
            ("store", PipelineError::from(stored()).into(), 1),
            ("store", CalcError::from(stored()).into(), 1),
            ("store", PipelineError::from(runs(stored().into())).into(), 1),
            ("store", artifact(stored()).into(), 1),
            ("port", PipelineError::from(ConnectError::ProxyListen(io())).into(), 1),
            ("plan", WorkerError::from(PlanError::Nothing).into(), 2),
            ("plan", load(PlanError::Nothing.into()).into(), 2),
            ("secret", WorkerError::Secrets(spec().because(unset())).into(), 2),
            ("shares", MergeError::Nothing.into(), 2),
            ("server", WorkerError::Unreachable(failure.clone()).into(), 1),
            ("signal", WorkerError::from(LoadError::Cancelled).into(), interrupted),
            ("recorder", load(LoadError::Unwritten(io().into())).into(), 1),
            ("system", CliError::system("stdout", io()), 1),
            ("system", CliError::Calc(CalcError::Scratch(io())), 1),
            ("server", PipelineError::Unreachable { stage: None, kept: false, failure }.into(), 1),
            ("toolkit", CalcError::NotInstalled { error: missing, written: None }.into(), 2),
            ("signal", PipelineError::Cancelled { levels: 0 }.into(), interrupted),
            ("signal", load(LoadError::Cancelled).into(), interrupted),
            ("signal", PipelineError::from(runs(load(LoadError::Cancelled))).into(), interrupted),
        ];
        for (cause, error, expected) in table {
            assert_eq!(code_of(&error), expected, "{cause}: {error:?}");
        }
        assert_eq!([End::Done, End::NoAnswer, End::OutOfReach].map(End::code), [0, 1, 3]);
    }
}
