"""Noise over classes: how designs dissolve, the exact way back, and the bound of the likelihood that it gives.

Every kernel ends in one distribution, its `limit` (D3PM, Austin et al. 2021, arXiv:2107.03006). Most mix with it:

    Q_t = alpha_t I + (1 - alpha_t) 1 limit^T      q(x_t | x_0) = x_0 Q_t      Q_{t|s} likewise with alpha_t / alpha_s

The limits: one more class that stands for 'hidden' (absorbing; MDLM, Sahoo et al. 2024, arXiv:2406.07524), the class
frequencies of the data (marginal; DiGress, Vignac et al. 2023, arXiv:2209.14734), or all classes alike (uniform).
Another kernel turns classes into similar ones first, by powers of one matrix (`Exchange`).
Time runs from 0, the design, to 1, the limit. Letters: K classes of x_t, i class of x_0, j of x_t, k of x_s, s < t.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """When a variable dissolves: alpha_t is 1 before `begin`, 0 after `end`, a straight line between them.

    Variables with different windows make one process; its bound sums over variables as with one window.
    """

    begin: float = 0.0
    end: float = 1.0

    def alpha(self, t: Tensor) -> Tensor:
        """The chance that a variable still has its own class at t; the shape of t."""
        return (1 - (t - self.begin) / (self.end - self.begin)).clamp(0, 1)

    def weight(self, t: Tensor) -> Tensor:
        """-alpha'_t / (1 - alpha_t), the weight of the absorbing bound; 0 outside of the window."""
        inside = (t > self.begin) & (t < self.end)
        return torch.where(inside, 1 / (t - self.begin).clamp(min=1e-6), torch.zeros_like(t))


def distorted(share: Tensor, power: float) -> Tensor:
    """The time after a `share` of the steps: (1 - share)^power (DeFoG, Qin et al. 2025, arXiv:2410.04263).

    Steps are even at power 1; power 2, its polydec, takes smaller ones near the design.
    """
    return (1 - share) ** power


