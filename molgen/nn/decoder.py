"""A causal decoder of tokens with a recurrent state and messages along the tree that the tokens build.

Between the GRU layers (Cho et al. 2014, arXiv:1406.1078) each step also receives what the layer computed when the
current atom, and its parent, became current: `y_t = h_t + sum_o W_o h_{origin_o(t)}`. A branch that is taken up again
after many tokens is then one step away. A condition (a latent, wanted properties) is added, through a linear map, to
the input of every layer and to the logits; each step may see another part of it besides (`Glance`). Training runs over
whole sequences; molgen/nn/stepping.py goes step by step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molgen.batch import Batch, Grammar, Guide
from molgen.nn.dropout import dropped


class Inputs(nn.Module):
    """Previous token, the grammar's context and the mask of allowed tokens -> (..., D).

    Where a user's constraint narrows the mask, the network sees the wider one that it was trained with: draws then
    follow its own probabilities, renormalised over what is allowed.
    """

    def __init__(self, grammar: Grammar, width: int) -> None:
        super().__init__()
        self.start = grammar.size  # stands for 'no token yet'
        self.token = nn.Embedding(grammar.size + 1, width)
        self.context = nn.ModuleList(nn.Embedding(size, width) for size in grammar.context_sizes)
        self.allowed = nn.Linear(grammar.size, width)

    def forward(self, previous: Tensor, guide: Guide) -> Tensor:
        """previous (...) int64, guide with the same leading axes -> (..., D)."""
        mask = guide.allowed if guide.told is None else guide.told
        summed = self.token(previous) + self.allowed(mask.to(self.allowed.weight.dtype))
        for place, table in enumerate(self.context):
            summed = summed + table(guide.context[..., place])
        return summed


class Condition(nn.Module):
    """(B, Z) -> what is added to the input of every layer and to the logits. Begins as zero: nothing is conditioned."""

    def __init__(self, size: int, inputs: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        widths = [inputs] + [width] * (depth - 1) + [outputs]
        self.maps = nn.ModuleList(nn.Linear(size, out, bias=False) for out in widths)
        for linear in self.maps:
            nn.init.zeros_(linear.weight)

    def forward(self, condition: Tensor) -> list[Tensor]:
        """condition (B, Z) -> (B, D) for each layer, then (B, V)."""
        return [linear(condition) for linear in self.maps]


class Glance(nn.Module):
    """What of a condition counts at a step: p_t * (W z), a linear map for every step, of low rank R.

    What is added alike at every step must be counted off by the recurrent state until the right part is at hand.
    """

    def __init__(self, size: int, rank: int, steps: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.whole = nn.Linear(size, rank, bias=False)
        self.steps = nn.Embedding(steps, rank)
        self.inputs, self.logits = (nn.Linear(rank, out, bias=False) for out in (inputs, outputs))
        nn.init.normal_(self.logits.weight, std=0.02)

    def forward(self, whole: Tensor, steps: slice) -> tuple[Tensor, Tensor]:
        """W z (B, R), T steps -> what is added to the first layer's input (B, T, D) and to the logits (B, T, V)."""
        seen = whole[:, None] * self.steps.weight[steps]
        return self.inputs(seen), self.logits(seen)


class CausalDecoder(nn.Module):
    """Logits of the next token from those before it. The logits of forbidden tokens are -inf."""

    def __init__(
        self,
        grammar: Grammar,
        width: int,
        depth: int,
        inputs: int,
        origins: int,
        condition: int = 0,
        dropout: float = 0.0,
        glance: int = 0,
    ) -> None:
        """condition: Z of what is told, 0 for nothing; glance: the rank at which each place sees it, 0 for none."""
        super().__init__()
        self.dropout = dropout
        self.inputs = Inputs(grammar, inputs)
        self.layers = nn.ModuleList(nn.GRU(width if k else inputs, width, batch_first=True) for k in range(depth))
        senders = depth if origins else 0
        self.messages = nn.ModuleList(nn.Linear(origins * width, width, bias=False) for _ in range(senders))
        self.origins, self.width = origins, width
        self.skip = nn.Linear(inputs, grammar.size)
        self.head = nn.Linear(width, grammar.size)
        self.condition = Condition(condition, inputs, width, depth, grammar.size) if condition else None
        self.glance = Glance(condition, glance, grammar.longest, inputs, grammar.size) if condition and glance else None

    def forward(
        self, tokens: Tensor, guide: Guide, condition: Tensor | None = None, chance: torch.Generator | None = None
    ) -> Tensor:
        """tokens (B, T), condition (B, Z) -> logits (B, T, V) of each token given those before it.

        chance: decides what is dropped in training, of the inputs and of what each layer gives.
        """
        previous = torch.cat([torch.full_like(tokens[:, :1], self.inputs.start), tokens[:, :-1]], dim=1)
        added = self.condition(condition) if self.condition is not None and condition is not None else None
        entered = dropped(self.inputs(previous, guide), self.dropout, chance)
        glanced = None
        if self.glance is not None and condition is not None:
            glanced = self.glance(self.glance.whole(condition), slice(tokens.shape[1]))
        x = entered if glanced is None else entered + glanced[0]
        for place, layer in enumerate(self.layers):
            x, _ = layer(x if added is None else x + added[place][:, None])
            if self.origins:
                x = x + self.messages[place](gathered(x, guide.origin[..., : self.origins]))
            x = dropped(x, self.dropout, chance)
        logits = self.head(x) + self.skip(entered)
        logits = logits if added is None else logits + added[-1][:, None]
        logits = (logits if glanced is None else logits + glanced[1]).float()
        return logits.masked_fill(~guide.allowed, float("-inf"))

    def nats(self, batch: Batch, condition: Tensor | None = None, chance: torch.Generator | None = None) -> Tensor:
        """-log p of every design (B,), exact: over the tokens that the grammar allows, given the condition (B, Z)."""
        logits = self(batch.tokens, batch.guide, condition, chance)
        nats = nn.functional.cross_entropy(logits.flatten(0, 1), batch.tokens.flatten(), reduction="none")
        return (nats.view_as(batch.weight) * batch.weight).sum(dim=1)


def gathered(outputs: Tensor, origin: Tensor) -> Tensor:
    """outputs (B, T, D) at the steps origin (B, T', O) -> (B, T', O * D)."""
    rows, steps, width = outputs.shape
    place = origin + steps * torch.arange(rows, device=origin.device)[:, None, None]
    return outputs.reshape(rows * steps, width).index_select(0, place.flatten()).reshape(*origin.shape[:2], -1)
