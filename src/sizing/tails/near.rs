//! How much one load says of the tail at another.

/// Loads that differ by this, as a logarithm, are near each other.
const NEAR: f64 = 0.7;
/// Loads whose elasticities differ by this load the server alike.
const ALIKE: f64 = 0.2;

/// How much loads say of each other.
pub struct Near {
    /// Loads that are this far away, as a logarithm, count e^(-1/2) as much.
    reach: f64,
    /// The loads that were seen, ascending, as logarithms, each with the elasticity of the mean there: by how
    /// many percent it grows where the load grows by one. It is 0 where runs do not meet each other, and 1 where
    /// all that one more run does is wait. Waiting is much the same for all, so runs that wait differ less, as
    /// multiples of their mean, than those that do not.
    elasticity: Vec<(f64, f64)>,
}

impl Near {
    /// For loads that were seen, ascending, each with the elasticity of the mean there.
    pub fn new(reach: f64, elasticity: impl Iterator<Item = (f64, f64)>) -> Self {
        Self { reach, elasticity: elasticity.map(|(load, it)| (load.ln(), it)).collect() }
    }

    /// How much a load says of another by their distance alone, both as logarithms.
    pub fn far(&self, at: f64, centre: f64) -> f64 {
        self.by_load(at, centre, self.reach)
    }

    /// How much a load says of another where only those near by that load the server alike count.
    pub fn alike(&self, at: f64, centre: f64) -> f64 {
        let centre = self.within(centre);
        let differ = (self.elasticity_at(at) - self.elasticity_at(centre)) / ALIKE;
        self.by_load(at, centre, NEAR.min(self.reach)) * (-0.5 * differ.powi(2)).exp()
    }

    /// How much a load says of another, both as logarithms, by a distance of e^(-1/2).
    pub fn by_load(&self, at: f64, centre: f64, reach: f64) -> f64 {
        (-0.5 * ((at - self.within(centre)) / reach).powi(2)).exp()
    }

    /// A load beyond those that were seen is taken for the nearest of them.
    fn within(&self, at: f64) -> f64 {
        let ends = self.elasticity.first().zip(self.elasticity.last());
        ends.map_or(at, |((low, _), (high, _))| at.clamp(*low, high.max(*low)))
    }

    /// The elasticity at the logarithm of a load: between two that were seen, in proportion.
    fn elasticity_at(&self, at: f64) -> f64 {
        let above = self.elasticity.partition_point(|(load, _)| *load < at);
        let before = above.checked_sub(1).and_then(|index| self.elasticity.get(index));
        match (before, self.elasticity.get(above)) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (at - from) / (to - from),
            (Some((_, end)), None) | (None, Some((_, end))) => *end,
            (None, None) => 0.0,
        }
    }
}
