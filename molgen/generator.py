"""What users hold: a generator of designs. Neural families share one implementation; baselines bring their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import nn

from molgen.batch import Batch
from molgen.errors import MolgenError
from molgen.modality import Codec, modality_of
from molgen.provenance import DeviceName, find_device
from molgen.recipes import build, recipe_of
from molgen.seeds import torch_rng
from molgen.store import write_atomic
from molgen.train import Sequences

ROWS = 1024  # sequences drawn together: a constant, so that a seed means the same designs whatever is asked for


class Generator(Protocol):
    """The contract of every generator, baselines included."""

    card: dict[str, Any]

    def sample(
        self, n: int, seed: int, *, temperature: float = 1.0, progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """Always `n` designs as drawn, decided by the seed; `progress` receives how many more were finished."""
        ...

    def save(self, path: Path) -> None:
        """Writes weights and card."""
        ...


class NeuralGenerator:
    """A family's module, the codec of its modality, and a card that says where it came from."""

    def __init__(self, module: nn.Module, card: dict[str, Any], device: str = "cpu") -> None:
        self.module, self.card, self.device = module, card, torch.device(device)
        self._drawing = module.for_drawing(self.device)

    @property
    def arithmetic(self) -> str:
        """How products are computed when drawing, which decides the last digits and so, now and then, a token."""
        return f"{type(self._drawing.stepper.arithmetic).__name__}, {self.device.type}"

    @property
    def codec(self) -> Codec:
        """The door between text and tensors, in the vocabulary of the card."""
        return modality_of(self.card).codec(self.card["grammar"])

    def sample(
        self, n: int, seed: int, *, temperature: float = 1.0, progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """`n` designs as drawn (text, not repaired). The first k of n are those that k alone would give.

        Raises:
            MolgenError: n below zero, or temperature not above it.
        """
        if n < 0 or temperature <= 0:
            asked = f"{n} designs at temperature {temperature}"
            raise MolgenError(f"cannot draw {asked}: n must be 0 or more, temperature above 0")
        codec = self.codec
        designs: list[str] = []
        for block in range(-(-n // ROWS)):
            tokens = self.draw(seed, block, temperature)[: n - block * ROWS]
            designs += codec.decode(tokens.tolist())
            if progress is not None:
                progress(len(tokens))
        return designs

    def draw(self, seed: int, block: int, temperature: float = 1.0) -> torch.Tensor:
        """Tokens (ROWS, T) of one block of draws."""
        uniform = torch.rand(ROWS, self.module.grammar.longest, generator=torch_rng(seed, "draw", block))
        return self._drawing.draw(uniform, temperature).cpu()

    def log_likelihood(self, designs: Sequence[str]) -> torch.Tensor:
        """log p of every design, nats (n,); NaN where a design is outside of the vocabulary."""
        encoded = self.codec.encode(designs)
        found = torch.full((len(designs),), torch.nan)
        rows = [i for i, e in enumerate(encoded) if e.tokens is not None]
        data = Sequences.of([encoded[i].tokens or () for i in rows])
        with torch.no_grad():
            for start in range(0, len(rows), ROWS):
                part = torch.arange(start, min(start + ROWS, len(rows)))
                batch = Batch.of(self.module.grammar, data.padded(part.numpy(), self.module.grammar.end))
                found[torch.tensor(rows)[part]] = self.module.log_likelihood(batch).float()
        return found

    def save(self, path: Path) -> None:
        """Weights in half precision as safetensors, the card beside them as JSON."""
        weights = {name: value.half().contiguous().cpu() for name, value in self.module.state_dict().items()}
        write_atomic(Path(path), serialised(weights))
        write_atomic(card_path(path), (json.dumps(self.card, indent=2, allow_nan=False) + "\n").encode())


def card_path(weights: Path) -> Path:
    """The card beside a file of weights."""
    return Path(weights).with_suffix(".json")


def read_card(weights: Path) -> dict[str, Any]:
    """The card of a prior.

    Raises:
        MolgenError: no such file, or a card that is not ours.
    """
    weights, card = Path(weights), card_path(weights)
    if not weights.exists():
        raise MolgenError(f"no prior at {weights}; train one with `molgen train --out {weights}` or use data/priors/")
    if not card.exists():
        raise MolgenError(f"{weights} has no card {card.name} beside it; copy both files together")
    try:
        found = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MolgenError(f"{card} is no JSON ({error}): copy it again from where the prior was trained") from error
    if not isinstance(found, dict):
        raise MolgenError(f"{card} is not the card of a molgen prior")
    if missing := {"modality", "recipe", "grammar"} - found.keys():
        raise MolgenError(f"{card} lacks {', '.join(sorted(missing))}: it is not the card of a molgen prior")
    return found


def load_generator(path: Path, device: DeviceName = "auto") -> NeuralGenerator:
    """The generator of a prior: weights and card."""
    card = read_card(path)
    try:
        module = build(recipe_of(card["recipe"]), modality_of(card).grammar(card["grammar"]))
        weights = {name: value.float() for name, value in load_file(path).items()}
    except (TypeError, KeyError, AttributeError) as error:
        raise MolgenError(f"{card_path(path)} is damaged: its recipe or grammar cannot be read ({error})") from error
    except SafetensorError as error:
        raise MolgenError(f"{path} is damaged or no file of weights ({error}): copy it again") from error
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        last = str(error).splitlines()[-1].strip()
        raise MolgenError(f"the weights in {path} do not fit their card: {last}") from error
    return NeuralGenerator(module, card, find_device(device).kind)
