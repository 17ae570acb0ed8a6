"""What the files of a folder can be to a case."""

from __future__ import annotations

from enum import Enum


class SeriesKind(Enum):
    """What the files of a series are to a case."""

    FILM = "film"
    VOLUME = "volume"
    OTHER = "other"
