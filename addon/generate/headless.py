# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation without a window: the same request, sent by the client directly, waiting for the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import bpy

from ...generation_server.client import Client, ServerError
from ...generation_server.protocol import GenerationRequest, JobState, JobStatus
from ..errors import UserError
from ..png import PngError, read_info
from .models import take_list
from .request import Prepared, prepare


@dataclass(frozen=True)
class Generated:
    """One finished generation: the PNGs as the server wrote them, in the order of their seeds, the first for sure."""

    pngs: tuple[bytes, ...]
    status: JobStatus
    prepared: Prepared

    @property
    def request(self) -> GenerationRequest:
        return self.prepared.request


def generate_blocking(
    scene: bpy.types.Scene,
    client: Client,
    *,
    view_layer: bpy.types.ViewLayer | None = None,
    prepared: Prepared | None = None,
    seed: int | None = None,
    numbers: Mapping[str, Any] = MappingProxyType({}),
    pictures: int = 1,
    strip_metadata: bool = False,
    on_progress: Callable[[JobStatus], None] | None = None,
) -> Generated:
    """Generate the scene's pictures on ``client``'s server and wait for them.

    Args:
        prepared: what ``prepare`` made, for a caller that wants its passes first; by default it is made here.
        numbers, pictures: as ``prepare`` takes them, where ``prepared`` is not given.
        strip_metadata: whether they come without their recipes.
        on_progress: called with each state of the job.

    Raises:
        UserError: in one sentence, for everything that is missing, refused or has failed.
    """
    try:
        take_list([model.to_json() for model in client.models()])
        prepared = prepared or prepare(scene, view_layer or bpy.context.view_layer, seed=seed, numbers=numbers, pictures=pictures)
        for data in prepared.images.values():
            client.upload(data)
        submission = dataclasses.replace(prepared.submission(), strip_metadata=strip_metadata)
        status = client.submit(submission)
        if not status.state.is_final:
            for event in client.events(job=submission.id):
                status = event.job
                if on_progress:
                    on_progress(status)
        if status.state is JobState.FAILED:
            raise UserError(status.error or "The server could not make the picture, and did not say why: see its log.")
        if not status.results:
            raise UserError("The generation was cancelled on the server.")
        pngs = tuple(client.blob(sha256) for sha256 in status.results)
        sizes = {(info.width, info.height) for info in map(read_info, pngs)}
    except ServerError as error:
        raise UserError(str(error)) from error
    except PngError as error:
        raise UserError(f"The picture from the server cannot be used ({str(error).rstrip('.')}): try again.") from error
    for width, height in sizes - {(prepared.request.width, prepared.request.height)}:
        raise UserError(f"The server sent {width} × {height} pixels instead of those that were asked for: restart it.")
    return Generated(pngs, status, prepared)
