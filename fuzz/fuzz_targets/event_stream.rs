//! Event streams: the same events as another implementation of the standard sees, wherever chunks are cut.
#![no_main]

use eventsource_stream::EventStream;
use futures_executor::block_on_stream;
use futures_util::stream::iter;
use std::convert::Infallible;

libfuzzer_sys::fuzz_target!(|text: &str| {
    // The other falls over a byte order mark at the beginning.
    let text = text.trim_start_matches('\u{feff}');
    // Without its last blank line an event is no event there, and one here.
    let text = format!("{text}\n\n");
    let chunks = iter(text.as_bytes().chunks(7).map(Ok::<_, Infallible>));
    let others: Vec<(String, String)> = block_on_stream(EventStream::new(chunks))
        .map_while(Result::ok)
        .map(|event| (event.event, event.data))
        .collect();
    let ours: Vec<(String, String)> = sizer::internal::fuzzing::events(text.as_bytes(), 7)
        .into_iter()
        .map(|(name, data)| (if name.is_empty() { "message".to_owned() } else { name }, data))
        .collect();
    assert_eq!(ours, others, "{text:?}");
});
