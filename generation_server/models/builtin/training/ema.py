# SPDX-License-Identifier: GPL-3.0-or-later
"""The running mean of a network's weights: steadier than the weights of any one step, and what is exported."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

_EARLY = 10.0  # the mean forgets its beginning faster: at step n its decay is at most (1 + n) / (10 + n)


class Ema:
    """Means of the parameters of some networks, in full precision."""

    def __init__(self, modules: Iterable[nn.Module], decay: float) -> None:
        self._parameters = [parameter for module in modules for parameter in module.parameters()]
        self._decay = decay
        self.means = [parameter.detach().clone() for parameter in self._parameters]
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (_EARLY + self.updates))
        torch._foreach_lerp_(self.means, self._parameters, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the networks' weights with the means; done twice, nothing has happened."""
        for mean, parameter in zip(self.means, self._parameters, strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(mean)
            mean.copy_(kept)

    def state(self) -> dict[str, object]:
        return {"means": self.means, "updates": self.updates}

    def load(self, state: dict) -> None:
        for mean, saved in zip(self.means, state["means"], strict=True):
            mean.copy_(saved)
        self.updates = state["updates"]
