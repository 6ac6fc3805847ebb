"""Reference values of tests/core/statistics/test_preferences.py and test_agreement.py, from outside implementations.

    python -m venv ref && ref/bin/pip install choix==0.4.1 krippendorff==0.9.0 statsmodels
    ref/bin/python tests/tools/make_study_values.py

choix: Bradley-Terry without ties. statsmodels: Davidson's model as a log-linear one of Poisson counts (Fienberg
1979; Critchlow & Fligner 1991). krippendorff: alpha.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np


def table(seed: int, ties: bool) -> np.ndarray:
    """[pairs of 4, 3] counts."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 30, (6, 3))
    return counts if ties else counts * np.array([1, 0, 1])


def ratings(seed: int, values: int) -> np.ndarray:
    """[8 raters, 30 units] 1..values with a quarter missing and some agreement."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, values + 1, 30)
    data = np.clip(truth + rng.integers(-1, 2, (8, 30)), 1, values).astype(float)
    data[rng.random((8, 30)) < 0.25] = np.nan
    return data


def bradley_terry(counts: np.ndarray) -> list[float]:
    import choix

    data = []
    for (a, b), (wins, _, losses) in zip(combinations(range(4), 2), counts.tolist(), strict=True):
        data += [(a, b)] * wins + [(b, a)] * losses
    found = choix.opt_pairwise(4, data, tol=1e-14, method="Newton-CG")
    return [float(v) for v in found - found.mean()]


def davidson(counts: np.ndarray) -> list[float]:
    import statsmodels.api as sm

    rows, target = [], []
    for p, (a, b) in enumerate(combinations(range(4), 2)):
        for outcome in range(3):
            row = np.zeros(6 + 3 + 1)  # one constant per pair, theta_1..3 against theta_0, eta
            row[p] = 1
            for system, weight in ((a, (1, 0.5, 0)[outcome]), (b, (0, 0.5, 1)[outcome])):
                if system:
                    row[5 + system] += weight
            row[9] = outcome == 1
            rows.append(row)
            target.append(counts[p, outcome])
    fit = sm.GLM(np.array(target), np.array(rows), family=sm.families.Poisson()).fit(
        tol=1e-14, maxiter=200
    )
    theta = np.concatenate([[0.0], fit.params[6:9]])
    return [float(v) for v in [*(theta - theta.mean()), np.exp(fit.params[9])]]


if __name__ == "__main__":
    import krippendorff

    print("BRADLEY_TERRY =", bradley_terry(table(1, ties=False)))
    print("DAVIDSON =", davidson(table(2, ties=True)))
    for level, values in (("nominal", 3), ("ordinal", 5), ("interval", 5)):
        print(
            level,
            krippendorff.alpha(reliability_data=ratings(3, values), level_of_measurement=level),
        )
