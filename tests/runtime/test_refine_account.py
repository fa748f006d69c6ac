"""runtime/refine: what a report says of the refiner."""

from __future__ import annotations

from stereocast.runtime.refine import RefineAccount


def facts(**values: float) -> dict[str, float]:
    names = ("gain", "clamped", "drifting", "anchored", "restarted")
    return {"depth_near": 1.0} | {f"refine_{name}": values.get(name, 0.0) for name in names}


def test_without_refinement_nothing_is_reported() -> None:
    account = RefineAccount()
    account.add({"depth_near": 1.0})
    assert account.report() == {}


def test_means_worst_values_and_counts_are_reported() -> None:
    account = RefineAccount()
    account.add(facts(gain=0.2, clamped=0.02))
    account.add(facts(gain=0.4, clamped=0.20, anchored=1.0))
    account.add(facts(gain=0.6, clamped=0.02, restarted=1.0))
    assert account.report() == {
        "mean_gain": 0.4, "mean_clamped": 0.08, "worst_clamped": 0.2,
        "frames_clamped_too_often": 1, "drift_alerts": 1, "restarts": 1,
    }  # fmt: skip
