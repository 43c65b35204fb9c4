# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom. Read from the source, so that imports inside functions count too; what must stay light is also run."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import ROOT

PACKAGE = "pose_to_anime"

# Each part of the add-on, and the parts below it. Whoever is not listed may be imported by everybody in the add-on.
LAYERS: dict[str, set[str]] = {
    "cli": {
        "dressing",
        "wardrobe",
        "background",
        "draw_command",
        "cli_controls",
        "sheet_commands",
        "style_commands",
        "command_parts",
        "scenes",
        "generate",
        "passes",
        "armature",
        "framing",
        "pose",
        "openpose",
    },
    "draw_command": {"openpose"},
    "cli_controls": set(),
    "pose_previews": {"background", "generate", "passes", "armature", "framing", "pose"},
    "hand_previews": {"background", "hand_sheets", "generate", "passes", "armature", "pose"},
    "pose_assets": {"background", "armature", "pose"},
    "pair_previews": {"background", "generate", "passes", "armature", "framing", "pose"},
    "prop_previews": {"background", "generate", "passes", "armature", "framing", "pose"},
    "sheet_commands": {"background", "pose_sheets", "mannequin_sheets", "hand_sheets", "armature", "pose"},
    "command_parts": {"cli_controls", "scenes", "dressing", "wardrobe", "generate"},
    "style_commands": {"background", "command_parts", "prompting", "generate", "passes"},
    "background": {"registration", "generate", "framing", "pose", "openpose"},
    "scenes": {"dressing", "wardrobe", "armature", "framing", "pose", "openpose"},
    "pose_sheets": {"generate", "passes", "armature", "framing", "pose"},
    "hand_sheets": {"generate", "passes", "armature", "pose"},
    "mannequin_sheets": {"generate", "passes", "armature", "pose"},
    "ui": {"operators", "generate", "told", "prompting", "dressing", "wardrobe", "passes", "armature", "framing", "pose"}
    | {"openpose"},
    "operators": {"told", "prompting", "dressing", "wardrobe", "generate", "passes", "armature", "framing", "pose", "openpose"},
    "generate": {"told", "prompting", "dressing", "wardrobe", "passes", "armature", "framing", "pose", "openpose"},
    "passes": {"dressing", "wardrobe", "armature", "framing", "pose", "openpose"},
    "dressing": {"wardrobe", "armature", "pose"},
    "wardrobe": {"armature", "pose"},
    "armature": {"pose", "openpose"},
    "framing": {"pose", "openpose"},
    "prompting": {"pose"},
    "told": {"prompting", "framing", "pose", "openpose"},
    "pose": set(),
    "openpose": set(),
}
SERVES_ALL = {"settings", "compat", "handlers", "keys", "preferences"}
BASICS = {"package", "pieces", "errors", "png", "exif", "terminal", "translations", "sentences"}
COMPOSES = {"registration"}  # the one place that knows every feature module

# What the add-on may know of the server, and what the server's two-sided parts may import themselves.
CONTRACT = (
    "generation_server.amounts",
    "generation_server.replacing",
    "generation_server.messages",
    "generation_server.protocol",
    "generation_server.address",
    "generation_server.exchange",
    "generation_server.client",
    "generation_server.endings",
    "generation_server.families",
)
FIGURE_CODE = (
    "addon.pose",
    "addon.openpose",
    "addon.wardrobe",
    "addon.armature.skin",
    "addon.armature.bodies",
    "addon.armature.joint_map",
    "addon.passes.buffers",
    "addon.passes.depth",
    "addon.passes.rays",
    "addon.passes.sight",
    "addon.passes.view",
    "addon.framing.solve",
    "addon.package",
    "addon.png",
)
TRAINING = "generation_server.models.builtin"

