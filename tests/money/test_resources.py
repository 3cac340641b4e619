from __future__ import annotations

from pathlib import Path

import pytest

from sidecar import resources


def put(folder: Path, name: str = "models.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(str(folder), "utf-8")
    return folder / name


def test_the_catalogue_of_this_checkout_is_found() -> None:
    assert resources.read_bytes("data/models.json").startswith(b"{")


def test_files_are_found_beside_the_package_in_a_checkout(tmp_path: Path) -> None:
    expected = put(tmp_path / "data")
    assert resources.find("data/models.json", package=tmp_path / "sidecar") == expected


def test_files_are_found_inside_the_package_in_a_wheel(tmp_path: Path) -> None:
    put(tmp_path / "data")
    expected = put(tmp_path / "sidecar" / "_data")
    assert resources.find("data/models.json", package=tmp_path / "sidecar") == expected


@pytest.mark.parametrize("folder", ["schemas", "sidecar/_schemas"])
def test_files_of_a_frozen_binary_come_from_its_bundle(tmp_path: Path, folder: str) -> None:
    bundle = tmp_path / "bundle"
    put(tmp_path / "schemas", "openrpc.json")
    expected = put(bundle / folder, "openrpc.json")
    package = tmp_path / "sidecar"
    assert resources.find("schemas/openrpc.json", package=package, bundle=bundle) == expected


def test_a_file_that_is_nowhere_is_an_error_that_names_the_places(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"data/none\.json is in none of .*_data"):
        resources.find("data/none.json", package=tmp_path)


@pytest.mark.parametrize("name", ["keys/secret", "data", "data/../pyproject.toml", "/etc/passwd"])
def test_only_files_of_data_and_schemas_are_given_out(name: str) -> None:
    with pytest.raises(ValueError, match="not a file of data/, schemas/ or bridge/"):
        resources.find(name)
