"""The catalogue of this run and the files of the data folder that it is made of: changed here, and in force at once.

models.json           what the person says of models, prices and servers of their own
catalogue.json        a newer catalogue in place of the shipped one; catalogue.previous.json is the one before it,
                      catalogue.previous.2.json the one before that, and so on
listed-models.json    models that a provider lists, that the catalogue lacks and that were asked
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from sidecar.errors import Failure
from sidecar.money import listed as listed_models
from sidecar.money import newer_catalogue, own_models, parse, user_catalogue
from sidecar.money.catalogue import Catalogue, shipped
from sidecar.money.json_reader import MOST_BYTES, CatalogueError, JsonReader, read_json
from sidecar.money.newer_catalogue import CatalogueChanges
from sidecar.plain_file import read_plain
from sidecar.store.atomic_files import write_together

if TYPE_CHECKING:
    from sidecar.providers.base import ListedModel

log = logging.getLogger("sidecar")

# As many updates can be undone one after the other.
MOST_KEPT = 9
Listed = tuple[tuple[str, "ListedModel"], ...]
Ready = Callable[[], Awaitable[object]]
Change = Callable[[own_models.Document], own_models.Document | None]


class CatalogueFiles:
    """Reads them once, at the start. A models.json that is wrong is `problem`; the catalogue then lacks what it says.

    `changed` is called after every change, when `catalogue` already is the new one, and `corrected` when a file that
    was wrong is no more. `ready` is waited for before anything is written: until the folder is ours and cleared up,
    what is half written there may be swept away.
    """

    def __init__(
        self,
        data_dir: Path,
        changed: Callable[[], None] = lambda: None,
        ready: Ready | None = None,
        corrected: Callable[[], None] = lambda: None,
    ) -> None:
        self._own = data_dir / "models.json"
        self._listed_file = data_dir / "listed-models.json"
        self._update = data_dir / "catalogue.json"
        numbers = ("", *(f".{number}" for number in range(2, MOST_KEPT + 1)))
        self._previous = [data_dir / f"catalogue.previous{number}.json" for number in numbers]
        self._changed = changed
        self._ready = ready
        self._shipped = shipped()
        self._root = self._newest(self._update)
        self._turn = asyncio.Lock()
        self._listed = _read_listed(self._listed_file)
        self._corrected = corrected
        self.problem: Failure | None = None
        try:
            self.catalogue = self._with_own()
        except Failure as failure:
            log.error("no model is asked: %s", failure.message)
            self.problem = failure
            self.catalogue = self._made(None, self._listed)

    async def whole(self) -> None:
        """Return once the person's own file holds; one that was wrong is looked at again, and holds at once.

        Raises the Failure that says where it is wrong. To be awaited before anything is asked or priced.
        """
        if self.problem is None:
            return
        async with self._turn:
            try:
                made = await asyncio.to_thread(self._with_own)
            except Failure as failure:
                self.problem = failure
                raise
            self._hold_to(made)

    async def look_again(self) -> Failure | None:
        """What is wrong with the person's own file, as it is now."""
        try:
            await self.whole()
        except Failure as failure:
            return failure
        return None

    def _with_own(self) -> Catalogue:
        own = user_catalogue.read(self._own)
        try:
            return self._made(own, self._listed)
        except CatalogueError as wrong:
            raise user_catalogue.refusal(self._own, wrong, own) from wrong

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
            await self._write({self._own: own})
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
                raise user_catalogue.refusal(self._own, wrong, own) from wrong
            await self._write({self._listed_file: _listed_text(listed)})
            self._listed = listed
            self._hold_to(made)

    @property
    def is_shipped(self) -> bool:
        """Whether the catalogue that came with the app is the one that holds."""
        return self._root is self._shipped

    @property
    def checked_on(self) -> date:
        """The day of the catalogue that holds."""
        return newer_catalogue.checked_on(self._root)

    async def update(self, content: bytes, today: date) -> CatalogueChanges:
        """Hold to a newer catalogue from now on, once all of it is found to be in order; tell what changes.

        Raises Failure("invalid_params") for one that is not, Failure("conflict") for one that is not newer. Then all
        is as it was.
        """
        async with self._turn:
            present = parse.models(self._root)
            try:
                root = parse.root(content)
                models = newer_catalogue.check(root, present, today)
            except CatalogueError as wrong:
                raise _not_taken(wrong) from wrong
            if newer_catalogue.checked_on(root) <= self.checked_on:
                raise Failure(
                    "conflict",
                    f"This catalogue is of {newer_catalogue.checked_on(root)}, and the present one of "
                    f"{self.checked_on}. Choose a newer one, or write a later day as its `checkedOn` "
                    "if you corrected it; to go back, undo the last update.",
                )
            made = await self._made_of(root)
            earlier = await asyncio.to_thread(self._earlier)
            await self._write({**dict(zip(self._previous, earlier, strict=False)), self._update: content})
            self._root = root
            self._hold_to(made)
            return newer_catalogue.changes(present, models)

    async def undo_update(self) -> CatalogueChanges:
        """Hold to what held before the last update; tell what changes.

        Raises Failure("not_found") without one, and where the person's own models do not go with what held before.
        Then all is as it was.
        """
        async with self._turn:
            if not await asyncio.to_thread(self._update.exists):
                raise Failure(
                    "not_found",
                    "There was no update of the catalogue, so there is nothing to undo. Keep the shipped one.",
                )
            present = parse.models(self._root)
            before = await asyncio.to_thread(self._before)
            root = self._shipped if before is None else await asyncio.to_thread(self._newest, before)
            made = await self._made_of(root)
            await asyncio.to_thread(self._take_back, before)
            self._root = root
            self._hold_to(made)
            return newer_catalogue.changes(present, parse.models(root))

    async def _write(self, contents: Mapping[Path, bytes]) -> None:
        if self._ready is not None:
            await self._ready()
        await asyncio.to_thread(_write, contents)

    def _earlier(self) -> list[bytes]:
        """The update that holds and those before it, the latest first."""
        found = (user_catalogue.read(path) for path in (self._update, *self._previous))
        return [content for content in found if content is not None]

    def _before(self) -> Path | None:
        """Where the update before the one that holds is kept: an undone one leaves its place empty."""
        return next((path for path in self._previous if path.exists()), None)

    def _take_back(self, before: Path | None) -> None:
        if before is not None:
            before.replace(self._update)
        else:
            self._update.unlink()

    def _newest(self, kept: Path) -> JsonReader:
        """The later of the shipped catalogue and the one that is kept there: a newer app brings a newer one."""
        try:
            content = user_catalogue.read(kept)
            if content is None:
                return self._shipped
            root = parse.root(content)
            parse.models(root)
            later = newer_catalogue.checked_on(root) > newer_catalogue.checked_on(self._shipped)
        except (CatalogueError, Failure) as error:
            log.warning("The catalogue in %s is passed over: %s", kept.name, error)
            return self._shipped
        return root if later else self._shipped

    async def _made_of(self, root: JsonReader) -> Catalogue:
        own = await asyncio.to_thread(user_catalogue.read, self._own)
        try:
            return Catalogue.of(root, own, self._listed, name=self._own.name)
        except CatalogueError as wrong:
            raise user_catalogue.refusal(self._own, wrong, own) from wrong

    def _made(self, own: bytes | None, listed: Listed) -> Catalogue:
        return Catalogue.of(self._root, own, listed, name=self._own.name)

    def _hold_to(self, made: Catalogue) -> None:
        was_wrong, self.problem = self.problem is not None, None
        self.catalogue.take_over(made)
        self._changed()
        if was_wrong:
            self._corrected()