LIGHT = (
    "addon.openpose",
    "addon.pose",
    "addon.prompting",
    "addon.told",
    "addon.wardrobe",
    "addon.armature.skin",
    "addon.framing.sizes",
    "addon.framing.advice",
    *CONTRACT,
)
BLENDER = {
    "bpy",
    "bpy_extras",
    "bpy_types",
    "bmesh",
    "mathutils",
    "gpu",
    "gpu_extras",
    "blf",
    "bl_operators",
    "bl_ui",
    "addon_utils",
    "aud",
    "imbuf",
}
ADDON_MAY_IMPORT = set(sys.stdlib_module_names) | BLENDER | {"numpy", "requests"}
HEAVY = BLENDER | {
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "accelerate",
    "peft",
    "safetensors",
    "PIL",
    "fastapi",
    "cv2",
}


@dataclass(frozen=True)
class Import:
    module: str  # of the importing file, below the package: "addon.passes.render"
    target: str  # what it imports: "addon.openpose.drawing" below the package, "numpy.linalg" outside
    inside: bool  # the target is in the package
    relative: bool
    line: int

    def __str__(self) -> str:
        return f"{self.module.replace('.', '/')}.py:{self.line} imports {self.target}"


def source_files() -> dict[str, Path]:
    """Every module of the package by its name below the package; ``addon.pose`` for the ``__init__`` of addon/pose."""
    files = [ROOT / "__init__.py", *ROOT.glob("addon/**/*.py"), *ROOT.glob("generation_server/**/*.py")]
    names = {}
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return names


MODULES = source_files()


@functools.cache
def imports_of(module: str) -> tuple[Import, ...]:
    file = MODULES[module]
    base = module.split(".") if module else []
    if file.name != "__init__.py":
        base = base[:-1]
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append(Import(module, alias.name, alias.name.split(".")[0] == PACKAGE, False, node.lineno))
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                found.append(Import(module, node.module, node.module.split(".")[0] == PACKAGE, False, node.lineno))
                continue
            assert node.level <= len(base) + 1, f"{file}:{node.lineno} reaches out of the package"
            start = base[: len(base) - node.level + 1] + (node.module.split(".") if node.module else [])
            for alias in node.names:
                deeper = ".".join([*start, alias.name])
                found.append(Import(module, deeper if deeper in MODULES else ".".join(start), True, True, node.lineno))
    return tuple(found)


def every_import() -> list[Import]:
    return [found for module in MODULES for found in imports_of(module)]


def within(module: str, *places: str) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


def part_of_addon(module: str) -> str:
    return module.split(".")[1] if module.startswith("addon.") else ""


def listed(broken: list[Import]) -> str:
    return "\n".join(map(str, broken))


def test_the_files_are_found() -> None:
    assert {"", "addon.registration", "addon.pose", "generation_server.protocol", "generation_server.families.catalogue"} <= set(
        MODULES
    )


def test_imports_inside_the_package_are_relative() -> None:
    broken = [found for found in every_import() if found.inside and not found.relative]
    assert not broken, listed(broken)


def test_init_files_import_nothing() -> None:
    """At module level, that is: the package's own two functions may, once they are called."""
    for module, file in MODULES.items():
        if file.name == "__init__.py":
            body = ast.parse(file.read_text("utf-8")).body
            loud = [node.lineno for node in body if not isinstance(node, ast.Expr | ast.FunctionDef)]
            assert not loud, f"{module or 'package'}/__init__.py does something at line {loud[0]}"


@pytest.mark.parametrize("layer", LAYERS)
def test_the_layers_of_the_addon(layer: str) -> None:
    allowed = LAYERS[layer] | {layer} | SERVES_ALL | BASICS | {""}
    broken = [
        found
        for found in every_import()
        if part_of_addon(found.module) == layer and within(found.target, "addon") and part_of_addon(found.target) not in allowed
    ]
    assert not broken, listed(broken)


def test_what_serves_all_imports_none_of_it() -> None:
    broken = [
        found
        for found in every_import()
        if part_of_addon(found.module) in SERVES_ALL | BASICS
        and within(found.target, "addon")
        and part_of_addon(found.target) not in SERVES_ALL | BASICS | {""}
    ]
    assert not broken, listed(broken)


