"""What the grey values say of a film where it was marked: exposure, noise, sharpness.

Only the neighbourhoods of the marks are looked at: air, collimated borders and burned-in letters are no part
of the measurement.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.limits import limits
from atlasplane.pathways.alignment.marked_film import marked_film
from atlasplane.sources.film import Radiograph
from atlasplane.sources.reading import Reading

PATCH_MM = 8.0
"""Half size of the neighbourhood of a mark, on the film."""
EDGE_MM = 4.0
"""Half length of the profile across an edge."""
ALONG_MM = 1.0
"""Half length over which profiles are averaged along an edge."""
FEWEST_EDGES = 8
"""A quartile of fewer is chance: vertex films of seven marks read 0.4 to 1.3 mm, all equally sharp."""
_SIGMAS_MM = np.geomspace(0.05, 3.0, 30)
_SHIFTS_MM = np.linspace(-1.0, 1.0, 21)
_NORMAL_5_TO_95 = 3.29
"""Width from the 5th to the 95th percentile of a normal distribution, in standard deviations."""
_LAPLACIAN = np.array([[1.0, -2.0, 1.0], [-2.0, 4.0, -2.0], [1.0, -2.0, 1.0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNumbers:
    """Numbers of one film's picture around its marks.

    Attributes
    ----------
    bright_share, dark_share : float
        Per cent of the pixels at the brightest and at the darkest value found there.
    contrast_to_noise : float
        Median over the marks; infinite without noise.
    blur_mm : float or None
        Standard deviation of the blur of the film's sharper edges, mm on the film; None with too few edges.
    is_blank : bool
        One grey everywhere.
    """

    bright_share: float
    dark_share: float
    contrast_to_noise: float
    blur_mm: float | None
    is_blank: bool


def image_numbers(film: Radiograph, reading: Reading) -> ImageNumbers | None:
    """Numbers of the picture around the marks of a reading; None without marks.

    Raises
    ------
    BadFile
        When the pixels cannot be decoded.
    """
    marked = marked_film(film, reading, landmarks().keys())
    if not marked.values.size:
        return None
    pixel = math.sqrt(abs(float(np.linalg.det(marked.frame.matrix))))
    mm_per_px = marked.film_mm_per_unit * pixel
    grey = np.asarray(film.load_pixels()).astype(float)
    centres = marked.frame.pixels(marked.values.reshape(-1, 2))
    patches = [patch for at in centres if (patch := _patch(grey, at, PATCH_MM / mm_per_px)) is not None]
    if not patches:
        return None
    region = np.concatenate([patch.ravel() for patch in patches])
    low, high = float(region.min()), float(region.max())
    if not high > low:
        return ImageNumbers(
            bright_share=0.0, dark_share=0.0, contrast_to_noise=0.0, blur_mm=None, is_blank=True
        )
    return ImageNumbers(
        bright_share=100 * float(np.mean(region == high)),
        dark_share=100 * float(np.mean(region == low)),
        contrast_to_noise=float(np.median([_contrast_to_noise(patch) for patch in patches])),
        blur_mm=_blur_mm(patches, mm_per_px),
        is_blank=False,
    )


def image_findings(film: Radiograph, reading: Reading) -> Iterator[Finding]:
    """Exposure, noise and sharpness of one film where it was marked; raises BadFile."""
    found = image_numbers(film, reading)
    if found is None:
        return
    if found.is_blank:
        yield Finding(
            code="film.blank",
            severity=Severity.WARN,
            file=film.file,
            text="One grey around every mark: the marks cannot have been placed on this picture",
        )
        return
    for end, share in (("brightest", found.bright_share), ("darkest", found.dark_share)):
        if share > limits()["film.clipped"].value:
            yield _finding(
                film, "film.clipped", share, f"Of the pixels around the marks stand at the {end} value"
            )
    if found.contrast_to_noise < limits()["film.noise"].value:
        yield _finding(
            film, "film.noise", found.contrast_to_noise, "Contrast over noise around the marks is low"
        )
    if found.blur_mm is not None and found.blur_mm > limits()["film.blur"].value:
        yield _finding(film, "film.blur", found.blur_mm, "Even the sharper edges are blurred (motion, focus)")


def _finding(film: Radiograph, code: str, value: float, says: str) -> Finding:
    limit = limits()[code]
    return Finding(
        code=code,
        severity=Severity.WARN,
        file=film.file,
        value=value,
        limit=limit.value,
        text=f"{says}: {value:.2f} {limit.unit}, limit {limit.value:g} {limit.unit} ({limit.tag})",
        source=limit.source,
    )


def _patch(grey: Array, at: Array, half: float) -> Array | None:
    """Square neighbourhood of a pixel, cut at the border; None where too little of it is left."""
    column, row = np.rint(at).astype(int)
    reach = max(round(half), 4)
    patch = grey[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    return patch if min(patch.shape, default=0) > reach else None


def _noise(patch: Array) -> float:
    """Standard deviation of the noise (Immerkaer 1996, doi:10.1006/cviu.1996.0060)."""
    rough = ndimage.convolve(patch, _LAPLACIAN)[1:-1, 1:-1]
    return math.sqrt(math.pi / 2) / 6 * float(np.abs(rough).mean())


def _contrast_to_noise(patch: Array) -> float:
    noise = _noise(patch)
    low, high = np.percentile(patch, [5, 95])
    contrast = math.sqrt(max(float(high - low) ** 2 - (_NORMAL_5_TO_95 * noise) ** 2, 0.0))
    return contrast / noise if noise > 0 else math.inf


def _blur_mm(patches: list[Array], mm_per_px: float) -> float | None:
    """Blur across rows or across columns, whichever is worse: a patient moves in one direction.

    Of each direction the first quartile over the marks' steepest edges counts: anatomy is soft, but some edge
    is sharp.
    """
    steps = np.arange(-EDGE_MM / mm_per_px, EDGE_MM / mm_per_px + 0.25, 0.5)
    model = _EdgeModel.over(steps * mm_per_px)
    quartiles = []
    for downwards in (True, False):
        widths = [
            width
            for patch in patches
            if (width := _edge_sigma_mm(patch, steps, model, mm_per_px, downwards=downwards)) is not None
        ]
        if len(widths) >= FEWEST_EDGES:
            quartiles.append(float(np.percentile(widths, 25)))
    return max(quartiles, default=None)


@dataclass(frozen=True, slots=True, eq=False)
class _EdgeModel:
    """Steps of every blur and place, freed of a constant and a slope.

    Attributes
    ----------
    level : array, shape (n, n)
        Takes constant and slope off a profile.
    steps : array, shape (k, n)
        Unit vectors.
    size : array, shape (k,)
        Their lengths before.
    sigma_mm : array, shape (k,)
    """

    level: Array
    steps: Array
    size: Array
    sigma_mm: Array

    @classmethod
    def over(cls, x_mm: Array) -> _EdgeModel:
        flat = np.linalg.qr(np.column_stack([np.ones_like(x_mm), x_mm]))[0]
        level = np.eye(len(x_mm)) - flat @ flat.T
        sigma, shift = (grid.ravel() for grid in np.meshgrid(_SIGMAS_MM, _SHIFTS_MM))
        steps = ndtr((x_mm - shift[:, None]) / sigma[:, None]) @ level
        size = np.linalg.norm(steps, axis=1)
        return cls(level, steps / size[:, None], size, sigma)

    def sigma_of(self, profile: Array, noise: float) -> float | None:
        """Blur of the best fitting step in mm; None where the step drowns in noise."""
        share = self.steps @ (self.level @ profile)
        best = int(share.argmax())
        step = float(share[best] / self.size[best])
        return float(self.sigma_mm[best]) if step > limits()["film.noise"].value * noise else None


def _edge_sigma_mm(
    patch: Array, steps: Array, model: _EdgeModel, mm_per_px: float, *, downwards: bool
) -> float | None:
    """Blur of a patch's steepest edge whose normal lies along the columns' (downwards) or the rows' axis."""
    reach = round(EDGE_MM / mm_per_px)
    if min(patch.shape) <= 2 * reach:
        return None
    down, across = np.gradient(ndimage.gaussian_filter(patch, max(0.3 / mm_per_px, 1.0)))
    own, other = (down, across) if downwards else (across, down)
    steep = np.where(np.abs(own) > 2 * np.abs(other), np.hypot(down, across), 0.0)
    inner = steep[reach:-reach, reach:-reach]
    row, column = (k + reach for k in np.unravel_index(int(inner.argmax()), inner.shape))
    if not steep[row, column] > 0:
        return None
    normal = np.array([down[row, column], across[row, column]]) / np.hypot(
        down[row, column], across[row, column]
    )
    sides = np.arange(-ALONG_MM / mm_per_px, ALONG_MM / mm_per_px + 0.5, 1.0)
    along = np.array([-normal[1], normal[0]])
    at = np.array([row, column])[:, None, None] + (
        normal[:, None, None] * steps + along[:, None, None] * sides[:, None]
    )
    profile = ndimage.map_coordinates(patch, at, order=1, mode="nearest").mean(axis=0)
    return model.sigma_of(profile, _noise(patch))
