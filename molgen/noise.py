"""Noise over classes: how designs dissolve, the exact way back, and the bound of the likelihood that it gives.

Every kernel here mixes a design with one fixed distribution, its `limit` (D3PM, Austin et al. 2021, arXiv:2107.03006):

    Q_t = alpha_t I + (1 - alpha_t) 1 limit^T      q(x_t | x_0) = x_0 Q_t      Q_{t|s} likewise with alpha_t / alpha_s

The limits: one more class that stands for 'hidden' (absorbing; MDLM, Sahoo et al. 2024, arXiv:2406.07524), the class
frequencies of the data (marginal; DiGress, Vignac et al. 2023, arXiv:2209.14734), or all classes alike (uniform).
Time runs from 0, the design, to 1, the limit. Letters: K classes of x_t, i class of x_0, j of x_t, k of x_s, s < t.
"""

from __future__ import annotations

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
class Kernel:
    """The noise of one variable. `limit` (K,) is where every class ends: non-negative, sums to one."""

    limit: Tensor

    def noised(self, x_0: Tensor, alpha: Tensor, chance: torch.Generator) -> Tensor:
        """Draws x_t of q(x_t | x_0).

        x_0 int64 of any shape, alpha a tensor of as many axes that broadcasts to it -> int64 like x_0.
        """
        kept = torch.rand(x_0.shape, device=x_0.device, generator=chance) < alpha
        return torch.where(kept, x_0, self.noise(x_0.shape, x_0.device, chance))

    def noise(self, shape: tuple[int, ...], device: torch.device, chance: torch.Generator) -> Tensor:
        """Draws from the limit: x_1, int64 of the given shape."""
        uniform = torch.rand(shape, device=device, generator=chance)
        limit = self.limit.to(device).float()
        cumulative, last = limit.cumsum(0), int(limit.nonzero().max())
        return torch.searchsorted(cumulative, uniform * cumulative[-1], right=True).clamp(max=last)

    def reverse(self, x_t: Tensor, predicted: Tensor, alpha_s: Tensor, alpha_t: Tensor) -> Tensor:
        """p(x_s | x_t) = sum_i q(x_s | x_t, x_0 = i) predicted_i, exact (D3PM, equation 4).

        With a = alpha_t / alpha_s, by Bayes, and the sum over i taken out:

            q(k | j, i) = (a [k=j] + (1-a) limit_j) (alpha_s [k=i] + (1-alpha_s) limit_k) / D_i
            D_i = alpha_t [i=j] + (1-alpha_t) limit_j

        x_t (...), predicted (..., K), alphas broadcasting to x_t -> (..., K). What cannot have led to x_t (D_i = 0)
        counts nothing, whatever is predicted of it.
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
        return found / found.sum(-1, keepdim=True).clamp(min=1e-12)

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


def absorbing(classes: int) -> Kernel:
    """Noise that hides: class `classes`, one more than those of the designs, is the limit."""
    limit = torch.zeros(classes + 1)
    limit[classes] = 1
    return Kernel(limit)


def uniform(classes: int) -> Kernel:
    """Noise that makes all classes alike."""
    return Kernel(torch.full((classes,), 1 / classes))


def marginal(frequencies: Tensor) -> Kernel:
    """Noise that tends to the class frequencies of the data (K,), which need not be normalised."""
    return Kernel(frequencies.float() / frequencies.float().sum())


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
