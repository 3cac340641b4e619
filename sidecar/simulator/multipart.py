"""A multipart form, as a client uploads a file with it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True, slots=True)
class FormPart:
    name: str
    file_name: str | None
    content: bytes


def read_form(content_type: str, body: bytes) -> dict[str, FormPart]:
    """The parts by name. Raises ValueError for what is no form."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise ValueError("the body is not a multipart form")
    mark = b"\r\n--" + boundary.encode()
    parts: dict[str, FormPart] = {}
    pieces = (b"\r\n" + body).split(mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ValueError("the form does not end")
    for piece in pieces[1:-1]:
        head, found, content = piece.partition(b"\r\n\r\n")
        if not found:
            raise ValueError("a part of the form has no end of its headers")
        part = _part(head.decode("utf-8", "replace"), content)
        parts[part.name] = part
    return parts


def _part(head: str, content: bytes) -> FormPart:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            header = Message()
            header["content-disposition"] = value.strip()
            named = header.get_param("name", header="content-disposition")
            if isinstance(named, str):
                return FormPart(named, header.get_filename(), content)
    raise ValueError("a part of the form has no name")
