"""What answers say alike and what only one says."""

from __future__ import annotations

import random
import time

from sidecar.comparing.differences import MOST_SENTENCES, MOST_WORDS, differences


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


def test_json_with_numbers_of_any_size_is_compared() -> None:
    huge = "9" * 400
    found = differences([f'{{"a": {huge}, "b": 1e999}}', f'{{"a": {huge}, "b": -1e999}}'])
    assert [(each.path, each.equal) for each in found.fields] == [("a", True), ("b", False)]


def test_json_that_is_nested_out_of_all_reason_is_compared_as_text() -> None:
    deep = "[" * 900 + "]" * 900
    assert differences([f"It says {deep}.", deep]).fields == ()
    assert differences([deep, deep]).fields == ()


def test_very_long_sentences_and_very_many_answers_are_compared_as_far_as_it_takes_a_while() -> None:
    looked_at = random.Random(7)
    words = [f"word{number}" for number in range(5_000)]

    def told(sentences: int, length: int) -> str:
        return " ".join(" ".join(looked_at.choices(words, k=length)) + "." for _ in range(sentences))

    for answers in ([told(300, 3_000) for _ in range(2)], [told(300, 20) for _ in range(100)]):
        begun = time.process_time()
        found = differences(answers)
        assert found.cut
        # It took a minute, and hours: twice as many answers took four times as long.
        assert time.process_time() - begun < 20
        assert len(found.statements) > 100


def test_a_sentence_of_many_words_is_compared_by_its_first() -> None:
    long = " ".join(f"word{number}" for number in range(MOST_WORDS * 2))
    assert not differences(["Short.", "Short."]).cut
    found = differences([long, long])
    assert (found.cut, [each.shared_by for each in found.statements]) == (True, ["all"])
