# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract from the server's side: the routes. ``service`` and ``jobs`` do what they say, ``guard`` says who may call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, NoReturn, cast

from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from . import problems
from .api_docs import describe, page
from .guard import is_this_computer
from .problems import Refusal
from .protocol import (
    QUEUE_PLACES,
    Download,
    Health,
    JobEvent,
    JobStatus,
    JobSubmission,
    ModelFolders,
    ModelStatus,
    ServerSettings,
)
from .service import Service

LARGEST_BLOB = 64 * 1024 * 1024
LARGEST_JSON = 4 * 1024 * 1024
"""Bytes of a body. A submission holds a few kilobytes, most of them the pose and camera that it carries along."""

SUBMISSION_FORM = {"requestBody": {"required": True, "content": {"application/json": {"schema": describe(JobSubmission)}}}}
MOVE_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"to": {"enum": list(QUEUE_PLACES)}}, "required": ["to"]}
            }
        },
    }
}
SETTINGS_FORM = {"requestBody": {"required": True, "content": {"application/json": {"schema": describe(ServerSettings)}}}}
PICTURE_FORM = {
    "requestBody": {
        "required": True,
        "content": {kind: {} for kind in ("image/png", "image/jpeg", "image/webp", "application/octet-stream")},
    }
}
BLOB_FORM = {"requestBody": {"required": True, "content": {"application/octet-stream": {}}}}

router = APIRouter(prefix="/v1")


def create_app(service: Service) -> FastAPI:
    """The application, whose lifespan starts and stops the service. To be served behind a ``Guard``."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await service.stop()

    app = FastAPI(
        title="Pose to Anime generation server",
        version=service.health().version,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.include_router(router)
    problems.install(app)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))

    return app


# What the server is and has


@router.get("/health", response_model=Health)
async def health(request: Request) -> Response:
    """Who is here: protocol number, version, device, memory, length of the queue. Needs no token."""
    return _answer(_service(request).health())


@router.get("/models", response_model=list[ModelStatus])
async def models(request: Request) -> Response:
    """Every model: present, or missing with its files, their size, licence and source."""
    return _answer(await asyncio.to_thread(_service(request).downloads.statuses))


@router.get("/models/problems", response_model=list[str])
async def model_problems(request: Request) -> Response:
    """What of the user's own models and model files cannot be used, a sentence each that says why and what to do."""
    return JSONResponse(await asyncio.to_thread(_service(request).models.problems))


@router.get("/models/{name}/download", response_model=Download)
async def download_size(request: Request, name: str) -> Response:
    """How much a download of a model and its ControlNets would bring, and the room on the disk. Asks the hub; brings nothing."""
    return _answer(await asyncio.to_thread(_service(request).downloads.plan, name))


@router.post("/models/{name}/download", status_code=202, response_model=ModelStatus)
async def download(request: Request, name: str) -> Response:
    """Fetch the missing files of a model and of its ControlNets, after those that were asked for before; the list of models
    tells how far that is."""
    return _answer(await asyncio.to_thread(_service(request).downloads.start, name), 202)


@router.delete("/models/{name}/download", response_model=ModelStatus)
async def cancel_download(request: Request, name: str) -> Response:
    """End a download, or take one that waits back; what has come stays for the next time."""
    return _answer(await asyncio.to_thread(_service(request).downloads.cancel, name))


@router.get("/folders", response_model=ModelFolders)
async def folders(request: Request) -> Response:
    """Where the user's model files go, for clients on this computer alone: nobody else can write there."""
    if not is_this_computer(request.client.host if request.client else ""):
        raise Refusal(403, "The folders of models are told to programs on the server's own computer alone.")
    return _answer(await asyncio.to_thread(_service(request).model_folders))


@router.post("/memory/free", status_code=202)
async def free_memory(request: Request) -> Response:
    """Give the device's memory back, after the job that runs."""
    _service(request).dispatcher.free_memory()
    return Response(status_code=202)


@router.get("/settings", response_model=ServerSettings)
async def settings(request: Request) -> Response:
    """What the user has set: how long results are kept, when models leave the device."""
    return _answer(_service(request).user_settings.now)


@router.patch("/settings", response_model=ServerSettings, openapi_extra=SETTINGS_FORM)
async def change_settings(request: Request) -> Response:
    """Change some of these; what is beyond a new limit goes at once, and its jobs say so."""
    return _answer(_service(request).change_settings(await _json_body(request)))


@router.post("/poses", openapi_extra=PICTURE_FORM)
async def poses(request: Request) -> Response:
    """The people in a picture (PNG, JPEG, WebP) as OpenPose JSON: body, hands and face.

    In pixels of the upright picture: where its EXIF says that the camera was turned, it is turned back first. A drawing of
    skeletons in OpenPose colours is read by its colours. Everything else is for the model "openpose", whose licence allows
    noncommercial research alone; 409 says how to download it where it is missing. Waits for the job that runs.
    """
    return JSONResponse(await _service(request).find_people(await _body(request, LARGEST_BLOB)))


# Images by content


@router.put("/blobs/{sha256}", status_code=201, openapi_extra=BLOB_FORM)
async def put_blob(request: Request, sha256: str) -> Response:
    """Keep an image under its SHA-256."""
    blobs = _service(request).blobs
    blobs.path(sha256)  # refuses a bad name before the body has travelled
    data = await _body(request, LARGEST_BLOB)
    await asyncio.to_thread(blobs.put, data, sha256)
    return JSONResponse({"sha256": sha256}, 201)


@router.head("/blobs/{sha256}")
async def has_blob(request: Request, sha256: str) -> Response:
    """Whether an image is here: 200 or 404."""
    return Response(status_code=200 if _service(request).blobs.has(sha256) else 404)


