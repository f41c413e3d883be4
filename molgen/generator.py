"""What users hold: a generator of designs. Neural families share one implementation; baselines bring their own."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import nn

from molgen.batch import Batch, Fields
from molgen.errors import MolgenError, NoLikelihoodError
from molgen.modality import Codec, modality_of
from molgen.provenance import DeviceName, find_device, sha256_of
from molgen.recipes import build, recipe_of
from molgen.seeds import torch_rng
from molgen.sequences import Sequences
from molgen.store import write_atomic

GREEDY = 1e-4  # a temperature at which the likeliest token is taken
PILOT = 256  # draws that tell how long designs are
ROWS = 1024  # sequences drawn together: a constant, so that a seed means the same designs whatever is asked for


class Generator(Protocol):
    """The contract of every generator, baselines included."""

    card: dict[str, Any]

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
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
        return f"{self._drawing.arithmetic}, {self.device.type}"

    @property
    def codec(self) -> Codec:
        """The door between text and tensors, in the vocabulary of the card."""
        return modality_of(self.card).codec(self.card["grammar"])

    def sample(
        self,
        n: int,
        seed: int,
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        """`n` designs as drawn (text, not repaired). The first k of n are those that k alone would give.

        Raises:
            MolgenError: n below zero, temperature not above it, or top_p outside of (0, 1].
        """

        def draw(block: range) -> list[str]:
            return self.text(self.draw(seed, block.start // ROWS, temperature, top_p, len(block)), len(block))

        return in_blocks(n, temperature, top_p, progress, draw)

    def conditioned(self, wanted: Mapping[str, float], guidance: float | None = None) -> NeuralGenerator:
        """The same generator, drawing designs of the properties wanted; those that are not named stay free.

        guidance: how far draws lean to what is wanted: 1 as the training designs do, above 1 farther, 0 not at all;
        None as the recipe says, or 1.

        Raises:
            MolgenError: a property that the prior was not taught.
        """
        if not wanted:
            return self
        known = getattr(self.module.recipe, "properties", ())
        if strange := sorted(set(wanted) - set(known)):
            taught = ", ".join(known) or "none; train one with --set properties=logp,tpsa"
            raise MolgenError(f"this prior was not taught the property {strange[0]!r}; it knows {taught}")
        other = copy.copy(self)
        other._drawing = copy.copy(self._drawing)
        other._drawing.wanted = torch.tensor([wanted.get(name, torch.nan) for name in known], device=self.device)
        if guidance is not None:
            other._drawing.guidance = guidance
        return other

    def with_motif(self, text: str) -> NeuralGenerator:
        """The same generator, drawing only designs that match the motif: by construction, nothing is thrown away.

        Raises:
            MolgenError: what is no motif, none of a design of this grammar's length; a modality without motifs.
        """
        grammar = under_motif(self.card, self.module.grammar, text, self._pilot)
        other = copy.copy(self)
        other._drawing = copy.deepcopy(self._drawing)
        for part in other._drawing.modules():
            if hasattr(part, "grammar"):  # a prior over a latent space has an autoencoder with a grammar of its own
                part.grammar = grammar
        return other

    def _pilot(self) -> torch.Tensor | Fields:
        """Draws of no motif, for how long designs of this prior are."""
        return self._drawing.draw(PILOT, torch_rng(0, "pilot"), **self._in_part(0))

    def draw(
        self, seed: int, block: int, temperature: float = 1.0, top_p: float = 1.0, first: int = ROWS
    ) -> torch.Tensor | Fields:
        """One block of `ROWS` draws: tokens (ROWS, T), or fields; those from row `first` on may be blank."""
        chance = torch_rng(seed, "draw", block)
        return self._drawing.draw(ROWS, chance, temperature=temperature, top_p=top_p, **self._in_part(first))

    def _in_part(self, first: int) -> dict[str, int]:
        """For families whose rows cost what they cost together: how many of them are looked at."""
        return {"first": first} if getattr(self._drawing, "draws_in_part", False) else {}

    def text(self, drawn: torch.Tensor | Fields, n: int) -> list[str]:
        """The first `n` of drawn tokens or fields as text, not repaired."""
        if isinstance(drawn, Fields):
            return self.codec.texts(drawn, n)
        return self.codec.decode(drawn[:n].tolist())

    def log_likelihood(self, designs: Sequence[str], seed: int = 0) -> torch.Tensor:
        """log p of every design, nats (n,); NaN where it is outside of the vocabulary.

        Where the family has a bound only, this is an estimate of it by the random numbers of `seed`.

        Raises:
            NoLikelihoodError: the family has none.
        """
        found = torch.full((len(designs),), torch.nan)
        for number, (rows, batch) in enumerate(self._spelled(designs)):
            with torch.no_grad():
                measured = self.module.held_out(batch, torch_rng(seed, "likelihood", number * ROWS))
            if "nats" not in measured:
                raise NoLikelihoodError(
                    f"the {self.card['recipe']['kind']} family has no likelihood, nor a bound of it"
                )
            found[rows] = -measured["nats"].float()
        return found

    def _spelled(self, designs: Sequence[str]) -> Iterator[tuple[torch.Tensor, Batch]]:
        """The designs that can be spelled, `ROWS` at a time: their places among all, and the batch."""
        encoded = self.codec.encode(designs)
        rows = [i for i, e in enumerate(encoded) if e.tokens is not None]
        data = Sequences.of([encoded[i].tokens or () for i in rows])
        for start in range(0, len(rows), ROWS):
            part = np.arange(start, min(start + ROWS, len(rows)))
            yield torch.tensor(rows)[part], data.batch(part, self.module.grammar)

    def encode(self, designs: Sequence[str]) -> torch.Tensor:
        """The latent mean of every design (n, Z); NaN where it is outside of the vocabulary.

        Raises:
            MolgenError: the family has no latent space to encode into.
        """
        module = self._with_latent(self.module)
        latents = torch.full((len(designs), module.recipe.latent), torch.nan)
        for rows, batch in self._spelled(designs):
            with torch.inference_mode():
                latents[rows] = module.encode(batch)[0]
        return latents

    def _with_latent(self, module: nn.Module) -> nn.Module:
        """The VAE that the module is or borrows."""
        found = getattr(module, "autoencoder", module)
        if not hasattr(found, "encode"):
            raise MolgenError(f"the {self.card['recipe']['kind']} family has no latent space: take a prior of a VAE")
        return found

    def decode(self, latents: torch.Tensor, seed: int = 0, *, temperature: float = GREEDY) -> list[str]:
        """The design of every latent (n, Z), as drawn; by default the likeliest token is taken at every step."""
        module = self._with_latent(self._drawing)
        drawn: list[str] = []
        for block, start in enumerate(range(0, len(latents), ROWS)):
            chance = torch_rng(seed, "decode", block)
            tokens = module.decode(latents[start : start + ROWS], chance, temperature)
            drawn += self.codec.decode(tokens.tolist())
        return drawn

    def save(self, path: Path) -> None:
        """Weights in half precision as safetensors, the card beside them as JSON. Borrowed weights are not repeated."""
        borrowed = self.card.get("borrows", {}).get("prefix")
        kept = {name for name, _ in self.module.named_buffers()}  # sizes, frequencies, means: they need their digits
        weights = {
            name: (value if name in kept else value.half()).contiguous().cpu()
            for name, value in self.module.state_dict().items()
            if not (borrowed and name.startswith(borrowed))
        }
        write_atomic(Path(path), serialised(weights))
        write_card(path, self.card)


def under_motif(card: dict[str, Any], grammar: Any, text: str, pilot: Callable[[], torch.Tensor | Fields]) -> Any:
    """A grammar that keeps a motif, in designs as long as those that `pilot` draws.

    Raises:
        MolgenError: a modality that has no motifs, or what is none.
    """
    if not hasattr(grammar, "with_motif"):
        raise MolgenError(f"a {card['modality']} has no motif: leave out the motif {text!r}, or take a protein's prior")
    bound, drawn = grammar.with_motif(text), pilot()
    fields = drawn if isinstance(drawn, Fields) else grammar.fields(drawn.cpu())
    return bound.as_long_as(fields.sizes)


def in_blocks(
    n: int, temperature: float, top_p: float, progress: Callable[[int], None] | None, draw: Callable[[range], list[str]]
) -> list[str]:
    """`n` designs, made by `draw` for `ROWS` numbers at a time (the last block may be shorter).

    Raises:
        MolgenError: n below zero, temperature not above it, or top_p outside of (0, 1].
    """
    if n < 0 or not 0 < temperature < math.inf or not 0 < top_p <= 1:
        asked = f"{n} designs at temperature {temperature}, top_p {top_p}"
        needed = "n must be 0 or more, temperature above 0, top_p above 0 and at most 1"
        raise MolgenError(f"cannot draw {asked}: {needed}")
    designs: list[str] = []
    for start in range(0, n, ROWS):
        block = range(start, min(start + ROWS, n))
        designs += draw(block)
        if progress is not None:
            progress(len(block))
    return designs


def card_path(weights: Path) -> Path:
    """The card beside a file of weights."""
    return Path(weights).with_suffix(".json")


def write_card(weights: Path, card: dict[str, Any]) -> None:
    """Writes the card beside a file of weights, as JSON without NaN."""
    write_atomic(card_path(weights), (json.dumps(card, indent=2, allow_nan=False) + "\n").encode())


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
    """The generator of a prior: weights and card.

    Raises:
        MolgenError: a file that is missing, damaged, or of another card.
    """
    return NeuralGenerator(load_module(path), read_card(path), find_device(device).kind)


def load_module(path: Path) -> nn.Module:
    """The family's module of a prior, with its weights."""
    card = read_card(path)
    try:
        module = build(recipe_of(card["recipe"]), modality_of(card).grammar(card["grammar"]))
    except (TypeError, KeyError, AttributeError) as error:
        raise MolgenError(f"{card_path(path)} is damaged: its recipe or grammar cannot be read ({error})") from error
    weights = _read_weights(path) | _borrowed(path, card)
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        last = str(error).splitlines()[-1].strip()
        raise MolgenError(f"the weights in {path} do not fit their card: {last}") from error
    return module


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except SafetensorError as error:
        raise MolgenError(f"{path} is damaged or no file of weights ({error}): copy it again") from error


def _borrowed(path: Path, card: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights that a prior over the latent space takes from its autoencoder's file, which lies beside it."""
    if not (borrows := card.get("borrows")):
        return {}
    lender = Path(path).with_name(borrows["file"])
    if not lender.exists():
        raise MolgenError(f"{path} needs {lender.name} beside it: copy both files together")
    if sha256_of(lender) != borrows["sha256"]:
        raise MolgenError(f"{lender} is not the file that {path} was trained over: copy both again")
    return {borrows["prefix"] + name: value for name, value in _read_weights(lender).items()}
