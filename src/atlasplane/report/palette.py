"""Colours and type of the drawings: the colour-blind safe set of Okabe and Ito (2008), and one font."""

from __future__ import annotations

FONT = "Source Sans Pro, Verdana, sans-serif"

ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#00C08B"
"""The set's green, lightened to stand out on a grey film."""
YELLOW = "#F0E442"
VERMILLION = "#FF7A2F"
"""The set's vermillion, lightened likewise."""
PINK = "#E58FC0"
"""The set's reddish purple, lightened likewise."""
WHITE = "#FFFFFF"

LABEL_GROUND = "#0B0F12"

BEYOND = "#B4490A"
WITHIN = "#00639E"
BLACK_INK = "#17242E"
SOFT_INK = "#51606B"
GRID = "#C5CDD3"
BAND = "#E3E7EA"

BUDGET_COLOURS = {
    "landmarks": "#0072B2",
    "observers": "#CC79A7",
    "scale": "#E69F00",
    "head": "#009E73",
    "tube": "#7A858C",
    "shape": "#56B4E9",
    "frame": "#D55E00",
    "registration": "#7A5CA8",
}
OTHER_BUDGET = "#51606B"
