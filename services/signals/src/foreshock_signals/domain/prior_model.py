"""The packaged model: what signals stands on until a trained one is given to it."""

from __future__ import annotations

from foreshock_signals.domain.probability import Model

# A logistic with no weight below zero, fitted by L-BFGS-B (2026-11-20) on nine simulated sets (two of easy, medium and
# hard difficulty each at most, three of branching, one quiet; facts of detection.md kind) at a 0.5 s grid, together
# with simulated fast cascades of large orders over three throttled venues at 0.7 times the sets' weight: cascades of
# many small orders and of few large ones both have to count. Counts are held low (at most 0.5) because the largest
# venue sends one order a second whatever happens. Lower bounds keep breadth (0.15) and correlation (0.2, which the
# sets could not measure) in. The intercept was then moved so that the best ALERT threshold on those sets is 0.5.
# It is a prior: log odds mean what they say on such sets, not yet on a market.
PRIOR_MODEL = Model(
    version="prior-1",
    origin="logistic on simulated sets and throttled fast cascades, 2026-11-20",
    intercept=-12.45,
    weights={
        "count_2s": 0.20,
        "count_10s": 0.10,
        "count_60s": 0.05,
        "count_300s": 0.0,
        "usd_2s": 1.05,
        "usd_10s": 0.93,
        "usd_60s": 0.84,
        "usd_300s": 0.0,
        "breadth": 0.15,
        "correlation": 0.20,
    },
)
