"""Where the page is served, and what is said if it cannot be."""

import socket
import sys

import pytest

from colorizer.page.serving import check_installed, free_port
from colorizer.system.errors import UserError


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UserError, match=f"--host 127.0.0.1 --port {port}: cannot be answered"):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", port) == port


def test_any_free_port_is_found():
    assert free_port("127.0.0.1", 0) > 0


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(UserError, match=r"--host 203\.0\.113\.7"):
        free_port("203.0.113.7", 0)


def test_without_gradio_the_page_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match=r"pip install 'colorizer\[app\]'"):
        check_installed()
