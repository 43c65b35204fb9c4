# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the built-in model follows pose, depth and prompt: on poses, cameras and prompts that its training never saw.

    python benchmarks/builtin.py [--cases 200] [--draft] [--model builtin] [--other NAME] [--data-dir DIR] [--out DIR]

Each case is a true render that nobody trained on: the model gets its skeleton, depth and caption and is driven by the engine of
the server. A network of its own, the judge, reads the pictures. Beside the model stand three baselines of the same run: the true
renders themselves (what the judge gets wrong), the model without controls, and another model if one is named. The overlap of the
figure is also told relative to that of two true renders of the same case which differ in what the prompt leaves open.

Prints a table, and writes it as builtin.md, for the model card, and as builtin.json; worst.png shows the ten pictures that follow
their case least. Needs the server's environment.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from pose_to_anime.addon.wardrobe.catalogue import shipped_catalogue
from pose_to_anime.addon.wardrobe.colours import oklab
from pose_to_anime.generation_server.diffusion.engine import Engine
from pose_to_anime.generation_server.diffusion.interface import GenerationError
from pose_to_anime.generation_server.families.catalogue import families
from pose_to_anime.generation_server.models.builtin import make as builtin
from pose_to_anime.generation_server.models.builtin.judge.assess import Assessment, compare
from pose_to_anime.generation_server.models.builtin.judge.faults import drawn
from pose_to_anime.generation_server.models.builtin.judge.measures import overlap
from pose_to_anime.generation_server.models.builtin.judge.net import REGIONS
from pose_to_anime.generation_server.models.builtin.judge.reading import WEIGHTS, Judge, JudgeError, Reading
from pose_to_anime.generation_server.models.builtin.judge.twins import other_details
from pose_to_anime.generation_server.models.builtin.rendering.poses import HELD_OUT_SEEDS
from pose_to_anime.generation_server.models.builtin.rendering.samples import POSES_PER_FIGURE, Sample, render_samples
from pose_to_anime.generation_server.models.catalogue import ModelCatalogue
from pose_to_anime.generation_server.protocol import Control, GenerationRequest

