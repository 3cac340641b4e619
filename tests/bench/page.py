"""docs/performance.md out of a run: what was met, what was missed, and the words that are kept by hand."""

from __future__ import annotations

from tests.bench.pipe import REPOSITORY
from tests.bench.stand import Report, Row, machine

PAGE = REPOSITORY / "docs" / "performance.md"
BY_HAND = "<!-- by hand from here -->"
_WIDEST = 40


def write(report: Report) -> None:
    """Write the measured part of the page; what stands below its mark is kept."""
    kept = PAGE.read_text(encoding="utf-8").partition(BY_HAND)[2] if PAGE.exists() else "\n"
    PAGE.write_text(f"{measured(report)}{BY_HAND}{kept}", encoding="utf-8")


def measured(report: Report) -> str:
    """Return the part of the page that a run makes."""
    lines = [
        "# How fast it is",
        "",
        "`make bench` writes this part from its own run: ours and every peer in turn, medians of several rounds,",
        "over the public surface. Ratios carry over to other machines, milliseconds do not.",
        "",
        f"Machine: {machine()}.",
        "",
        "| what | reached | must | | in the same run |",
        "| --- | ---: | ---: | --- | --- |",
        *(_line(row) for row in report.rows),
        "",
    ]
    if report.growth:
        lines += ["## What grows with its size", "", "```text"]
        for what, values in report.growth.items():
            most = max(values.values())
            lines.append(what)
            lines += [
                f"  {size:>9,} {'█' * max(1, round(_WIDEST * value / most))} {value:.2f}"
                for size, value in values.items()
            ]
        lines += ["```", ""]
    if report.left_out:
        lines += ["Left out in this run: " + "; ".join(report.left_out) + ".", ""]
    return "\n".join(lines)


def _line(row: Row) -> str:
    sign = "≥" if row.higher else "≤"
    mark = "met" if row.met else "**missed**"
    return f"| {row.what} | {row.value:.3g}{row.unit} | {sign} {row.must:g} | {mark} | {row.told} |"
