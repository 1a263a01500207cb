"""`serve`: the page that scores radiographs, until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import logging
import socket
from collections.abc import Callable
from functools import partial

from pneumo_utils.deployment.answers.heat_map_overlays import HeatMaps
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.scoring import Scorer
from pneumo_utils.deployment.web import request_guard, web_app, web_page
from pneumo_utils.deployment.web.web_app import WebApp
from pneumo_utils.records import shares

_MOST_CONNECTIONS = 512  # at once; the guard answers fewer requests than that
_GRACE = 5  # seconds in which the file at hand may be finished
NO_MAPS = "Heat maps need TensorFlow, which is not installed here (pip install pneumo-utils[cpu])."

_log = logging.getLogger(__name__)


class ServeError(ValueError):
    """The page cannot be opened."""


def run(given: argparse.Namespace) -> int:
    """Serve the page until it is interrupted.

    Returns:
        0.

    Raises:
        ValueError: an argument or the bundle is wrong, the port is taken, or an extra is not installed.
    """
    shares.check_threads(given.threads)
    for name in ("starlette", "uvicorn"):
        if importlib.util.find_spec(name) is None:
            raise ServeError(f"{name} must be installed (pip install pneumo-utils[web]), got no such package")
    with listen(given.host, given.port) as listening:  # before the networks are opened: that takes seconds
        bundle = Bundle(given.model)
        scorer = Scorer(bundle, given.engine, given.threads, given.any_age)
        _serve(WebApp(scorer, *find_maps(bundle), host=given.host), listening, given.host)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ServeError: the host is not an address of this machine, or the port is taken, forbidden or no port.
    """
    if not 0 <= port <= 65535:
        raise ServeError(f"port must be 0 to 65535, got {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ServeError(f"host must be an address of this machine, got {host}: {error.strerror}") from error
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise ServeError(f"host must be an address of this machine, got {host}") from error
        why = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
        raise ServeError(f"port must be free, got {port}: {why}; name another with --port") from error


def find_maps(bundle: Bundle) -> tuple[Callable[[], HeatMaps] | None, str]:
    """What opens the heat maps, or why there are none."""
    if importlib.util.find_spec("tensorflow") is None:
        return None, NO_MAPS
    return partial(web_page.open_maps, bundle), ""


def _serve(page: WebApp, listening: socket.socket, host: str) -> None:
    import uvicorn

    from pneumo_utils.deployment.web.header_timeout import HeaderTimeoutProtocol

    port = listening.getsockname()[1]
    if not request_guard.is_local(host):
        _log.warning("host %s: %s", host, web_app.WARNING)
    # no line of a log may hold what a request brings: uvicorn tells nothing but what stops it
    config = uvicorn.Config(
        page.build(), log_config=None, log_level=logging.CRITICAL, access_log=False, server_header=False,
        proxy_headers=False, ws="none", lifespan="off", loop="asyncio", http=HeaderTimeoutProtocol,
        limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=_GRACE,
    )  # fmt: skip
    reached = socket.gethostname() if host in ("0.0.0.0", "::") else host  # what a browser can open
    _log.info("http://%s:%s scores radiographs; Ctrl-C ends it", f"[{reached}]" if ":" in reached else reached, port)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # uvicorn has ended in order, and passes the signal on
    finally:
        page.close()
    _log.info("ended; no file was kept")