SIZE = (256, 384)
FIRST = (HELD_OUT_SEEDS // POSES_PER_FIGURE + 2_000_000) * POSES_PER_FIGURE
EVERY = 8
"""Three cases of each figure."""
LEAST_REGION = 0.004
"""Part of the picture that a garment must take to be there, or to have a colour."""
WORST = 10
_NAMES = {"openpose": "0" * 64, "depth": "1" * 64}
_GARMENTS = ("top", "outer", "bottom", "dress")

Maker = Callable[[Sample, int], np.ndarray]


@dataclass
class Scores:
    """What was found in one maker's pictures, case by case."""

    title: str
    readings: list[Reading] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    pictures: list[np.ndarray] = field(default_factory=list)
    hits: dict[str, list[bool]] = field(default_factory=lambda: {"hair colour": [], "garment colour": [], "garment": []})
    seconds: float = 0.0

    def add(self, case: Sample, picture: np.ndarray, reading: Reading) -> None:
        """Compares what was read in a picture with what its case asked for."""
        self.pictures.append(picture)
        self.readings.append(reading)
        self.assessments.append(compare(reading, case.points, case.mask))
        for what, hit in prompt_hits(case, picture, reading):
            self.hits[what].append(hit)

    def table(self, cases: Sequence[Sample], ceiling: float) -> dict[str, float | None]:
        """Means over all cases; joints and prompted things count one by one."""
        joints = np.array([max(1, int((case.points[:, 2] > 0.5).sum())) for case in cases])
        iou = float(np.mean([each.iou for each in self.assessments]))
        behind = [each for each, case in zip(self.assessments, cases, strict=True) if not case.points[[0, 14, 15], 2].any()]
        return {
            "IoU": iou,
            "IoU / two true renders": iou / ceiling,
            "PCK@0.1": float(np.average([each.pck for each in self.assessments], weights=joints)),
            "pictures with swapped sides": _mean([bool(each.swaps) for each in self.assessments]),
            "pictures with an extra limb": _mean([each.extra_limb for each in self.assessments]),
            "back views with a face": _mean([each.face_on_back for each in behind]),
            **{f"{what} as prompted": _mean(hits) for what, hits in self.hits.items()},
            "seconds a picture": self.seconds / max(1, len(cases)),
        }


def prompt_hits(case: Sample, picture: np.ndarray, reading: Reading) -> list[tuple[str, bool]]:
    """For every colour and garment of the prompt whether the picture has it. What the true render hides is not asked for."""
    catalogue = shipped_catalogue()
    palette = catalogue.palette
    slots = {style.tag.split(",")[0].strip(): style.slot for style in catalogue.styles.values()}
    found: list[tuple[str, bool]] = []
    for tag in (each.strip() for each in case.caption.split(",")):
        colour = palette.leading(tag)
        thing = tag[len(colour) + 1 :]
        slot = "hair" if thing == "hair" else slots.get(thing, "")
        if not colour or slot not in ("hair", *_GARMENTS):
            continue
        value = REGIONS.index(slot)
        if (case.parts == value).mean() < 2 * LEAST_REGION:
            continue
        there = reading.regions == value
        enough = bool(there.mean() >= LEAST_REGION)
        names = palette.of_use("hair" if slot == "hair" else "cloth")
        hit = enough and nearest_name(picture[there], {name: palette.rgb(name) for name in names}) == colour
        found.append(("hair colour" if slot == "hair" else "garment colour", hit))
        if slot != "hair":
            found.append(("garment", enough))
    return found


def nearest_name(pixels: np.ndarray, colours: dict[str, tuple[float, float, float]]) -> str:
    """What the lit half of pixels (N, 3) uint8 is called: half of cel-shaded cloth may lie in the shadow."""
    light = pixels.astype(np.float64) / 255.0
    bright = light.sum(axis=1)
    middle = np.median(light[bright >= np.median(bright)], axis=0)
    place = oklab(middle)
    return min(colours, key=lambda name: float(np.linalg.norm(oklab(colours[name]) - place)))


def maker(engine: Engine, request: GenerationRequest, controls: bool) -> Maker:
    """Draws a case with an engine, as a worker does."""

    def make(case: Sample, number: int) -> np.ndarray:
        images = {_NAMES["openpose"]: Image.fromarray(case.openpose), _NAMES["depth"]: Image.fromarray(case.depth)}
        asked = tuple(Control(kind, name) for kind, name in _NAMES.items()) if controls else ()
        wanted = replace(request, prompt=case.caption, seed=number, controls=asked)
        return np.asarray(engine.generate(wanted, images, lambda progress: None, lambda: False)[0].convert("RGB"))

    return make


def request_of(catalogue: ModelCatalogue, model: str, steps: int, draft: bool) -> GenerationRequest:
    """The family's defaults, or its settings for drafts; its own negative prompt."""
    family = families()[catalogue.entry(model).family]
    if draft and family.draft is None:
        raise SystemExit(f"{family.title} has no settings for drafts: leave --draft out.")
    chosen = family.draft if draft and family.draft else None
    return GenerationRequest(
        model=model, prompt="1girl", width=SIZE[0], height=SIZE[1], negative_prompt=family.negative_prompt,
        steps=steps or (chosen.steps if chosen else family.steps.default),
        guidance_scale=chosen.guidance_scale if chosen else family.guidance_scale.default,
        sampler=chosen.sampler if chosen else family.default_sampler,
    )  # fmt: skip


def run(title: str, make: Maker, cases: Sequence[Sample], judge: Judge) -> Scores:
    scores = Scores(title)
    for number, case in enumerate(cases):
        began = time.perf_counter()
        try:
            picture = make(case, number)
        except GenerationError as error:
            raise SystemExit(f"{title}: {error}") from error
        scores.seconds += time.perf_counter() - began
        scores.add(case, picture, judge.read([picture])[0])
    return scores


def sheet(cases: Sequence[Sample], scores: Scores) -> Image.Image:
    """The pictures that follow their case least: skeleton, true render, picture, and below what the judge finds."""
    order = sorted(range(len(cases)), key=lambda index: scores.assessments[index].score)[:WORST]
    width, height = SIZE
    page = Image.new("RGB", (5 * (3 * width + 8), 2 * (height + 40)), (245, 245, 245))
    draw = ImageDraw.Draw(page)
    for place, index in enumerate(order):
        case, found = cases[index], scores.assessments[index]
        x, y = place % 5 * (3 * width + 8), place // 5 * (height + 40)
        row = np.concatenate((case.openpose, case.picture, scores.pictures[index]), axis=1)
        page.paste(Image.fromarray(row), (x, y))
        told = ", ".join(found.faults) or "no fault named"
        draw.text((x + 3, y + height + 2), f"{case.seed}  IoU {found.iou:.2f}  PCK {found.pck:.2f}  {told}", fill=(20, 20, 20))
        draw.text((x + 3, y + height + 18), case.caption[:120], fill=(20, 20, 20))
    return page


def markdown(tables: dict[str, dict[str, float | None]]) -> str:
    """A column for each maker; a dash where there was nothing to count."""
    rows = [["", *tables], ["---"] * (len(tables) + 1)]
    for name in next(iter(tables.values())):
        cells = (table[name] for table in tables.values())
        rows.append([name, *("–" if cell is None else f"{cell:.3f}" for cell in cells)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _mean(values: Sequence[bool]) -> float | None:
    """None where there is nothing to count."""
    return float(np.mean(values)) if len(values) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--other", default="", help="another model to compare with, by its name in the catalogue")
    parser.add_argument("--data-dir", type=Path, help="the server's data directory with models; default: a temporary one")
    parser.add_argument("--steps", type=int, default=0, help="default: the family's")
    parser.add_argument("--draft", action="store_true", help="the settings for drafts of the model's family")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no-uncontrolled", action="store_true", help="leave out the model without controls")
    parser.add_argument("--judge", type=Path, default=WEIGHTS, help="the judge's weights; default: those that ship")
    parser.add_argument("--out", type=Path, default=Path("builtin-benchmark"))
    options = parser.parse_args()

    try:
        judge = Judge(options.judge, "cpu")
    except JudgeError as error:
        parser.error(str(error))
    seeds = [FIRST + number * EVERY for number in range(options.cases)]
    cases = render_samples(seeds, SIZE)
    twins = drawn(seeds, SIZE, other_details)
    ceiling = float(np.mean([overlap(case.mask, twin.mask) for case, twin in zip(cases, twins, strict=True)]))
    print(f"{len(cases)} cases; two true renders of a case overlap by {ceiling:.3f}.", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        home = options.data_dir or Path(temporary)
        if options.model == "builtin":
            builtin.ensure(home / "models")
        catalogue = ModelCatalogue(home)
        engine = Engine(options.device, catalogue)
        request = request_of(catalogue, options.model, options.steps, options.draft)
        makers = {"true renders": lambda case, number: case.picture, options.model: maker(engine, request, True)}
        if not options.no_uncontrolled:
            makers["without controls"] = maker(engine, request, False)
        if options.other:
            makers[options.other] = maker(engine, request_of(catalogue, options.other, options.steps, options.draft), True)
        found = {title: run(title, make, cases, judge) for title, make in makers.items()}

    tables = {title: scores.table(cases, ceiling) for title, scores in found.items()}
    table = markdown(tables)
    print(table)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "builtin.md").write_text(table, "utf-8")
    told = {"cases": len(cases), "two true renders": ceiling, **tables}
    (options.out / "builtin.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    sheet(cases, found[options.model]).save(options.out / "worst.png")
    print(options.out)


if __name__ == "__main__":
    main()