def _not_written(wrong: CatalogueError) -> Failure:
    return Failure(
        "invalid_params",
        f"This cannot be kept in your models.json: {wrong}. Correct it and try again; nothing was changed.",
        issues=[{"path": wrong.where, "message": wrong.what}],
    )


def _not_taken(wrong: CatalogueError) -> Failure:
    return Failure(
        "invalid_params",
        f"This catalogue cannot be used: {wrong}. Choose another one; until then the present one holds.",
        issues=[{"path": wrong.where, "message": wrong.what}],
    )


def _read_listed(path: Path) -> Listed:
    """What was kept of listed models. A file that is wrong is no reason not to start: they are listed again."""
    try:
        return tuple(listed_models.from_rows(JsonReader.of("", read_json(read_plain(path, MOST_BYTES)))))
    except FileNotFoundError:
        return ()
    except (OSError, CatalogueError) as error:
        log.warning("The models in %s are passed over: %s", path.name, error)
        return ()


def _listed_text(listed: Listed) -> bytes:
    rows = [listed_models.to_row(provider, each) for provider, each in listed]
    return (json.dumps({"models": rows}, indent=2, ensure_ascii=False) + "\n").encode()


def _write(contents: Mapping[Path, bytes]) -> None:
    def producer(content: bytes) -> Callable[[BinaryIO], int]:
        return lambda file: file.write(content)

    for path in contents:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_together([(path, producer(content)) for path, content in contents.items()])
