//! Least squares with non-negative coefficients.

/// Most steps: more than any problem of a few dozen columns takes.
const MOST_STEPS: usize = 300;
/// Share of the largest gradient below which a value is rounding error.
const ROUNDING: f64 = 1e-10;

/// Returns the `x ≥ 0` that minimises `‖A x − b‖`, by the active set method of C. L. Lawson and R.
/// J. Hanson ("Solving Least Squares Problems", chapter 23). `rows` are those of `A`.
pub(super) fn nnls(rows: &[Vec<f64>], b: &[f64]) -> Vec<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    let dot = |i: usize, j: usize| rows.iter().map(|row| row[i] * row[j]).sum::<f64>();
    // Symmetric: half of it is computed, since resampling does so a thousand times.
    let half: Vec<Vec<f64>> = (0..columns).map(|i| (0..=i).map(|j| dot(i, j)).collect()).collect();
    let gram: Vec<Vec<f64>> =
        (0..columns).map(|i| (0..columns).map(|j| half[i.max(j)][i.min(j)]).collect()).collect();
    let target: Vec<f64> =
        (0..columns).map(|i| std::iter::zip(rows, b).map(|(row, b)| row[i] * b).sum()).collect();
    let scale = target.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
    let mut x = vec![0.0; columns];
    let mut active: Vec<usize> = Vec::new();
    for _ in 0..MOST_STEPS {
        let slope = |i: usize| target[i] - (0..columns).map(|j| gram[i][j] * x[j]).sum::<f64>();
        let steepest = (0..columns)
            .filter(|i| !active.contains(i))
            .map(|i| (slope(i), i))
            .filter(|(slope, _)| *slope > ROUNDING * scale)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, entering)) = steepest else { break };
        active.push(entering);
        // Columns leave until all that are left are positive.
        while let Some(solution) = solve(&gram, &target, &active) {
            let crossing = std::iter::zip(&active, &solution)
                .filter(|(_, value)| **value <= 0.0)
                .map(|(column, value)| x[*column] / (x[*column] - value))
                .min_by(f64::total_cmp);
            let step = crossing.unwrap_or(1.0);
            for (column, value) in std::iter::zip(&active, &solution) {
                x[*column] += step * (value - x[*column]);
            }
            if crossing.is_none() {
                break;
            }
            let floor = ROUNDING * x.iter().fold(0.0_f64, |most, it| most.max(*it));
            for column in &active {
                if x[*column] <= floor {
                    x[*column] = 0.0;
                }
            }
            active.retain(|column| x[*column] > 0.0);
        }
        if !active.contains(&entering) {
            // It left as soon as it came: the rest is rounding.
            break;
        }
    }
    x
}

/// Solves the normal equations of some columns by Gaussian elimination; `None` if they are linearly
/// dependent.
fn solve(gram: &[Vec<f64>], target: &[f64], columns: &[usize]) -> Option<Vec<f64>> {
    let size = columns.len();
    let mut matrix: Vec<Vec<f64>> = columns
        .iter()
        .map(|i| columns.iter().map(|j| gram[*i][*j]).chain([target[*i]]).collect())
        .collect();
    for pivot in 0..size {
        let best = (pivot..size)
            .max_by(|a, b| matrix[*a][pivot].abs().total_cmp(&matrix[*b][pivot].abs()))?;
        matrix.swap(pivot, best);
        if matrix[pivot][pivot].abs() <= f64::EPSILON * gram[columns[pivot]][columns[pivot]] {
            return None;
        }
        for row in pivot + 1..size {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let (above, below) = matrix.split_at_mut(row);
            for (value, other) in std::iter::zip(&mut below[0], &above[pivot]) {
                *value -= factor * other;
            }
        }
    }
    let mut solution = vec![0.0; size];
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|it| matrix[row][it] * solution[it]).sum();
        solution[row] = (matrix[row][size] - known) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of `scipy.optimize.nnls`.
    #[test]
    fn agrees_with_scipy() {
        let rows = [[1.0, 0.0, 2.0], [3.0, 1.0, 0.5], [0.0, 2.0, 1.0], [1.0, 1.0, 1.0]];
        let rows = rows.map(|row| row.to_vec());
        for (b, expected) in EXPECTED {
            let x = nnls(&rows, b);
            for (got, expected) in std::iter::zip(&x, expected) {
                assert!((got - expected).abs() < 1e-9, "{b:?}: {x:?}");
            }
        }
    }

    const EXPECTED: &[([f64; 4], [f64; 3])] = &[
        (
            [1.0, 2.0, 3.0, 4.0],
            [0.201_646_090_534_979, 1.510_288_065_843_622, 0.609_053_497_942_387],
        ),
        ([-1.0, 5.0, -2.0, 0.0], [1.272_727_272_727_272, 0.0, 0.0]),
        ([-1.0, -2.0, -3.0, -1.0], [0.0, 0.0, 0.0]),
    ];

    #[test]
    fn nothing_is_nothing() {
        assert!(nnls(&[], &[]).is_empty());
    }
}