def test_every_part_of_the_addon_has_its_place() -> None:
    parts = {part_of_addon(module) for module in MODULES} - {""}
    assert parts <= set(LAYERS) | SERVES_ALL | BASICS | COMPOSES, "a new part: say in LAYERS whom it may import"


def test_the_addon_knows_only_the_contract_of_the_server() -> None:
    broken = [
        found
        for found in every_import()
        if within(found.module, "addon") and within(found.target, "generation_server") and not within(found.target, *CONTRACT)
    ]
    assert not broken, listed(broken)


def test_the_server_never_imports_the_addon() -> None:
    broken = [
        found
        for found in every_import()
        if within(found.module, "generation_server")
        and within(found.target, "addon")
        and not (within(found.module, TRAINING) and within(found.target, *FIGURE_CODE))
    ]
    assert not broken, listed(broken)


def test_the_contract_stands_on_its_own() -> None:
    broken = [
        found
        for found in every_import()
        if found.inside and within(found.module, *CONTRACT) and not within(found.target, *CONTRACT)
    ]
    assert not broken, listed(broken)


def test_the_addon_needs_nothing_that_blender_does_not_bring() -> None:
    broken = [
        found
        for found in every_import()
        if within(found.module, "addon") and not found.inside and found.target.split(".")[0] not in ADDON_MAY_IMPORT
    ]
    assert not broken, listed(broken)


def test_the_server_does_not_ask_for_blender() -> None:
    broken = [
        found
        for found in every_import()
        if within(found.module, "generation_server") and not found.inside and found.target.split(".")[0] in BLENDER
    ]
    assert not broken, listed(broken)


def test_the_addon_starts_no_thread() -> None:
    """Python threads crash Blender. The bridge is a process of its own: its errands may wait for a server in one."""
    threads = ("threading", "_thread", "concurrent.futures", "multiprocessing")
    only_in_the_bridge = {  # what starts one, and who may import whom on the way from there to the bridge
        "addon.generate.errand_thread": {"addon.generate.pose_errands", "addon.generate.model_errands"},
        "addon.generate.pose_errands": {"addon.generate.errand_list"},
        "addon.generate.model_errands": {"addon.generate.errand_list"},
        "addon.generate.errand_list": {"addon.generate.errand_runner"},
    }
    broken = [
        found
        for found in every_import()
        if within(found.module, "addon")
        and (
            (within(found.target, *threads) and found.module != "addon.generate.errand_thread")
            or (found.inside and found.module not in only_in_the_bridge.get(found.target, {found.module}))
        )
    ]
    assert not broken, listed(broken)


def test_only_compat_asks_which_blender_this_is() -> None:
    broken = []
    for module, file in MODULES.items():
        if module == "addon.compat":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "bpy.app.version",
                "app.version",
                "bpy.app.version_string",
            ):
                broken.append(f"{module}:{node.lineno} reads {ast.unparse(node)}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("place", LIGHT)
def test_light_parts_import_nothing_heavy(place: str) -> None:
    modules = [module for module in MODULES if within(module, place)]
    if not modules:
        pytest.fail(f"there is no {place}: mend LIGHT")
    broken = [
        found for module in modules for found in imports_of(module) if not found.inside and found.target.split(".")[0] in HEAVY
    ]
    assert not broken, listed(broken)


@pytest.mark.parametrize("place", LIGHT)
def test_light_parts_can_be_imported_where_nothing_heavy_is_installed(place: str) -> None:
    """Through everything that they import in turn, in a fresh interpreter in which the heavy packages cannot be found."""
    modules = [f"{PACKAGE}.{module}" for module in MODULES if within(module, place)]
    program = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({sorted(HEAVY)!r}))\n"  # None in sys.modules makes the import fail
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_nothing_else() -> None:
    program = f"import sys; before = set(sys.modules); import {PACKAGE}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [PACKAGE]
