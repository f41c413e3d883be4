"""The funnel's reasons: which of them are told apart, and which are added up."""

import pandas as pd
import pytest

from molgen.funnel import count_funnel
from molgen.molecule.science import WHOLE_REASONS


def reasons(*texts: str) -> dict[str, int]:
    """The reasons that the funnel gives for what one rule rejected."""
    rows = len(texts)
    table = pd.DataFrame({"rejected_by": ["x"] * rows, "reason": texts, "rank": [None] * rows, "selected": False})
    stages = count_funnel(table, ["x"], source="read", compared=False, whole_reasons=WHOLE_REASONS)
    return next(dict(stage.reasons) for stage in stages if stage.name == "x")


@pytest.mark.parametrize(
    "reason",
    ["PAINS: azo_A(324)", "CHEMBL_Dundee: thiol", "CHEMBL_SureChEMBL: azo", "reactive: enol", "acid: tetrazole"],
)
def test_a_catalog_keeps_the_entry_that_hit(reason: str) -> None:
    assert reasons(reason, reason) == {reason: 2}


def test_other_reasons_are_added_up_by_their_word_and_windows_without_their_numbers() -> None:
    assert reasons("metal: Pt; give the parent", "metal: Cu; give the parent") == {"metal": 2}
    assert reasons("mw 129.2 below 150", "mw 137.1 below 150", "mw 612 above 500") == {"mw below": 2, "mw above": 1}
