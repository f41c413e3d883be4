"""Spans of held-out antimicrobial peptides are hidden and filled again: how many residues come back?

    python -m benchmarks.inpainting cluster_diffusion.safetensors       (how to train it: benchmarks/peptides.py)

On the split by lot with the shipped diffusion prior, on the split by cluster with the one given. A fill keeps the other
residues as `molgen design --motif GIGKFLXXXXXAKKF` does. Beside it, all of the same training part: n-grams, whose
conditional probabilities given both sides are exact; the frequencies of residues; one in twenty.

    nats       -log p(hidden residues | all others) a residue; of diffusion the bound, a mean over random orders
    drawn      share of residues that a draw recovers
    likeliest  the same of the residues that are likeliest, each by itself
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import write_result
from molgen import resources
from molgen.baselines.counts import extended, first_context, probabilities
from molgen.baselines.ngram import Ngram, NgramRecipe
from molgen.datasets import read_rows
from molgen.encoding import encode_training_set
from molgen.executor import Serial
from molgen.families.diffusion import Diffusion
from molgen.generator import load_generator
from molgen.modality import PROTEIN
from molgen.nn.graph_transformer import Seen
from molgen.nn.sequence_drawing import SequenceDrawing
from molgen.protein.alphabet import INDEX, RESIDUES
from molgen.protein.motif import compile_motif
from molgen.seeds import rng, torch_rng

HIDDEN = len(RESIDUES)  # the class that stands for it
SHORTEST = 10  # residues: half of it at the least stays
SEEDS = 2  # spans of each peptide
ORDERS = 8  # of filling, for the bound
DRAWS = 5
GRAMS = (2, 3, 4)
SPLITS = {"lot": ("amp-random-train", "amp-random-test"), "cluster": ("amp-train", "amp-test")}
SPANS: dict[str, Callable[[int], int]] = {"5 residues": lambda size: 5, "30 %": lambda size: round(0.3 * size)}


@dataclass(frozen=True)
class Case:
    """A sequence of which the residues `begin` to `end` - 1 are hidden."""

    text: str
    begin: int
    end: int

    @property
    def truth(self) -> np.ndarray:
        """(H,) classes of the hidden residues."""
        return np.array([INDEX[letter] for letter in self.text[self.begin : self.end]])

    @property
    def motif(self) -> str:
        """What a user would write."""
        return self.text[: self.begin] + "X" * (self.end - self.begin) + self.text[self.end :]


@dataclass(frozen=True)
class Filled:
    """Of one case: nats (), and per hidden residue (H,) the chance that a draw, and the likeliest, are right."""

    nats: float
    drawn: np.ndarray
    likeliest: np.ndarray


def cases(texts: Sequence[str], span: Callable[[int], int], seed: int) -> list[Case]:
    """One span at random of every sequence of `SHORTEST` residues or more."""
    found = []
    for text in texts:
        if len(text) >= SHORTEST:
            begin = int(rng(seed, "span", text).integers(len(text) - span(len(text)) + 1))
            found.append(Case(text, begin, begin + span(len(text))))
    return found


def by_marginals(case: Case, marginals: np.ndarray, nats: float) -> Filled:
    """Of a model that gives the probability of each hidden residue (H, 20), given what is shown."""
    place = np.arange(case.end - case.begin), case.truth
    best = marginals == marginals.max(axis=1, keepdims=True)  # of several, each with equal chance
    return Filled(nats, marginals[place], best[place] / best.sum(axis=1))


def by_frequencies(case: Case, shares: np.ndarray) -> Filled:
    """Residues that do not depend on each other: shares (20,)."""
    marginals = np.tile(shares, (case.end - case.begin, 1))
    return by_marginals(case, marginals, -float(np.log(shares[case.truth]).sum()))


@dataclass(frozen=True)
class _Step:
    """One token of an n-gram: probabilities after each of C contexts, and which context each token leads to."""

    p: np.ndarray  # (C, V), 0 for tokens that are none here
    leads: np.ndarray  # (C, V) the number of the next step's context
    true: int  # the token that stands there


def conditional(model: Ngram, case: Case) -> tuple[np.ndarray, float]:
    """p (H, 20) of every hidden residue, and -log p of all, given the others: exact, forward and backward."""
    steps, forward = _steps(model, case), [np.ones(1)]
    for step in steps:
        flow = forward[-1][:, None] * step.p
        forward.append(np.bincount(step.leads.ravel(), flow.ravel(), minlength=int(step.leads.max()) + 1))
    total, backward = forward[-1].sum(), np.ones(len(forward[-1]))
    marginals = np.zeros((case.end - case.begin, len(RESIDUES)))
    for number in reversed(range(len(steps))):
        step = steps[number]
        after = step.p * backward[step.leads]
        if number < len(marginals):
            marginals[number] = (forward[number] @ after)[1:] / total
        backward = after.sum(axis=1)
    return marginals, float(np.log(total)) - _log_p(steps)


def _steps(model: Ngram, case: Case) -> list[_Step]:
    """The hidden tokens, and those behind them that depend on them."""
    context, found = first_context(1), []
    tokens = np.array([*(INDEX[letter] + 1 for letter in case.text), 0])
    for token in tokens[: case.begin]:
        context = extended(context, token[None])
    contexts = _cut(context, model)
    for place in range(case.begin, min(case.end + model.counts.n - 1, len(tokens))):
        p = _allowed(probabilities(model._levels, contexts, model.grammar.size), place, model)
        each = np.arange(p.shape[1])
        shown = each == tokens[place] if place >= case.end else each > 0
        nexts = _cut(extended(np.repeat(contexts, len(each)), np.tile(each, len(p))), model)
        contexts, leads = np.unique(nexts, return_inverse=True)
        found.append(_Step(p * shown, leads.reshape(p.shape), int(tokens[place])))
    return found


def _cut(contexts: np.ndarray, model: Ngram) -> np.ndarray:
    """Contexts without the tokens that no longer matter."""
    return contexts & np.uint64((1 << 8 * (model.counts.n - 1)) - 1)


def _allowed(p: np.ndarray, place: int, model: Ngram) -> np.ndarray:
    """p (C, V) over what the grammar allows after `place` residues."""
    grammar: Any = model.grammar
    tokens = np.arange(p.shape[1])
    allowed = np.where(tokens == 0, place >= grammar.shortest, place < grammar.most_positions)
    return p * allowed / (p * allowed).sum(axis=1, keepdims=True)


def _log_p(steps: Sequence[_Step]) -> float:
    """log p of the true tokens."""
    context, total = 0, 0.0
    for step in steps:
        total += float(np.log(step.p[context, step.true]))
        context = int(step.leads[context, step.true])
    return total


def shown(batch: Sequence[Case]) -> tuple[Seen, torch.Tensor]:
    """What a diffusion model sees, and the true classes (B, L)."""
    sizes = torch.tensor([len(case.text) for case in batch])
    truth = torch.zeros(len(batch), int(sizes.max()), dtype=torch.int64)
    seen = truth.clone()
    for row, case in enumerate(batch):
        truth[row, : len(case.text)] = torch.tensor([INDEX[letter] for letter in case.text])
        seen[row] = truth[row]
        seen[row, case.begin : case.end] = HIDDEN
    return Seen(seen, seen[:, :0], sizes, torch.zeros(len(batch))), truth


@torch.inference_mode()
def bound(model: Diffusion, batch: Sequence[Case], seed: int, orders: int = ORDERS) -> np.ndarray:
    """(B,) nats: a mean over random orders in which the hidden residues are told one by one."""
    seen, truth = shown(batch)
    hidden, chance, total = seen.position == HIDDEN, torch_rng(seed, "orders"), torch.zeros(len(batch))
    for _ in range(orders):
        rank = torch.rand(truth.shape, generator=chance).masked_fill(~hidden, torch.inf).argsort(1).argsort(1)
        for step in range(int(hidden.sum(1).max())):
            now = torch.where(hidden & (rank >= step), HIDDEN, truth)
            (log_p,) = model.predict(Seen(now, now[:, :0], seen.sizes, seen.time))
            total -= (log_p.gather(2, truth[..., None]).squeeze(2) * (hidden & (rank == step))).sum(1)
    return (total / orders).numpy()


@torch.inference_mode()
def refilled(model: Diffusion, batch: Sequence[Case], seed: int) -> list[str]:
    """Draws with everything fixed that is shown, by the layouts of the motifs that say so."""
    sizes = torch.tensor([len(case.text) for case in batch])
    allowed = torch.ones(len(batch), int(sizes.max()), len(RESIDUES), dtype=torch.bool)
    for row, case in enumerate(batch):
        layout = compile_motif(case.motif).drawn_layout(len(case.text), rng(seed, "layout", row))
        allowed[row, : len(case.text)] = torch.from_numpy(layout)
    how = model.recipe.steps, "random", model.recipe.power, 1.0, 1.0
    way = SequenceDrawing(torch.device("cpu"), lambda seen: model.predict(seen)[0], model.kernels[0], True, *how)
    drawn = way.draw(sizes, allowed, None, torch_rng(seed, "refilled"))
    pairs = zip(drawn.position.tolist(), sizes.tolist(), strict=True)
    return ["".join(RESIDUES[place] for place in row[:size]) for row, size in pairs]


def by_diffusion(model: Diffusion, batch: Sequence[Case], seed: int) -> list[Filled]:
    """The bound, draws, and the likeliest residues given what is shown."""
    seen, truth = shown(batch)
    with torch.inference_mode():
        likeliest = (model.predict(seen)[0].argmax(2) == truth).numpy()
    draws = [refilled(model, batch, 100 * seed + number) for number in range(DRAWS)]
    found = []
    for row, (case, nats) in enumerate(zip(batch, bound(model, batch, seed), strict=True)):
        kept = all(compile_motif(case.motif).matches(draw[row]) for draw in draws)
        if not kept:
            raise AssertionError(f"a draw of {case.motif} broke it")
        right = [[a == b for a, b in zip(draw[row], case.text, strict=True)] for draw in draws]
        hidden = slice(case.begin, case.end)
        found.append(Filled(float(nats), np.mean(right, axis=0)[hidden], likeliest[row, hidden]))
    return found


def summary(name: str, batch: Sequence[Case], filled: Sequence[Filled]) -> dict[str, Any]:
    """Means over all hidden residues; the standard error is one of spans, of which a peptide has several."""
    residues = sum(case.end - case.begin for case in batch)
    row: dict[str, Any] = {"model": name, "nats": round(sum(one.nats for one in filled) / residues, 3)}
    for key in ("drawn", "likeliest"):
        each = [getattr(one, key) for one in filled]
        means = np.array([one.mean() for one in each])
        row[key] = round(float(np.concatenate(each).mean()), 4)
        row[f"{key}_error"] = round(float(means.std(ddof=1) / len(means) ** 0.5), 4)
    return row


def fitted(part: str) -> tuple[dict[int, Ngram], np.ndarray]:
    """n-grams of a training part, and the shares (20,) of its residues."""
    grammar = PROTEIN.grammar(PROTEIN.settings())
    encoded = encode_training_set(part, None, grammar, Serial(), PROTEIN.name)
    data = encoded.sequences
    grams = {n: Ngram.fit(data, grammar, NgramRecipe(n=n), modality=PROTEIN.name) for n in GRAMS}
    counts = np.bincount(data.flat, minlength=len(RESIDUES) + 1)[1:]
    return grams, counts / counts.sum()


def measured(split: str, prior: Path) -> list[dict[str, Any]]:
    """All models on one split."""
    training, test = SPLITS[split]
    grams, shares = fitted(training)
    model: Any = load_generator(prior, "cpu").module.eval()
    texts, rows = read_rows(test)[1], []
    for title, span in SPANS.items():
        batch = [case for seed in range(SEEDS) for case in cases(texts, span, seed)]
        even = np.full(len(RESIDUES), 1 / len(RESIDUES))
        models = {"uniform": [by_frequencies(case, even) for case in batch]}
        models["frequencies"] = [by_frequencies(case, shares) for case in batch]
        for n, gram in grams.items():
            models[f"{n}-gram"] = [by_marginals(case, *conditional(gram, case)) for case in batch]
        models["diffusion"] = by_diffusion(model, batch, 0)
        residues = sum(case.end - case.begin for case in batch)
        head = {"split": split, "span": title, "spans": len(batch), "residues": residues}
        rows += [head | summary(name, batch, filled) for name, filled in models.items()]
    return rows


def main(cluster_prior: str) -> None:
    """Measures and writes benchmarks/results/inpainting.json."""
    began = time.monotonic()
    priors = {"lot": resources.find("priors", "amp_diffusion"), "cluster": Path(cluster_prior)}
    rows = [row for split, prior in priors.items() for row in measured(split, prior)]
    for row in rows:
        sys.stdout.write(f"{row}\n")
    settings = {"seeds": SEEDS, "orders": ORDERS, "draws": DRAWS, "shortest": SHORTEST}
    write_result("inpainting", {"rows": rows, "settings": settings}, (time.monotonic() - began) / 60)


if __name__ == "__main__":
    main(sys.argv[1])
