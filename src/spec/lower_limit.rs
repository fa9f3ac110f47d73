//! Limits on rates, of which more is better.

use crate::language::{Scalar, ScalarOrMap, deserialize_scalar_or_map};
use crate::measure::{Quantile, QuantileName};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de};
use std::borrow::Cow;
use std::hash::Hash;

/// A limit on a rate of tokens: `20` on the p05, which 95 % of the calls then have to reach, or one
/// per quantile: `{p50: 40, p05: 20}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LowerLimit(IndexMap<QuantileName, f64>);

impl LowerLimit {
    /// Creates a limit on the p05 alone, in tokens per second.
    pub fn on_p05(per_second: f64) -> Self {
        Self(IndexMap::from([(QuantileName::P05, per_second)]))
    }

    pub(super) fn of(per_second: f64) -> Option<Self> {
        (per_second.is_normal() && per_second > 0.0).then(|| Self::on_p05(per_second))
    }

    /// Returns it beside the limits of another on further quantiles, if that one limits the same quantile.
    pub(super) fn instead_in(self, other: Option<&Self>) -> Self {
        Self(instead_in(self.0, other.map(|it| &it.0)))
    }

    /// Iterates over limits in tokens per second, each with the quantile of the times behind it: the
    /// share of the calls that have to reach it.
    pub fn iter(&self) -> impl Iterator<Item = (Quantile, f64)> + '_ {
        self.0.iter().map(|(name, limit)| (name.of_times(), *limit))
    }
}

/// Replaces the limits on quantiles that both have; those of `other` alone stay if there are such.
pub(super) fn instead_in<K: Clone + Hash + Eq, V: Clone>(
    limits: IndexMap<K, V>,
    other: Option<&IndexMap<K, V>>,
) -> IndexMap<K, V> {
    let shared = other.filter(|other| limits.keys().any(|it| other.contains_key(it)));
    let mut all = shared.cloned().unwrap_or_default();
    all.extend(limits);
    all
}

/// Names of the quantiles that a rate can be limited at, from the most lenient to the strictest.
fn names() -> [QuantileName; 4] {
    Quantile::ALL.map(QuantileName::of_reciprocal)
}

impl ScalarOrMap for LowerLimit {
    const FORMS: &'static str =
        "a number of tokens per second such as 20, or one per quantile such as {p05: 20}";

    type Map = IndexMap<QuantileName, f64>;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        Some(Ok(Self::on_p05(scalar.number()?)))
    }

    fn of_map<E: de::Error>(mut limits: Self::Map) -> Result<Self, E> {
        if let Some(upper) = limits.keys().find(|name| !names().contains(name)) {
            let lower = QuantileName::of_reciprocal(upper.of_times());
            return Err(E::custom(format!(
                "the {upper} of a rate is reached by few calls: limit its {lower}, which {:.0} % of the calls reach",
                upper.of_times().share() * 100.0
            )));
        }
        limits.sort_by_key(|name, _| name.of_times());
        Ok(Self(limits))
    }
}

deserialize_scalar_or_map!(LowerLimit);

impl JsonSchema for LowerLimit {
    fn schema_name() -> Cow<'static, str> {
        "LowerLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let rate = || serde_json::json!({ "type": "number", "exclusiveMinimum": 0 });
        let properties: serde_json::Map<String, serde_json::Value> =
            names().iter().map(|name| (name.key().to_owned(), rate())).collect();
        schemars::json_schema!({
            "description": "A limit in tokens per second on the p05, which 95 % of the calls have to reach, or one per quantile",
            "anyOf": [
                rate(),
                {
                    "type": "object",
                    "properties": properties,
                    "additionalProperties": false,
                    "minProperties": 1,
                },
            ],
        })
    }
}
