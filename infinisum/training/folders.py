"""Folders that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from infinisum.errors import OutputError


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into that becomes `folder` when all went well, and is gone when not.

    Raises:
        OutputError: it cannot be written.
    """
    prefix = f"{folder.name}.part-{socket.gethostname()}-"
    part = folder.with_name(f"{prefix}{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(f"{prefix}*"):  # by a process that was killed
            if not _alive(left.name.removeprefix(prefix)):
                shutil.rmtree(left, ignore_errors=True)
        part.mkdir()
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        reason = (error.strerror or str(error)).lower()
        free = shutil.disk_usage(folder.parent).free if folder.parent.is_dir() else 0
        raise OutputError(
            f"{folder}: cannot write the training shards, {reason}; {free / 1e6:,.0f} MB are free.",
            "Free some space, or name another disk with -o.",
        ) from error
    except BaseException:  # Ctrl-C too
        shutil.rmtree(part, ignore_errors=True)
        raise


def _alive(number: str) -> bool:
    """Whether a process of this machine still runs."""
    if not number.isdigit():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return int(number) != os.getpid()
