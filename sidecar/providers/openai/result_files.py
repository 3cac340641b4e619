"""Where a batch says that its results are: two files, which gateways name in lists and under other names (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping

OUTPUT, ERROR = "output_file_id", "error_file_id"

# Names in small letters and without what stands between words: `outputFileIds` and `output_file_ids` are one.
_NAME = re.compile(r"(?:(output|results?)|(errors?))(?:files?(?:ids?)?)?")
_IDS = ("id", "file_id", "fileId")


def result_files(batch: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids of the files, those of answers first. The first of each kind is under this vendor's name."""
    outputs, errors = list[str](), list[str]()
    for name, told in batch.items():
        found = _NAME.fullmatch(re.sub(r"[^a-z]", "", name.lower()))
        if found is None:
            continue
        # A member with a short name says something else in most places: only an object in it can be a file.
        plain = "file" in name.lower()
        ids = outputs if found[1] else errors
        ids += [id_ for id_ in _ids(told, plain=plain) if id_ not in ids]
    return {**_named(OUTPUT, outputs), **_named(ERROR, errors)}


def _ids(told: Any, *, plain: bool) -> Iterator[str]:
    for each in told if isinstance(told, list) else [told]:
        if plain and isinstance(each, str | int) and not isinstance(each, bool) and str(each).strip():
            yield str(each).strip()
        inside = as_mapping(each)
        names = _IDS if plain else _IDS[1:]
        yield from (str(inside[name]) for name in names if inside.get(name))


def _named(name: str, ids: list[str]) -> dict[str, str]:
    return {name if number == 1 else f"{name} {number}": id_ for number, id_ in enumerate(ids, start=1)}
