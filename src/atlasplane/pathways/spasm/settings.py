"""Settings of the search for spasms, as data (data/spasm.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

SCHEMA = "atlasplane.spasm-settings/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmSettings:
    """Numbers of the search; units, tags and sources stand in data/spasm.toml under the same names."""

    alarms_per_day: float
    least_rise: float
    lasting_rise: float
    lull_share: float
    noise_margin: float
    least_duration_s: float
    pause_s: float
    bridge_s: float
    merge_gap_s: float
    least_quiet_s: float
    least_judged_s: float
    missing_share: float
    saturated_share: float
    flat_share: float
    beats_leak: float
    mains_leak: float
    slow_leak: float
    slow_reach_s: float
    movement_lead_s: float
    movement_lag_s: float
    clonus_low_hz: float
    clonus_high_hz: float
    own_duration_s: float
    own_step: float
    rest_share_mve: float
    rest_share_rvc: float
    quiet_quantile: float
    active_share: float
    baseline_rise: float
    myoclonus_s: float
    kind_gap_s: float
    unit_share: float
    unit_most: float
    clonus_cycles: float
    clonus_share: float
    clonus_depth: float
    clonus_trough: float
    independent_s: float
    silent_burden: float
    under_baseline: float
    under_baseline_s: float
    jump_longest_s: float
    jump_width_s: float
    jump_share: float
    jump_two_frames: float
    jump_two_frames_slow: float
    creep_step: float
    onset_s: float

    def __post_init__(self) -> None:
        if not self.least_rise >= self.lasting_rise > 1:
            raise ValueError(
                f"least_rise >= lasting_rise > 1 expected, got {self.least_rise}, {self.lasting_rise}"
            )
        low = [field.name for field in fields(self) if not getattr(self, field.name) >= 0]
        if low or not self.alarms_per_day > 0:
            raise ValueError(f"settings must not be negative, alarms_per_day must be > 0: {', '.join(low)}")


@cache
def spasm_settings() -> SpasmSettings:
    """The packaged settings; another merge gap is given with `dataclasses.replace`."""
    text = files("atlasplane.pathways.spasm").joinpath("data/spasm.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    if table.pop("schema") != SCHEMA:
        raise ValueError("spasm.toml: unknown schema")
    return SpasmSettings(**{name: float(entry["value"]) for name, entry in table.items()})
