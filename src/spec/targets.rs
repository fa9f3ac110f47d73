//! The spec's `test` and `targets`.

use super::lower_limit::{LowerLimit, instead_in};
use crate::language::{Address, Scalar, ScalarOrMap, Seconds, deserialize_scalar_or_map};
use crate::measure::{Metric, Quantile, each_metric};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Hardware that served the workflow while it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRig {
    /// Name of the rig. Levels measured on one rig stay apart from those of another, and branches
    /// on one rig never load it at the same time.
    #[serde(default)]
    pub rig: Option<String>,
    /// GPUs of the test rig. Without it there is no GPU count, only a capacity.
    #[serde(default)]
    pub gpu_count: Option<u32>,
    /// GPUs of one replica (its tensor-parallel size): counts round up to whole replicas.
    #[serde(default = "one")]
    pub gpus_per_replica: u32,
    /// Cost of one GPU per hour, in any currency; with it, the recommendation has a price.
    #[serde(default)]
    pub cost_per_gpu_hour: Option<f64>,
    /// Metrics endpoint of the server, scraped while a level runs.
    #[serde(default)]
    pub scrape: Option<ScrapeSpec>,
}

/// A server's own metrics, in the text format of Prometheus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScrapeSpec {
    /// Address of the metrics, such as `http://localhost:8000/metrics`.
    pub url: Address,
    /// Time between two scrapes; 1 s by default.
    #[serde(default)]
    pub every: Option<Seconds>,
    /// Names or globs of the metrics to keep; by default those of the usual LLM servers (requests
    /// running and waiting, cache use) and of the GPUs (`DCGM_FI_DEV_GPU_UTIL`).
    #[serde(default)]
    pub metrics: Vec<String>,
}

fn one() -> u32 {
    1
}

impl Default for TestRig {
    fn default() -> Self {
        Self {
            rig: None,
            gpu_count: None,
            gpus_per_replica: 1,
            cost_per_gpu_hour: None,
            scrape: None,
        }
    }
}

