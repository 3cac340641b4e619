"""What is exported and imported again is what it was: for any text that a person can write."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.batch.files.columns import OLDER_RESULT_COLUMNS, RESULT_COLUMNS, as_name
from sidecar.batch.files.export_rows import WHOLE, ExportOptions, Format, write_rows
from sidecar.batch.files.import_rows import read_rows
from sidecar.batch.files.names import ROW_FIELDS
from sidecar.batch.files.row_errors import RowError
from sidecar.batch.files.seen import Seen
from sidecar.batch.template import spelled
from sidecar.errors import Failure
from sidecar.store.job_records import JobRow
from sidecar.store.records import CERTAIN, Uncertain

# Lone surrogates never get as far as a row; everything else does.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "=1+1",
        "'=x",
        "-5",
        "+a",
        "@b",
        "\tc",
        "\rd",
        "\ne",
        'q"u"o',
        "a;b,c\td",
        "007",
        "ja",
        " ",
        "'",
        "sep=;",
        "\0",
    ]
)
FILLED = TEXT.filter(lambda text: text.strip() != "")
NAMES = TEXT | st.sampled_from(
    ["prompt", "id", "json_mode", "data.x", "status", "attempts", "response", "data"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def rows(
    data: st.SearchStrategy[Any], optional: st.SearchStrategy[str]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries(
        {"id": FILLED, "prompt": FILLED, "model": FILLED.map(as_name).filter(bool)},
        optional={
            "system": optional,
            "developer": optional,
            "temperature": st.floats(0, 2) | st.integers(0, 2),
            "maxOutputTokens": st.integers(0, 10_000_000),
            "jsonMode": st.booleans(),
            "jsonSchema": st.dictionaries(TEXT, VALUES, max_size=2),
            "data": st.dictionaries(NAMES, data, min_size=1, max_size=3),
        },
    )
    return st.lists(row, max_size=4, unique_by=lambda each: each["id"])


def job_rows(requests: Sequence[Mapping[str, Any]]) -> list[JobRow]:
    """The rows with results of every kind."""
    return [
        JobRow(
            id=f"row {index}",
            job_id="job",
            row_index=index,
            prompt="filled in",
            status="error-api" if index % 2 else "success",
            request=request,
            response=None if index % 2 else f"=HYPERLINK({index})",
            cost_usd=None if index % 3 == 2 else Decimal("0.000000123456") * index,
            error_kind="timeout" if index % 2 else None,
            error_message="It took too long." if index % 2 else None,
            attempts=index,
            uncertain=CUT if index % 3 == 2 else CERTAIN,
        )
        for index, request in enumerate(requests)
    ]


CUT = Uncertain(1, Decimal("0.000000001"), Decimal("0.002"), 0)


def exported(
    requests: Sequence[Mapping[str, Any]],
    format: Format,  # noqa: A002
    options: ExportOptions = WHOLE,
) -> bytes:
    file = io.BytesIO()
    assert write_rows(file, lambda: job_rows(requests), format, options) == len(requests)
    return file.getvalue()


def imported(content: bytes, format: Format) -> list[dict[str, Any]]:  # noqa: A002
    found = [outcome for _, outcome in read_rows(io.BytesIO(content), format)]
    assert not [each for each in found if isinstance(each, RowError)]
    return [each for each in found if not isinstance(each, RowError | Seen)]


def same(found: Any, value: Any) -> bool:
    """Whether a value of data came back: as it was, or as the text of it where JavaScript would spell it otherwise."""
    return bool(found == value or (isinstance(found, str) and json.loads(found) == value))


def without_data(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "data"} for row in rows]


@pytest.mark.parametrize("format", ["json", "jsonl"])
@settings(deadline=None, max_examples=150)
@given(given=rows(TEXT | VALUES, TEXT))
def test_json_gives_the_very_rows_back(format: Format, given: list[dict[str, Any]]) -> None:  # noqa: A002
    found = imported(exported(given, format), format)
    assert without_data(found) == without_data(given)
    for back, row in zip(found, given, strict=True):
        before, after = row.get("data", {}), back.get("data", {})
        assert before.keys() == after.keys()
        assert all(same(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("defuse", [True, False])
@settings(deadline=None, max_examples=200)
@given(given=rows(TEXT | VALUES, FILLED))
def test_csv_gives_the_rows_back_with_data_as_a_template_prints_it(
    defuse: bool, given: list[dict[str, Any]]
) -> None:
    names = list(dict.fromkeys(name for row in given for name in row.get("data", {})))
    expected = [{**row} for row in given]
    for row in expected:
        data = row.pop("data", {})
        if names:
            row["data"] = {name: spelled(data.get(name)) for name in names}
    assert imported(exported(given, "csv", ExportOptions(defuse=defuse)), "csv") == expected


@settings(deadline=None, max_examples=100)
@given(given=rows(TEXT | VALUES, FILLED))
def test_parquet_gives_the_rows_back_with_data_as_a_template_prints_it(given: list[dict[str, Any]]) -> None:
    expected = [{**row} for row in given]
    for row in expected:
        if data := {name: spelled(value) for name, value in row.pop("data", {}).items() if value is not None}:
            row["data"] = data
    assert imported(exported(given, "parquet"), "parquet") == expected


@pytest.mark.parametrize("format", ["csv", "parquet"])
@settings(deadline=None, max_examples=50)
@given(given=rows(TEXT, FILLED), order=st.permutations(["id", "prompt", "model", "status", "response"]))
def test_columns_are_chosen_and_put_in_an_order_and_still_come_back(
    format: Format,  # noqa: A002
    given: list[dict[str, Any]],
    order: list[str],
) -> None:
    content = exported(given, format, ExportOptions(columns=order))
    if format == "csv":
        header = next(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        assert [name for name in header if not name.startswith("abai:")] == order
        wanted = [{name: row[name] for name in ("id", "prompt", "model")} for row in given]
        assert imported(content, format) == wanted
    assert len(content) > 0


@settings(deadline=None, max_examples=150)
@given(given=rows(TEXT | VALUES, FILLED))
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(given: list[dict[str, Any]]) -> None:
    for record in csv.reader(io.StringIO(exported(given, "csv").decode("utf-8-sig"), newline="")):
        for cell in record:
            if cell.startswith(tuple("=+-@\t\r\n＝＋－＠")):
                float(cell.replace(",", "."))


@given(given=rows(TEXT | VALUES, FILLED))
@settings(deadline=None, max_examples=50)
def test_an_export_names_the_results_in_its_last_columns(given: list[dict[str, Any]]) -> None:
    records = csv.reader(io.StringIO(exported(given, "csv").decode("utf-8-sig"), newline=""))
    header = next(records)
    assert tuple(header[: len(ROW_FIELDS)]) == ROW_FIELDS
    # What came of checks has a column where there are any.
    results = tuple(name for name in RESULT_COLUMNS if name != "checks")
    assert tuple(header[-len(results) :]) == results
    assert {len(record) for record in records} <= {len(header)}


REQUEST = {"id": "a", "prompt": "Sum up {{text}}", "model": "openai/gpt-6-luna", "data": {"text": "EN 1992"}}


def test_a_csv_says_what_came_of_each_row() -> None:
    content = exported([REQUEST, {**REQUEST, "id": "b"}], "csv")
    assert content.startswith(b"\xef\xbb\xbfid,prompt,")
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == 3
    first, second = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert (first["text"], first["status"], first["response"]) == ("EN 1992", "success", "'=HYPERLINK(0)")
    assert (second["status"], second["error"], second["errorMessage"]) == (
        "error-api",
        "timeout",
        "It took too long.",
    )
    assert (second["cost_usd"], second["attempts"], second["rowIndex"]) == ("0.000000123456", "1", "1")


def test_a_csv_says_between_what_a_cost_lies_that_is_not_known() -> None:
    content = exported([{**REQUEST, "id": str(number)} for number in range(3)], "csv")
    found = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    told = [(each["cost_usd"], each["costAtLeastUSD"], each["costAtMostUSD"]) for each in found]
    assert told == [("0", "", ""), ("0.000000123456", "", ""), ("", "0.000000001", "0.002")]


def test_an_export_of_before_there_were_bounds_is_read_as_one() -> None:
    header = ",".join(("prompt", "model", *OLDER_RESULT_COLUMNS))
    cells = ",".join("7" for _ in OLDER_RESULT_COLUMNS)
    [row] = imported(f"{header}\nWhy?,openai/gpt-6-luna,{cells}\n".encode(), "csv")
    assert row == {"id": "row-1", "prompt": "Why?", "model": "openai/gpt-6-luna"}


def test_json_has_the_exact_cost_and_null_where_there_is_none() -> None:
    found = json.loads(exported([REQUEST] * 3, "json"), parse_float=Decimal)
    assert [each["cost_usd"] for each in found] == [0, Decimal("0.000000123456"), None]
    assert [(each.get("costAtLeastUSD"), each.get("costAtMostUSD")) for each in found] == [
        (None, None),
        (None, None),
        (Decimal("0.000000001"), Decimal("0.002")),
    ]
    assert (found[0]["data"], found[0]["rowIndex"], "error" in found[0]) == ({"text": "EN 1992"}, 0, False)


@pytest.mark.parametrize(("format", "content"), [("json", b"[]\n"), ("jsonl", b"")])
def test_a_job_without_rows_is_an_empty_list(format: Format, content: bytes) -> None:  # noqa: A002
    assert exported([], format) == content


def test_rows_of_the_app_before_have_no_request_and_are_exported_all_the_same() -> None:
    old = JobRow(
        id="r", job_id="j", row_index=0, prompt="Hi", status="success", model="m", data={"city": "Graz"}
    )
    file = io.BytesIO()
    write_rows(file, lambda: [old], "jsonl")
    found = json.loads(file.getvalue())
    assert (found["id"], found["prompt"], found["model"], found["data"]) == ("r", "Hi", "m", {"city": "Graz"})


SYSTEM = {**REQUEST, "system": "On {{text}}"}


@pytest.mark.parametrize(
    ("format", "line"),
    [
        (
            "openai-tuning",
            {
                "messages": [
                    {"role": "system", "content": "On EN 1992"},
                    {"role": "user", "content": "filled in"},
                    {"role": "assistant", "content": "=HYPERLINK(0)"},
                ]
            },
        ),
        (
            "anthropic-tuning",
            {
                "system": "On EN 1992",
                "messages": [
                    {"role": "user", "content": "filled in"},
                    {"role": "assistant", "content": "=HYPERLINK(0)"},
                ],
            },
        ),
        (
            "gemini-tuning",
            {
                "systemInstruction": {"role": "system", "parts": [{"text": "On EN 1992"}]},
                "contents": [
                    {"role": "user", "parts": [{"text": "filled in"}]},
                    {"role": "model", "parts": [{"text": "=HYPERLINK(0)"}]},
                ],
            },
        ),
    ],
)
def test_answered_rows_are_lines_to_tune_a_model_with(format: Format, line: Any) -> None:  # noqa: A002
    file = io.BytesIO()
    assert write_rows(file, lambda: job_rows([SYSTEM, SYSTEM]), format) == 1
    assert json.loads(file.getvalue()) == line


@pytest.mark.parametrize(
    ("defuse", "mark"), [(True, "abai:formulas-defused"), (False, "abai:formulas-as-they-are")]
)
def test_a_csv_says_whether_its_formulas_were_defused(defuse: bool, mark: str) -> None:
    content = exported([{**REQUEST, "prompt": "=1+1"}], "csv", ExportOptions(defuse=defuse))
    (row,) = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert (mark in row, row["prompt"]) == (True, "'=1+1" if defuse else "=1+1")


def test_a_column_that_there_is_not_is_refused() -> None:
    with pytest.raises(Failure, match='no column "nothing"'):
        exported([REQUEST], "csv", ExportOptions(columns=["id", "nothing"]))
