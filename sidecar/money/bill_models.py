"""Which of our models a line of a bill is about: by its id, or by its name somewhere in a description (pure)."""

from __future__ import annotations

import re

from sidecar.money.catalogue import Catalogue

# Behind a name these make it that of another model: a version's second number, and the kinds of one family.
_OTHER = (
    r"(?! (?:\d{1,2}|lite|mini|nano|pro|max|fast|image|audio|live|tts|realtime|embedding|transcribe|search|chat"
    r"|codex|native)\b)"
)
OTHER = "other"


class BilledModels:
    """The models of one provider, found in a vendor's words. Each text is looked for once."""

    def __init__(self, catalogue: Catalogue, provider: str) -> None:
        self._catalogue = catalogue
        self._provider = provider
        self._found: dict[str, str] = {}
        names = [
            (_words(name), model.full_id)
            for model in catalogue.models
            if model.provider == provider
            for name in (
                *(model.name, model.name.partition(" (")[0], model.id),
                *(alias.id for alias in model.aliases),
            )
        ]
        # The longest first: one name may begin with another.
        names.sort(key=lambda each: -len(each[0]))
        self._names = [(re.compile(rf"\b{re.escape(name)}\b{_OTHER}"), full_id) for name, full_id in names]

    def full_id(self, told: str) -> str:
        """Return `provider/id` of the model, else the provider with what is told there."""
        if told not in self._found:
            self._found[told] = self._look(told.strip())
        return self._found[told]

    def knows(self, full_id: str) -> bool:
        """Whether this is the name of a model, and not what is told in place of one."""
        return self._catalogue.reported(self._provider, full_id.partition("/")[2]) is not None

    def _look(self, told: str) -> str:
        # OpenAI's bill says what of a model a line is about behind a comma.
        for spelled in (told, told.partition(",")[0].strip(), told.rpartition("/")[2]):
            known = self._catalogue.reported(self._provider, spelled)
            if known is not None:
                return known.full_id
        words = _words(told)
        found = next((full_id for name, full_id in self._names if name.search(words)), None)
        return found or f"{self._provider}/{told or OTHER}"


def _words(text: str) -> str:
    """Words and numbers with one blank between them: `claude-sonnet-5-5` and `Claude Sonnet 5.5` are the same."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
