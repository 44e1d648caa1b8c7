from __future__ import annotations

import socket

import pytest


def test_tests_cannot_leave_this_machine() -> None:
    with socket.socket() as out, pytest.raises(ConnectionRefusedError, match="a test tried"):
        out.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror, match="a test tried"):
        socket.getaddrinfo("example.org", 80)


def test_what_is_on_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
