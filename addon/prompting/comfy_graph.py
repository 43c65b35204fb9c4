# SPDX-License-Identifier: GPL-3.0-or-later
"""What a graph of ComfyUI says of its picture, followed back from the sampler where its nodes are of the usual kinds. No bpy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...generation_server.protocol import Lora
from .recipes import ControlUnit, Recipe, RecipeError, control_kind, stem_of, unit_of, without_loras

_FARTHEST = 60  # nodes from one to the other; graphs may be loops in files that are broken
_TEXTS = ("text", "text_g", "wildcard_text", "populated_text", "string", "value", "prompt")
_MODELS = ("ckpt_name", "unet_name", "base_ckpt_name")

Node = Mapping[str, Any]


def read_graph(graph: Mapping[str, Any]) -> Recipe:
    """The recipe of ComfyUI's API graph (node id → class and inputs). Raises RecipeError."""
    if "nodes" in graph and "links" in graph:
        raise RecipeError("This is a workflow of ComfyUI without its recipe: open the picture that it made.")
    nodes = {str(key): node for key, node in graph.items() if isinstance(node, dict) and isinstance(node.get("inputs"), dict)}
    samplers = [node for node in nodes.values() if {"positive", "negative"} <= set(node["inputs"]) and "steps" in node["inputs"]]
    if not samplers:
        raise RecipeError("The recipe cannot be read: it is neither of Pose to Anime or A1111 nor a usual one of ComfyUI.")
    # The first pass is the one that begins from nothing; a second one paints over it.
    sampler = min(samplers, key=lambda node: _plain(nodes, node, "denoise", 1.0) < 1.0)
    prompt, loras, unknown = without_loras(_text(nodes, sampler, "positive"))
    latent = list(_upstream(nodes, sampler, "latent_image", ("samples", "pixels", "latent_image")))
    sized: Mapping[str, Any] = next((node["inputs"] for node in latent if {"width", "height"} <= set(node["inputs"])), {})
    sides = sized.get("width"), sized.get("height")
    models = list(_upstream(nodes, sampler, "model", ("model",)))
    model = next((str(node["inputs"][key]) for node in models for key in _MODELS if key in node["inputs"]), "")
    for node in models:
        name, weight = node["inputs"].get("lora_name"), node["inputs"].get("strength_model", 1.0)
        if isinstance(name, str) and isinstance(weight, int | float):
            loras = (*loras, Lora(stem_of(name), min(max(float(weight), -4.0), 4.0)))
    seed = _plain(nodes, sampler, "seed", _plain(nodes, sampler, "noise_seed", None))
    denoise = _plain(nodes, sampler, "denoise", 1.0)
    scheduler = str(_plain(nodes, sampler, "scheduler", ""))
    steps, cfg = _plain(nodes, sampler, "steps", None), _plain(nodes, sampler, "cfg", None)
    return Recipe(
        prompt=prompt,
        negative_prompt=_text(nodes, sampler, "negative"),
        steps=int(steps) if isinstance(steps, int | float) else None,
        guidance_scale=float(cfg) if isinstance(cfg, int | float) else None,
        seed=int(seed) if isinstance(seed, int | float) else None,
        sampler=f"{_plain(nodes, sampler, 'sampler_name', '')} {'' if scheduler == 'normal' else scheduler}".strip(),
        size=(int(sides[0]), int(sides[1])) if all(isinstance(side, int) for side in sides) else None,  # type: ignore[arg-type]
        model=model,
        denoising_strength=float(denoise) if isinstance(denoise, int | float) and denoise < 1.0 else None,
        loras=loras,
        controls=_controls(nodes, sampler),
        unknown=tuple(unknown),
    )


def _controls(nodes: Mapping[str, Node], sampler: Node) -> tuple[ControlUnit, ...]:
    found: dict[str, ControlUnit] = {}
    for node in _upstream(nodes, sampler, "positive", ("positive", "conditioning")):
        inputs = node["inputs"]
        if "control_net" not in inputs:
            continue
        loaders = _upstream(nodes, node, "control_net", ("control_net",))
        names = [str(text) for loader in loaders for key, text in loader["inputs"].items() if key in ("control_net_name", "type")]
        if kind := control_kind(*reversed(names)):  # of a union, its type says more than its name
            numbers = (_plain(nodes, node, key, None) for key in ("strength", "start_percent", "end_percent"))
            values = [float(number) if isinstance(number, int | float) else None for number in numbers]
            found.setdefault(kind, unit_of(kind, *values))
    return tuple(found.values())


def _text(nodes: Mapping[str, Node], node: Node, name: str) -> str:
    """The text that reaches an input, through nodes that pass it on or join it."""
    for found in _upstream(nodes, node, name, (name, "conditioning", "conditioning_to", *_TEXTS)):
        for key in _TEXTS:
            if isinstance(found["inputs"].get(key), str):
                return str(found["inputs"][key]).strip()
    return ""


def _plain(nodes: Mapping[str, Node], node: Node, name: str, default: Any) -> Any:
    """An input's value; of a link, that of the node that it comes from, where it has one value alone."""
    value = node["inputs"].get(name, default)
    if isinstance(value, list):
        source = nodes.get(str(value[0])) if value else None
        values = [item for item in source["inputs"].values() if isinstance(item, int | float | str)] if source else []
        return values[0] if len(values) == 1 else default
    return default if value is None or isinstance(value, bool) else value


def _upstream(nodes: Mapping[str, Node], node: Node, name: str, further: tuple[str, ...]) -> Iterator[Node]:
    """The nodes from which an input comes, the nearest first, on through the inputs called ``further``."""
    waiting = [node["inputs"].get(name)]
    seen: set[str] = set()
    while waiting and len(seen) < _FARTHEST:
        link = waiting.pop(0)
        key = str(link[0]) if isinstance(link, list) and link else ""
        if key in seen or key not in nodes:
            continue
        seen.add(key)
        yield nodes[key]
        waiting += [nodes[key]["inputs"].get(word) for word in further]
