"""Is a generator of proteins any good? Distribution, memorisation and, for one family, couplings: all of them together.

Each figure alone can be had cheaply: n-grams win on k-mers, copies on everything but novelty, a profile on HMM bits.
"""

from molgen.protein.evaluation.controls import independent, mutated, shuffled, uniform
from molgen.protein.evaluation.family import FamilyGate, family_gate
from molgen.protein.evaluation.figures import Evaluation, Figure, evaluate
from molgen.protein.evaluation.gate import BOUNDS, Check, Gate, joint_gate, judge, perplexity

__all__ = [
    "BOUNDS", "Check", "Evaluation", "FamilyGate", "Figure", "Gate", "evaluate", "family_gate", "independent",
    "joint_gate", "judge", "mutated", "perplexity", "shuffled", "uniform",
]  # fmt: skip
