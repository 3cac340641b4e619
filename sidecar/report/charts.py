"""Charts as SVG, drawn here so that a page needs nothing else: each says in words what it shows (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from sidecar.counted import at_least, at_most
from sidecar.report.figures import ColumnFigures, frontier
from sidecar.report.words import came_to, cost, dollars, seconds
from sidecar.store.job_records import Job

_WIDTH, _BAR, _GAP, _NAMES = 720, 22, 10, 250
_ENDS = (("answered", "answered"), ("failed", "failed"), ("cancelled", "cancelled"), ("waiting", "not ended"))


def how_rows_ended(columns: Sequence[ColumnFigures]) -> str:
    """A bar for each column: what became of its rows."""
    most = max((each.rows for each in columns), default=0)
    bars: list[str] = []
    for number, each in enumerate(columns):
        y, x = _GAP + number * (_BAR + _GAP), float(_NAMES)
        bars.append(_name(each.column.label, y))
        for member, _ in _ENDS:
            count = getattr(each, member)
            width = (_WIDTH - _NAMES - 60) * count / most if most else 0
            if count:
                bars.append(
                    f'<rect class="{member}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}"/>'
                )
            x += width
        bars.append(f'<text x="{x + 6:.1f}" y="{y + 16}">{each.answered:,} / {each.rows:,}</text>')
    told = "; ".join(
        f"{each.column.label}: " + ", ".join(f"{getattr(each, member):,} {word}" for member, word in _ENDS)
        for each in columns
    )
    return _svg(_GAP + len(columns) * (_BAR + _GAP), f"How rows ended. {told}.", bars)


def where_money_went(columns: Sequence[ColumnFigures]) -> str:
    """A bar for each column: what it cost at least, and as far as it may have where that is not known."""
    most = max((each.most_usd or each.least_usd for each in columns), default=Decimal(0))
    bars: list[str] = []
    for number, each in enumerate(columns):
        y = _GAP + number * (_BAR + _GAP)
        width, far = (
            float(usd / most) * (_WIDTH - _NAMES - 190) if most else 0
            for usd in (each.least_usd, each.most_usd or each.least_usd)
        )
        bars += [
            _name(each.column.label, y),
            f'<rect class="span" x="{_NAMES}" y="{y}" width="{far:.1f}" height="{_BAR}"/>',
            f'<rect class="money" x="{_NAMES}" y="{y}" width="{width:.1f}" height="{_BAR}"/>',
            f'<text x="{_NAMES + far + 6:.1f}" y="{y + 16}">{escape(cost(each))}</text>',
        ]
    told = "; ".join(f"{each.column.label}: {cost(each)}" for each in columns)
    return _svg(_GAP + len(columns) * (_BAR + _GAP), f"Where the money went. {told}.", bars)


def price_against_time(columns: Sequence[ColumnFigures]) -> str:
    """A point for each column, and the frontier of those that nothing beats in price and time together."""
    known = [each for each in columns if each.usd_per_answer is not None and each.median_seconds is not None]
    if not known:
        return ""
    points = [(float(each.median_seconds or 0), float(each.usd_per_answer or 0)) for each in known]
    left, top, width, height = 80.0, 20.0, _WIDTH - 120.0, 260.0
    far = (max(x for x, _ in points) or 1) * 1.15
    dear = (max(y for _, y in points) or 1e-9) * 1.2

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return left + width * point[0] / far, top + height * (1 - point[1] / dear)

    best = frontier(points)
    # Along the frontier the next point is dearer to beat: a step says so, and a slope would promise what is not there.
    path = ""
    for number, place in enumerate(best):
        x, y = at(points[place])
        path += f"M{x:.1f} {y:.1f}" if not number else f" H{x:.1f} V{y:.1f}"
    drawn = [
        f'<path class="axis" d="M{left} {top} V{top + height} H{left + width}"/>',
        f'<path class="frontier" d="{path}"/>',
    ]
    for share in (0.25, 0.5, 0.75, 1):
        x, y = left + width * share, top + height * (1 - share)
        drawn += [
            f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{top + height + 18}">{far * share:.2g} s</text>',
            f'<text class="tick" text-anchor="end" x="{left - 6}" y="{y + 4:.1f}">{dollars(dear * share)}</text>',
        ]
    for place, (each, point) in enumerate(zip(known, points, strict=True)):
        x, y = at(point)
        kind = "best" if place in best else "beaten"
        end = x > left + width * 0.6
        drawn += [
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{7 if place in best else 5}"/>',
            _label(each.column.label, x + (-11 if end else 11), y - 8, "end" if end else "start"),
        ]
    told = "; ".join(
        f"{each.column.label}: {dollars(each.usd_per_answer)} an answer, {seconds(each.median_seconds)}"
        + (", on the frontier" if place in best else "")
        for place, each in enumerate(known)
    )
    told += "".join(
        f"; {each.column.label}: not drawn, its cost is not known" for each in columns if each.uncertain_calls
    )
    drawn.append(f'<text class="tick" x="{left}" y="{top + height + 38}">median seconds an answer →</text>')
    return _svg(int(top + height + 46), f"Price an answer against median seconds. {told}.", drawn)


def estimate_against_truth(low: float, expected: float, high: float, job: Job) -> str:
    """The span of an estimate, with what the job came to: from its least to its most where that is not known."""
    lacks = job.uncertain
    ends = [float(job.cost_usd + usd) for usd in (lacks.at_least_usd, lacks.at_most_usd)]
    most = max(high, *ends, 1e-12) * 1.05

    def at(usd: float) -> float:
        return 10 + (_WIDTH - 20) * usd / most

    drawn = [
        f'<rect class="span" x="{at(low):.1f}" y="14" width="{max(2.0, at(high) - at(low)):.1f}" height="14"/>',
        f'<rect class="expected" x="{at(expected) - 1:.1f}" y="8" width="2" height="26"/>',
        *(f'<path class="truth" d="M{at(end):.1f} 12 l7 9 l-7 9 l-7 -9 z"/>' for end in dict.fromkeys(ends)),
    ]
    told = f"Estimated {dollars(expected)}, between {at_least(low)} and {at_most(high)}; it came to {came_to(job)}."
    return _svg(42, told, drawn)


def _svg(height: int, told: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(told, quote=True)}" viewBox="0 0 {_WIDTH} {height}"'
        f' preserveAspectRatio="xMinYMin meet">{"".join(drawn)}</svg>'
    )


def _name(label: str, y: int) -> str:
    return f'<text text-anchor="end" x="{_NAMES - 8}" y="{y + 16}">{escape(_short(label))}</text>'


def _label(label: str, x: float, y: float, anchor: str) -> str:
    return f'<text text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(_short(label))}</text>'


def _short(label: str) -> str:
    return label if len(label) <= 34 else f"{label[:33]}…"
