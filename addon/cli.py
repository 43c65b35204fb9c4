# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the extension without a window: ``python -m pose_to_anime.addon.cli COMMAND``, reached through ``studio.py``.

Nothing but the standard library is imported until a command runs, so that ``--help`` needs neither Blender nor numpy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import cli_controls
from .background import blender
from .command_parts import named_numbers, scene_of, server_of, tell_outfit, use_generation
from .draw_command import draw
from .errors import UserError
from .framing.shot_names import described as shot_words
from .sheet_commands import hands, mannequins, poses
from .style_commands import SHEET_PROMPT, styles
from .terminal import Progress, out_folder, read_picture, say, write, write_png

if TYPE_CHECKING:
    import bpy

    from ..generation_server.client import Client
    from .generate.headless import Generated

DEMO_MODEL = "builtin"
PASSES_FAMILY = "sd15"
"""Whose control images are made where neither a family nor a file says it."""
DEMO_PROMPT = "1girl, black hair, ponytail, red shirt, blue skirt, running, yellow background, simple background"


# ---------------------------------------------------------------------------------------------------------- the commands


def passes(arguments: argparse.Namespace) -> None:
    """Control images and pose.json of a posed figure."""
    out = out_folder(arguments.out)
    with blender():
        import bpy

        from ..generation_server.families.catalogue import family
        from .framing.camera import picture_camera, scene_size
        from .generate.request import skeleton_rules
        from .passes.export import write_passes
        from .passes.render import render_passes
        from .scenes import figures_called

        kinds = _kinds(arguments.images)
        named = arguments.family or ("" if arguments.blend else PASSES_FAMILY)
        known = family(named).name if named else ""

        def configure(scene: bpy.types.Scene) -> None:
            if known:
                scene.pose_to_anime.generation.family = known

        scene, view_layer = scene_of(arguments, configure), bpy.context.view_layer
        figures = figures_called(scene, view_layer, arguments.armature)
        rules = None if known else skeleton_rules(scene)
        size, camera = scene_size(scene), picture_camera(scene)
        rendered = render_passes(scene, view_layer, camera, size, kinds=kinds, rules=rules, figures=figures)
        write_passes(out, rendered, write)
        for warning in rendered.warnings:
            say(warning)


def generate(arguments: argparse.Namespace) -> None:
    """Control images and pose.json of a posed figure, and the pictures that a model makes of them."""
    out = out_folder(arguments.out)
    with blender(), server_of(arguments) as client:
        _generate(arguments, client, out)


def demo(arguments: argparse.Namespace) -> None:
    """The whole way once: figure, control images, server, picture, and a sheet of them side by side."""
    out = out_folder(arguments.out)
    with blender(), server_of(arguments) as client:
        generated = _generate(arguments, client, out)
        from .generate.clay import shade
        from .passes.sheet import side_by_side

        rendered = generated.prepared.passes
        assert rendered.buffers is not None and rendered.view is not None  # depth was asked for
        figure = shade(rendered.buffers.depth, rendered.view.projection, rendered.view.perspective)
        pictures = [figure, *rendered.images.values(), read_picture(out / "result.png")]
        write_png(out / "sheet.png", side_by_side(pictures))


# ------------------------------------------------------------------------------------------------------- what they share


def _generate(arguments: argparse.Namespace, client: Client, out: Path) -> Generated:
    """The pictures that the arguments ask for, with everything that they were made from, written into ``out``."""
    from ..generation_server.protocol import SEED_LIMIT
    from .generate.headless import generate_blocking
    from .generate.models import family_of, take_list
    from .passes.export import write_passes
    from .settings.generation import SEED_MAX

    if not 0 <= arguments.seed <= SEED_MAX:
        raise UserError(f"The seed must be a whole number from 0 to {SEED_MAX}, not {arguments.seed}.")
    take_list([model.to_json() for model in client.models()])
    scene = scene_of(arguments, lambda scene: use_generation(scene, arguments))
    if arguments.outfit:
        tell_outfit(scene)
    family = family_of(scene.pose_to_anime.generation)
    if not 1 <= arguments.pictures <= family.batch.pictures:
        most = family.batch.pictures
        raise UserError(f"The number of pictures must be between 1 and {most} for {family.title}, not {arguments.pictures}.")
    choices: dict[str, Any] = {"seed": arguments.seed, "numbers": named_numbers(arguments), "pictures": arguments.pictures}
    told: set[str] = set()
    with Progress("generating") as progress:

        def follow(job: Any) -> None:
            progress.update(job.step, job.phase or str(job.state), total=job.steps)
            for warning in job.warnings:
                if warning not in told:
                    told.add(warning)
                    progress.say(warning)

        generated = generate_blocking(scene, client, **choices, strip_metadata=arguments.no_metadata, on_progress=follow)
    write_passes(out, generated.prepared.passes, write)
    for warning in generated.prepared.passes.warnings:
        say(warning)
    seeds = {}
    for index, png in enumerate(generated.pngs):
        name = f"result_{index + 1}.png" if index else "result.png"
        write(out / name, png)
        seeds[name] = (generated.request.seed + index) % SEED_LIMIT
    record = {"request": generated.request.to_json(), "scene": dict(generated.prepared.scene), "seeds": seeds}
    write(out / "request.json", json.dumps(record, indent=1, ensure_ascii=False).encode("utf-8"))
    if len(seeds) < arguments.pictures:
        raise UserError(f"{len(seeds)} of {arguments.pictures} pictures are in {out}; the server could not make the others.")
    return generated


