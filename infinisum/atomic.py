"""Files that are whole or not there: written beside their place, synced and renamed."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infinisum.errors import OutputError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8; an existing file stays until the new one is whole.

    A device or a pipe is written to directly.

    Raises:
        OutputError: it cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path = path.resolve()  # through a link, to the file it names
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_bytes(data)
        else:
            _replace(path, data)
    except OSError as error:
        raise _cannot_write(path, error) from error


def check_writable(path: Path) -> None:
    """Find out before the work whether a file can be written.

    Raises:
        OutputError: its folder is missing or closed, or it is a folder itself.
    """
    try:
        path = path.resolve()
        if path.is_dir():
            raise OutputError(f"{path}: is a folder.", "Name a file, or end the name with a slash.")
        if path.exists() and not path.is_file():
            return
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".infinisum-")
        os.close(descriptor)
        Path(name).unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error


def replace_files(part: Path, folder: Path, last: Sequence[str]) -> None:
    """Move the files of `part` to `folder`, over those that are there; `last` come last.

    Raises:
        OSError: the disk is full, or cannot be written to.
    """
    for path in part.iterdir():
        path.chmod(_mode(folder / path.name))  # safetensors makes files for their owner alone
        sync(path)
    names = sorted(path.name for path in part.iterdir())
    for name in [*(n for n in names if n not in last), *(n for n in last if n in names)]:
        (part / name).replace(folder / name)
    part.rmdir()
    sync(folder)


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".infinisum-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(_mode(path))
        Path(name).replace(path)
    except BaseException:  # Ctrl-C too: nothing half-written stays behind
        Path(name).unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # not every system can sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _mode(path: Path) -> int:
    """Permissions of the file that is replaced, or those a new file would get."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    hint = "Name a place with -o that can be written to."
    if not path.parent.is_dir():
        reason, hint = f"there is no folder {path.parent}", "Create it, or name another with -o."
    return OutputError(f"{path}: cannot write, {reason}.", hint)
