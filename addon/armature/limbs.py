# SPDX-License-Identifier: GPL-3.0-or-later
"""The four limbs of our mannequin's rig, and what each of their bones is called.

Three layers: *deform* bones carry the skin and are, at the same time, the controls that turn a joint (FK). *Controls* are the
dots that are dragged (IK). *Mechanism* bones, hidden, connect the two:

    swing   at the limb's root, always points to the dot: the elbow's dot hangs on it, so that an elbow keeps its side when the
            hand goes round the body
    pole    hangs on the elbow's dot, a little outward: gives the solver the plane in which the limb bends
    solve   two bones with Blender's IK
    out     on each solving bone, turned about its axis: keeps the twist that a limb had before IK took over
The deform bones copy the rotation of the *out* bones while the limb is in IK, so no solver can change a bone's length.
"""

from __future__ import annotations

from dataclasses import dataclass

from .handles import CHEST, HEAD, MOVED_HANDLES

SIDE_SUFFIXES = (".L", ".R")

MECHANISM_PREFIX = "MCH-"
ROOT = "root"
SOLVER = "IK"
COPY = "Follow IK"
"""Name of the constraint on deform bones; its influence is 1 while the limb is in IK and 0 in FK."""


@dataclass(frozen=True)
class Limb:
    """An arm or a leg of one side, by bone names."""

    kind: str  # "arm" or "leg"
    suffix: str  # ".L" or ".R"
    parent: str  # deform bone that carries the limb
    upper: str
    lower: str
    end: str  # hand or foot
    target: str  # dot at the wrist or ankle
    hinge: str  # dot at the elbow or knee
    target_parent: str

    @property
    def end_keeps_orientation(self) -> bool:
        """Feet stay flat while the leg moves; hands go along with the forearm."""
        return self.kind == "leg"

    @property
    def swing(self) -> str:
        return f"{MECHANISM_PREFIX}{self.kind}_swing{self.suffix}"

    @property
    def pole(self) -> str:
        return f"{MECHANISM_PREFIX}{self.kind}_pole{self.suffix}"

    def solve(self, bone: str) -> str:
        return f"{MECHANISM_PREFIX}solve_{bone}"

    def out(self, bone: str) -> str:
        return f"{MECHANISM_PREFIX}out_{bone}"

    @property
    def turned_by_hand(self) -> tuple[str, ...]:
        """Deform bones whose own rotation takes the limb out of IK."""
        return (self.upper, self.lower, self.end) if self.end_keeps_orientation else (self.upper, self.lower)

    @property
    def mechanism(self) -> tuple[str, ...]:
        pairs = (name(bone) for bone in (self.upper, self.lower) for name in (self.solve, self.out))
        return (self.swing, self.pole, *pairs)


def _limbs() -> tuple[Limb, ...]:
    arms = (
        Limb("arm", s, f"shoulder{s}", f"upper_arm{s}", f"forearm{s}", f"hand{s}", f"hand_ik{s}", f"elbow{s}", "upper_chest")
        for s in SIDE_SUFFIXES
    )
    legs = (Limb("leg", s, "hips", f"thigh{s}", f"shin{s}", f"foot{s}", f"foot_ik{s}", f"knee{s}", ROOT) for s in SIDE_SUFFIXES)
    return (*arms, *legs)


LIMBS: tuple[Limb, ...] = _limbs()

CONTROLS: tuple[str, ...] = (ROOT, "hips", *MOVED_HANDLES, *(name for limb in LIMBS for name in (limb.target, limb.hinge)))
"""Controls that are moved. Every other visible bone is a joint and is turned."""


def limb_of(bone: str) -> Limb | None:
    """The limb that a bone belongs to: its deform bones, its dots and its mechanism."""
    for limb in LIMBS:
        if bone in (limb.upper, limb.lower, limb.end, limb.target, limb.hinge) or bone in limb.mechanism:
            return limb
    return None


def control_for(name: str) -> str:
    """The dot to drag for a name that people use: ``hand.L``, ``foot.L``, ``chest`` and ``head`` mean the dots there."""
    for limb in LIMBS:
        if name == limb.end:
            return limb.target
    return {"chest": CHEST, "head": HEAD}.get(name, name)
