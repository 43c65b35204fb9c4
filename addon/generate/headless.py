# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation without a window: the same request, sent by the client directly, waiting for the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy

from ...generation_server.client import Client, ServerError
from ...generation_server.protocol import GenerationRequest, JobState, JobStatus
from ..errors import UserError
from ..png import PngError, read_info
from .models import take_list
from .request import Prepared, prepare


@dataclass(frozen=True)
class Generated:
    """One finished generation: the PNG as the server wrote it, recipe included."""

    png: bytes
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
    sampler: str = "",
    on_progress: Callable[[JobStatus], None] | None = None,
) -> Generated:
    """Generate the scene's picture on ``client``'s server and wait for it.

    Args:
        prepared: what ``prepare`` made, for a caller that wants its passes first; by default it is made here.
        on_progress: called with each state of the job.

    Raises:
        UserError: in one sentence, for everything that is missing, refused or has failed.
    """
    try:
        take_list([model.to_json() for model in client.models()])
        prepared = prepared or prepare(scene, view_layer or bpy.context.view_layer, seed=seed, sampler=sampler)
        for data in prepared.images.values():
            client.upload(data)
        submission = prepared.submission()
        status = client.submit(submission)
        if not status.state.is_final:
            for event in client.events(job=submission.id):
                status = event.job
                if on_progress:
                    on_progress(status)
        if status.state is JobState.FAILED:
            raise UserError(status.error or "The server could not make the picture, and did not say why: see its log.")
        if status.state is not JobState.DONE or not status.results:
            raise UserError("The generation was cancelled on the server.")
        data = client.blob(status.results[0])
        info = read_info(data)
    except ServerError as error:
        raise UserError(str(error)) from error
    except PngError as error:
        raise UserError(f"The picture from the server cannot be used ({str(error).rstrip('.')}): try again.") from error
    if (info.width, info.height) != (prepared.request.width, prepared.request.height):
        raise UserError(f"The server sent {info.width} × {info.height} pixels instead of those that were asked for: restart it.")
    return Generated(data, status, prepared)