@router.get("/blobs/{sha256}", response_class=Response)
async def get_blob(request: Request, sha256: str) -> Response:
    """An image by its SHA-256."""
    data = await asyncio.to_thread(_service(request).blobs.get, sha256)
    if data is None:
        raise Refusal(404, f"There is no file {sha256[:12]}… on this server: it was never sent, or deleted since.")
    media_type = "image/png" if data.startswith(b"\x89PNG\r\n\x1a\n") else "application/octet-stream"
    # The name is the content: it can be kept for ever.
    return Response(data, media_type=media_type, headers={"Cache-Control": "private, max-age=31536000, immutable"})


# Jobs


@router.post("/jobs", status_code=202, response_model=JobStatus, openapi_extra=SUBMISSION_FORM)
async def submit(request: Request) -> Response:
    """Queue a job: behind all, in front, or in place of those of its client that wait. The same submission again is the same
    job; its id with another one is 409."""
    submission = JobSubmission.from_json(await _json_body(request))
    return _answer(await _service(request).submit(submission), 202)


@router.get("/jobs", response_model=list[JobStatus])
async def jobs(request: Request, until: Annotated[float, Query(ge=0.0, allow_inf_nan=False)] = 0.0) -> Response:
    """Jobs that run and wait, in order, then the last 200 that finished, newest first; with ``until`` (seconds since the epoch)
    the last 200 that had finished then."""
    return _answer(_service(request).queue.statuses(until))


@router.delete("/jobs", response_model=list[JobStatus])
async def cancel_all(request: Request, state: Annotated[Literal["", "queued"], Query()] = "") -> Response:
    """Cancel every job that waits or runs, or with ``?state=queued`` those that wait alone; answers with these."""
    return _answer(_service(request).cancel_all(waiting_only=state == "queued"))


@router.get("/jobs/{job_id}", response_model=JobStatus)
async def job(request: Request, job_id: str) -> Response:
    """One job."""
    return _answer(_service(request).queue.status(job_id))


@router.patch("/jobs/{job_id}", response_model=JobStatus, openapi_extra=MOVE_FORM)
async def move(request: Request, job_id: str) -> Response:
    """Move a waiting job to the front or the back of the queue, or let it replace all that wait of the same client."""
    body = await _json_body(request)
    to = body.get("to") if isinstance(body, dict) else None
    if to not in QUEUE_PLACES:
        raise Refusal(422, 'A job is moved with {"to": "front"}, {"to": "back"} or {"to": "replace"}.')
    return _answer(_service(request).queue.move(job_id, to))


@router.delete("/jobs/{job_id}", response_model=JobStatus)
async def cancel(request: Request, job_id: str) -> Response:
    """Cancel a job: a waiting one at once, a running one within a denoising step. One that is finished stays as it is."""
    return _answer(_service(request).dispatcher.cancel(job_id))


# Events


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse)
async def job_events(request: Request, job_id: str) -> Response:
    """Server-sent events of one job, until it is final: each a JobEvent, whose number is its id. Resumes after Last-Event-ID."""
    service, last_seen = _service(request), _last_event_id(request)

    def present(_: bool) -> Iterable[JobStatus]:
        return [service.queue.status(job_id)]

    if service.queue.status(job_id).state.is_final:
        last_seen = None  # whatever was seen: how it ended is the one thing left to tell
    return _stream(service, present, last_seen, lambda status: status.id == job_id, until_final=True)


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request) -> Response:
    """Server-sent events of all jobs, beginning with how the unfinished ones stand. Resumes after Last-Event-ID."""
    service = _service(request)

    def present(missed_some: bool) -> Iterable[JobStatus]:
        return service.queue.statuses() if missed_some else service.queue.unfinished()

    return _stream(service, present, _last_event_id(request), lambda _: True, until_final=False)


def _stream(
    service: Service,
    present: Callable[[bool], Iterable[JobStatus]],
    last_seen: int | None,
    wanted: Callable[[JobStatus], bool],
    until_final: bool,
) -> Response:
    async def write() -> AsyncIterator[bytes]:
        yield b": hello\n\n"
        async for event in service.events.listen(present, last_seen, wanted):
            yield b": alive\n\n" if event is None else _event(event)
            if until_final and event is not None and event.job.state.is_final:
                return

    return StreamingResponse(write(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _event(event: JobEvent) -> bytes:
    return f"id: {event.sequence}\ndata: {json.dumps(event.to_json())}\n\n".encode()


# Within


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


def _answer(content: Any, status: int = 200) -> Response:
    """One message of the protocol, or a list of them, as JSON."""
    return JSONResponse([item.to_json() for item in content] if isinstance(content, list) else content.to_json(), status)


def _last_event_id(request: Request) -> int | None:
    text = request.headers.get("last-event-id", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Refusal(400, "Last-Event-ID must be the number of an event.")
    return int(text)


async def _body(request: Request, limit: int) -> bytes:
    """The body, or a refusal as soon as it is known to be larger than ``limit`` bytes."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:18]) > limit:
        _refuse_size(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            _refuse_size(limit)
    return bytes(body)


def _refuse_size(limit: int) -> NoReturn:
    raise Refusal(413, f"What was sent is larger than {limit // (1024 * 1024)} MiB: send less.")


async def _json_body(request: Request) -> Any:
    """The JSON in the body. Refuses what Python would read but no JSON may hold: NaN, infinity, halves of characters."""
    body = await _body(request, LARGEST_JSON)
    try:
        data = json.loads(body)
        json.dumps(data, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"What was sent is not JSON that can be read: {str(error)[:200]}.") from error
    return data
