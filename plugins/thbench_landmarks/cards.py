"""What the scores of `lmd` and `lvd` mean."""

from __future__ import annotations

from collections.abc import Mapping

from thbench.api import Score
from thbench_landmarks import LmdOptions

__all__ = ["lmd_scores", "lvd_scores"]

_INFINITY = float("inf")
_SHARE, _PIXELS = "of the interocular distance", "pixels"
_TAKEN_AWAY = {
    "aligned": "after a similarity (turn, scale, shift) on nose and eyes, over the interocular distance",
    "per-io": "as they lie, over the interocular distance",
    "raw": "as they lie, in pixels of the scored frame",
    "centred": "each set about its own mean, in pixels of the scored frame",
    "l1": "as they lie, mean of |dx| and |dy|, in pixels of the scored frame",
}
_FORMULA = {
    "aligned": "1/(T K) Σ_t Σ_k |S_t p_tk − q_tk| / io(q_t); S_t: least-squares similarity of points 27..47 of p_t to "
    "q_t's; io: distance of the means of 36..41 and 42..47",
    "per-io": "1/(T K) Σ_t Σ_k |p_tk − q_tk| / io(q_t); io: distance of the means of 36..41 and 42..47",
    "raw": "1/(T K) Σ_t Σ_k |p_tk − q_tk|",
    "centred": "1/(T K) Σ_t Σ_k |(p_tk − mean_k p_t) − (q_tk − mean_k q_t)|",
    "l1": "1/(2 T K) Σ_t Σ_k (|Δx| + |Δy|)",
}
_SOURCE = {
    "aligned": "LMD of Chen et al. 2019 (ATVGnet) with head motion taken away, as `docs/faces.md` gives reasons",
    "per-io": "LMD of Chen et al. 2019 (ATVGnet), over the interocular distance",
    "raw": "LMD of Chen et al. 2019 (ATVGnet)",
    "centred": "`test_lmd.py` of EAT (Gan et al. 2023)",
    "l1": "`compute_lmd.py` of TalkingHeadMetrics",
}
_BIASES = {
    "aligned": "Trembling of the landmark network alone gives about 0.015: read it beside the row of the "
    "ground truth through H.264. Blinks move the eyes it is aligned on by a little.",
    "per-io": "Measures head motion first: a still picture scores several times worse than a dead mouth.",
    "raw": "Measures head motion and framing first: on a real clip a still picture scores 20.8 px, a frozen mouth on "
    "the moving head 5.7. Grows with the resolution.",
    "centred": "Still sees roll and scale of the head. Grows with the resolution. EAT's own program also resamples "
    "both clips to the shorter one's length; here a wrong length is a failure.",
    "l1": "About 0.64 of the Euclidean distance for the same movement; measures head motion first.",
}


def lmd_scores(options: LmdOptions) -> Mapping[str, Score]:
    """Of the mouth (points 48..67) and the face (0..67)."""
    return {
        "m_lmd": _lmd(options, "the lips (points 48..67)", "K = 20"),
        "f_lmd": _lmd(options, "the whole face (points 0..67)", "K = 68"),
    }


def _lmd(options: LmdOptions, part: str, count: str) -> Score:
    form, warped = options.form, ""
    formula, biases = f"{_FORMULA[form]}; {count}", _BIASES[form]
    if options.dtw:
        warped = f" Moments may be up to {options.dtw} frames early or late without cost."
        formula += f"; along the cheapest path with |i − j| <= {options.dtw} (symmetric weights) instead of i = j"
        biases += " Hides a lag: read it beside the value without time warping."
    return Score(
        better="lower",
        unit=_SHARE if form in ("aligned", "per-io") else _PIXELS,
        range=(0.0, _INFINITY),
        reacts_to={"freeze": "+", "drop": "+", "mouth": "+"},
        ignores=("delay",),
        description=f"Mean distance of {part} from the ground truth's in the same frame, {_TAKEN_AWAY[form]}.{warped}",
        source=_SOURCE[form],
        formula=formula,
        biases=f"{biases} Landmarks: {options.landmarks}; never to be set beside those of another network.",
    )


def lvd_scores() -> Mapping[str, Score]:
    """The distance of velocities and its floor."""
    unit = "of the interocular distance per frame"
    return {
        "m_lvd": Score(
            better="lower",
            unit=unit,
            range=(0.0, _INFINITY),
            reacts_to={"freeze": "+", "drop": "+", "mouth": "+"},
            ignores=("delay",),
            description="Mean distance of the lips' velocity from the ground truth's, aligned as `lmd` is. "
            "Only to be read beside m_lvd_floor.",
            source="LVD of EAT (Gan et al. 2023), aligned and over the interocular distance; its program adds "
            "the mouth's velocity to the face's sum",
            formula="1/((T − 1) 20) Σ_t Σ_k |(p_t+1 − p_t) − (q_t+1 − q_t)| / io(q_t+1)",
            biases="Trembling counts more than speech: half a pixel of noise on every point scores worse than a "
            "frozen mouth.",
        ),
        "m_lvd_floor": Score(
            better="nearer-reference",
            unit=unit,
            range=(0.0, _INFINITY),
            ignores=("delay",),
            description="What m_lvd would be if all jerks of both videos were trembling of the landmarks: an upper "
            "estimate. A difference of m_lvd below it says nothing.",
            formula="sqrt((J_p² + J_q²) / 3); J: mean length of the lips' second difference / io",
            biases="Real acceleration of the lips is in it.",
        ),
    }
