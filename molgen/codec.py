"""What every codec gives: the only door between designs as text and as tensors. Plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from molgen.batch import Fields


@dataclass(frozen=True)
class Encoded:
    """What became of one text: its tokens, or the reason why it has none; and whether stereochemistry was dropped."""

    tokens: tuple[int, ...] | None
    reason: str = ""
    stereo_dropped: bool = False


class Codec(Protocol):
    """The only door between text and tensors."""

    def encode(self, texts: Iterable[str]) -> list[Encoded]:
        """Tokens of every text, or the reason why it has none."""
        ...

    def decode(self, tokens: Iterable[Sequence[int]]) -> list[str]:
        """The text of every token sequence, as drawn."""
        ...

    def texts(self, fields: Fields, n: int) -> list[str]:
        """The text of the first `n` designs of drawn fields, as drawn: nothing is repaired."""
        ...
