use super::*;

/// Levels of so many runs whose multiples lie evenly between `1 − w` and `1 + w`.
fn tails(levels: &[(f64, u32, f64)]) -> Tails {
    shaped(levels, |_, place| place)
}

/// The same with another shape: a function of the load and of the place between −1 and 1.
fn shaped(levels: &[(f64, u32, f64)], shape: impl Fn(f64, f64) -> f64) -> Tails {
    let mut tails = Tails::new(1.2, [(1.0, 0.0), (64.0, 0.0)].into_iter());
    for (level, &(concurrency, runs, width)) in levels.iter().enumerate() {
        let place = |index: u32| 2.0 * (f64::from(index) + 0.5) / f64::from(runs) - 1.0;
        let at = |index: u32| 1.0 + width * shape(concurrency, place(index));
        tails.add(level, (0..runs).map(|index| (concurrency, at(index), 1.0)));
    }
    tails.compare_levels();
    tails.sorted()
}

#[test]
fn tails_that_differ_far_from_the_answer_do_not_matter_there() {
    let far = [(2.0, 40, 0.9), (4.0, 40, 0.9)];
    let near = [(29.0, 2000, 0.3), (32.0, 2000, 0.3), (35.0, 2000, 0.3)];
    let seen = tails(&[far.as_slice(), &near].concat());
    let found = seen.between_levels(0.95, Some(32.0));
    assert!(found.abs() < 1e-12, "{found}");
    // A scale explains those. It does not explain two values with the deviation of all that lie between.
    let near = near.map(|(load, runs, _)| (load, runs, 0.9));
    let two = |place: f64| place.signum() / 3.0_f64.sqrt();
    let shape = |load, place| if load < 10.0 { two(place) } else { place };
    let seen = shaped(&[far.as_slice(), &near].concat(), shape);
    assert!(seen.between_levels(0.95, None) > 0.1, "{}", seen.between_levels(0.95, None));
    let found = seen.between_levels(0.95, Some(32.0));
    assert!(found.abs() < 1e-12, "{found}");
    let uneven = tails(&[(1.0, 400, 0.5), (28.0, 400, 0.2), (32.0, 400, 0.8), (36.0, 400, 0.2)]);
    assert!(uneven.between_levels(0.95, Some(32.0)) > 0.1);
}

/// Two scales that chance hardly sets apart, a factor of 1.35 by 20 runs each, move towards each other; ten times
/// as many runs leave them where they are.
#[test]
fn scales_that_chance_may_set_apart_move_towards_that_of_all() {
    let at = |runs| {
        let near = [(30.0, runs, 0.5), (34.0, runs, 0.5)];
        let far = [(2.0, 6 * runs, 0.68), (3.0, 6 * runs, 0.68)];
        (tails(&[far.as_slice(), &near].concat()).scale(32.0_f64.ln()).unwrap().0 * 2.0).exp()
    };
    let (own, all) = (0.5_f64.powi(2) / 3.0, 0.68_f64.powi(2) / 3.0);
    let few = at(20);
    assert!(few > 1.15 * own && few < all, "{few} between {own} and {all}");
    let many = at(400);
    assert!((many / own - 1.0).abs() < 0.03, "{many} is {own}");
}

/// Two kinds of runs at low loads, evenly spread times at high ones: in standard deviations, their 95th percentiles
/// are 1 and 1.56.
#[test]
fn levels_of_another_shape_have_no_common_scale() {
    let two = |place: f64| place.signum() / 3.0_f64.sqrt();
    let shape = |load, place| if load < 10.0 { two(place) } else { place };
    let low = [1.0, 2.0, 4.0, 8.0].map(|load| (load, 300, 0.8));
    let high = [16.0, 32.0].map(|load| (load, 60, 0.5));
    let seen = shaped(&[low.as_slice(), &high].concat(), shape);
    assert!(seen.scales.is_none());
    let alike = shaped(&[low.as_slice(), &high].concat(), |_, place| place);
    assert!(alike.scales.is_some());
}

