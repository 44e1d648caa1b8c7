from __future__ import annotations

import functools
import ipaddress
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.tiny_model import make_tiny_model

# Started in the background by a script, a process ignores Ctrl-C and hands that on to the commands
# that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
settings.register_profile("infinisum", deadline=None)
settings.load_profile("infinisum")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that quotes only."""
    return make_tiny_model(tmp_path_factory.mktemp("quoting") / "tiny", writes_well=False)


@pytest.fixture(scope="session")
def writing_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose drafts are asked for, though random weights write nonsense."""
    return make_tiny_model(tmp_path_factory.mktemp("writing") / "tiny", writes_well=True)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what interrupted runs leave behind out of the cache folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


_NAMES = {"localhost", "", None, socket.gethostname()}


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Let no test leave this machine: what connects elsewhere, or looks a name up, fails."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _local_only(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _local_names_only(socket.getaddrinfo))
        yield


@functools.cache
def _is_local(host: Any) -> bool:
    """Whether it is this machine: only its own addresses can be listened at."""
    if host in _NAMES:
        return True
    family = socket.AF_INET6 if ":" in str(host) else socket.AF_INET
    try:
        ipaddress.ip_address(host)
        with socket.socket(family) as probe:
            probe.bind((host, 0))
    except (OSError, ValueError):
        return False
    return True


def _local_only(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        internet = self.family in (socket.AF_INET, socket.AF_INET6)
        if internet and not _is_local(address[0]):
            raise ConnectionRefusedError(f"a test tried to reach {address}")
        return original(self, address)

    return connect


def _local_names_only(original: Any) -> Any:
    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host.decode() if isinstance(host, bytes) else host):
            raise socket.gaierror(f"a test tried to look up {host}")
        return original(host, *args, **kwargs)

    return getaddrinfo
