"""NeuroKit2's activity of one channel: `python neurokit_activity.py IN.npz OUT.npz`.

Runs in the peers' environment: it knows nothing of the project but the names in the file. Given `signal_uV`,
`rate_hz` and `methods`, each method of `emg_activation` gets what NeuroKit2's own `emg_clean` and
`emg_amplitude` make of the signal; `seconds_limit` stops a method that does not end. Given `process`,
`emg_process` is run that many times and timed instead.
"""

from __future__ import annotations

import signal
import sys
import time
import warnings

import neurokit2
import numpy as np


def main(asked: str, answered: str) -> None:
    """Run what is asked for and write it."""
    warnings.simplefilter("ignore")
    given = dict(np.load(asked))
    samples, rate_hz = given["signal_uV"].astype(float), int(given["rate_hz"])
    if "process" in given:
        np.savez(answered, seconds=np.array(timed(samples, rate_hz, int(given["process"]))))
        return
    cleaned = neurokit2.emg_clean(samples, sampling_rate=rate_hz)
    amplitude = neurokit2.emg_amplitude(cleaned)
    told = {}
    for name in map(str, given["methods"]):
        try:
            with limited(int(given["seconds_limit"])):
                _, info = neurokit2.emg_activation(
                    emg_amplitude=amplitude, emg_cleaned=cleaned, sampling_rate=rate_hz, method=name
                )
            told[f"active_{name}"] = stretches(info["EMG_Activity"])
        except Exception as error:  # whatever it is, it is what a user would meet
            told[f"error_{name}"] = np.array(f"{type(error).__name__}: {error}")
    np.savez(answered, **told)


def timed(samples: np.ndarray, rate_hz: int, repeats: int) -> list[float]:
    """Seconds of each `emg_process`."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        neurokit2.emg_process(samples, sampling_rate=rate_hz)
        seconds.append(time.perf_counter() - start)
    return seconds


def stretches(active: np.ndarray) -> np.ndarray:
    """Runs of consecutive sample numbers, shape (n, 2): first and one beyond the last."""
    active = np.unique(np.asarray(active, dtype=int))
    if not len(active):
        return np.empty((0, 2), dtype=int)
    ends = np.flatnonzero(np.diff(active) > 1)
    first = np.concatenate([[0], ends + 1])
    last = np.concatenate([ends, [len(active) - 1]])
    return np.column_stack([active[first], active[last] + 1])


class limited:  # noqa: N801 - reads as a statement
    """Raise TimeoutError after some seconds of processor time, which do not depend on what else runs."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGVTALRM, self._over)
        signal.setitimer(signal.ITIMER_VIRTUAL, self.seconds)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _over(self, *_: object) -> None:
        raise TimeoutError(f"did not end within {self.seconds} s of processor time")


if __name__ == "__main__":
    main(*sys.argv[1:])