def _kinds(text: str) -> list[str]:
    """The kinds of images that a command names."""
    from .passes.kinds import KINDS

    named = list(KINDS) if text == "all" else [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in named if name not in KINDS]:
        raise UserError(f"There is no image '{unknown[0]}': choose from {', '.join(KINDS)}, or all.")
    if not named:
        raise UserError("No image is named: write --images all, or names with commas between them, as in openpose,depth.")
    return named


# ------------------------------------------------------------------------------------------------------------ the parser


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studio.py", description="Pose to Anime without a window.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(run: Callable[[argparse.Namespace], None], example: str) -> argparse.ArgumentParser:
        text = (run.__doc__ or "").strip()
        sub = commands.add_parser(
            run.__name__, help=text, description=text, epilog=example, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        sub.set_defaults(run=run)
        return sub

    sub = add(demo, "example:\n  studio.py demo --out demo")
    _add_figure(sub, out="demo", pose="running", ratio="2:3", family=DEMO_MODEL, shot="three-quarter")
    _add_generation(sub, prompt=DEMO_PROMPT, model=DEMO_MODEL)

    examples = "examples:\n  studio.py passes --pose running --ratio 2:3 --shot three-quarter --out passes"
    examples += "\n  studio.py passes --blend scene.blend --armature Hero --images all --out passes"
    examples += "\n  studio.py passes --pose sitting --outfit school --images all --out passes"
    sub = add(passes, examples)
    _add_figure(sub, out=None, pose="", ratio="", family="", families=f"that of --blend, else {PASSES_FAMILY}")
    what = "names with commas between them (openpose, depth, normal, lineart, …), or all"
    sub.add_argument(
        "--armature", action="append", default=[], metavar="NAME", help="of --blend, this figure alone; can be given again"
    )
    sub.add_argument("--images", default="openpose,depth", metavar="KINDS", help=what + _default("openpose,depth"))

    example = 'examples:\n  studio.py generate --pose running --prompt "1girl, running, park" --model meinamix_v11 --out running'
    example += "\n  studio.py generate --pose sitting --outfit school --pictures 4 --no-metadata --out sitting"
    sub = add(generate, example)
    _add_figure(sub, out=None, pose="", ratio="", family="")
    _add_generation(sub, prompt=None, model="")

    examples = "examples:\n  studio.py styles --list"
    examples += "\n  studio.py styles --sheet --model builtin --pose running --out styles.png"
    sub = add(styles, examples)
    sub.add_argument("--list", action="store_true", help="print name, title and description of every style")
    sub.add_argument("--sheet", action="store_true", help="paint one pose in every style, with its name, into --out")
    _add_figure(sub, out="styles.png", pose="running", ratio="2:3", family="", shot="three-quarter", file="the PNG of --sheet")
    _add_generation(sub, prompt=SHEET_PROMPT, model="", several_styles=True)

    examples = "examples:\n  studio.py draw pose.json --out pose.png"
    examples += "\n  studio.py draw poses/ --out drawn --profile xinsir --size 832x1216 --no-face"
    sub = add(draw, examples)
    sub.add_argument("poses", nargs="+", metavar="POSE.json", help="OpenPose JSON files, or folders with them")
    sub.add_argument("--out", required=True, metavar="PATH", help="a PNG for one pose, or a folder")
    sub.add_argument("--profile", default="controlnet", help="skeleton profile: controlnet (default), scaled, xinsir")
    sub.add_argument("--size", metavar="WxH", help="pixels; default: the size that the JSON says")
    sub.add_argument("--no-hands", action="store_true", help="leave the hands out")
    sub.add_argument("--no-face", action="store_true", help="leave the faces out")

    examples = "examples:\n  studio.py poses --list --group dancing\n  studio.py poses --sheet poses.png --figure adult_woman"
    sub = add(poses, examples)
    sub.add_argument("--list", action="store_true", help="print name, group, title and tags of every pose")
    sub.add_argument("--sheet", default="", metavar="FILE.png", help="draw every pose, with its name, into one picture")
    sub.add_argument("--figure", default="", metavar="NAME", help="which mannequin shows them; default: the first")
    sub.add_argument("--group", default="", metavar="NAME", help="one group alone, as in standing or fighting")

    examples = "examples:\n  studio.py mannequins --list\n  studio.py mannequins --sheet bodies.png --figure child"
    sub = add(mannequins, examples)
    sub.add_argument("--list", action="store_true", help="print name, age and title of every body")
    sub.add_argument("--sheet", default="", metavar="FILE.png", help="draw every body from all sides into one picture")
    sub.add_argument("--figure", default="", metavar="NAME", help="one body alone")

    examples = "examples:\n  studio.py hands --list\n  studio.py hands --sheet hands.png --figure adult_man"
    sub = add(hands, examples)
    sub.add_argument("--list", action="store_true", help="print name, group and title of every hand shape")
    sub.add_argument("--sheet", default="", metavar="FILE.png", help="draw palm and back of every shape into one picture")
    sub.add_argument("--figure", default="", metavar="NAME", help="whose hand shows them; default: the first mannequin's")
    return parser


def _add_figure(
    sub: argparse.ArgumentParser,
    *,
    out: str | None,
    pose: str,
    ratio: str,
    family: str,
    families: str = "that of the model",
    shot: str = "",
    file: str = "",
) -> None:
    sub.add_argument("--figure", default="", metavar="NAME", help="which mannequin; default: the first, or those in --blend")
    sub.add_argument(
        "--pose",
        default=pose,
        metavar="NAME",
        help="a pose or a pair of the library, a pose file, or FILE.bvh[:FRAME]" + _default(pose),
    )
    sub.add_argument("--ratio", default=ratio, metavar="W:H", help="width and height, as in 2:3" + _default(ratio or "2:3"))
    sub.add_argument("--shot", default=shot, metavar="NAME", help=f"what is seen and from where: {shot_words()}" + _default(shot))
    what = "what figures wear: a name, random:SEED or none; a generation's prompt says it too"
    sub.add_argument("--outfit", default="", metavar="NAME", help=what)
    if not family or family != DEMO_MODEL:
        what = "whose sizes and skeleton are used" + _default(family or families)
        sub.add_argument("--family", default=family, metavar="NAME", help=f"model family {what}")
    sub.add_argument("--blend", default="", metavar="FILE", help="a .blend with figures and camera to use instead of a new scene")
    what = file or "folder for the files"
    sub.add_argument(
        "--out", default=out, required=out is None, metavar="FILE.png" if file else "DIR", help=what + _default(out or "")
    )


def _add_generation(sub: argparse.ArgumentParser, *, prompt: str | None, model: str, several_styles: bool = False) -> None:
    sub.add_argument("--prompt", default=prompt, help="what the picture shows" + ("" if prompt else "; default: a plain one"))
    what = "add nothing to the prompt of what is sure of pose and camera, as in from side, sitting"
    sub.add_argument("--no-pose-tags", action="store_true", help=what)
    sub.add_argument("--negative", default=None, metavar="PROMPT", help="what it must not show; default: the family's")
    sub.add_argument("--model", default=model, metavar="NAME", help="a name of `studio.py models list`" + _default(model))
    if several_styles:
        sub.add_argument("--style", action="append", default=[], metavar="NAME", help="this style alone; can be given again")
    else:
        sub.add_argument("--style", default="", metavar="NAME", help="the look: a name of `studio.py styles --list`")
    sub.add_argument("--steps", type=int, help="denoising steps; default: the family's")
    sub.add_argument("--guidance", type=float, help="guidance scale; default: the family's")
    sub.add_argument("--draft", action="store_true", help="a first look: few steps and half as many pixels, in the same frame")
    sub.add_argument("--seed", type=int, default=0, help="where the noise begins (default 0)")
    if not several_styles:
        what = "how many, of the seeds from --seed on: result.png, result_2.png, … (default 1)"
        sub.add_argument("--pictures", type=int, default=1, metavar="N", help=what)
        what = "pictures without their recipe, which tell nothing of how they were made"
        sub.add_argument("--no-metadata", action="store_true", help=what)
    for word in ("pose", "depth"):
        sub.add_argument(f"--{word}-strength", type=float, metavar="0…1", help=f"how strictly the {word} is followed")
    cli_controls.add_arguments(sub)
    starts = ("viewport", "toon", "render")
    sub.add_argument("--start", default="", metavar="|".join(starts), choices=starts, help="paint over this look of the scene")
    sub.add_argument("--denoising-strength", type=float, metavar="0…1", help="how much of --start is painted anew (default 0.65)")
    sub.add_argument(
        "--server", default="", metavar="URL", help="a running server; default: this computer's, started when needed"
    )
    sub.add_argument("--token", default=os.environ.get("POSE_TO_ANIME_TOKEN", ""), help="its token (or POSE_TO_ANIME_TOKEN)")
    sub.add_argument("--data-dir", default="", metavar="DIR", help="where the server of this computer keeps its files")


def _default(value: str) -> str:
    return f" (default {value})" if value else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 only when the work was done, 2 with one sentence where a person can mend it."""
    parsed = make_parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except UserError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Blender as a module can crash or hang when the interpreter takes it down
