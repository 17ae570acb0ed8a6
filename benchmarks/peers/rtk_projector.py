"""RTK's Joseph forward projector on a stated view: `python rtk_projector.py IN.npz OUT.npz`.

Runs in the peers' environment: it knows nothing of the project but the names in the file.
"""

from __future__ import annotations

import sys
import time

import itk
import numpy as np
from itk import RTK

THREADS = 2


def main(asked: str, answered: str) -> None:
    """Project, time and write image and seconds."""
    given = dict(np.load(asked))
    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(THREADS)
    volume = image_of(given["volume"], given["origin"], given["spacing"])
    rows, columns = (int(n) for n in given["shape_px"])
    # A single film is a stack of one, measured from the foot of the perpendicular. RTK wants the axes
    # right-handed with the way back to the source: rows run upwards here.
    first = -given["foot_px"] * given["pitch"]
    first[1] = -(rows - 1 - given["foot_px"][1]) * given["pitch"][1]
    stack = image_of(np.zeros((columns, rows, 1), np.float32), [*first, 0.0], [*given["pitch"], 1.0])
    geometry = RTK.ThreeDCircularProjectionGeometry.New()
    ok = geometry.AddProjection(
        itk.Point[itk.D, 3](list(given["source"])),
        itk.Point[itk.D, 3](list(given["foot"])),
        itk.Vector[itk.D, 3](list(given["column"])),
        itk.Vector[itk.D, 3](list(-given["row"])),
    )
    if not ok:
        raise SystemExit("RTK refuses the geometry")
    kind = itk.Image[itk.F, 3]
    projector = RTK.JosephForwardProjectionImageFilter[kind, kind].New()
    projector.SetInput(0, stack)
    projector.SetInput(1, volume)
    projector.SetGeometry(geometry)
    projector.InPlaceOff()
    seconds = []
    projector.Update()
    for _ in range(int(given["repeats"])):
        projector.Modified()
        start = time.perf_counter()
        projector.Update()
        seconds.append(time.perf_counter() - start)
    film = itk.array_from_image(projector.GetOutput())[0]
    np.savez(answered, image=film[::-1], seconds=np.array(seconds))


def image_of(values: np.ndarray, origin: np.ndarray, spacing: np.ndarray) -> itk.Image:
    """An ITK image of values (nx, ny, nz)."""
    image = itk.image_from_array(np.ascontiguousarray(values.transpose(2, 1, 0), dtype=np.float32))
    image.SetOrigin([float(v) for v in origin])
    image.SetSpacing([float(v) for v in spacing])
    return image


if __name__ == "__main__":
    main(*sys.argv[1:])
