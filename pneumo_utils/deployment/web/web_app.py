"""The page that scores radiographs, as an ASGI application: files come one a request, and are never kept.

A request's body is the file itself. Nothing spools it to a disk, as forms do: it is read into memory, judged, and
forgotten. Only one file at a time reaches the networks, in a thread of its own, so that the page stays reachable.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pneumo_utils.deployment.scores import SCORED, Score, refuse
from pneumo_utils.deployment.web import request_guard, web_page
from pneumo_utils.records.bundle_names import CARD_FILE

if TYPE_CHECKING:  # imported for their names alone: they bring the engines along
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from pneumo_utils.deployment.answers.heat_map_overlays import HeatMaps
    from pneumo_utils.deployment.scoring import Answer, Scorer

LARGEST = 64 * 2**20  # bytes of a file
MOST = 2000  # files that the page takes at once: for more there is `predict`
FILE_NAME, FILE_TYPE = "x-file-name", "application/octet-stream"  # header with the name, percent-encoded; of the body
_LONGEST_NAME = 4096  # characters: as long as a path can be
_AT_ONCE = 4  # files in memory
_PATIENCE, _PAUSE = 120.0, 10.0  # seconds in which a file must have come; without a byte of it, while others wait

_ASSETS = {
    name: {"css": "text/css", "js": "text/javascript"}[name.rpartition(".")[2]]
    for name in ("scoring_page.js", *web_page.SHARED)
}
WARNING = (
    "Other machines can open this page: it asks for no password, and files of patients travel to it unencrypted. "
    "Anybody on the way can read them."
)

_log = logging.getLogger(__name__)


class UploadError(ValueError):
    """A body that is not taken.

    Args:
        status: of HTTP.
        sentence: why.
    """

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class _Upload:
    name: str
    data: bytes


class WebApp:
    """Answers for the page.

    Args:
        scorer: that answers for files.
        open_maps: opens what draws heat maps, when the page is first looked at; None: there are none.
        no_maps: why there are none, one sentence.
        host: that the page listens at.
    """

    def __init__(
        self, scorer: Scorer, open_maps: Callable[[], HeatMaps] | None = None, no_maps: str = "",
        host: str = "127.0.0.1",
    ):  # fmt: skip
        self._scorer, self._open_maps, self._host = scorer, open_maps, host
        self._worker = ThreadPoolExecutor(1, "networks")  # files take turns: each uses all cores
        self._opener, self._opening = ThreadPoolExecutor(1, "heat maps"), None  # TensorFlow takes seconds to come
        self._room = asyncio.Semaphore(_AT_ONCE)
        warning = "" if request_guard.is_local(host) else WARNING
        limits = {"bytes": LARGEST, "files": MOST}
        self._texts = {name: (web_page.read_asset(name), kind) for name, kind in _ASSETS.items()}
        if card := scorer.bundle.card:
            self._texts[CARD_FILE] = (card, "text/plain")
        self._page = web_page.render(
            scorer.bundle, scorer.engine_label, limits, "" if open_maps else no_maps, warning, CARD_FILE if card else ""
        )

    def build(self) -> Callable:
        """The application, guarded by `request_guard`."""
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.routing import Route

        app: Starlette = Starlette(
            routes=[
                Route("/", self._show_page),
                Route("/{name}", self._show_text),
                Route("/score", self._score, methods=["POST"]),
                Route("/map", self._draw_map, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _tell_status, UploadError: _tell_upload},
        )
        return request_guard.guard(app, self._host)

    def close(self) -> None:
        """Let the networks finish the file at hand, and take no other."""
        for pool in (self._worker, self._opener):
            pool.shutdown(wait=True, cancel_futures=True)

    async def _show_page(self, request: Request) -> Response:
        from starlette.responses import HTMLResponse

        self._prepare_maps()
        return HTMLResponse(self._page)

    async def _show_text(self, request: Request) -> Response:
        from starlette.exceptions import HTTPException
        from starlette.responses import Response

        if request.path_params["name"] not in self._texts:
            raise HTTPException(404)
        text, kind = self._texts[request.path_params["name"]]
        return Response(text, media_type=kind)

    async def _score(self, request: Request) -> Response:
        return await self._work(request, self._score_upload)

    async def _draw_map(self, request: Request) -> Response:
        if (opening := self._prepare_maps()) is None:
            raise UploadError(404, "heat maps must be offered by this page, got a request for one")
        await asyncio.gather(
            asyncio.wrap_future(opening), return_exceptions=True
        )  # before the file comes: scores need not wait for it
        return await self._work(request, lambda upload: self._map_upload(upload, opening))

    def _prepare_maps(self) -> Future[HeatMaps] | None:
        """Begin to open the heat maps, once: in a thread of their own, so that scores need not wait."""
        if self._opening is None and self._open_maps is not None:
            self._opening = self._opener.submit(self._open_maps)
        return self._opening

    async def _work(self, request: Request, work: Callable[[_Upload], dict]) -> Response:
        async with self._room:
            upload = await _receive(request)
            answer = await asyncio.get_running_loop().run_in_executor(self._worker, work, upload)
        return _json(answer)

    def _score_upload(self, upload: _Upload) -> dict:
        answer = self._answer(upload)
        score, whole = (answer, None) if isinstance(answer, Score) else (answer.score, answer.radiograph.whole)
        return web_page.describe(score, self._scorer.bundle, self._scorer.engine_label, whole)

    def _map_upload(self, upload: _Upload, opening: Future[HeatMaps]) -> dict:
        answer = self._answer(upload)
        if isinstance(answer, Score) or answer.score.status != SCORED:
            return {"error": "a heat map needs a radiograph that is scored, got one that is refused"}
        try:
            heat = opening.result().draw_map(answer.radiograph.picture)
        except Exception as error:  # whatever fails, the score stands
            _tell_failure("a heat map could not be drawn", error)
            return {"error": f"heat map must be drawn by the networks, got {type(error).__name__}"}
        return {"map": web_page.encode_map(heat) if heat.max() > 0 else None}

    def _answer(self, upload: _Upload) -> Answer | Score:
        """The answer; where the program itself fails, a refusal: one file never stops the others."""
        try:
            return self._scorer.score_one(upload.data, upload.name, keep_whole=True)
        except Exception as error:
            _tell_failure("a file could not be scored", error)
            reason = f"file must be one that this program can judge, got {type(error).__name__} while it tried"
            return refuse(upload.name, reason, hashlib.sha256(upload.data).hexdigest())


async def _receive(request: Request) -> _Upload:
    """The file that a request brings, in memory alone.

    Raises:
        UploadError: it is too large, too slow, or no file as the page sends them.
    """
    from starlette.requests import ClientDisconnect

    if (kind := request.headers.get("content-type", "nothing")) != FILE_TYPE:
        raise UploadError(415, f"file must be the whole body, of type {FILE_TYPE} alone, got {kind[:80]}")
    told = request.headers.get("content-length", "")
    data = bytearray()
    try:
        _check_size(int(told) if told.isdigit() else 0)
        now = asyncio.get_running_loop().time
        end = now() + _PATIENCE
        async with asyncio.timeout(_PAUSE) as limit:
            async for chunk in request.stream():
                data += chunk
                _check_size(len(data))
                limit.reschedule(min(now() + _PAUSE, end))
    except TimeoutError as error:
        rule = f"file must come within {_PATIENCE:.0f} s and never stand still for {_PAUSE:.0f} s"
        raise UploadError(408, f"{rule}, got a part of it") from error
    except ClientDisconnect as error:
        raise UploadError(400, "file must come whole, got a part of it") from error
    return _Upload(unquote(request.headers.get(FILE_NAME, ""), errors="replace")[:_LONGEST_NAME], bytes(data))


def _check_size(size: int) -> None:
    if size > LARGEST:
        raise UploadError(413, f"file must have at most {LARGEST >> 20} MB, got {size / 2**20:.1f}")


def _tell_failure(what: str, error: Exception) -> None:
    """Log where the program failed, without the message: it may name the file."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _log.warning("%s: %s in %s, line %s", what, type(error).__name__, place.name, place.lineno)


def _json(answer: dict[str, Any], status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(answer, status)


async def _tell_status(request: Request, error: Any) -> Response:
    rules = {
        404: f"address must be one of this page, got {request.url.path[:80]!r}",
        405: f"method must be one that this address knows, got {request.method[:20]}",
    }
    return _json({"error": rules.get(error.status_code, str(error.detail))}, error.status_code)


async def _tell_upload(request: Request, error: UploadError) -> Response:
    return _json({"error": str(error)}, error.status)
