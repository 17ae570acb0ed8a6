"""Other people's detectors on the same arrays: NeuroKit2 and BioSPPy, each in its own process.

They are no dependency of the project. `make bench` installs them into an environment of their own
(requirements/bench-spasm.txt; NeuroKit2 wants pandas before 3); `ATLASPLANE_SPASM_PEERS` names another
environment's python. What is not there raises `PeerMissing` with the reason.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import butter, sosfiltfilt

from benchmarks.registration_peers import PeerMissing
from benchmarks.spasm_scoring import Stretches

NEUROKIT_METHODS = ("threshold", "mixture", "pelt", "biosppy", "silva")
BAND_HZ = (20.0, 450.0)
_ROOT = Path(__file__).resolve().parents[1]
_SCRIPTS = Path(__file__).resolve().parent / "peers"
_ORDER = 4
_BELOW_NYQUIST = 0.45


@dataclass(frozen=True, slots=True, kw_only=True)
class HodgesBui:
    """Setting of the detector of Hodges and Bui.

    Attributes
    ----------
    window_s : float
    threshold : float
        In standard deviations of the rest.
    rectified : bool
        Whether the rest's mean and deviation are those of its rectified moving average (Hodges and Bui 1996)
        or the detector is handed the rest as it is.
    """

    window_s: float
    threshold: float
    rectified: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trace:
    """One channel and its declared rest, as they were recorded.

    Attributes
    ----------
    signal_uV : array, shape (n,)
    rest_uV : array, shape (m,)
    rate_hz : float
    """

    signal_uV: NDArray[np.float32]
    rest_uV: NDArray[np.float32]
    rate_hz: float


@cache
def peers_python() -> Path:
    """The python that has the peers.

    Raises
    ------
    PeerMissing
        When there is none.
    """
    named = os.environ.get("ATLASPLANE_SPASM_PEERS")
    path = Path(named) if named else _ROOT / ".venv-bench-spasm" / "bin" / "python"
    if not path.exists():
        raise PeerMissing(f"{path.name} of the peers of spasm is not there: run 'make bench'")
    return path


def hodges_bui(traces: Sequence[Trace], settings: Sequence[HodgesBui]) -> list[list[Stretches]]:
    """Active stretches of each trace with each setting, in seconds of its signal.

    Signal and rest are band-passed from 20 to 450 Hz (zero phase) before they are handed over: `emg()` itself
    would take all below 100 Hz away.

    Raises
    ------
    PeerMissing
    """
    given: dict[str, NDArray[Any]] = {
        "settings": np.array([[s.window_s, s.threshold, s.rectified] for s in settings], dtype=float)
    }
    for key, trace in enumerate(traces):
        given[f"signal_{key}"] = band_passed(trace.signal_uV, trace.rate_hz)
        given[f"rest_{key}"] = band_passed(trace.rest_uV, trace.rate_hz)
        given[f"rate_{key}"] = np.array(trace.rate_hz)
    told = run_peer("biosppy_activity.py", given)
    return [
        [told[f"active_{key}_{row}"] / trace.rate_hz for row in range(len(settings))]
        for key, trace in enumerate(traces)
    ]


def biosppy_as_it_comes(trace: Trace) -> Stretches:
    """Active stretches of BioSPPy's `emg()` without any argument but signal and rate.

    Raises
    ------
    PeerMissing
    """
    given = {"raw_0": np.asarray(trace.signal_uV), "rate_0": np.array(trace.rate_hz)}
    return np.asarray(run_peer("biosppy_activity.py", given)["emg_0"] / trace.rate_hz)


def neurokit_activity(
    trace: Trace, methods: Sequence[str] = NEUROKIT_METHODS, *, limit_s: int = 300
) -> dict[str, Stretches | str]:
    """Active stretches of each method of NeuroKit2's `emg_activation` in seconds, or its complaint.

    Raises
    ------
    PeerMissing
    """
    given = {
        "signal_uV": np.asarray(trace.signal_uV),
        "rate_hz": np.array(trace.rate_hz),
        "methods": np.array(methods),
        "seconds_limit": np.array(limit_s),
    }
    told = run_peer("neurokit_activity.py", given)
    return {
        name: told[f"active_{name}"] / trace.rate_hz
        if f"active_{name}" in told
        else str(told[f"error_{name}"])
        for name in methods
    }


def neurokit_seconds(signal_uV: ArrayLike, rate_hz: float, *, repeats: int = 1) -> tuple[float, ...]:
    """Time that NeuroKit2's `emg_process` takes, without its import and without reading.

    Raises
    ------
    PeerMissing
    """
    given = {
        "signal_uV": np.asarray(signal_uV),
        "rate_hz": np.array(rate_hz),
        "process": np.array(repeats),
    }
    return tuple(map(float, run_peer("neurokit_activity.py", given)["seconds"]))


def band_passed(samples: ArrayLike, rate_hz: float) -> NDArray[np.float64]:
    """20 to 450 Hz, Butterworth, zero phase; the upper end follows the rate."""
    low, high = BAND_HZ
    band = (low, min(high, _BELOW_NYQUIST * rate_hz))
    sos = butter(_ORDER, band, "bandpass", fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sos, np.asarray(samples, dtype=np.float64)))


def run_peer(
    script: str, given: dict[str, NDArray[Any]], *, timeout_s: float = 3600.0
) -> dict[str, NDArray[Any]]:
    """Run one of the scripts in `benchmarks/peers` with arrays in and arrays out.

    Raises
    ------
    PeerMissing
        When the environment is not there or the script fails; the last line of its complaint is passed on.
    """
    with tempfile.TemporaryDirectory() as name:
        asked, answered = Path(name) / "in.npz", Path(name) / "out.npz"
        np.savez(asked, **given)  # type: ignore[arg-type]
        command = [str(peers_python()), str(_SCRIPTS / script), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
        if done.returncode or not answered.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise PeerMissing(f"{script}: {last}")
        with np.load(answered) as told:
            return {key: told[key] for key in told.files}
