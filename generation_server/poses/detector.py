# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPose's own detector: people in a picture, with hands and faces, through the networks of controlnet_aux.

Its three files exist as ``.pth`` alone, the one exception to safetensors. They are opened with ``weights_only``, which takes
nothing but tensors, and only the registry's are: as they were at the revision that it names, where they came from the hub.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..diffusion.interface import GenerationError
from .people import FACE, HAND, Person, Points, pose_json

if TYPE_CHECKING:
    from ..models.catalogue import ModelCatalogue

DETECTOR = "openpose"
"""The entry of the registry."""

DETECT_SIDE = 512
"""Pixels of the shorter side at which people are looked for, as controlnet_aux does by default."""

LEAST_FACE_HEAT = 0.05
"""Of a face's heat maps, above which there is a point (controlnet_aux 0.0.10)."""

_log = logging.getLogger(__name__)


class PoseDetector:
    """The detector on one device, loaded when it is first needed. For one thread."""

    def __init__(self, device: str, models: ModelCatalogue) -> None:
        """``device`` as the engine takes it."""
        self._wish = device
        self._models = models
        self._loaded: tuple[str, Any, Any, Any] | None = None  # identity of the files, body, hand, face

    def free_memory(self) -> None:
        """Let go of the networks; they are loaded again by the next picture."""
        self._loaded = None

    def detect(self, picture: Image.Image) -> dict[str, Any]:
        """The people in an RGB picture as OpenPose JSON, in its pixels. Raises ModelError or GenerationError."""
        import torch

        body, hand, face = self._networks()
        scale = min(1.0, DETECT_SIDE / min(picture.size))
        small = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        # The networks were trained on OpenCV's order of channels.
        image = np.ascontiguousarray(np.asarray(picture.resize(small, Image.Resampling.LANCZOS).convert("RGB"))[:, :, ::-1])
        with torch.no_grad():
            found = body.format_body_result(*body(image))
            people = [_person(each, image, hand, face) for each in found]
        grown = np.array([picture.width / small[0], picture.height / small[1], 1.0])
        for person in people:
            for name in ("body", "left_hand", "right_hand", "face"):
                if (points := getattr(person, name)) is not None:
                    setattr(person, name, points * grown)
        return pose_json(people, *picture.size)

    def _networks(self) -> tuple[Any, Any, Any]:
        place = self._models.detector(DETECTOR)
        assert place.folder is not None
        stamps = [(place.folder / name).stat() for name in place.entry.files]
        identity = "|".join([str(place.folder), *(f"{stamp.st_size}:{stamp.st_mtime_ns}" for stamp in stamps)])
        if self._loaded is None or self._loaded[0] != identity:
            self._loaded = None
            # Once for each loading: files that came from the hub must still be those of the pinned revision.
            locked = self._models.lock.files(place.entry.repository)
            if changed := [
                name for name in place.entry.files if name in locked and not locked[name].matches(place.folder / name)
            ]:
                raise GenerationError(_damaged(changed[0]))
            self._loaded = (identity, *_load(place.folder, place.entry.files, self._wish))
        return self._loaded[1:]


def _load(folder: Any, files: tuple[str, ...], device: str) -> tuple[Any, Any, Any]:
    """Body, hand and face of controlnet_aux around networks with these weights: its own loading would ask the network."""
    from ..diffusion.memory import choose_device

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what else is in the package
        from controlnet_aux.open_pose import util
        from controlnet_aux.open_pose.body import Body
        from controlnet_aux.open_pose.face import Face, FaceNet, params
        from controlnet_aux.open_pose.hand import Hand
        from controlnet_aux.open_pose.model import bodypose_model, handpose_model

    place = choose_device(device).torch
    parts = []
    for kind, network, name in (
        (Body, bodypose_model(), files[0]),
        (Hand, handpose_model(), files[1]),
        (Face, FaceNet(), files[2]),
    ):
        weights = _weights(folder / name)
        try:
            network.load_state_dict(weights if kind is Face else util.transfer(network, weights))
        except (KeyError, RuntimeError) as error:
            raise GenerationError(_damaged(name)) from error
        part = object.__new__(kind)
        part.model = network.eval().to(place)
        parts.append(part)
    parts[2].inference_size, parts[2].sigma, parts[2].threshold = (
        params[key] for key in ("inference_img_size", "gaussian_sigma", "heatmap_peak_thresh")
    )
    return parts[0], parts[1], parts[2]


def _weights(path: Any) -> dict[str, Any]:
    """The tensors in a file, which may hold nothing else."""
    import torch

    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise GenerationError(_damaged(path.name)) from error
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise GenerationError(_damaged(path.name))
    return weights


def _damaged(name: str) -> str:
    return (
        f"The detector's file {name} is damaged or holds more than weights, and is not used: bring it again with "
        f"'python3 studio.py models download {DETECTOR}'."
    )


def _person(found: Any, image: Any, hand: Any, face: Any) -> Person:
    """One body of controlnet_aux, with its hands and face as the network sees them in parts of ``image`` (H, W, 3)."""
    from controlnet_aux.open_pose import util

    person = Person(np.array([(0.0, 0.0, 0.0) if p is None else (p.x, p.y, 1.0) for p in found.keypoints], dtype=np.float64))
    for x, y, width, is_left in util.handDetect(found, image):
        peaks = np.asarray(hand(image[y : y + width, x : x + width]), dtype=np.float64).reshape(HAND, 2)
        points = _placed(peaks, (peaks > 0).any(axis=1), x, y)
        setattr(person, "left_hand" if is_left else "right_hand", points)
    if (box := util.faceDetect(found, image)) is not None:
        x, y, width = box
        heat = face(image[y : y + width, x : x + width])[:FACE]
        # Not its own reading of them, which leaves out what is not seen and so numbers the rest anew.
        best = heat.reshape(FACE, -1).argmax(axis=1)
        peaks = np.stack((best % heat.shape[2], best // heat.shape[2]), axis=1).astype(np.float64)
        person.face = _placed(peaks, heat.reshape(FACE, -1).max(axis=1) > LEAST_FACE_HEAT, x, y)
    return person


def _placed(peaks: Points, seen: Any, x: int, y: int) -> Points | None:
    """Points (n, 3) of the picture from peaks (n, 2) in a part of it that begins at x, y; None where none is seen."""
    points = np.column_stack((peaks + np.array((x, y)), np.ones(len(peaks))))
    points[~seen] = 0.0
    return points if seen.any() else None
