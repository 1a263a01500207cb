"""Which requests a page on this machine answers, and what a browser may do with its answers.

A page of any other site can send requests to this machine through the browser of whoever looks at it, or let its own
name point here (DNS rebinding). Neither may reach the networks, or read what they say.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

_LOCAL = ("localhost", "127.0.0.1", "::1")
_SAFE = ("GET", "HEAD")
_MOST_REQUESTS = 64  # at once; more are told to come again
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_Asgi = Callable[[dict[str, Any], Callable, Callable], Awaitable[None]]


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address or name."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


def refuse_request(host: str, method: str, headers: dict[str, str]) -> tuple[int, str] | None:
    """Why a request is not answered: a status of HTTP and a sentence; None where it is.

    Args:
        host: that the page listens at.
        method: of the request.
        headers: of the request, names in lower case.
    """
    asked = headers.get("host", "")
    if not _is_known(_name_of(asked), host):
        return 421, "host must be a name of this machine, got another: a page elsewhere may not point here"
    if method in _SAFE:
        return None
    site, origin = headers.get("sec-fetch-site", "same-origin"), headers.get("origin", f"http://{asked}")
    if site != "same-origin" or origin.lower() != f"http://{asked.lower()}":
        return 403, "files must come from this page, got a request of another one"
    return None


def guard(app: _Asgi, host: str) -> _Asgi:
    """`app`, asked only what `refuse_request` lets through, its answers with the headers of a strict page."""
    under_way: set[int] = set()

    async def guarded(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return

        async def send_strictly(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = message | {"headers": [*message.get("headers", []), *own]}
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if len(under_way) >= _MOST_REQUESTS:
            await _answer(send_strictly, 503, f"requests must be at most {_MOST_REQUESTS} at once: try again")
        elif refused := refuse_request(host, scope["method"], headers):
            await _answer(send_strictly, *refused)
        else:
            under_way.add(id(scope))
            try:
                await app(scope, receive, send_strictly)
            finally:
                under_way.discard(id(scope))

    return guarded


async def _answer(send: Callable, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _name_of(host: str) -> str:
    """A `Host` header without its port and brackets, in lower case."""
    name, _, port = host.lower().rpartition(":")
    name = name if name and port.isdigit() else host.lower()
    return name.removeprefix("[").removesuffix("]").rstrip(".")


def _is_known(name: str, host: str) -> bool:
    if name in _LOCAL or name == host.lower():
        return True
    if is_local(host):
        return False
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))  # only a name can be made to point elsewhere
    machine = socket.gethostname().lower()
    return name in (machine, machine.partition(".")[0], f"{machine.partition('.')[0]}.local")
