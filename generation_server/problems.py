# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as RFC 9457 problem JSON, each with a sentence that a person can act on."""

from __future__ import annotations

import http
import json
import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from .downloads import HubProblem, NothingToDownload
from .jobs.blobs import BadBlob, DiskFull
from .jobs.checks import RequestRejected
from .jobs.errands import ErrandFailed, TooManyErrands
from .jobs.queue import NotWaiting, OtherJob, QueueFull, UnknownJob
from .jobs.store import StoreBusy
from .models.catalogue import ModelMissing, UnknownModel
from .poses.reading import BadPicture
from .protocol import Problem, ProtocolError

_log = logging.getLogger(__name__)

_STATUS: dict[type[Exception], int] = {
    ProtocolError: 422,
    RequestRejected: 422,
    BadBlob: 422,
    UnknownJob: 404,
    OtherJob: 409,
    NotWaiting: 409,
    BadPicture: 422,
    UnknownModel: 404,
    ModelMissing: 409,
    ErrandFailed: 503,
    NothingToDownload: 409,
    HubProblem: 409,
    StoreBusy: 503,
    QueueFull: 429,
    TooManyErrands: 429,
    DiskFull: 507,
}
_HTTP_SENTENCES = {
    404: "There is nothing at {path}: the calls of this server are listed at /docs.",
    405: "{method} is not possible at {path}: the calls of this server are listed at /docs.",
}
RETRY_AFTER = 5
"""Seconds after which a client that found the queue full may ask again."""


class Refusal(Exception):
    """A request that is refused with this status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def problem_response(status: int, sentence: str) -> Response:
    problem = Problem(title=http.HTTPStatus(status).phrase, status=status, detail=sentence)
    headers = {"Retry-After": str(RETRY_AFTER)} if status == 429 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    # ASCII, so that even a text that is no valid Unicode can be quoted in a refusal.
    body = json.dumps(problem.to_json()).encode("ascii")
    return Response(body, status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""

    async def known(_: Request, error: Exception) -> Response:
        status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
        return problem_response(status, str(error))

    async def refusal(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return problem_response(error.status, str(error))

    async def from_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        sentence = _HTTP_SENTENCES.get(error.status_code, "{detail}")
        text = sentence.format(path=request.url.path[:200], method=request.method[:20], detail=error.detail)
        response = problem_response(error.status_code, text)
        response.headers.update(error.headers or {})
        return response

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return problem_response(422, f"What was sent is not valid at '{where}': {first['msg']}.")

    async def gone(_: Request, __: Exception) -> Response:
        return problem_response(400, "The request broke off before its end: send it again.")

    async def unexpected(_: Request, error: Exception) -> Response:
        return problem_response(500, f"The server made a mistake ({type(error).__name__}): its log says more; try again.")

    for kind in _STATUS:
        app.add_exception_handler(kind, known)
    app.add_exception_handler(Refusal, refusal)
    app.add_exception_handler(HTTPException, from_http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ClientDisconnect, gone)
    app.add_exception_handler(Exception, unexpected)
