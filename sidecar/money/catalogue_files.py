"""The catalogue of this run and the files of the data folder that it is made of: changed here, and in force at once.

models.json           what the person says of models, prices and servers of their own
listed-models.json    models that a provider lists, that the catalogue lacks and that were asked
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sidecar import resources
from sidecar.errors import Failure
from sidecar.money import listed as listed_models
from sidecar.money import own_models, parse, user_catalogue
from sidecar.money.catalogue import Catalogue
from sidecar.money.json_reader import CatalogueError, JsonReader, read_json
from sidecar.store.atomic_files import write_whole

if TYPE_CHECKING:
    from sidecar.providers.base import ListedModel

log = logging.getLogger("sidecar")

Listed = tuple[tuple[str, "ListedModel"], ...]
Change = Callable[[own_models.Document], own_models.Document | None]


class CatalogueFiles:
    """Reads them once, at the start. Raises Failure for a models.json that is wrong.

    `changed` is called after every change, when `catalogue` already is the new one.
    """

    def __init__(self, data_dir: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._own = data_dir / "models.json"
        self._listed_file = data_dir / "listed-models.json"
        self._changed = changed
        self._turn = asyncio.Lock()
        self._listed = _read_listed(self._listed_file)
        own = user_catalogue.read(self._own)
        try:
            self.catalogue = self._made(own, self._listed)
        except CatalogueError as wrong:
            raise user_catalogue.refusal(self._own, wrong) from wrong

    async def change_own(self, change: Change) -> bool:
        """Rewrite models.json as `change` says, and hold to it from now on; False where it has nothing to change.

        Raises Failure, and then all is as it was.
        """
        async with self._turn:
            content = await asyncio.to_thread(user_catalogue.read, self._own)
            try:
                changed = change(own_models.document(content))
                if changed is None:
                    return False
                own = own_models.text(changed)
                made = self._made(own, self._listed)
            except CatalogueError as wrong:
                raise _not_written(wrong) from wrong
            await asyncio.to_thread(_write, self._own, own)
            self._hold_to(made)
            return True

    async def remember(self, provider: str, models: Iterable[ListedModel]) -> None:
        """Know these models, which the provider lists, from now on and after a restart. Raises Failure."""
        async with self._turn:
            added = ((provider, each) for each in models)
            new = tuple(each for each in added if f"{each[0]}/{each[1].id}" not in self.catalogue.names.full)
            if not new:
                return
            listed = (*self._listed, *new)
            own = await asyncio.to_thread(user_catalogue.read, self._own)
            try:
                made = self._made(own, listed)
            except CatalogueError as wrong:
                raise user_catalogue.refusal(self._own, wrong) from wrong
            await asyncio.to_thread(_write, self._listed_file, _listed_text(listed))
            self._listed = listed
            self._hold_to(made)

    def _made(self, own: bytes | None, listed: Listed) -> Catalogue:
        root = parse.root(resources.read_bytes("data/models.json"))
        return Catalogue.of(root, own, listed, name=self._own.name)

    def _hold_to(self, made: Catalogue) -> None:
        self.catalogue.take_over(made)
        self._changed()


def _not_written(wrong: CatalogueError) -> Failure:
    return Failure(
        "invalid_params",
        f"This cannot be kept in your models.json: {wrong}. Nothing was changed.",
        issues=[{"path": wrong.where, "message": wrong.what}],
    )


def _read_listed(path: Path) -> Listed:
    """What was kept of listed models. A file that is wrong is no reason not to start: they are listed again."""
    try:
        return tuple(listed_models.from_rows(JsonReader.of("", read_json(path.read_bytes()))))
    except FileNotFoundError:
        return ()
    except (OSError, CatalogueError) as error:
        log.warning("The models in %s are passed over: %s", path.name, error)
        return ()


def _listed_text(listed: Listed) -> bytes:
    rows = [listed_models.to_row(provider, each) for provider, each in listed]
    return (json.dumps({"models": rows}, indent=2, ensure_ascii=False) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    def produce(file: BinaryIO) -> None:
        file.write(content)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, produce)
