"""One seed governs a run; every random thing has a child seed of its own, named by stage and chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def spawn(seed: int, *names: str | int) -> int:
    """The child seed of `seed` under `names`, 0 <= child < 2**63: the same on every machine and in every process."""
    text = "/".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def rng(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator with a seed of its own."""
    return np.random.default_rng(spawn(seed, *names))


def torch_rng(seed: int, *names: str | int) -> torch.Generator:
    """A torch generator with a seed of its own, on the CPU: draws are moved, so a seed means the same everywhere."""
    import torch

    return torch.Generator("cpu").manual_seed(spawn(seed, *names))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds torch's global state inside the block only, for what takes no generator (the initialisation of modules)."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # `torch.manual_seed` would seed the GPUs too, and leave them so
        yield


@contextmanager
def numpy_seeded(seed: int) -> Iterator[None]:
    """Seeds numpy's global state inside the block only, for libraries that draw from it and take no generator."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)
