"""The view-model: everything that a report shows, as strings. Both faces print it and add nothing."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.report.bones_view import BonesView
from atlasplane.report.registration_view import RegistrationView
from atlasplane.report.spasm_view import SpasmView


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One finding; `severity` is a word, `kind` the severity's id for its colour."""

    kind: str
    severity: str
    code: str
    file: str
    text: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """One gate of the correction vector."""

    kind: str
    name: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingView:
    """The listing, large, with the words that keep it from being misread."""

    text: str
    canonical: str
    words: tuple[str, ...]
    undetermined: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorView:
    """The correction vector; `facts` are (name, value) pairs, `unanswered` the gates not evaluated."""

    headline: str
    words: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    tag: str
    doubtful: bool
    unanswered: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityRow:
    """One line of the table of quantities.

    Attributes
    ----------
    continues : bool
        Whether the line above is of the same quantity at another level or side: name, meaning of the sign,
        range and method are then not said again.
    flag, flag_kind : str
        The limit of a red flag with where the value stands, and within, near or beyond; empty without one.
    angles : tuple of (name, value, expanded, u)
        Of a pose, one by one what `value`, `expanded` and `u` tell in one; else empty.
    """

    name: str
    site: str
    continues: bool
    positive: str
    value: str
    expanded: str
    u: str
    side: str
    mdc: str
    reference: str
    flag: str
    flag_kind: str
    method: str
    tag: str
    doubtful: bool
    note: str
    angles: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPart:
    """One contribution to u; `share` of the variance, 0 to 1, only sets the length of a bar."""

    kind: str
    u: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """Where the uncertainty of one quantity comes from; `continues` as in `QuantityRow`."""

    name: str
    site: str
    continues: bool
    u: str
    parts: tuple[BudgetPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityGroup:
    """Quantities of one section."""

    name: str
    rows: tuple[QuantityRow, ...]
    budget: tuple[BudgetRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendRow:
    """One construction and one quantity that it shows; without colour, label and text it goes on from above.

    Attributes
    ----------
    values : tuple of str
        One for each film of the group.
    """

    colour: str
    dashed: bool
    label: str
    text: str
    quantity: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmView:
    """A film with its constructions.

    Attributes
    ----------
    svg : str
        One self-contained drawing, the film embedded; the same in both faces.
    width, height : int
        Of the drawing, in its own units.
    """

    title: str
    svg: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmGroup:
    """Films of one view, side by side, with what is drawn on them; `columns` heads the legend's values."""

    name: str
    films: tuple[FilmView, ...]
    columns: tuple[str, ...]
    legend: tuple[LegendRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """One visit.

    Attributes
    ----------
    no_vector : str
        Why no vector is shown; names the gate. Empty with a vector.
    empty : str
        Said where nothing was measured.
    """

    id: str
    title: str
    short: str
    gates: tuple[GateView, ...]
    listing: ListingView | None
    classification: str
    vector: VectorView | None
    no_vector: str
    groups: tuple[QuantityGroup, ...]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One line of the table of changes; `continues` as in `QuantityRow`.

    Attributes
    ----------
    angles : tuple of (name, pre, post)
        Of a pose, one by one what `pre` and `post` tell in one; else empty.
    """

    name: str
    site: str
    continues: bool
    pre: str
    post: str
    change: str
    mdc: str
    kind: str
    distinguishable: str
    meaningful: str
    sustained: str
    reduction: str
    correlation: str
    angles: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroup:
    """Changes of one section."""

    name: str
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesView:
    """Changes between two visits, with their plot; `plot_note` says what the plot leaves out."""

    title: str
    groups: tuple[ChangeGroup, ...]
    note: str
    plot_note: str
    plot_svg: str
    plot_alt: str
    plot_width: int
    plot_height: int
    footnotes: tuple[str, ...]

    @property
    def rows(self) -> tuple[ChangeRow, ...]:
        """Every row, section after section."""
        return tuple(row for group in self.groups for row in group.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlotView:
    """One quantity over the visits, drawn; `svg` is self-contained and the same in both faces."""

    title: str
    svg: str
    alt: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCell:
    """One visit's value; `mark` is said where its change against the first visit is beyond its MDC95."""

    value: str
    expanded: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One quantity, a cell for each visit of the block; `continues` as in `QuantityRow`."""

    name: str
    site: str
    continues: bool
    cells: tuple[SeriesCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesGroup:
    """Series of one section."""

    name: str
    rows: tuple[SeriesRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesBlock:
    """As many visits as stand side by side; `columns` are (visit, day) pairs."""

    title: str
    columns: tuple[tuple[str, str], ...]
    groups: tuple[SeriesGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """Quantities over three visits or more: plots of some, a table of all."""

    title: str
    note: str
    plot_note: str
    plots: tuple[SeriesPlotView, ...]
    blocks: tuple[SeriesBlock, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSection:
    """A heading with paragraphs and a list."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    bullets: tuple[str, ...] = ()
    closing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSource:
    """Where the numbers of a film, of films fitted together, of a volume or of a recording come from.

    `file` heads its (name, value) pairs: the file's name, or what was fitted.
    """

    file: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceView:
    """Files, methods, catalogues and software."""

    films: tuple[FilmSource, ...]
    methods: tuple[tuple[str, str, str], ...]
    catalogues: tuple[tuple[str, str], ...]
    software: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """The whole report."""

    title: str
    subtitle: str
    case_facts: tuple[tuple[str, str], ...]
    simulated: str
    disclaimer: str
    findings: tuple[FindingView, ...]
    visits: tuple[VisitView, ...]
    table_note: str
    changes: ChangesView | None
    no_changes: str
    series: SeriesView | None
    bones: BonesView | None
    registration: RegistrationView | None
    spasm: SpasmView | None
    films: tuple[FilmGroup, ...]
    film_note: str
    plain_title: str
    plain: tuple[PlainSection, ...]
    provenance: ProvenanceView
