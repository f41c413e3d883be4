"""Scores and rules on plain numbers: no chemistry is needed to hold the contract."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from molgen.scoring import Property, Values, apply_rules, flag_chunk, score_chunk

HALF = Property("half", "1", "higher", lambda number: number / 2)
INVERSE = Property("inverse", "1", "lower", lambda number: 1 / number)


@dataclass
class Above:
    """Rejects numbers above a limit, and remembers what it was shown."""

    limit: float
    name: str
    seen: list[float] = field(default_factory=list)

    def __call__(self, chunk: Sequence[float]) -> list[str | None]:
        self.seen.extend(chunk)
        return [f"{number} above {self.limit}" if number > self.limit else None for number in chunk]


def test_a_chunk_gets_one_column_for_each_score() -> None:
    table = score_chunk([HALF, INVERSE], [1, 2, 4])
    assert list(table.columns) == ["half", "inverse", "score_status"]
    assert table["half"].tolist() == [0.5, 1.0, 2.0]
    assert table["inverse"].tolist() == [1.0, 0.5, 0.25]
    assert table["score_status"].tolist() == ["", "", ""]


def test_a_failure_is_nan_with_a_status_and_the_others_go_on() -> None:
    table = score_chunk([HALF, INVERSE], [0, 2])
    assert np.isnan(table["inverse"][0]) and table["inverse"][1] == 0.5
    assert table["half"].tolist() == [0.0, 1.0]
    assert table["score_status"].tolist() == ["inverse: failed: division by zero", ""]


def test_an_infinite_value_is_not_a_number_either() -> None:
    found = Property("far", "1", "none", float)(["inf", "1"])
    assert np.isnan(found.values[0]) and found.values[1] == 1.0
    assert found.status == ("not finite: inf", "")


def test_a_programming_error_is_not_swallowed() -> None:
    with pytest.raises(TypeError):
        HALF(["text"])


def test_an_empty_chunk_gives_an_empty_table_with_its_columns() -> None:
    table = score_chunk([HALF], [])
    assert len(table) == 0 and list(table.columns) == ["half", "score_status"]


def test_values_and_statuses_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values but 1 statuses"):
        Values(np.zeros(2), ("",))


def test_the_first_rule_that_rejects_is_named_and_later_rules_are_spared() -> None:
    cheap, dear = Above(5, "cheap"), Above(3, "dear")
    found = apply_rules([cheap, dear], [1, 4, 6])
    assert found.rejected_by == ("", "dear", "cheap")
    assert found.reason == ("", "4 above 3", "6 above 5")
    assert dear.seen == [1, 4]


def test_in_mode_all_every_rule_gives_its_reason() -> None:
    found = apply_rules([Above(5, "cheap"), Above(3, "dear")], [6], mode="all")
    assert found.rejected_by == ("cheap",)
    assert found.reason == ("6 above 5; 6 above 3",)


def test_flags_join_the_reasons_and_reject_nothing() -> None:
    assert flag_chunk([Above(5, "a"), Above(3, "b")], [1, 4, 6]) == ["", "4 above 3", "6 above 5; 6 above 3"]
    assert flag_chunk([], [1, 2]) == ["", ""]


def test_a_rule_that_loses_a_design_is_found_out() -> None:
    class Loser:
        name = "loser"

        def __call__(self, chunk: Sequence[float]) -> list[str | None]:
            return [None] * (len(chunk) - 1)

    with pytest.raises(ValueError):
        apply_rules([Loser()], [1, 2])
