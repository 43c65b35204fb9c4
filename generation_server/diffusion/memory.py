# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and their memory: which one is used, in which number format, how much is free, what to say when it is not enough."""

from __future__ import annotations

import dataclasses
import gc
from dataclasses import dataclass

import psutil
import torch

from ..amounts import in_gib
from .interface import GenerationError
from .modes import WISHES, Mode

DEVICES = ("auto", "cuda", "mps", "cpu")
# What torch says where it raises a plain RuntimeError instead of OutOfMemoryError: its CPU allocator, MPS, cuDNN and cuBLAS.
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


@dataclass(frozen=True)
class Device:
    """Where a model computes and in which format its weights are kept."""

    torch: torch.device
    dtype: torch.dtype
    name: str
    modes: tuple[Mode, ...] = (Mode.GPU,)  # in which a model may lie in its memory, the one that needs the most first

    @property
    def works_in_tiles(self) -> bool:
        """Whether large pictures are encoded and decoded in tiles: where memory is a GPU's."""
        return self.torch.type != "cpu"

    def memory(self) -> tuple[int, int]:
        """Total and free bytes: of the GPU where there is one with memory of its own, else of the computer."""
        if self.torch.type == "cuda":
            free, total = torch.cuda.mem_get_info(self.torch)
            reserved, allocated = torch.cuda.memory_reserved(self.torch), torch.cuda.memory_allocated(self.torch)
            limit = int(total * torch.cuda.get_per_process_memory_fraction(self.torch))
            # What torch keeps for its next tensor is free to us; what it may not take is not.
            return limit, max(0, min(free + reserved - allocated, limit - allocated))
        if self.torch.type == "mps":
            total = torch.mps.recommended_max_memory()
            return total, max(0, total - torch.mps.driver_allocated_memory())
        memory = psutil.virtual_memory()
        return memory.total, memory.available

    def release(self) -> None:
        """Gives back what torch keeps beyond the tensors in use."""
        gc.collect()
        if self.torch.type == "cuda":
            torch.cuda.empty_cache()
        elif self.torch.type == "mps":
            torch.mps.empty_cache()


def choose_device(wish: str, memory: str = "auto") -> Device:
    """The device of that kind ("cuda:1" is the second GPU), or the best for "auto". Raises GenerationError if there is none.

    ``memory``: one of ``WISHES``. Only a GPU with memory of its own has more than one way.
    """
    if memory not in WISHES:
        raise GenerationError(f"There is no way '{memory}' to use memory: use one of {', '.join(WISHES)}.")
    device = _device(wish)
    if device.torch.type == "cuda":
        return dataclasses.replace(device, modes=tuple(Mode) if memory == "auto" else (Mode(memory),))
    if memory not in ("auto", Mode.GPU.value):
        raise GenerationError(
            f"'{memory}' is for a graphics card with memory of its own, and pictures are made on the {device.name} here: "
            "start the server with --memory auto."
        )
    return device


def _device(wish: str) -> Device:
    kind, _, index = wish.partition(":")
    if kind not in DEVICES or (index and not (kind == "cuda" and index.isdecimal())):
        raise GenerationError(f"There is no device '{wish}': use one of {', '.join(DEVICES)}.")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if kind == "cuda":  # also AMD's cards, in torch's ROCm build
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        number = int(index or 0)
        if number >= count:
            here = f"this computer has {count}" if count else "this PyTorch sees none: check the driver, or choose 'cpu'"
            raise GenerationError(f"There is no GPU number {number} ({here}).")
        return Device(torch.device("cuda", number), torch.float16, torch.cuda.get_device_name(number))
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise GenerationError("There is no Apple GPU that this PyTorch can use: choose 'cpu'.")
        return Device(torch.device("mps"), torch.float16, "Apple GPU")
    return Device(torch.device("cpu"), torch.float32, "CPU")  # half precision on a CPU is slower, not faster


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


def out_of_memory_advice(device: Device, width: int, height: int, smaller: tuple[int, int] | None, controls: int) -> str:
    """One sentence that says what ran out and what would help: ``smaller`` is a size that fits by what is known."""
    total, free = device.memory()
    whose = "This computer" if device.torch.type == "cpu" else f"The {device.name}"
    helps = [f"choose a smaller size{f', such as {smaller[0]} × {smaller[1]}' if smaller else ''}"]
    if controls:
        helps.append("use fewer controls")
    if device.torch.type == "cuda" and Mode.SEQUENTIAL not in device.modes:
        helps.append("start the server with --memory auto")
    return (
        f"{whose} has too little free memory for {width} × {height} pixels with this model "
        f"({in_gib(free)} of {in_gib(total)} are free): {', '.join(helps)}, or close other programs that use it."
    )
