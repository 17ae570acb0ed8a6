"""Kinds of scale: each with an uncertainty from a table that is checked when it is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from atlasplane.core import calibration
from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind, usual_uncertainties

ROW = {"u_rel": 0.02, "unit": "1", "what": "w", "tag": "proposed", "source": "s"}


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    usual_uncertainties.cache_clear()
    yield
    usual_uncertainties.cache_clear()


def table(monkeypatch: pytest.MonkeyPatch, rows: dict[str, dict[str, object]]) -> None:
    monkeypatch.setattr(calibration, "entries", lambda *_a: iter(rows.items()))


def test_every_kind_with_a_scale_is_in_the_table() -> None:
    kinds = {kind for kind in CalibrationKind if kind is not CalibrationKind.NONE}
    assert set(usual_uncertainties()) == kinds
    assert all(kind.usual.tag in ("published", "derived", "proposed") for kind in kinds)


def test_a_missing_kind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, {"ermf": ROW})
    with pytest.raises(ValueError, match="a kind is missing"):
        usual_uncertainties()


@pytest.mark.parametrize("wrong", [{"u_rel": 0.0}, {"u_rel": 1.0}, {"source": ""}])
def test_an_impossible_row_is_found(monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]) -> None:
    kinds = [kind.value for kind in CalibrationKind if kind is not CalibrationKind.NONE]
    table(monkeypatch, {**dict.fromkeys(kinds, ROW), "ermf": {**ROW, **wrong}})
    with pytest.raises(ValueError, match="u_rel must lie in"):
        usual_uncertainties()


def test_a_scale_is_valid_once_made() -> None:
    ok = Calibration(kind=CalibrationKind.ERMF, mm_per_px=(0.1, 0.2), u_rel=0.05)
    assert ok.pixel_shape == (0.1, 0.2) and UNCALIBRATED.pixel_shape == (1.0, 1.0)
    assert ok.kind.has_object_scale and not UNCALIBRATED.kind.has_object_scale
    for kind, size, u_rel in (
        (CalibrationKind.NONE, (0.1, 0.1), 0.0),
        (CalibrationKind.ERMF, None, 0.0),
        (CalibrationKind.ERMF, (0.1, 0.0), 0.0),
        (CalibrationKind.ERMF, (0.1, float("nan")), 0.0),
        (CalibrationKind.ERMF, (0.1, 0.1), 1.0),
    ):
        with pytest.raises(ValueError, match=r"mm_per_px|u_rel"):
            Calibration(kind=kind, mm_per_px=size, u_rel=u_rel)
