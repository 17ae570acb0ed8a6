"""`simulate`: a case with known truth, of the phantom or of a real CT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.sources.film import View


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog='Example: atlasplane simulate out --head "0.5,1,0" --atlas "-12,3,2" --post "-12,0.5,0.5" --seed 7'
    )(simulate)


def simulate(
    out: Annotated[Path, typer.Argument(help="New case folder.")],
    seed: Annotated[int, typer.Option(help="Seed; one seed gives one case.")],
    head: Annotated[str, typer.Option(help='Head mis-position on every film, "yaw,pitch,roll" in deg.')] = "0,0,0",
    atlas: Annotated[
        str | None,
        typer.Option(help='C1 in the skull, "flexion,laterality,rotation" in deg. Default: a typical listing; CT: as it lies.'),
    ] = None,
    post: Annotated[str | None, typer.Option(help="The same after a correction; makes a pre and a post visit.")] = None,
    views: Annotated[str, typer.Option(help="Films to take.")] = "lateral,nasium,vertex",
    noise_mm: Annotated[
        float | None, typer.Option(help="SD of the clicks on the film, mm. Default: the landmark catalogue's.")
    ] = None,
    ct: Annotated[Path | None, typer.Option(help="Film this CT (NIfTI or DICOM folder) instead of the phantom.")] = None,
    landmarks: Annotated[Path | None, typer.Option(help="Landmark file of the CT (space lps_mm).")] = None,
) -> None:
    """Films, landmark files and truth.json of a simulated patient (or of a real CT's bones)."""
    from atlasplane.cli.terminal import progress
    from atlasplane.simulate.patient import DEFAULT_ATLAS_DEG, Scenario, simulate_case

    if (ct is None) != (landmarks is None):
        raise BadInput("simulate", "--ct and --landmarks go together", "Give both, or neither for the phantom.")
    fallback = DEFAULT_ATLAS_DEG if ct is None else (0.0, 0.0, 0.0)
    scenario = Scenario(
        seed=seed,
        head_deg=angles("--head", head),
        atlas_deg=fallback if atlas is None else angles("--atlas", atlas),
        post_deg=None if post is None else angles("--post", post),
        views=view_list(views),
        noise_mm=noise_mm,
    )
    subject = None
    if ct is not None and landmarks is not None:
        from atlasplane.simulate.ct_subject import ct_subject

        subject = ct_subject(ct, landmarks)
    with progress("Films", len(scenario.moments) * len(scenario.views)) as step:
        simulate_case(out, scenario, subject=subject, on_film=step)
    typer.echo(str(out))


def angles(option: str, text: str) -> tuple[float, float, float]:
    """Three comma-separated degrees.

    Raises
    ------
    BadInput
        When they are not three numbers.
    """
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInput(option, f"'{text}' is not three numbers", f'Write {option} "1.5,0,-2".') from error
    return first, second, third


def view_list(text: str) -> tuple[View, ...]:
    """Views by name.

    Raises
    ------
    BadInput
        When a view is unknown, doubled or has no simulated geometry.
    """
    from atlasplane.simulate.setup import SETUPS
    names = [part.strip() for part in text.split(",") if part.strip()]
    known = {view.value: view for view in SETUPS}
    for name in names:
        if name not in known:
            raise BadInput("--views", f"'{name}' cannot be simulated", f"Choose from {', '.join(known)}.")
    if not names or len(set(names)) != len(names):
        raise BadInput("--views", f"'{text}' names a view twice or none", f"Choose from {', '.join(known)}.")
    return tuple(known[name] for name in names)
