"""The state of a muscle: what the signal, the hand, the person and the examination say of it together."""

from __future__ import annotations

from collections.abc import Mapping

from atlasplane.core.observation import Category, Site
from atlasplane.core.quantity import quantity
from atlasplane.pathways.spasm.result import ChannelSpasms, EventClass

STATES = ("active_spasm", "cramp", "upper_motor_neuron_spasm", "silent_tightness", "quiet")
"""What a muscle may be found in. They are different things, and only activity shows in the signal."""


def muscle_state(
    channel: ChannelSpasms,
    *,
    visit: str,
    source: str,
    tight: bool | None = None,
    upper_motor_neuron: bool = False,
    provenance: Mapping[str, str] | None = None,
    condition: str | None = None,
) -> Category:
    """The state of the muscle of a channel, "unknown" where it is not active and nobody felt it.

    Parameters
    ----------
    channel : ChannelSpasms
    visit : str
        Id of the visit.
    source : str
        The recording, as the case folder names it.
    tight : bool or None
        What the hand found.
    upper_motor_neuron : bool
        Whether the examination found a lesion of the upper motor neuron. A case folder has no field that says
        so: no single sign of its exam.toml proves one. Whoever knows states it here.
    condition : str or None
        Which of several recordings of the site.
    """
    entry = quantity("muscle_state")
    return Category(
        quantity=entry,
        visit=visit,
        site=Site(structure=channel.muscle or channel.label, side=channel.side),
        condition=condition,
        method="muscle-state/1",
        tag=entry.tag,
        source=(source,),
        provenance=provenance or {},
        value=_state(channel, tight, upper_motor_neuron),
        choices=STATES,
    )


def _state(channel: ChannelSpasms, tight: bool | None, upper_motor_neuron: bool) -> str:
    classes = {event.class_ for event in channel.events if event.class_.is_spasm}
    if EventClass.CRAMP in classes:
        return "cramp"
    if any(finding.code == "spasm.silent_tightness" for finding in channel.findings):
        return "silent_tightness"
    if classes:
        return "upper_motor_neuron_spasm" if upper_motor_neuron else "active_spasm"
    return "unknown" if tight is None or not channel.analysed_s > 0 else "quiet"
