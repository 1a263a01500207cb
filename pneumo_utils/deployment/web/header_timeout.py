"""Connections that say nothing are let go, or as many of them as a machine takes would shut everybody else out."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

_LONGEST_WAIT = 10.0  # seconds in which the head of a request must have come


class HeaderTimeoutProtocol(H11Protocol):
    """uvicorn's protocol for HTTP/1.1, which waits for ever for the first byte of a request, and between two of its
    lines; between two requests it has a limit of its own.
    """

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._limit = self.loop.call_later(_LONGEST_WAIT, transport.close)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        before = self.scope
        super().data_received(data)
        between = self.cycle is None or self.cycle.response_complete
        if self.scope is not before:  # the head of a request has come
            self._wait_no_more()
        elif self._limit is None and between:  # of what comes after an answer uvicorn waits for no end, either
            self._limit = self.loop.call_later(_LONGEST_WAIT, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_no_more(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
