"""The causal decoder one step at a time, for drawing, in whichever arithmetic multiplies fastest.

A GRU's step is matrix products and little else. On a CPU with 8-bit dot products, `Rounded` computes them twice as fast
as bfloat16: weights are rounded to 127 levels per output, activations to as many (Jacob et al. 2018, arXiv:1712.05877).
A GRU's state lies in [-1, 1], so its levels are fixed, and it is rounded once for all that reads it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from molgen.batch import Guide
from molgen.nn.decoder import CausalDecoder, gathered

Product = Callable[[Tensor], Tensor]  # (B, K) -> (B, N)
Affine = Callable[[Tensor, Tensor], Tensor]  # (B, K) and what is added, (N,) or (B, N) -> (B, N)
LEVELS, ZERO = 127, 128


class Arithmetic(Protocol):
    """How products are computed. A state is `remember`ed once, and read by `of_state` products."""

    def remember(self, state: Tensor) -> Tensor:
        """A state in [-1, 1], as `of_state` products read it."""
        ...

    def of_state(self, weight: Tensor, bias: Tensor | None) -> Product:
        """x W^T + b for a remembered x."""
        ...

    def of_any(self, weight: Tensor) -> Affine:
        """x W^T + b for any x and b."""
        ...


class Exact:
    """x W^T + b in the type of the weights."""

    def remember(self, state: Tensor) -> Tensor:
        return state

    def of_state(self, weight: Tensor, bias: Tensor | None) -> Product:
        return lambda x: nn.functional.linear(x, weight, bias)

    def of_any(self, weight: Tensor) -> Affine:
        return lambda x, bias: torch.addmm(bias, x, weight.T)


class Rounded:
    """x W^T + b with both factors rounded to 8 bits and summed exactly in 32, in the type of the weights again."""

    def remember(self, state: Tensor) -> Tensor:
        """state in [-1, 1] -> uint8: the level, counted from `ZERO`, as the processor's instruction wants it."""
        return (state * LEVELS).add_(ZERO).round_().to(torch.uint8)

    def of_state(self, weight: Tensor, bias: Tensor | None) -> Product:
        return _rounded_product(weight, bias)

    def of_any(self, weight: Tensor) -> Affine:
        product = _rounded_product(weight, None)

        def scaled(x: Tensor, bias: Tensor) -> Tensor:
            largest = x.abs().amax(dim=1, keepdim=True).clamp_(min=1e-12)
            return torch.addcmul(bias, product(self.remember(x / largest)), largest)

        return scaled


def _rounded_product(weight: Tensor, bias: Tensor | None) -> Product:
    """uint8 (B, K), as remembered -> (B, N): oneDNN's product of 8-bit factors, scaled as it is written."""
    scale = weight.float().abs().amax(dim=1).clamp(min=1e-12) / LEVELS
    levels = torch.ops.onednn.qlinear_prepack((weight.float() / scale[:, None]).round().to(torch.int8), None)
    zero = torch.zeros(len(weight), dtype=torch.int64)
    bias = None if bias is None else bias.float()
    kind = weight.dtype

    def product(x: Tensor) -> Tensor:
        return torch.ops.onednn.qlinear_pointwise(
            x, 1 / LEVELS, ZERO, levels, scale, zero, bias, 1.0, 0, kind, "none", [], ""
        )

    return product


def fastest(device: torch.device) -> Arithmetic:
    """8 bits where the processor has dot products for them."""
    fast = device.type == "cpu" and torch.backends.mkldnn.is_available() and torch.cpu._is_vnni_supported()
    return Rounded() if fast else Exact()


