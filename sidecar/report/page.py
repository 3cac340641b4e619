"""The page: one HTML file with its style, its script and its rows inside, which asks no network for anything (pure).

What counts is plain HTML and can be read without the script; that draws the rows as one scrolls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from sidecar.comparing.ratings import Standing
from sidecar.counted import at_least, at_most, counted
from sidecar.report import charts
from sidecar.report.figures import ColumnFigures
from sidecar.report.questions import Questions, ReportQuestion
from sidecar.report.words import came_to, cost, dollars, lacking, per_answer, seconds, share
from sidecar.store.job_records import Job, JobRow

# Of one answer in the page; the tables beside it have all.
MOST_LETTERS = 20_000
_FILTERS = (
    '<form class="filters" id="filters" aria-label="Which questions are shown">'
    '<label><input type="checkbox" name="failed"> failed</label>'
    '<label><input type="checkbox" name="different"> different</label>'
    '<label id="unpassed" hidden><input type="checkbox" name="unpassed"> a check not passed</label>'
    '<label>Order <select name="order"><option value="">as asked</option>'
    '<option value="longest">longest first</option><option value="dearest">dearest first</option>'
    '<option value="slowest">slowest first</option></select></label>'
    '<label>Find <input type="search" name="find" autocomplete="off"></label>'
    '<label><input type="checkbox" name="marks" checked> mark differences</label></form>'
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class ReportData:
    """All that a report says. `made_at` is in ms since 1970."""

    title: str
    jobs: Sequence[Job]
    found: Questions
    figures: Sequence[ColumnFigures]
    board: Sequence[Standing]
    votes: int
    made_at: int


def page(data: ReportData, style: str, script: str) -> Iterator[str]:
    """Yield the page piece by piece."""
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(data.title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n"
        '<a class="skip" href="#answers">Skip to the answers</a>\n'
    )
    yield _head(data)
    yield "<main>\n"
    yield _summary(data)
    yield _charts(data)
    yield _estimates(data)
    yield _checks(data)
    yield _board(data)
    yield _answers(data)
    yield "</main>\n"
    yield '<script type="application/json" id="data">'
    yield from _rows(data.found)
    yield f"</script>\n<script>\n{script}\n</script>\n</body>\n</html>\n"


def _head(data: ReportData) -> str:
    made = datetime.fromtimestamp(data.made_at / 1000, UTC)
    jobs = "".join(
        f"<li>{escape(job.file_name or job.id)}: {escape(job.status)}, {counted(job.total_rows, 'row')}"
        + (f" — {escape(job.error)}" if job.error else "")
        + "</li>"
        for job in data.jobs
    )
    return (
        f"<header><h1>{escape(data.title)}</h1><p>Made by A-B/AI on {made:%Y-%m-%d at %H:%M} UTC.</p>"
        f"<ul>{jobs}</ul></header>\n"
    )


def _summary(data: ReportData) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(each.column.label)}</th>'
        f"<td>{share(each.answered, each.rows)}</td><td>{each.failed:,}</td><td>{escape(cost(each))}</td>"
        f"<td>{escape(per_answer(each))}</td><td>{seconds(each.median_seconds)}</td>"
        f"<td>{seconds(each.slow_seconds)}</td><td>{each.tokens_in:,}</td><td>{each.tokens_out:,}</td></tr>"
        for each in data.figures
    )
    heads = (
        "Answered",
        "Failed",
        "Cost",
        "An answer",
        "Median",
        "95th percentile",
        "Tokens in",
        "Tokens out",
    )
    lacks = f"<p>{told}</p>" if (told := lacking(data.figures)) else ""
    table = _table("What became of each model's rows", ("Model", *heads), rows)
    return _section("models", "Models", table + lacks)


def _charts(data: ReportData) -> str:
    scatter = charts.price_against_time(data.figures)
    key = "".join(
        f'<li><span class="key {kind}" aria-hidden="true"></span>{word}</li>'
        for kind, word in (
            ("answered", "answered"),
            ("failed", "failed"),
            ("cancelled", "cancelled"),
            ("waiting", "not ended"),
        )
    )
    parts = [
        _section(
            "ended", "How rows ended", charts.how_rows_ended(data.figures) + f'<ul class="keys">{key}</ul>'
        ),
        _section("money", "Where the money went", charts.where_money_went(data.figures)),
    ]
    if scatter:
        words = "<p>The line is the frontier: what is not on it is beaten in price and time by something that is.</p>"
        unsure = ", ".join(each.column.label for each in data.figures if each.uncertain_calls)
        if unsure:
            words += f"<p>Not drawn, because a cost of theirs is not known: {escape(unsure)}.</p>"
        parts.append(_section("frontier", "Price against time", scatter + words))
    return "".join(parts)


def _estimates(data: ReportData) -> str:
    parts = []
    for job in data.jobs:
        if job.estimate is None or "totalUSD" not in job.estimate:
            continue
        expected = float(job.estimate["totalUSD"])
        low, high = (float(job.estimate.get(name, expected)) for name in ("lowUSD", "highUSD"))
        parts.append(
            f"<h3>{escape(job.file_name or job.id)}</h3>"
            f"<p>Estimated {dollars(expected)}, between {at_least(low)} and {at_most(high)}; "
            f"{'it came to' if job.status == 'completed' else 'so far it came to'} {escape(came_to(job))}.</p>"
            + charts.estimate_against_truth(low, expected, high, job)
        )
    return _section("estimate", "Estimate against truth", "".join(parts)) if parts else ""


def _checks(data: ReportData) -> str:
    names = data.found.checks
    if not names:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(each.column.label)}</th>'
        + "".join(f"<td>{share(*each.passed.get(name, (0, 0)))}</td>" for name in names)
        + "</tr>"
        for each in data.figures
    )
    table = _table("Answers that passed each check", ("Model", *names), rows)
    return _section("checks", "Checks", table)


def _board(data: ReportData) -> str:
    if not data.board:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(each.model)}</th><td>{each.rating:.0f}</td>'
        f"<td>{each.low:.0f} to {each.high:.0f}</td><td>{each.wins}</td><td>{each.losses}</td><td>{each.ties}</td>"
        f"<td>{escape(dollars(each.usd_per_win)) if each.usd_per_win is not None else '–'}</td></tr>"
        for each in data.board
    )
    heads = ("Model", "Rating", "In 19 of 20 cases", "Wins", "Losses", "Ties", "A win")
    words = f"<p>{data.votes:,} blind votes in the project.</p>"
    return _section("board", "Votes", words + _table("How models do in blind votes", heads, rows))


def _answers(data: ReportData) -> str:
    left = data.found.left_out
    more = (
        f"<p>{left:,} further questions did not fit into this page; an export of the batch has them.</p>"
        if left
        else ""
    )
    return (
        f'<section id="answers" aria-labelledby="answers-head"><h2 id="answers-head">Answers</h2>{more}'
        "<noscript><p>The answers are drawn by a script. An export of the batch has them too.</p></noscript>"
        f"{_FILTERS}"
        '<p id="count" role="status" aria-live="polite"></p>'
        '<p class="hint" id="keys">Arrow keys move from row to row; Enter opens one with its whole answers.</p>'
        '<div id="grid" class="grid" role="region" aria-label="Table of answers" tabindex="-1"></div>'
        '<dialog id="detail" aria-labelledby="detail-head"></dialog></section>\n'
    )


def _rows(found: Questions) -> Iterator[str]:
    names = found.checks
    head = {"columns": [each.label for each in found.columns], "checks": names}
    yield _inside({**head, "rows": []})[:-2]
    for number, question in enumerate(found.questions):
        yield ("," if number else "") + "\n" + _inside(_line(question, len(found.columns), names))
    yield "\n]}"


def _line(question: ReportQuestion, columns: int, checks: Sequence[str]) -> list[Any]:
    flags = question.failed + 2 * question.different
    cells = [_cell(question.rows.get(place), checks) for place in range(columns)]
    return [question.key, question.prompt[:MOST_LETTERS], flags, cells]


def _cell(row: JobRow | None, checks: Sequence[str]) -> list[Any] | None:
    """[status, text, dollars, seconds, tokens in, tokens out, a letter for each check, a note], and bounds where there
    are any: dollars at least and, where something bounds them, at most.
    """
    if row is None:
        return None
    text, note = row.response or "", row.error_message or ""
    if len(text) > MOST_LETTERS:
        text, note = text[:MOST_LETTERS], f"Cut after {MOST_LETTERS:,} letters. {note}".strip()
    verdicts = {str(each["name"]): bool(each["passed"]) for each in row.verdicts or ()}
    passed = "".join("-" if name not in verdicts else "1" if verdicts[name] else "0" for name in checks)
    known = None if row.known_usd is None else float(row.known_usd)
    took = None if not row.latency_ms else row.latency_ms / 1000
    bounds = [float(each) for each in row.bounds_usd if each is not None]
    return [row.status, text, known, took, row.tokens_in or 0, row.tokens_out or 0, passed, note, *bounds]


def _inside(value: Any) -> str:
    """JSON that no text in it can end the element of."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _section(name: str, title: str, content: str) -> str:
    return f'<section aria-labelledby="{name}-head"><h2 id="{name}-head">{escape(title)}</h2>{content}</section>\n'


def _table(caption: str, heads: Sequence[str], rows: str) -> str:
    cells = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption, quote=True)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
