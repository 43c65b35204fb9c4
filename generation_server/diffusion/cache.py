# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded on a device, by the identity of the files that it came from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from ..models.places import Place


class ComponentCache:
    """Keeps loaded weights until they are told to go. A file that changes on disk is loaded anew."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __contains__(self, place: Place) -> bool:
        return place.identity in self._loaded

    def get(self, place: Place, load: Callable[[], Any]) -> Any:
        """What came from ``place``, loaded by ``load()`` if it is not here."""
        identity = place.identity
        if identity not in self._loaded:
            self._loaded[identity] = load()
        return self._loaded[identity]

    def keep_only(self, places: Collection[Place]) -> None:
        """Lets go of everything else."""
        wanted = {place.identity for place in places}
        self._loaded = {identity: loaded for identity, loaded in self._loaded.items() if identity in wanted}

    def clear(self) -> None:
        self._loaded.clear()
