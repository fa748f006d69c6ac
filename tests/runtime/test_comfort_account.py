"""The comfort of a stream, as reports tell it."""

from __future__ import annotations

import torch

from stereocast.runtime.comfort import ComfortAccount


def test_an_account_gives_means_and_the_worst_score() -> None:
    account = ComfortAccount()
    account.add(torch.tensor([0.9, 0.0, 1.0, -1.0, 0.2, 0.0]))
    account.add(None)
    account.add(torch.tensor([0.5, 0.1, 2.0, -1.0, 0.4, 0.5]))
    report = account.report()
    assert report == {
        "score": 0.7,
        "beyond": 0.05,
        "front_percent": 1.5,
        "behind_percent": -1.0,
        "speed_percent_s": 0.3,
        "window": 0.25,
        "worst_score": 0.5,
    }
    assert account.latest == 0.5


def test_without_frames_there_is_nothing_to_tell() -> None:
    assert ComfortAccount().report() == {}
    assert ComfortAccount().mean_score == 1.0
