"""Tables with what nobody sees in them, with separators of other keyboards, and files that stand for a table."""

from __future__ import annotations

import io
import json

import pytest

from sidecar.batch.files.import_rows import collect, read_rows
from sidecar.errors import Failure

ROW = {"id": "row-1", "prompt": "Hi, you", "model": "m"}


@pytest.mark.parametrize(
    "table",
    [
        'prompt, model\n"Hi, you", "m"\n',
        'model, prompt\nm,   "Hi, you"\n',
        "\ufeff\ufeffprompt;model\nHi, you;m\n",
        "prompt\u00a0;\u200bmodel\u200b\nHi, you;m\u200b\u00a0\n",
        "“prompt”,“model”\n“Hi, you”,“m”\n",
        "„prompt“;„model“\r\n„Hi, you“;„m“\r\n",
        "«prompt» ; «model»\n«Hi, you» ; «m»\n",
        "'prompt','model'\n'Hi, you','m'\n",
        "prompt;model\nHi, you;\u2003\u2060\u3000m\u3000\u2060\u2003\n",
        "prompt^model\nHi, you^m\n",
        "prompt\x01model\nHi, you\x01m\n",
        "prompt，model\nHi, you，m\n",
        "prompt؛model\nHi, you؛m\n",
        "prompt;model\nHi, you;m\n" + "\0" * 512,
    ],
)
def test_a_table_is_read_whatever_was_pasted_into_it(table: str) -> None:
    found = json.loads(collect(read_rows(io.BytesIO(table.encode()), "csv")))
    assert found["rows"] == [ROW]
    assert found["errors"] == []


def read(table: str) -> tuple[str, list[str]]:
    """The first prompt, and what is remarked."""
    found = json.loads(collect(read_rows(io.BytesIO(table.encode()), "csv")))
    return found["rows"][0]["prompt"], found["errors"]


def test_quotes_of_a_text_are_letters_within_a_cell_and_in_other_tables() -> None:
    said = "Say “Hi”, \"Ho\" and 'He'"
    assert read(f"“prompt”,“model”\n“{said}”,“m”\n") == (said, [])
    assert read("'prompt','model'\n'Don''t, please','m'\n") == ("Don't, please", [])
    assert read("“model”,“temperature”,“prompt”\n“m”,1,“Hi, “you””\n") == ("Hi, “you”", [])
    assert read("prompt,model\n“Hi”,m\n") == ("“Hi”", [])


def test_a_blank_before_a_quote_in_the_middle_of_a_text_stays() -> None:
    table = 'prompt,model\n"Say, ""Hi"" and, ""Ho""",m\n'
    found = json.loads(collect(read_rows(io.BytesIO(table.encode()), "csv")))
    assert found["rows"][0]["prompt"] == 'Say, "Hi" and, "Ho"'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"bplist00" + b"\0" * 40, "property list"),
        ("prompt,model\nΜετάφρασε αυτό,m\n".encode("cp1253"), '"cp1253" (Windows, Greek: “Μετάφρασε”)'),
        ("prompt,model\nترجم هذه,m\n".encode("cp1256"), '"cp1256" (Windows, Arabic: “ترجم”)'),
        ("prompt,model\nแปลประโยค,m\n".encode("cp874"), '"cp874" (Windows, Thai: “แปลประโยค,m”)'),
    ],
)
def test_what_is_no_table_or_in_letters_of_another_country_is_called_by_its_name(
    content: bytes, words: str
) -> None:
    with pytest.raises(Failure) as caught:
        collect(read_rows(io.BytesIO(content), "csv"))
    assert words in caught.value.message