@dataclass
class State:
    """Per layer the state (B, D), as `remember`ed, and all remembered so far (B, T, D), from which origins gather."""

    hidden: list[Tensor]
    remembered: list[Tensor]
    past: list[Tensor]
    added: list[Tensor]  # biases of each layer's gates, then of the logits; with a condition one for each row (B, ...)
    glance: Tensor | None = None  # (B, R), of which each step sees a part
    step: int = 0

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but the given ones."""
        self.hidden = [h[rows] for h in self.hidden]
        self.remembered = [h[rows] for h in self.remembered]
        self.added = [a[rows] if a.dim() > 1 else a for a in self.added]
        self.glance = None if self.glance is None else self.glance[rows]
        for place, past in enumerate(self.past):
            kept = past.new_empty(len(rows), *past.shape[1:])
            kept[:, : self.step] = past[rows, : self.step]
            self.past[place] = kept


class Stepper:
    """A decoder that takes one token a step. In `Exact` arithmetic it computes what the whole sequence would give."""

    def __init__(self, decoder: CausalDecoder, arithmetic: Arithmetic) -> None:
        self.decoder, self.arithmetic = decoder, arithmetic
        self.given = [arithmetic.of_any(layer.weight_ih_l0) for layer in decoder.layers]
        self.kept = [arithmetic.of_state(layer.weight_hh_l0, layer.bias_hh_l0) for layer in decoder.layers]
        self.messages = [arithmetic.of_state(message.weight, None) for message in decoder.messages]

    def start(self, rows: int, steps: int, condition: Tensor | None = None) -> State:
        """The state before the first token of `rows` sequences of at most `steps` tokens, under a condition (B, Z)."""
        decoder = self.decoder
        hidden = [decoder.head.weight.new_zeros(rows, decoder.width) for _ in decoder.layers]
        remembered = [self.arithmetic.remember(h) for h in hidden]
        past = [r.new_empty(rows, steps if decoder.origins else 0, decoder.width) for r in remembered]
        glance = None
        if decoder.glance is not None and condition is not None:
            glance = decoder.glance.whole(condition.to(decoder.head.weight))
        return State(hidden, remembered, past, self._added(condition), glance)

    def _added(self, condition: Tensor | None) -> list[Tensor]:
        """W (x + c) + b = W x + (W c + b): but for a glance at it, a condition costs nothing at a step."""
        decoder = self.decoder
        if decoder.condition is None or condition is None:
            return [layer.bias_ih_l0 for layer in decoder.layers] + [decoder.head.bias]
        *inputs, logits = decoder.condition(condition.to(decoder.head.weight))
        gates = zip(inputs, decoder.layers, strict=True)
        added = [torch.addmm(layer.bias_ih_l0, c, layer.weight_ih_l0.T) for c, layer in gates]
        return [*added, decoder.head.bias + logits]

    def step(self, previous: Tensor, guide: Guide, state: State) -> Tensor:
        """previous (B,), guide of one step -> logits (B, V), -inf where forbidden; advances the state in place."""
        decoder = self.decoder
        entered = decoder.inputs(previous, guide)
        glanced = self._glanced(state)
        x = entered if glanced is None else entered + glanced[0]
        for place in range(len(decoder.layers)):
            x = self._layer(place, x, state)
            if decoder.origins:
                x = x + self._message(place, state, guide.origin[:, None, : decoder.origins])
        state.step += 1
        logits = torch.addmm(state.added[-1], x, decoder.head.weight.T) + decoder.skip(entered)
        logits = (logits if glanced is None else logits + glanced[1]).float()
        return logits.masked_fill(~guide.allowed, float("-inf"))

    def _glanced(self, state: State) -> tuple[Tensor, Tensor] | None:
        """What this step sees of the condition: (B, D) for the first layer's input, (B, V) for the logits."""
        if self.decoder.glance is None or state.glance is None:
            return None
        inputs, logits = self.decoder.glance(state.glance, slice(state.step, state.step + 1))
        return inputs[:, 0], logits[:, 0]

    def _layer(self, place: int, x: Tensor, state: State) -> Tensor:
        """One step of a GRU layer, gates in the order reset, update, new."""
        given, kept = self.given[place](x, state.added[place]), self.kept[place](state.remembered[place])
        width = self.decoder.width
        reset, update = torch.sigmoid(given[:, : 2 * width] + kept[:, : 2 * width]).chunk(2, dim=1)
        new = torch.tanh(torch.addcmul(given[:, 2 * width :], reset, kept[:, 2 * width :]))
        state.hidden[place] = torch.lerp(new, state.hidden[place], update)
        state.remembered[place] = self.arithmetic.remember(state.hidden[place])
        return state.hidden[place]

    def _message(self, place: int, state: State, origin: Tensor) -> Tensor:
        state.past[place][:, state.step] = state.remembered[place]
        return self.messages[place](gathered(state.past[place], origin).squeeze(1))


class Drawer(Protocol):
    """A module that writes tokens by its decoder."""

    decoder: CausalDecoder
    stepper: Stepper | None


D = TypeVar("D", bound=Drawer)


def for_drawing(module: D, device: torch.device) -> D:
    """A copy of the module whose stepper computes in the fastest arithmetic of the device: exact but for rounding.

    Through half precision, as a file keeps the weights: a generator draws alike before it was saved and after.
    """
    kind = torch.bfloat16 if device.type == "cpu" else torch.float16
    copied = copy.deepcopy(module).half().to(device, kind).eval()
    copied.stepper = Stepper(copied.decoder, fastest(device))
    return copied
