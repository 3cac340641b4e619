"""What answers say alike and what only one says."""

from __future__ import annotations

from sidecar.comparing.differences import MOST_SENTENCES, differences


def shared(*answers: str) -> list[tuple[str, tuple[int, ...], str]]:
    found = differences(answers).statements
    return [(each.shared_by, tuple(each.texts), next(iter(each.texts.values()))) for each in found]


def test_sentences_that_say_the_same_stand_together_in_any_order() -> None:
    one = "The sky is blue because of Rayleigh scattering. Sunsets are red."
    two = "Sunsets are red! Because of Rayleigh scattering the sky is blue. Mars differs."
    three = "- The sky is blue because of Rayleigh scattering\n- Ask a physicist."

    assert shared(one, two, three) == [
        ("all", (0, 1, 2), "The sky is blue because of Rayleigh scattering."),
        ("some", (0, 1), "Sunsets are red."),
        ("one", (1,), "Mars differs."),
        ("one", (2,), "Ask a physicist."),
    ]


def test_another_number_is_another_statement() -> None:
    assert [each[0] for each in shared("The tower is 330 m high.", "The tower is 300 m high.")] == [
        "one",
        "one",
    ]


def test_json_agrees_field_by_field() -> None:
    found = differences(
        [
            '{"name": "Ada ", "born": 1815, "jobs": ["a"]}',
            '```json\n{"name": "Ada", "born": 1815.0, "jobs": []}\n```',
        ]
    )
    assert [(each.path, each.equal) for each in found.fields] == [
        ("name", True),
        ("born", True),
        ("jobs[0]", False),
        ("jobs", False),
    ]
    assert found.agreement == 0.5
    assert differences(['{"a": 1}', "no JSON"]).agreement is None


def test_very_long_answers_are_compared_in_part_and_that_is_said() -> None:
    long = "\n".join(f"Line number word{each} of many" for each in range(MOST_SENTENCES + 1))
    assert differences([long, "Short."]).cut
    assert differences([]).statements == ()
