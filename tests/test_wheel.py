"""The wheel: what is in it, how large it is, and that it needs no checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import infinisum
from tests.test_public_api import modules_after

ROOT = Path(__file__).resolve().parents[1]
MOST_WHEEL_BYTES = 100_000_000  # of one file on PyPI
MOST_CODE_BYTES = 2_000_000  # of the wheel without its models
MOST_MODEL_BYTES = 95_000_000  # of the default model's weights
HELP_NEEDS = {  # typer with what it imports, pydantic where it is there; no other package
    *("infinisum", "typer", "shellingham", "annotated_doc", "typing_extensions"),
    *("pydantic", "pydantic_core", "annotated_types", "typing_inspection"),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from this checkout, offline, without an environment of its own."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_it_has_the_package_its_data_and_its_models(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    installed = {name.removeprefix("infinisum/") for name in names if name.startswith("infinisum/")}
    package = ROOT / "infinisum"
    expected = {
        str(path.relative_to(package))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for model in ("infinisum-base", "passkey"):
        files = (ROOT / "models" / model).iterdir()
        expected |= {f"models/{model}/{path.name}" for path in files}
    assert installed == expected
    assert "py.typed" in installed
    assert {name.split("/")[0] for name in names} == {
        "infinisum",
        f"infinisum-{infinisum.__version__}.dist-info",
    }


def test_it_says_what_it_is(wheel: Path) -> None:
    info = f"infinisum-{infinisum.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        scripts = archive.read(f"{info}/entry_points.txt").decode()
        assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert metadata["Version"] == infinisum.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "infinisum = infinisum.cli.app:main" in scripts


def test_it_keeps_its_budget_of_bytes(wheel: Path) -> None:
    assert wheel.stat().st_size <= MOST_WHEEL_BYTES
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    code = sum(size for name, size in sizes.items() if "/models/" not in name)
    assert code <= MOST_CODE_BYTES
    assert sizes["infinisum/models/infinisum-base/model.safetensors"] <= MOST_MODEL_BYTES


def test_the_model_is_found_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import infinisum\nfrom infinisum.hub import find_model\n"
        "print(infinisum.__file__, find_model(), find_model('passkey'), sep='\\n')"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    package = tmp_path / "site" / "infinisum"
    assert result.stdout.split() == [
        str(package / "__init__.py"),
        str(package / "models" / "infinisum-base"),
        str(package / "models" / "passkey"),
    ]


def test_importing_it_imports_nothing_but_itself() -> None:
    assert others("import infinisum") == {"infinisum"}


def test_help_imports_nothing_but_the_command_line() -> None:
    help_of = "from infinisum.cli.app import run; run(['summarize', '--help'])"
    assert (
        others(f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): {help_of}")
        <= HELP_NEEDS
    )


def others(code: str) -> set[str]:
    """Packages outside the standard library that some code imports."""
    before = packages(modules_after("pass"))
    return packages(modules_after(code)) - before


def packages(modules: set[str]) -> set[str]:
    """Their packages, without the standard library."""
    names = {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names)
    return {name for name in names if not name.startswith("_")}  # `__mp_main__`, `_sysconfigdata`
