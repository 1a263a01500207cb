"""The page is served to this machine alone, until it is interrupted, and every fault is one sentence."""

import argparse
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import uvicorn
from support import scoring_page
from support.scoring_page import FakeScorer, write_bundle

from pneumo_utils.deployment.bundle import BundleError
from pneumo_utils.deployment.web import header_timeout, request_guard, serve_command, serving
from pneumo_utils.deployment.web.serving import ServeError
from pneumo_utils.deployment.web.web_app import WebApp

PROJECT = Path(__file__).parents[3]
SERVE = """
import argparse, logging, signal, sys
sys.path.insert(0, "tests")
from support.scoring_page import FakeScorer
from pneumo_utils.deployment.web import serve_command, serving
serving.Scorer = lambda bundle, *rest: FakeScorer(bundle.folder)
signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command line does
logging.basicConfig(level=logging.INFO, format="%(message)s")
command = argparse.ArgumentParser()
serve_command.add_arguments(command)
sys.exit(serve_command.run(command.parse_args()))
"""


def given(*arguments):
    command = argparse.ArgumentParser()
    serve_command.add_arguments(command)
    return command.parse_args([*map(str, arguments)])


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_the_page_is_served_until_it_is_interrupted_and_no_name_is_logged(tmp_path, kind):
    write_bundle(tmp_path / "model")
    running = [sys.executable, "-c", SERVE, str(tmp_path / "model"), "--port", "0"]
    with subprocess.Popen(running, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as program:
        first = program.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", first)[0]
        headers = {"content-type": "application/octet-stream", "x-file-name": "crash-secret"}
        assert httpx.post(f"{address}/score", content=b"x", headers=headers).status_code == 200
        assert httpx.get(f"{address}/secret").status_code == 404
        program.send_signal(kind)
        told = first + program.stderr.read()
    assert program.returncode == 0
    assert "Ctrl-C ends it" in told and "ended; no file was kept" in told
    assert "secret" not in told and "Traceback" not in told


def test_a_port_that_is_taken_is_told_in_one_sentence_before_anything_is_opened(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"port must be free, got {port}: another program listens there"):
            serving.run(given(tmp_path / "no bundle", "--port", port))


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(ServeError, match="port must be 0 to 65535"):
        serving.listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_elsewhere_is_refused(host, monkeypatch):
    def look_up(name, port, **_):  # no test asks a name server
        if name != "192.0.2.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(ServeError, match=f"host must be an address of this machine, got {host}"):
        serving.listen(host, 0)


def test_the_socket_is_free_again_when_the_bundle_is_none(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(BundleError):
        serving.run(given(tmp_path / "no bundle", "--port", port))
    serving.listen("127.0.0.1", port).close()


def test_only_this_machine_is_served_unless_another_host_is_named(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(serving, "Scorer", lambda bundle, *rest: FakeScorer(tmp_path / "model"))
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: bound.append(sockets[0].getsockname()[0]))
    caplog.set_level("INFO", "pneumo_utils")
    write_bundle(tmp_path / "model")
    bound = []
    serving.run(given(tmp_path / "model", "--port", 0))
    assert bound == ["127.0.0.1"] and "password" not in caplog.text
    serving.run(given(tmp_path / "model", "--port", 0, "--host", "0.0.0.0"))
    assert bound[1] == "0.0.0.0" and "no password" in caplog.text.replace("asks for ", "")
    assert f"http://{socket.gethostname()}:" in caplog.text


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_a_sentence_says_how_to_install_it(tmp_path, monkeypatch, missing):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else there(name))
    with pytest.raises(ServeError, match=rf"{missing} must be installed \(pip install pneumo-utils\[web\]\)"):
        serving.run(given(tmp_path))


def test_without_tensorflow_there_are_no_heat_maps_and_the_page_says_so(tmp_path, monkeypatch):
    assert serving.find_maps(write_bundle(tmp_path / "model"))[0] is not None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert serving.find_maps(write_bundle(tmp_path / "model")) == (None, serving.NO_MAPS)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_loopback_addresses_are_this_machine_alone(host, local):
    assert request_guard.is_local(host) is local


def test_help_does_not_wait_for_the_engines():
    check = (
        "import sys, pneumo_utils.deployment.web.serve_command; print({'numpy', 'cv2', 'starlette'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, env=os.environ)
    assert done.stdout.strip() == "set()"


def test_connections_that_say_nothing_are_let_go_and_others_are_answered_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(header_timeout, "_LONGEST_WAIT", 0.5)
    with scoring_page.serving(WebApp(FakeScorer(tmp_path / "model"))) as address:
        place = address.removeprefix("http://").split(":")
        silent = [socket.create_connection((place[0], int(place[1])), timeout=20) for _ in range(80)]
        silent[0].sendall(b"GET / HTTP/1.1\r\n")  # and no further line
        assert httpx.get(address).status_code == 200
        assert [one.recv(100) for one in silent] == [b""] * 80, "closed from there"
        for one in silent:
            one.close()
        head = "POST /score HTTP/1.1\r\nHost: example.org\r\nContent-Length: 99\r\n\r\n"
        with socket.create_connection((place[0], int(place[1])), timeout=20) as slow:
            slow.sendall(head.encode())
            assert b" 421 " in slow.recv(1000)
            slow.sendall(b"x")  # of a body that nobody wants
            while slow.recv(1000):
                pass
