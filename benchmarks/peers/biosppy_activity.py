"""BioSPPy's activity of channels: `python biosppy_activity.py IN.npz OUT.npz`.

Runs in the peers' environment: it knows nothing of the project but the names in the file. Each `signal_K`
with its `rest_K` goes to the detector of Hodges and Bui with every row of `settings` (window in seconds,
threshold, 1 where the rest's statistics are those of its rectified moving average and 0 where the rest is
handed over as it is). What is active is read from the test function that the detector returns: its list of
onsets loses a record that is active from the first sample to the last, and a pause of one sample. Given
`raw_K`, `emg()` is run as it comes, and its onsets are taken in turns as start and end, so that the louder
half is the active one.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from biosppy.signals import emg as peer
from biosppy.signals import tools as peer_tools


def main(asked: str, answered: str) -> None:
    """Run what is asked for and write it."""
    warnings.simplefilter("ignore")
    given = dict(np.load(asked))
    told = {}
    for name in given:
        kind, _, key = name.partition("_")
        if kind == "signal":
            rate_hz = float(given[f"rate_{key}"])
            samples = Samples(given[name], given[f"rest_{key}"], rate_hz)
            average = cache(partial(moving_average, samples))
            for row, (window_s, threshold, rectified) in enumerate(given["settings"].tolist()):
                test = test_function(samples, window_s, rectified, average)
                told[f"active_{key}_{row}"] = stretches(test >= threshold)
        elif kind == "raw":
            told[f"emg_{key}"] = as_it_comes(given[name], float(given[f"rate_{key}"]))
    np.savez(answered, **told)


Average = Callable[[float], np.ndarray]
"""Moving average of the rectified signal for a window in seconds."""


@dataclass(frozen=True, eq=False)
class Samples:
    """A signal, its rest and their rate."""

    signal: np.ndarray
    rest: np.ndarray
    rate_hz: float


def test_function(samples: Samples, window_s: float, rectified: float, average: Average) -> np.ndarray:
    """What the detector holds against its threshold, for every sample: its moving average, standardised."""
    size = max(1, round(window_s * samples.rate_hz))
    rest = samples.rest.astype(float)
    told = statistics(rest, size) if rectified else peer_tools.signal_stats(signal=rest - rest.mean())
    return (average(window_s) - told["mean"]) / told["std_dev"]


def moving_average(samples: Samples, window_s: float) -> np.ndarray:
    """The detector's test function for a rest of mean 0 and spread 1, for every sample."""
    size = max(1, round(window_s * samples.rate_hz))
    found = peer.hodges_bui_onset_detector(
        signal=samples.signal.astype(float),
        rest={"mean": 0.0, "std_dev": 1.0},
        sampling_rate=samples.rate_hz,
        size=size,
        # Below everything: its search for onsets, which is not used, then has nothing to sort.
        threshold=-1.0,
    )["processed"]
    # The test function is that of whole windows; the detector itself puts a window's verdict at its middle.
    return np.pad(found, (size // 2, len(samples.signal) - len(found) - size // 2), "edge")


def statistics(rest: np.ndarray, size: int) -> dict[str, float]:
    """Mean and spread of the rectified moving average, as in Hodges and Bui 1996."""
    average = np.convolve(np.abs(rest - rest.mean()), np.ones(size) / size, mode="valid")
    return {"mean": float(average.mean()), "std_dev": float(average.std(ddof=1))}


def as_it_comes(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """Active stretches of `emg()` in samples, shape (n, 2)."""
    found = peer.emg(signal=samples.astype(float), sampling_rate=rate_hz, show=False)
    turns = np.zeros(len(samples), dtype=int)
    np.add.at(turns, np.asarray(found["onsets"], dtype=int), 1)
    odd = np.cumsum(turns) % 2 == 1
    loud = np.abs(found["filtered"])
    if not odd.any() or odd.all():
        return stretches(np.zeros(len(samples), dtype=bool))
    return stretches(odd if loud[odd].mean() > loud[~odd].mean() else ~odd)


def stretches(active: np.ndarray) -> np.ndarray:
    """Runs of true values, shape (n, 2): first and one beyond the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]])))
    return edges.reshape(-1, 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
