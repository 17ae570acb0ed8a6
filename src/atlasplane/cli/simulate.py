"""`simulate`: a case with known truth, of the phantom or of a real CT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.cli.values import numbers
from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.sources.film import View

WHO = "Who is filmed"
HOW = "Pose and films"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog='Example: atlasplane simulate out --seed 7 --head "0.5,1,0" --atlas "-12,3,2" '
        '--post "-12,0.5,0.5" --follow-up "-12,1,1" --scan cbct'
    )(simulate)


def simulate(  # noqa: PLR0913 - one argument an option
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="New case folder.")],
    seed: Annotated[int, typer.Option(metavar="N", help="One seed gives one case, always the same.")],
    head: Annotated[
        str,
        typer.Option(
            metavar='"YAW,PITCH,ROLL"',
            help="Head mis-position on every film, deg: left turn, extension, right bend +.",
            rich_help_panel=HOW,
        ),
    ] = "0,0,0",
    atlas: Annotated[
        str | None,
        typer.Option(
            metavar='"FLEX,LAT,ROT"',
            help="C1 in the skull, deg: flexion, laterality, rotation. Default: a typical listing; "
            "of a CT, as it lies.",
            rich_help_panel=HOW,
        ),
    ] = None,
    post: Annotated[
        str | None,
        typer.Option(
            metavar='"FLEX,LAT,ROT"',
            help="The same after a correction: makes a pre and a post visit.",
            rich_help_panel=HOW,
        ),
    ] = None,
    follow_up: Annotated[
        str | None,
        typer.Option(
            metavar='"FLEX,LAT,ROT"',
            help="The same six weeks later: makes a follow-up visit of two low-dose films (lateral, nasium) "
            "with few marks, to be registered with the CBCT.",
            rich_help_panel=HOW,
        ),
    ] = None,
    rig: Annotated[
        bool,
        typer.Option(
            "--rig",
            help="Films calibrated to each other: visit.toml states their cameras, and the head keeps still "
            "between them.",
            rich_help_panel=HOW,
        ),
    ] = False,
    views: Annotated[
        str, typer.Option(metavar="VIEW,…", help="Films to take.", rich_help_panel=HOW)
    ] = "lateral,nasium,vertex",
    noise_mm: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            help="SD of the clicks, on the film and in the scan; 0 for none. Default: as the landmark "
            "catalogue says.",
            rich_help_panel=HOW,
        ),
    ] = None,
    ct: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="This CT (NIfTI, or a DICOM folder), not the phantom; the case holds a copy of it.",
            rich_help_panel=WHO,
        ),
    ] = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Landmark file of the CT (space lps_mm).", rich_help_panel=WHO),
    ] = None,
    scan: Annotated[
        str,
        typer.Option(
            metavar="none|cbct",
            help="cbct: a CBCT of the phantom at the first visit, with landmarks and true masks of bones.",
            rich_help_panel=WHO,
        ),
    ] = "none",
    as_json: Json = False,
) -> None:
    """Write the films, landmark files and truth.json of a simulated patient, or of a real CT's bones."""
    from atlasplane.cli.terminal import progress
    from atlasplane.simulate.follow_up import FollowUp
    from atlasplane.simulate.patient import DEFAULT_ATLAS_DEG, Scenario, simulate_case

    if (ct is None) != (landmarks is None):
        given, other = ("--ct", "--landmarks") if landmarks is None else ("--landmarks", "--ct")
        raise BadInput(given, f"goes together with {other}", "Give both, or neither for the phantom")
    fallback = DEFAULT_ATLAS_DEG if ct is None else (0.0, 0.0, 0.0)
    scenario = Scenario(
        seed=seed,
        head_deg=angles("--head", head),
        atlas_deg=fallback if atlas is None else angles("--atlas", atlas),
        post_deg=None if post is None else angles("--post", post),
        follow_up=None if follow_up is None else FollowUp(atlas_deg=angles("--follow-up", follow_up)),
        rig=rig,
        views=view_list(views),
        noise_mm=noise_mm,
        scan=scan,
    )
    subject = None
    if ct is not None and landmarks is not None:
        from atlasplane.simulate.ct_subject import ct_subject

        with progress("Reading the CT"):
            subject = ct_subject(ct, landmarks)
    with progress("Taking films", scenario.pictures) as step:
        simulate_case(out, scenario, subject=subject, on_film=step)
    if as_json:
        print_json({"schema": "atlasplane.simulate/1", "folder": str(out), "seed": seed})
    else:
        typer.echo(str(out))


def angles(option: str, text: str) -> tuple[float, float, float]:
    """Three comma-separated degrees; raises BadInput."""
    first, second, third = numbers(option, text, like="1.5,0,-2")
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
    remedy = f"Choose from {', '.join(known)}"
    for name in names:
        if name not in known:
            raise BadInput("--views", f"'{name}' cannot be simulated", remedy)
    if not names or len(set(names)) != len(names):
        raise BadInput("--views", f"'{text}' names a view twice or none", remedy)
    return tuple(known[name] for name in names)