/// Two kinds of runs at low loads have a 95th percentile of 1.44 and nothing above it. Of evenly spread times at
/// high loads it is 1.72.
#[test]
fn levels_of_another_shape_make_a_tail_no_surer() {
    let two = |place: f64| place.signum() * (0.9 + 0.1 * place.abs()) / 1.8;
    let shape = |load, place| if load < 10.0 { two(place) } else { place };
    let low = [1.0, 2.0, 4.0, 8.0].map(|load| (load, 300, 0.8));
    let high = [(16.0, 90, 0.8), (32.0, 120, 0.8)];
    let seen = shaped(&[low.as_slice(), &high].concat(), shape);
    assert!(seen.scales.is_none());
    let (alone, at) = (shaped(&high, |_, place| place), |load| seen.at(load, 0.95));
    for load in [16.0, 22.0, 32.0, 40.0] {
        let spread = seen.spread(load, 0.95, at(load).runs);
        let right = alone.spread(load, 0.95, alone.at(load, 0.95).runs);
        let off = (1.72 / at(load).multiple).ln();
        assert!(spread >= 0.95 * right.hypot(off), "{load}: {spread}, {right} and {off}");
    }
    // Among levels of one shape nothing changes.
    let spread = seen.spread(2.0, 0.95, at(2.0).runs);
    assert!(spread < 0.01, "{spread}");
}

/// The 95th percentile of times evenly between `1 − w` and `1 + w` is `1 + 0.9 w`.
#[test]
fn a_tail_that_narrows_as_the_load_rises_is_that_of_each_load() {
    let width = |load: f64| 0.8 * load.powf(-0.4);
    let of = |load: f64| (load, 400, width(load));
    let seen = tails(&[2.0, 4.0, 8.0, 16.0, 32.0].map(of));
    for load in [2.0, 6.0, 20.0, 32.0_f64] {
        let found = seen.at(load, 0.95).multiple;
        let right = 1.0 + 0.9 * width(load);
        assert!((found / right - 1.0).abs() < 0.005, "{load}: {found} for {right}");
    }
    let found = seen.between_levels(0.95, None);
    assert!(found < 1e-12, "the scale explains it: {found}");
}

/// `(1.645 · 1.15 / 0.5)² · 19`, and 99 in place of 19.
#[test]
fn runs_that_are_enough_for_a_tail_leave_half_of_its_share_to_chance() {
    assert!((runs_for_tail(0.95) - 271.99).abs() < 0.05, "{}", runs_for_tail(0.95));
    assert!((runs_for_tail(0.99) - 1417.2).abs() < 0.2, "{}", runs_for_tail(0.99));
}

/// A quantile of evenly spread times is `1 + w · (2 · share − 1)`, and of 400 runs the share is uncertain by
/// `1.645 · 1.15 · √(0.95 · 0.05 / 400)`.
#[test]
fn levels_beside_a_load_say_what_their_own_runs_do() {
    let alike = [(2.0, 200, 0.4), (8.0, 200, 0.4), (16.0, 200, 0.4), (32.0, 200, 0.4)];
    assert_eq!(tails(&alike).beside(10.0, 0.95), None);
    // The level at 19 is more than a quarter away, and not the next one.
    let differ = [(1.0, 900, 0.2), (8.0, 200, 0.6), (11.0, 200, 0.6), (19.0, 900, 0.2)];
    let seen = tails(&differ).beside(10.0, 0.95).unwrap();
    assert!((seen.runs - 400.0).abs() < 1e-9, "{seen:?}");
    let (low, high) = seen.multiples;
    // Their scale is followed, as far as chance does not explain it.
    let step = 1.645 * 1.15 * (0.95_f64 * 0.05 / 400.0).sqrt();
    assert!(((high - 1.0) / (low - 1.0) - (0.9 + 2.0 * step) / (0.9 - 2.0 * step)).abs() < 0.01);
}
