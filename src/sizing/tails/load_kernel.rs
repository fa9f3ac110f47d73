//! Closeness of loads: how far the tail at one tells about that at another.

/// Difference of loads, as a logarithm, within which they are near each other.
const NEAR: f64 = 0.7;
/// Difference of elasticities within which loads affect the server alike.
const ALIKE: f64 = 0.2;

/// Closeness of loads to each other.
pub struct LoadKernel {
    /// Distance, as a logarithm, at which a load counts e^(-1/2) as much.
    reach: f64,
    /// Loads that were seen, ascending, as logarithms, each with the elasticity of the mean there:
    /// the percentage by which it grows if the load grows by one percent. It is 0 if runs do not
    /// affect each other, and 1 if one more run only waits. Waiting is much the same for all, so
    /// runs that wait differ less, as multiples of their mean, than those that do not.
    elasticity: Vec<(f64, f64)>,
}

impl LoadKernel {
    /// Creates it from loads that were seen, ascending, each with the elasticity of the mean there.
    pub fn new(reach: f64, elasticity: impl Iterator<Item = (f64, f64)>) -> Self {
        Self { reach, elasticity: elasticity.map(|(load, it)| (load.ln(), it)).collect() }
    }

    /// Returns the weight of a load for another by their distance alone, both as logarithms.
    pub fn far(&self, at: f64, centre: f64) -> f64 {
        self.by_load(at, centre, self.reach)
    }

    /// Returns the weight of a load for another, both as logarithms, counting only those nearby
    /// that load the server alike.
    pub fn alike(&self, at: f64, centre: f64) -> f64 {
        let centre = self.within(centre);
        let differ = (self.elasticity_at(at) - self.elasticity_at(centre)) / ALIKE;
        self.by_load(at, centre, NEAR.min(self.reach)) * (-0.5 * differ.powi(2)).exp()
    }

    /// Returns the weight of a load for another, both as logarithms: e^(-1/2) at a distance of
    /// `reach`.
    pub fn by_load(&self, at: f64, centre: f64, reach: f64) -> f64 {
        (-0.5 * ((at - self.within(centre)) / reach).powi(2)).exp()
    }

    /// Clamps a load to those that were seen.
    fn within(&self, at: f64) -> f64 {
        let ends = self.elasticity.first().zip(self.elasticity.last());
        ends.map_or(at, |((low, _), (high, _))| at.clamp(*low, high.max(*low)))
    }

    /// Returns the elasticity at the logarithm of a load, interpolated between the loads that were
    /// seen.
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
