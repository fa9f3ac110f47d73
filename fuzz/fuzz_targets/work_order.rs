//! Plans that workers are sent: an error or an order, never a panic; what can be written reads
//! the same, and shares of it are orders, too.
#![no_main]

use sizer::extend::WorkOrder;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let order = match WorkOrder::from_json(data) {
        Ok(order) => order,
        Err(error) => return drop(error.to_string()),
    };
    if let Ok(order) = WorkOrder::new(order.spec(), order.plan.clone()) {
        let text = order.to_json().unwrap();
        let again = WorkOrder::from_json(text.as_bytes()).unwrap();
        assert_eq!(again.plan, order.plan);
        assert_eq!(again.spec().workflow, order.spec().workflow);
    }
    let runs = order.plan.runs();
    let shares: Vec<_> = (0..3).map_while(|index| order.plan.share(index, 3).ok()).collect();
    if shares.len() == 3 {
        let shared: Option<usize> = shares.iter().map(|share| share.runs()).sum();
        assert_eq!(shared, runs);
    }
    drop(order.digest().unwrap());
});
