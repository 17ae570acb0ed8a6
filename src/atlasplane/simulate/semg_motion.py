"""What a motion sensor beside the muscle says: gravity, breathing, movement, its own noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.simulate.recording_plan import MotionSensor, Movement, RecordingPlan
from atlasplane.simulate.semg_disturbance import activity
from atlasplane.simulate.semg_spectrum import PIECE, Floats, Samples, stream

_BREATH_G, _BREATH_HZ = 0.003, 0.25
_MOVING_HZ = (0.5, 6.0)
_WAVES = 8


@dataclass(frozen=True, slots=True, eq=False)
class MotionAxis:
    """One axis of the accelerometer.

    Attributes
    ----------
    sensor : MotionSensor
    movements : tuple of Movement
    turns : tuple of Movement
        Those that change the posture, n of them in time order.
    gravity_g : array, shape (n + 1,)
        This axis' part of gravity before, between and after.
    seed, axis : int
    """

    sensor: MotionSensor
    movements: tuple[Movement, ...]
    turns: tuple[Movement, ...]
    gravity_g: Floats
    seed: int
    axis: int

    def piece(self, k: int) -> Samples:
        """Samples of piece k, shape (PIECE,) [g]."""
        rng = stream(self.seed, PART_MOTION, self.axis, k)
        samples = np.arange(k * PIECE, (k + 1) * PIECE, dtype=np.float64)
        # A clock that runs fast takes its samples earlier than it states.
        step_s = float(self.sensor.period_s) / (1 + 1e-6 * self.sensor.clock_ppm)
        time_s: Floats = self.sensor.start_s + samples * step_s
        signal = self._gravity(time_s) + self.sensor.noise_g * rng.standard_normal(PIECE)
        signal += _BREATH_G * np.cos(2 * math.pi * _BREATH_HZ * time_s + self.axis)
        for number, movement in enumerate(self.movements):
            if movement.start_s < time_s[-1] and movement.stop_s > time_s[0] and movement.acceleration_g > 0:
                within = slice(*np.searchsorted(time_s, [movement.start_s, movement.stop_s]))
                signal[within] += self._moving(movement, number, time_s[within])
        return signal.astype(np.float32)

    def _gravity(self, time_s: Floats) -> Floats:
        part: Floats = np.full(len(time_s), self.gravity_g[0])
        for change, turn in zip(np.diff(self.gravity_g), self.turns, strict=True):
            done = np.clip((time_s - turn.start_s) / (turn.stop_s - turn.start_s), 0, 1)
            part += change * 0.5 * (1 - np.cos(math.pi * done))
        return part

    def _moving(self, movement: Movement, number: int, time_s: Floats) -> Floats:
        """Waves of 0.5 to 6 Hz; all three axes together have the planned root mean square."""
        rng = stream(self.seed, PART_MOTION, self.axis, 0, number)
        frequency, phase = rng.uniform(*_MOVING_HZ, _WAVES), rng.random(_WAVES) * 2 * math.pi
        waves: Floats = np.zeros(len(time_s))
        for f, p in zip(frequency, phase, strict=True):
            waves += np.cos(2 * math.pi * f * time_s + p)
        return movement.acceleration_g * math.sqrt(2 / _WAVES / 3) * waves * activity(movement, time_s)


PART_MOTION = 7
"""Number of this part among the streams of a recording."""


def motion_axes(plan: RecordingPlan) -> tuple[MotionAxis, ...]:
    """X, Y and Z of the plan's motion sensor; none without one."""
    if plan.motion is None:
        return ()
    turns = tuple(sorted((m for m in plan.movements if m.turn_deg), key=lambda m: m.start_s))
    gravity = _gravity_g(turns, stream(plan.seed, PART_MOTION))
    return tuple(
        MotionAxis(plan.motion, plan.movements, turns, gravity[:, axis], plan.seed, axis) for axis in range(3)
    )


def _gravity_g(turns: Sequence[Movement], rng: np.random.Generator) -> Floats:
    """Direction of gravity in the sensor before, between and after the turns, shape (n + 1, 3), length 1."""
    now = _unit(rng.standard_normal(3))
    directions = [now]
    for turn in turns:
        aside = rng.standard_normal(3)
        aside = _unit(aside - (aside @ now) * now)
        angle = math.radians(turn.turn_deg)
        now = math.cos(angle) * now + math.sin(angle) * aside
        directions.append(now)
    return np.stack(directions)


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.linalg.norm(vector)
    return unit
