//! Specs: an error or a spec, never a panic; what was migrated reads as migrated.
#![no_main]

use sizer::SpecSet;
use sizer::internal::migrate;
use sizer::sections::Parts;
use std::path::Path;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (env, read) = (|_: &str| None, |_: &Path| Err(std::io::ErrorKind::NotFound.into()));
    let parts = Parts { project: None, profile: None, overrides: &[], env: &env, read: &read };
    let path = Path::new("spec.yml");
    match SpecSet::parse(text, path, &parts) {
        Ok(specs) => specs.into_specs().iter().for_each(|spec| drop(spec.canonical())),
        Err(error) => drop(error.to_string()),
    }
    if let Ok(Some(migrated)) = migrate(text, path) {
        assert!(matches!(migrate(&migrated.text, path), Ok(None)), "{:?}", migrated.text);
    }
});
