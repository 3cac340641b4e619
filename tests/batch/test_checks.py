"""What answers of a batch are held against, and what is counted of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from sidecar.batch import checks
from tests.helpers.inside import Inside, inside

MODELS = ("openai/gpt-6-luna", "grok/grok-4.7")


def passed(spec: dict[str, Any], answer: str, **data: Any) -> bool:
    [check] = checks.read([spec])
    return checks.decide(check, answer, data).passed


@pytest.mark.parametrize(
    ("spec", "good", "bad"),
    [
        ({"type": "contains", "value": "sky"}, "The sky.", "The Sky."),
        ({"type": "contains", "value": "sky", "ignoreCase": True}, "The SKY.", "The sea."),
        ({"type": "contains", "value": "sorry", "not": True}, "Yes.", "I am sorry."),
        ({"type": "equals", "value": "42"}, " 42\n", "42."),
        ({"type": "equals", "value": "{{expected}}"}, "Vienna", "Graz"),
        ({"type": "number", "min": 1000, "max": 2000}, "About 1,500.5 people", "About 15 people"),
        ({"type": "number", "max": 0}, "It is \u22123 °C", "No idea"),
        ({"type": "length", "max": 3, "unit": "words"}, "One two three", "One two three four"),
        ({"type": "length", "min": 3}, "abc", "ab"),
    ],
)
def test_what_passes_and_what_does_not(spec: dict[str, Any], good: str, bad: str) -> None:
    assert passed(spec, good, expected="Vienna")
    assert not passed(spec, bad, expected="Vienna")


def test_a_failed_check_says_why_and_data_that_lacks_is_told() -> None:
    [near, lacking] = checks.read([{"type": "number", "min": 5}, {"type": "equals", "value": "{{expected}}"}])
    assert checks.decide(near, "Perhaps 3", {}).note == "Its number is 3."
    assert checks.decide(lacking, "3", {}).note == "Missing template variables: expected"


def test_checks_have_names_of_their_own() -> None:
    same = {"type": "contains", "value": "sky"}
    named = checks.read([same, same, {"type": "length", "max": 10, "not": True}, {**same, "name": "Blue"}])
    assert [each.name for each in named] == ["contains sky", "contains sky (2)", "not length –10", "Blue"]


async def result(app: Inside, method: str, **params: Any) -> Any:
    answer = await app.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def ended(app: Inside, project: str, rows: list[dict[str, Any]], specs: list[dict[str, Any]]) -> str:
    job = await result(app, "batch:submit", projectId=project, rows=rows, checks=specs, start=True)
    await app.ended(job["id"])
    return str(job["id"])


async def test_answers_are_judged_counted_a_model_and_exported(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as app:
        project = (await result(app, "project:create", name="Checked"))["id"]
        rows = [
            {
                "id": f"{word}@{model}",
                "prompt": f"Reply with exactly: {word}",
                "model": model,
                "data": {"want": word},
            }
            for word in ("red", "blue")
            for model in MODELS
        ]
        specs: list[dict[str, Any]] = [
            {"type": "equals", "value": "{{want}}", "name": "right"},
            {"type": "regex", "pattern": "^r(ed)?$"},
            {"type": "json-schema", "schema": {"type": "object"}, "name": "object", "not": True},
        ]
        job = await ended(app, project, rows, specs)

        results = await result(app, "batch:get-results", jobId=job)
        assert results[0]["checks"] == [
            {"name": "right", "passed": True},
            {"name": "regex ^r(ed)?$", "passed": True},
            {"name": "object", "passed": True},
        ]
        assert [row["checks"][1]["passed"] for row in results] == [True, True, False, False]
        assert results[2]["checks"][1]["note"] == "Does not match the pattern."
        counted = (await result(app, "batch:get", jobId=job))["checks"]
        assert [(each["name"], each["passed"], each["judged"]) for each in counted] == [
            ("right", 2, 2),
            ("right", 2, 2),
            ("regex ^r(ed)?$", 1, 2),
            ("regex ^r(ed)?$", 1, 2),
            ("object", 2, 2),
            ("object", 2, 2),
        ]
        path = tmp_path.with_name(f"{tmp_path.name}-out.csv")
        await result(app, "batch:export", jobId=job, path=str(path), format="csv")
        with path.open(encoding="utf-8-sig", newline="") as file:
            [first, *_] = csv.DictReader(file)
        assert '"right"' in first["checks"]
        taken = await result(app, "batch:import", path=str(path))
        assert [row["data"] for row in taken["rows"]] == [
            {"want": word} for word in ("red", "red", "blue", "blue")
        ]


async def test_a_pattern_that_takes_for_ever_decides_nothing_and_holds_nothing_up(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as app:
        project = (await result(app, "project:create", name="Checked"))["id"]
        texts = ("a" * 40 + "!", "aaa")
        rows = [{"prompt": f"Reply with exactly: {text}", "model": MODELS[0]} for text in texts]
        job = await ended(app, project, rows, [{"type": "regex", "pattern": "^(a+)+$", "name": "evil"}])
        [slow, quick] = [row["checks"][0] for row in await result(app, "batch:get-results", jobId=job)]

        assert slow == {"name": "evil", "passed": False, "note": slow["note"]}
        assert "takes too long" in slow["note"]
        assert quick == {"name": "evil", "passed": True}


@pytest.mark.parametrize(
    ("spec", "member"),
    [
        ({"type": "regex", "pattern": "("}, "pattern"),
        ({"type": "regex"}, "pattern"),
        ({"type": "contains", "value": ""}, "value"),
        ({"type": "number"}, "min"),
        ({"type": "length", "min": 3, "max": 2}, "max"),
        ({"type": "json-schema", "schema": {"type": "nonsense"}}, "schema"),
    ],
)
async def test_a_check_that_is_none_is_refused_before_anything_is_stored(
    tmp_path: Path, spec: dict[str, Any], member: str
) -> None:
    async with inside(tmp_path, day="2026-11-23") as app:
        project = (await result(app, "project:create", name="Checked"))["id"]
        rows = [{"prompt": "Hello", "model": MODELS[0]}]
        refused = await app.ask("batch:submit", {"projectId": project, "rows": rows, "checks": [spec]})
        assert refused["error"]["data"]["issues"][0]["path"] == f"checks.0.{member}"
        assert await result(app, "batch:list", projectId=project) == []


async def test_a_row_has_checks_of_its_own_besides_those_of_the_batch(tmp_path: Path) -> None:
    async with inside(tmp_path, day="2026-11-23") as app:
        project = (await result(app, "project:create", name="Checked"))["id"]
        rows: list[dict[str, Any]] = [
            {
                "prompt": "Reply with exactly: red",
                "model": MODELS[0],
                "checks": [{"type": "contains", "value": "red"}],
            },
            {"prompt": "Reply with exactly: blue", "model": MODELS[0]},
        ]
        red = {"type": "contains", "value": "red"}
        both = [("contains red", True), ("contains red (1)", True)]
        for shared, expected in (([], [both[:1], []]), ([red], [both, [("contains red", False)]])):
            job = await ended(app, project, rows, shared)
            results = await result(app, "batch:get-results", jobId=job)
            assert [
                [(each["name"], each["passed"]) for each in row.get("checks", [])] for row in results
            ] == expected
        counted = (await result(app, "batch:get", jobId=job))["checks"]
        assert [(each["name"], each["passed"], each["judged"]) for each in counted] == [
            ("contains red", 1, 2),
            ("contains red (1)", 1, 1),
        ]
        rows[1]["checks"] = [{"type": "contains"}]
        refused = await app.ask("batch:submit", {"projectId": project, "rows": rows})
        assert refused["error"]["data"]["issues"] == [
            {
                "path": "rows.1.checks.0.value",
                "message": 'A check of type "contains" needs a value. Give it one.',
            }
        ]
