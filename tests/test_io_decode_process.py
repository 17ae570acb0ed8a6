"""The decoding process: limits that hold, faults that stay there, a child that is replaced."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlasplane.core.errors import BadFile
from atlasplane.io import decode_process
from atlasplane.io import limits as limits_module
from atlasplane.io.decode_process import Allowance, allowance, decoded
from atlasplane.io.limits import limit, limits
from tests import decode_jobs

SMALL = Allowance(memory_bytes=64 << 20, cpu_s=20.0, wall_s=60.0)
WITH_LIMITS = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(),
    reason="the system has no limit of memory: the clock is the limit there",
)


def job(function: object, path: Path, *, allowed: Allowance = SMALL, **options: object) -> np.ndarray:
    name = getattr(function, "__name__", "")
    return decoded(f"{decode_jobs.__name__}:{name}", path, name="film.png", allowed=allowed, **options)


def test_numbers_come_back_as_they_are(tmp_path: Path) -> None:
    for dtype in ("u1", "<u2", "<i2", "<f4", "<f8"):
        found = job(decode_jobs.ramp, tmp_path, rows=7, columns=5, dtype=dtype)
        assert found.dtype == np.dtype(dtype)
        assert np.array_equal(found, np.arange(35).reshape(7, 5))


def test_a_refusal_comes_back_with_file_fault_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(BadFile) as failed:
        job(decode_jobs.refused, tmp_path)
    assert (failed.value.file, failed.value.what) == ("film.png", "is refused")
    assert failed.value.remedy == "Give another"


@WITH_LIMITS
def test_memory_is_limited_and_the_child_goes_on(tmp_path: Path) -> None:
    started = job(decode_jobs.process_id, tmp_path)
    with pytest.raises(BadFile, match="more memory or time"):
        job(decode_jobs.memory, tmp_path, megabytes=512)
    assert job(decode_jobs.memory, tmp_path, megabytes=8).size == 1
    assert np.array_equal(job(decode_jobs.process_id, tmp_path), started)


@WITH_LIMITS
def test_processor_time_is_limited(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="more memory or time"):
        job(decode_jobs.endless, tmp_path, allowed=Allowance(memory_bytes=64 << 20, cpu_s=0.5, wall_s=60.0))


def test_the_clock_on_the_wall_ends_what_waits(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="more memory or time"):
        job(decode_jobs.asleep, tmp_path, allowed=Allowance(memory_bytes=64 << 20, cpu_s=5.0, wall_s=0.3))
    assert job(decode_jobs.ramp, tmp_path, rows=1, columns=2, dtype="u1").tolist() == [[0, 1]]


def test_a_child_that_dies_is_replaced(tmp_path: Path) -> None:
    first = int(job(decode_jobs.process_id, tmp_path)[0])
    assert first != os.getpid()
    with pytest.raises(BadFile, match="more memory or time"):
        job(decode_jobs.dead, tmp_path)
    assert int(job(decode_jobs.process_id, tmp_path)[0]) not in (first, os.getpid())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"dtype": "O", "shape": [1]}',
        '{"dtype": "<u2", "shape": [9]}',
        '{"dtype": "<u2", "shape": [-1]}',
        '{"dtype": "<u2", "shape": [1000000, 1000000]}',
        '{"dtype": "<u2", "shape": 4}',
        '{"dtype": "<u2"}',
    ],
)
def test_what_none_of_ours_would_say_is_not_believed(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadFile, match="more memory or time"):
        job(decode_jobs.liar, tmp_path, text=text)


def test_words_of_a_codec_do_not_mix_with_the_answer(tmp_path: Path) -> None:
    assert job(decode_jobs.chatty, tmp_path).tolist() == [1]


def test_it_writes_no_file(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("the system has no limit of file size")
    with pytest.raises(BadFile):
        job(decode_jobs.writer, tmp_path / "made.bin")
    assert not (tmp_path / "made.bin").exists() or (tmp_path / "made.bin").stat().st_size == 0


def test_several_threads_share_one_child(tmp_path: Path) -> None:
    found: dict[int, np.ndarray] = {}

    def work(n: int) -> None:
        found[n] = job(decode_jobs.ramp, tmp_path, rows=n, columns=100, dtype="<u2")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[n], np.arange(100 * n).reshape(n, 100)) for n in range(1, 9))


def test_a_system_that_starts_no_process_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode_process.stop()
    monkeypatch.setattr(decode_process, "_CHILD", (str(tmp_path / "no-python"),))
    with pytest.raises(BadFile, match="does not start") as failed:
        job(decode_jobs.ramp, tmp_path, rows=1, columns=1, dtype="u1")
    assert failed.value.remedy
    decode_process.warm()


def test_warming_starts_the_child_before_the_first_film(tmp_path: Path) -> None:
    decode_process.stop()
    decode_process.warm()
    Image.fromarray(np.full((4, 5), 9, np.uint8)).save(tmp_path / "film.png")
    call = "atlasplane.io.image_film:grey_of"
    assert np.all(decoded(call, tmp_path / "film.png", name="f", allowed=allowance(20)) == 9)


def test_what_an_image_may_use_grows_with_it() -> None:
    small, large = allowance(10**6), allowance(10**8, file_bytes=10**7)
    assert (
        large.memory_bytes - small.memory_bytes
        == limit("decode_memory_per_sample") * (10**8 - 10**6) + 3 * 10**7
    )
    assert large.cpu_s - small.cpu_s == pytest.approx(99 * limit("decode_cpu_s_per_megapixel"))
    assert small.wall_s == limit("decode_wall_ratio") * small.cpu_s


def test_every_limit_has_unit_tag_and_source() -> None:
    assert all(each.unit and each.what and each.source for each in limits().values())
    assert {each.tag for each in limits().values()} <= {
        "published",
        "reproduced",
        "derived",
        "proposed",
        "unverified",
    }


def test_nothing_is_left_running() -> None:
    decode_process.stop()
    before = time.monotonic()
    decode_process.stop()
    assert time.monotonic() - before < 5


def test_a_limit_without_a_source_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"value": 0, "unit": "1", "what": "w", "tag": "proposed", "source": "s"}
    monkeypatch.setattr(limits_module, "entries", lambda *_a: iter({"image_bytes": row}.items()))
    limits.cache_clear()
    try:
        with pytest.raises(ValueError, match="image_bytes is no cap with a source"):
            limits()
    finally:
        limits.cache_clear()
