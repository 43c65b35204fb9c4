# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of Catmull-Clark subdivision of half a mesh whose border lies on the mirror plane x = 0.

E. Catmull and J. Clark, "Recursively generated B-spline surfaces on arbitrary topological meshes", 1978. Across the plane each
vertex, edge and quad has its mirror image, so at the border everything that is off the plane counts twice: the result is
the same as if the whole mesh were subdivided, at half the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Subdivision:
    """The step as indices and weights; it depends on the topology alone and carries any vertex attribute."""

    quads: np.ndarray
    """(4 M, 4) int32: the fine quads. Fine vertices: first the coarse ones, then those of edges, then those of quads."""
    on_plane: np.ndarray
    """(N',) bool."""
    edges: np.ndarray
    """(E, 2) int32: coarse edges."""
    coarse: np.ndarray
    """(M, 4) int32: coarse quads."""
    quads_of_edge: np.ndarray
    """(E, 2) int32; the same quad twice where its mirror image is the other one."""
    coarse_on_plane: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """(N, K) values of the coarse vertices as (N', K) values of the fine ones."""
        count = len(values)
        faces = values[self.coarse].mean(axis=1)
        ends = values[self.edges]
        middles = ends.mean(axis=1)
        edge_points = (ends.sum(axis=1) + faces[self.quads_of_edge].sum(axis=1)) / 4.0

        # The sums round a vertex, with what has a mirror image counted twice at the plane.
        edge_twice = np.where(self.quads_of_edge[:, 0] == self.quads_of_edge[:, 1], 1.0, 2.0)
        face_sum, face_count = self._gather(self.coarse, faces, count, np.full(len(self.coarse), 2.0))
        edge_sum, edge_count = self._gather(self.edges, middles, count, edge_twice)
        valence = edge_count[:, None]
        vertex_points = (face_sum / face_count[:, None] + 2.0 * edge_sum / valence + (valence - 3.0) * values) / valence
        return np.concatenate((vertex_points, edge_points, faces))

    def _gather(self, corners: np.ndarray, values: np.ndarray, count: int, twice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of ``values`` over the elements that touch each vertex, and how many there are."""
        flat = corners.ravel()
        share = np.where(self.coarse_on_plane[corners], twice[:, None], 1.0).ravel()
        each = np.repeat(values, corners.shape[1], axis=0) * share[:, None]
        sums = np.stack([np.bincount(flat, weights=each[:, k], minlength=count) for k in range(values.shape[1])], axis=1)
        return sums, np.bincount(flat, weights=share, minlength=count)


def subdivision(quads: np.ndarray, on_plane: np.ndarray) -> Subdivision:
    """The step for these quads (M, 4); ``on_plane`` (N,) bool says which vertices lie on x = 0."""
    count, faces = len(on_plane), len(quads)
    corners = np.stack((quads, np.roll(quads, -1, axis=1)), axis=2).reshape(-1, 2)
    ordered = np.sort(corners, axis=1)
    keys, inverse = np.unique(ordered[:, 0].astype(np.int64) * count + ordered[:, 1], return_inverse=True)
    inverse = inverse.reshape(-1)
    edges = np.stack((keys // count, keys % count), axis=1).astype(np.int32)
    owner = np.repeat(np.arange(faces, dtype=np.int32), 4)
    order = np.argsort(inverse, kind="stable")
    first = np.searchsorted(inverse[order], np.arange(len(keys)))
    last = np.searchsorted(inverse[order], np.arange(len(keys)), side="right") - 1
    quads_of_edge = np.stack((owner[order][first], owner[order][last]), axis=1)

    edge_vertex = count + inverse.reshape(faces, 4).astype(np.int32)  # of the edge from corner i to corner i + 1
    face_vertex = (count + len(keys) + np.arange(faces)).astype(np.int32)
    fine = np.empty((faces, 4, 4), dtype=np.int32)
    for corner in range(4):
        fine[:, corner] = np.stack((quads[:, corner], edge_vertex[:, corner], face_vertex, edge_vertex[:, corner - 1]), axis=1)
    border = quads_of_edge[:, 0] == quads_of_edge[:, 1]
    return Subdivision(
        quads=fine.reshape(-1, 4),
        on_plane=np.concatenate((on_plane, border, np.zeros(faces, dtype=bool))),
        edges=edges,
        coarse=quads,
        quads_of_edge=quads_of_edge,
        coarse_on_plane=on_plane,
    )
