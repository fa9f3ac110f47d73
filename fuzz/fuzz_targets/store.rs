//! What lies in a store: the first byte picks the file, the rest is its content.
#![no_main]

mod common;

use sizer::internal::store::{Key, Manifest, Store};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, content)) = data.split_first() else { return };
    let key: Key = serde_json::from_str("\"ab12\"").unwrap();
    let name = ["runs.jsonl", "latest/s.yml.json", "manifests/ab12.json"][usize::from(*first) % 3];
    for folder in ["latest", "manifests"] {
        common::file(&format!(".sizer/{folder}/x"), b"");
    }
    let path = common::file(&format!(".sizer/{name}"), content);
    let store = Store::beside(path.ancestors().find(|it| it.join(".sizer").is_dir()).unwrap());
    match usize::from(*first) % 3 {
        0 => {
            // A record that is added is there, whatever was there before.
            let before = store.records().unwrap();
            if let Some(record) = before.first() {
                store.record(record).unwrap();
                let after = store.records().unwrap();
                assert_eq!(after.len(), before.len() + 1);
            }
        }
        1 => drop(store.latest("s.yml")),
        _ => {
            assert!(store.manifests_of("sweep").is_empty() || store.manifest(&key).is_some());
            let _ = serde_json::from_slice::<Manifest>(content)
                .map(|manifest| store.manifest(&manifest.key));
        }
    }
    std::fs::remove_file(path).unwrap();
});
