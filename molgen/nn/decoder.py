"""A causal decoder of tokens with a recurrent state and messages along the tree that the tokens build.

Between the GRU layers (Cho et al. 2014, arXiv:1406.1078) each step also receives what the layer computed when the
current atom, and its parent, became current: `y_t = h_t + sum_o W_o h_{origin_o(t)}`. A branch that is taken up again
after many tokens is then one step away. Training runs over whole sequences, sampling step by step with a state.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molgen.batch import Grammar, Guide


@dataclass
class State:
    """Per layer the hidden state (B, D) and the outputs so far (B, T, D), from which origins gather."""

    hidden: list[Tensor]
    outputs: list[Tensor]
    step: int = 0

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but the given ones."""
        self.hidden = [h[rows] for h in self.hidden]
        self.outputs = [o[rows] for o in self.outputs]


class Inputs(nn.Module):
    """Previous token, the grammar's context and the mask of allowed tokens -> (..., D)."""

    def __init__(self, grammar: Grammar, width: int) -> None:
        super().__init__()
        self.start = grammar.size  # stands for 'no token yet'
        self.token = nn.Embedding(grammar.size + 1, width)
        self.context = nn.ModuleList(nn.Embedding(size, width) for size in grammar.context_sizes)
        self.allowed = nn.Linear(grammar.size, width)

    def forward(self, previous: Tensor, guide: Guide) -> Tensor:
        """previous (...) int64, guide with the same leading axes -> (..., D)."""
        summed = self.token(previous) + self.allowed(guide.allowed.to(self.allowed.weight.dtype))
        for place, table in enumerate(self.context):
            summed = summed + table(guide.context[..., place])
        return summed


class CausalDecoder(nn.Module):
    """Logits of the next token from those before it. The logits of forbidden tokens are -inf."""

    def __init__(self, grammar: Grammar, width: int, depth: int, inputs: int, origins: int) -> None:
        super().__init__()
        self.inputs = Inputs(grammar, inputs)
        self.layers = nn.ModuleList(nn.GRU(width if k else inputs, width, batch_first=True) for k in range(depth))
        senders = depth if origins else 0
        self.messages = nn.ModuleList(nn.Linear(origins * width, width, bias=False) for _ in range(senders))
        self.origins, self.width = origins, width
        self.skip = nn.Linear(inputs, grammar.size)
        self.head = nn.Linear(width, grammar.size)

    def forward(self, tokens: Tensor, guide: Guide) -> Tensor:
        """tokens (B, T) -> logits (B, T, V) of each token given those before it."""
        previous = torch.cat([torch.full_like(tokens[:, :1], self.inputs.start), tokens[:, :-1]], dim=1)
        entered = self.inputs(previous, guide)
        x = entered
        for place, layer in enumerate(self.layers):
            x, _ = layer(x)
            x = x + self._message(place, x, guide.origin) if self.origins else x
        logits = (self.head(x) + self.skip(entered)).float()
        return logits.masked_fill(~guide.allowed, float("-inf"))

    def _message(self, place: int, outputs: Tensor, origin: Tensor) -> Tensor:
        """outputs (B, T, D), origin (B, T', O) -> messages (B, T', D)."""
        rows, steps, _ = origin.shape
        index = origin[..., : self.origins].reshape(rows, steps * self.origins, 1).expand(-1, -1, outputs.shape[-1])
        gathered = outputs.gather(1, index).reshape(rows, steps, -1)
        return self.messages[place](gathered)

    def start(self, rows: int, steps: int) -> State:
        """The state before the first token of `rows` sequences of at most `steps` tokens."""
        like = self.head.weight
        hidden = [like.new_zeros(rows, self.width) for _ in self.layers]
        kept = steps if self.origins else 0
        return State(hidden, [like.new_zeros(rows, kept, self.width) for _ in hidden])

    def step(self, previous: Tensor, guide: Guide, state: State) -> Tensor:
        """previous (B,), guide of one step -> logits (B, V); advances the state in place."""
        entered = self.inputs(previous, guide)
        x = entered
        for place, layer in enumerate(self.layers):
            x = state.hidden[place] = _gru_cell(layer, x, state.hidden[place])
            if self.origins:
                state.outputs[place][:, state.step] = x
                x = x + self._message(place, state.outputs[place], guide.origin[:, None]).squeeze(1)
        state.step += 1
        logits = (self.head(x) + self.skip(entered)).float()
        return logits.masked_fill(~guide.allowed, float("-inf"))


def _gru_cell(layer: nn.GRU, x: Tensor, hidden: Tensor) -> Tensor:
    """One step of a GRU layer by hand, in the type of its weights (torch has no bfloat16 cell on CPU)."""
    given = torch.addmm(layer.bias_ih_l0, x, layer.weight_ih_l0.T)
    kept = torch.addmm(layer.bias_hh_l0, hidden, layer.weight_hh_l0.T)
    reset, update = torch.sigmoid(given[:, : 2 * layer.hidden_size] + kept[:, : 2 * layer.hidden_size]).chunk(2, dim=1)
    new = torch.tanh(torch.addcmul(given[:, 2 * layer.hidden_size :], reset, kept[:, 2 * layer.hidden_size :]))
    return torch.lerp(new, hidden, update)