macro_rules! targets {
    ($(
        $(#[$about:meta])*
        $name:ident, $key:ident, $words:literal, $unit:expr, $direction:ident,
        $column:expr, $span:expr,
        |$level:ident| $summary:expr,
        $(#[$limit:meta])* ;
    )+) => {
        /// Load to serve and limits to meet.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Targets {
            /// Name in reports, if there are several sets.
            #[serde(default)]
            pub name: Option<String>,
            /// Users to serve; concurrent runs, unless they have a think time.
            #[serde(default)]
            pub users: Option<u64>,
            /// Time that a user takes between two runs, if the levels of the sweep count runs in flight.
            #[serde(default)]
            pub think_time: Option<Seconds>,
            /// Runs to serve per second, arriving at random. With `users` as well, the larger need decides.
            #[serde(default)]
            pub request_rate: Option<f64>,
            $(
                $(#[$limit])*
                #[serde(default)]
                pub $key: Option<limit_type!($direction)>,
            )+
        }

        impl Targets {
            /// Returns the limits on one metric in its unit, each with its quantile as a [`Target`] has
            /// it; `None` if it is not limited.
            ///
            /// [`Target`]: crate::sizing::Target
            pub fn limits(&self, metric: Metric) -> Option<Vec<(Quantile, f64)>> {
                match metric {
                    $(Metric::$name => Some(self.$key.as_ref()?.iter().collect()),)+
                }
            }

            /// Limits the p95 of one metric, or the p05 of a rate, in its unit. A limit on that quantile is
            /// replaced and those on others stay; limits on others alone are replaced. A figure that no limit
            /// can have leaves the metric unlimited.
            pub fn set_limit(&mut self, metric: Metric, limit: f64) {
                match metric {
                    $(Metric::$name => {
                        let new = <limit_type!($direction)>::of(limit);
                        self.$key = new.map(|new| new.instead_in(self.$key.as_ref()));
                    })+
                }
            }
        }
    };
}

/// Names the type of a metric's limit, by the direction in which the metric is better.
macro_rules! limit_type {
    (Lower) => {
        Limit
    };
    (Higher) => {
        LowerLimit
    };
}

each_metric!(targets);

/// One set of targets, or a list of sets: the first decides the recommendation and the levels to
/// measure, the others are answered in addition.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSets(Vec<Targets>);

impl TargetSets {
    /// Returns the first set, which decides.
    pub fn main(&self) -> Targets {
        self.0.first().map_or_else(Targets::default, Targets::clone)
    }

    /// Returns the other sets.
    pub fn others(&self) -> &[Targets] {
        self.0.split_first().map_or(&[], |(_, others)| others)
    }

    /// Iterates over all sets, each with its path in the spec.
    pub fn with_paths(&self) -> impl Iterator<Item = (String, &Targets)> {
        let alone = self.0.len() < 2;
        let path = move |index| if alone { "targets".into() } else { format!("targets.{index}") };
        self.0.iter().enumerate().map(move |(index, set)| (path(index), set))
    }
}

impl From<Targets> for TargetSets {
    fn from(targets: Targets) -> Self {
        Self(vec![targets])
    }
}

impl Default for TargetSets {
    fn default() -> Self {
        Self(vec![Targets::default()])
    }
}

impl Serialize for TargetSets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [alone] => alone.serialize(serializer),
            sets => sets.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TargetSets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> de::Visitor<'de> for OneOrMore {
            type Value = TargetSets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "targets such as {users: 100, workflow_runtime: 10s}, or a list of such sets",
                )
            }

            fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<TargetSets, A::Error> {
                let alone = Targets::deserialize(de::value::MapAccessDeserializer::new(access))?;
                Ok(TargetSets(vec![alone]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, access: A) -> Result<TargetSets, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(access)).map(TargetSets)
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

impl JsonSchema for TargetSets {
    fn schema_name() -> Cow<'static, str> {
        "TargetSets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let set = generator.subschema_for::<Targets>();
        schemars::json_schema!({
            "description": "One set of targets, or a list of sets of which the first is planned for",
            "anyOf": [set.clone(), { "type": "array", "items": set, "minItems": 1 }],
        })
    }
}

/// A limit: `10s` on the p95, or one per quantile: `{p50: 3s, p95: 10s}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Limit(IndexMap<Quantile, Seconds>);

impl Limit {
    /// Creates a limit on the p95 alone.
    pub fn on_p95(seconds: Seconds) -> Self {
        Self(IndexMap::from([(Quantile::P95, seconds)]))
    }

    fn of(seconds: f64) -> Option<Self> {
        Seconds::new(seconds).map(Self::on_p95)
    }

    /// Returns it beside the limits of another on further quantiles, if that one limits the same quantile.
    fn instead_in(self, other: Option<&Self>) -> Self {
        Self(instead_in(self.0, other.map(|it| &it.0)))
    }

    /// Iterates over quantiles and their limits in seconds, in ascending order of quantile.
    pub fn iter(&self) -> impl Iterator<Item = (Quantile, f64)> + '_ {
        self.0.iter().map(|(quantile, seconds)| (*quantile, seconds.get()))
    }
}

impl ScalarOrMap for Limit {
    const FORMS: &'static str = "a duration such as 10s, or one per quantile such as {p95: 10s}";

    type Map = IndexMap<Quantile, Seconds>;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        Some(scalar.read().map(Self::on_p95))
    }

    fn of_map<E: de::Error>(mut limits: Self::Map) -> Result<Self, E> {
        limits.sort_keys();
        Ok(Self(limits))
    }
}

deserialize_scalar_or_map!(Limit);

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let seconds = generator.subschema_for::<Seconds>();
        let properties: serde_json::Map<String, serde_json::Value> = Quantile::ALL
            .iter()
            .map(|quantile| (quantile.key().to_owned(), seconds.clone().to_value()))
            .collect();
        schemars::json_schema!({
            "description": "A limit on the p95, or one per quantile",
            "anyOf": [
                seconds,
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
