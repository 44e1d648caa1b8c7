from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infinisum import hub
from infinisum.errors import NotFoundError


def model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "mine")
    assert hub.find_model(folder) == folder
    assert hub.is_model(str(folder))


def test_the_bundled_model_is_looked_for_in_package_and_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, checkout = tmp_path / "package", model_folder(tmp_path / "checkout")
    monkeypatch.setattr(hub, "bundled_folders", lambda _: (package, checkout))
    assert hub.find_model() == checkout
    model_folder(package)
    assert hub.find_model() == package


def test_bundled_folders_are_the_documented_ones() -> None:
    package, checkout = hub.bundled_folders()
    root = Path(__file__).resolve().parent.parent
    assert checkout == root / "models" / "infinisum-base"
    assert package == root / "infinisum" / "models" / "infinisum-base"


def test_a_missing_default_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hub, "bundled_folders", lambda _: (tmp_path / "none",))
    with pytest.raises(NotFoundError, match="infinisum-base"):
        hub.find_model()


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"config\.json"):
        hub.find_model(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/no/where/at/all", "a b/c", ".."])
def test_names_that_are_no_hub_ids_never_touch_the_network(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # importing it would fail
    with pytest.raises(NotFoundError):
        hub.find_model(name)


def test_a_path_below_an_existing_folder_is_no_hub_id(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(NotFoundError, match="models/mine"):
        hub.find_model("models/mine")


def test_offline_with_an_uncached_hub_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotFoundError, match="someone/their-model: not cached"):
        hub.find_model("someone/their-model")


def test_a_cached_hub_model_needs_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub

    folder = model_folder(tmp_path / "cached")
    (folder / "model.safetensors").write_bytes(b"")
    asked: list[bool] = []

    def snapshot(hub_id: str, *, local_files_only: bool = False, **_: object) -> str:
        asked.append(local_files_only)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.chdir(tmp_path)
    assert hub.find_model("someone/their-model") == folder
    assert asked == [True]