@dataclass(frozen=True)
class Kernel(ABC):
    """The noise of one variable. `limit` (K,) is where every class ends: non-negative, sums to one."""

    limit: Tensor

    @abstractmethod
    def noised(self, x_0: Tensor, alpha: Tensor, chance: torch.Generator) -> Tensor:
        """Draws x_t of q(x_t | x_0).

        x_0 int64 of any shape, alpha a tensor of as many axes that broadcasts to it -> int64 like x_0.
        """

    @abstractmethod
    def reverse(self, x_t: Tensor, predicted: Tensor, alpha_s: Tensor, alpha_t: Tensor) -> Tensor:
        """p(x_s | x_t) = sum_i q(x_s | x_t, x_0 = i) predicted_i, exact (D3PM, equation 4).

        x_t (...), predicted (..., K), alphas broadcasting to x_t -> (..., K). What cannot have led to x_t counts
        nothing, whatever is predicted of it.
        """

    def noise(self, shape: tuple[int, ...], device: torch.device, chance: torch.Generator) -> Tensor:
        """Draws from the limit: x_1, int64 of the given shape."""
        uniform = torch.rand(shape, device=device, generator=chance)
        limit = self.limit.to(device).float()
        cumulative, last = limit.cumsum(0), int(limit.nonzero().max())
        return torch.searchsorted(cumulative, uniform * cumulative[-1], right=True).clamp(max=last)

    def posterior(self, x_t: Tensor, x_0: Tensor, alpha_s: Tensor, alpha_t: Tensor) -> Tensor:
        """q(x_s | x_t, x_0), exact (D3PM, equation 3). x_t, x_0 (...), alphas broadcasting to them -> (..., K)."""
        known = torch.nn.functional.one_hot(x_0, len(self.limit)).to(self.limit.dtype)
        return self.reverse(x_t, known.to(x_t.device), alpha_s, alpha_t)

    def step_nats(self, x_t: Tensor, x_0: Tensor, predicted: Tensor, alpha_s: Tensor, alpha_t: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x_0) || p(x_s | x_t)), one step's term of the bound, nats: the shape of x_t.

        The bound of T steps is the sum of these over the steps, expected over x_t (D3PM, equation 1); where alpha is 0
        at time 1, nothing is added for x_1.
        """
        true = self.posterior(x_t, x_0, alpha_s, alpha_t)
        model = self.reverse(x_t, predicted, alpha_s, alpha_t)
        return (torch.special.xlogy(true, true) - true * model.clamp(min=1e-12).log()).sum(-1)


@dataclass(frozen=True)
class Mixing(Kernel):
    """Noise that replaces a class by one of the limit, or leaves it."""

    def noised(self, x_0: Tensor, alpha: Tensor, chance: torch.Generator) -> Tensor:
        """Kept with the chance alpha, else drawn from the limit."""
        kept = torch.rand(x_0.shape, device=x_0.device, generator=chance) < alpha
        return torch.where(kept, x_0, self.noise(x_0.shape, x_0.device, chance))

    def reverse(self, x_t: Tensor, predicted: Tensor, alpha_s: Tensor, alpha_t: Tensor) -> Tensor:
        """With a = alpha_t / alpha_s, by Bayes, and the sum over i taken out:

        q(k | j, i) = (a [k=j] + (1-a) limit_j) (alpha_s [k=i] + (1-alpha_s) limit_k) / D_i
        D_i = alpha_t [i=j] + (1-alpha_t) limit_j
        """
        limit = self.limit.to(predicted)
        here = torch.nn.functional.one_hot(x_t, len(limit)).to(predicted)
        alpha_s, alpha_t = (a.to(predicted).expand(x_t.shape)[..., None] for a in (alpha_s, alpha_t))
        step = torch.where(alpha_s > 0, alpha_t / alpha_s.clamp(min=1e-12), torch.ones_like(alpha_s))
        at_t = limit[x_t][..., None]
        led = alpha_t * here + (1 - alpha_t) * at_t
        share = torch.where(led > 0, predicted / led.clamp(min=1e-12), torch.zeros_like(led))
        forward = step * here + (1 - step) * at_t
        found = forward * (alpha_s * share + (1 - alpha_s) * limit * share.sum(-1, keepdim=True))
        whole = found.sum(-1, keepdim=True)
        # Before a window nothing has changed yet: x_t stays, even where it is predicted to be impossible.
        return torch.where(whole > 0, found / whole.clamp(min=1e-12), here)


@dataclass(frozen=True)
class Exchange(Kernel):
    """Noise by which classes become similar ones first, and all alike in the end: powers of one matrix.

        Q_t = alpha_t^R = exp(log(alpha_t) R)      R = c (I - M)      Q_{t|s} = (alpha_t / alpha_s)^R

    M (K, K) is symmetric and doubly stochastic; every real power of exp(-R) is too, being a mixture of the powers of M.
    c makes the mean rate of R that of uniform noise, which M = 1 1^T / K is. (EvoDiff, Alamdari et al. 2023, takes
    powers of M itself.) Alphas are one a design: (..., 1) for x_t (..., N), or a single number. Computed in float64:
    rare exchanges of one small step would be lost in rounding.
    """

    rates: Tensor  # (K,) eigenvalues of R, rising from 0
    vectors: Tensor  # (K, K) its eigenvectors, in columns

    def matrix(self, alpha: Tensor) -> Tensor:
        """Q of each alpha: (...) -> (..., K, K), rows x_0, columns x_t; symmetric."""
        rates, vectors = self.rates.to(alpha.device), self.vectors.to(alpha.device)
        return ((vectors * alpha.double()[..., None, None] ** rates) @ vectors.T).clamp(min=0)

    def noised(self, x_0: Tensor, alpha: Tensor, chance: torch.Generator) -> Tensor:
        """Drawn by the row of x_0 in Q_t."""
        cumulative = _rows(self.matrix(_single(alpha)), x_0).cumsum(-1)
        uniform = torch.rand(x_0.shape, device=x_0.device, generator=chance)[..., None] * cumulative[..., -1:]
        return (uniform >= cumulative[..., :-1]).sum(-1)

    def reverse(self, x_t: Tensor, predicted: Tensor, alpha_s: Tensor, alpha_t: Tensor) -> Tensor:
        """The exact mixture of posteriors, with the matrices of Q_{t|s}, Q_s and Q_t."""
        alpha_s, alpha_t = _single(alpha_s).double(), _single(alpha_t).double()
        step = torch.where(alpha_s > 0, alpha_t / alpha_s.clamp(min=1e-12), 1.0)
        forward, led = (_rows(self.matrix(alpha), x_t) for alpha in (step, alpha_t))  # columns: Q is symmetric
        return mixture(predicted.double(), forward, self.matrix(alpha_s), led).to(predicted.dtype)


def mixture(predicted: Tensor, forward: Tensor, before: Tensor, led: Tensor) -> Tensor:
    """p(x_s = k | x_t = j) = sum_i predicted_i Q_{t|s}[k, j] Q_s[i, k] / Q_t[i, j], which sums to one by itself.

    Without the division by Q_t[i, j], as D3PM (equation 4) parameterises it, this would not be the mixture of the
    posteriors q(x_s | x_t, x_0 = i). What cannot have led to x_t (Q_t[i, j] = 0) counts nothing.
    predicted (..., N, K) over i, forward (..., N, K) over k, before (..., K, K) Q_s, led (..., N, K) over i
    -> (..., N, K) over k.
    """
    share = torch.where(led > 0, predicted / led.clamp(min=1e-30), 0.0)
    found = forward * (share @ before)
    return found / found.sum(-1, keepdim=True).clamp(min=1e-30)


def _single(alpha: Tensor) -> Tensor:
    """(..., 1) -> (...): one alpha for all variables of a design."""
    return alpha[..., 0] if alpha.dim() else alpha


def _rows(matrices: Tensor, classes: Tensor) -> Tensor:
    """matrices (..., K, K), classes (..., N) -> their rows (..., N, K)."""
    return torch.take_along_dim(matrices, classes[..., None], dim=-2)


def absorbing(classes: int) -> Kernel:
    """Noise that hides: class `classes`, one more than those of the designs, is the limit."""
    limit = torch.zeros(classes + 1)
    limit[classes] = 1
    return Mixing(limit)


def uniform(classes: int) -> Kernel:
    """Noise that makes all classes alike."""
    return Mixing(torch.full((classes,), 1 / classes))


def marginal(frequencies: Tensor) -> Kernel:
    """Noise that tends to the class frequencies of the data (K,), which need not be normalised."""
    return Mixing(frequencies.float() / frequencies.float().sum())


def exchange(scores: Tensor) -> Exchange:
    """Noise by the scores of exchange between classes (K, K), symmetric, such as BLOSUM62 in its own units.

    M is their softmax by row, made doubly stochastic (as EvoDiff has it, Alamdari et al. 2023).

    Raises:
        ValueError: scores that are not symmetric.
    """
    if not torch.equal(scores, scores.T):
        raise ValueError("scores of exchange must be symmetric: as likely there as back")
    balanced = doubly_stochastic(scores.double().softmax(1))
    classes = len(balanced)
    leaving = torch.eye(classes, dtype=torch.float64) - (balanced + balanced.T) / 2
    rates, vectors = torch.linalg.eigh(leaving * ((classes - 1) / leaving.trace()))
    rates[0] = 0  # but for rounding; 0^rate must be 1 there
    return Exchange(torch.full((classes,), 1 / classes), rates, vectors)


def doubly_stochastic(matrix: Tensor, rounds: int = 500) -> Tensor:
    """Rows and columns scaled in turn until both sum to one (Sinkhorn and Knopp 1967). (K, K), positive entries."""
    for _ in range(rounds):
        matrix = matrix / matrix.sum(0)
        matrix = matrix / matrix.sum(1, keepdim=True)
    return matrix


def hidden_at_random(mask: Tensor, count: Tensor, chance: torch.Generator) -> Tensor:
    """(B, L) bool: `count` (B,) positions of each design to hide, out of those in `mask` (B, L)."""
    rank = torch.rand(mask.shape, device=mask.device, generator=chance).masked_fill(~mask, 2.0).argsort(1).argsort(1)
    return rank < count[:, None]


def counted_nats(nats: Tensor, hidden: Tensor, sizes: Tensor) -> Tensor:
    """The absorbing kernel's bound where so many of D positions are hidden as a draw of 1 to D says (B,).

        -log p(x) <= E_m [(D / m) sum of the nats of the m hidden],  m uniform on 1..D

    the order-agnostic form (Hoogeboom et al. 2022, arXiv:2110.02037). It is the bound of `hidden_nats`: there m is
    binomial in t, and the weight 1/t integrates to 1/m for each m. Here no draw hides nothing, so it varies less.
    nats (B, L) as in `hidden_nats`, hidden (B, L) bool, sizes (B,) D.
    """
    return torch.where(hidden, nats, 0.0).sum(dim=1) * (sizes / hidden.sum(dim=1).clamp(min=1))


def hidden_nats(nats: Tensor, hidden: Tensor, weight: Tensor) -> Tensor:
    """The absorbing kernel's bound in continuous time (MDLM, equation 10), at one time t for every design.

    nats (B, N): -log of the probability predicted for the true class of every variable; hidden (B, N) bool: those that
    are hidden at t; weight (B, N): `Window.weight`. -> (B,): for t uniform in [0, 1] its mean is the bound.
    """
    return torch.where(hidden, nats * weight, torch.zeros_like(nats)).sum(dim=1)


def spread_times(rows: int, chance: torch.Generator, device: torch.device) -> Tensor:
    """(rows,) times in (0, 1), each uniform, together spread evenly, in random order: their mean varies little."""
    start = torch.rand(1, device=device, generator=chance)
    order = torch.randperm(rows, device=device, generator=chance)
    return ((start + order / rows) % 1).clamp(1e-5, 1 - 1e-5)
