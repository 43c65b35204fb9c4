# SPDX-License-Identifier: GPL-3.0-or-later
"""Loss curves: a CSV file that grows while training runs, and a picture of it."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

_SIZE = (900, 420)
_MARGIN = 50
_COLOURS = ("#1f5fa8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910")


class Curve:
    """Columns: step, seconds spent in training, then the losses by name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        new = not self._path.exists()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "seconds", *losses])
            writer.writerow([step, f"{seconds:.1f}", *(f"{value:.6g}" for value in losses.values())])

    def rows(self) -> list[dict[str, float]]:
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8", newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]

    def cut(self, step: int) -> None:
        """Takes back the points after ``step``: steps that a killed process took after its last checkpoint are taken again."""
        kept = [row for row in self.rows() if row["step"] <= step]
        self._path.unlink(missing_ok=True)
        for row in kept:
            self.add(int(row.pop("step")), row.pop("seconds"), row)

    def draw(self) -> None:
        """The losses over the steps, each scaled to its own range (logarithmic), as a PNG beside the CSV."""
        rows = self.rows()
        if len(rows) < 2:
            return
        width, height = _SIZE
        image = Image.new("RGB", _SIZE, "white")
        canvas = ImageDraw.Draw(image)
        inner_width, inner_height = width - 2 * _MARGIN, height - 2 * _MARGIN
        canvas.rectangle([_MARGIN, _MARGIN, width - _MARGIN, height - _MARGIN], outline="#888888")
        last = rows[-1]["step"]
        canvas.text((width - _MARGIN - 60, height - _MARGIN + 8), f"step {last:.0f}", fill="black")
        names = [name for name in rows[0] if name not in ("step", "seconds")]
        for number, name in enumerate(names):
            values = [math.log(max(row[name], 1e-9)) for row in rows]
            low, span = min(values), max(max(values) - min(values), 1e-9)
            points = [
                (_MARGIN + inner_width * row["step"] / last, height - _MARGIN - inner_height * (value - low) / span)
                for row, value in zip(rows, values, strict=True)
            ]
            colour = _COLOURS[number % len(_COLOURS)]
            canvas.line(points, fill=colour, width=2)
            label = f"{name}: {math.exp(values[0]):.4g} to {math.exp(values[-1]):.4g}"
            canvas.text((_MARGIN + 8 + 280 * (number % 3), 8 + 16 * (number // 3)), label, fill=colour)
        image.save(self._path.with_suffix(".png"))
