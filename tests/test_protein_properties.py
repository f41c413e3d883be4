"""Properties of sequences, against sums done by hand, Biopython, and the documented values of other packages."""

import math

import numpy as np
import pytest
from Bio.SeqUtils.ProtParam import ProteinAnalysis

from molgen.protein import columns, properties
from molgen.protein.alphabet import RESIDUES
from molgen.scoring import score_chunk

EISENBERG = {  # Eisenberg 1984, table 1
    "A": 0.62, "R": -2.53, "N": -0.78, "D": -0.90, "C": 0.29, "Q": -0.85, "E": -0.74, "G": 0.48, "H": -0.40,
    "I": 1.38, "L": 1.06, "K": -1.50, "M": 0.64, "F": 1.19, "P": 0.12, "S": -0.18, "T": -0.05, "W": 0.81,
    "Y": 0.26, "V": 1.08,
}  # fmt: skip
FROG = "FLPVLAGLTPSIVPKLVCLLTKKC"  # brevinin-like peptide of the documentation of the package `peptides`
MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"


def score(name: str, sequence: str) -> float:
    found = {item.name: item for item in properties.SCORES}[name]([sequence])
    assert found.status == ("",)
    return found.values[0]


def random_sequences(count: int, longest: int = 80) -> list[str]:
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list(RESIDUES), size=rng.integers(2, longest))) for _ in range(count)]


def test_glycylglycine_weighs_what_its_formula_says() -> None:
    assert score("mw", "GG") == pytest.approx(4 * 12.011 + 8 * 1.008 + 2 * 14.007 + 3 * 15.999, abs=2e-3)


@pytest.mark.parametrize(
    ("name", "sequence", "value"),
    [
        ("length", MAGAININ, 23),
        ("gravy", "AR", (1.8 - 4.5) / 2),
        ("aromaticity", "FWYA", 3 / 4),
        ("extinction", "WYYCC", 5500 + 2 * 1490),  # a disulfide would add 125
        ("instability", "AA", 10 / 2 * 1.0),  # the table has 1.0 for AA
        ("aliphatic_index", "AVIL", 100 * (1 + 2.9 + 3.9 + 3.9) / 4),
        ("boman", "RL", (14.92 - 4.92) / 2),
        ("boman", "PP", 0),
        ("entropy", "A" * 30, 0),
        ("entropy", "AC" * 10, 1),
        ("entropy", "ACDEFGHIKLMN", math.log2(12)),
        ("entropy", "ACDE", 2),  # one window of four different residues
        ("entropy", "ACDEFGHIKLMN" + "W" * 12, 0),  # the last window alone is a run
    ],
)
def test_values_that_can_be_worked_out_by_hand(name: str, sequence: str, value: float) -> None:
    assert score(name, sequence) == pytest.approx(value, abs=1e-9)


def test_the_charge_is_the_sum_over_all_groups() -> None:
    base, acid = lambda pk: 1 / (1 + 10 ** (7.4 - pk)), lambda pk: -1 / (1 + 10 ** (pk - 7.4))  # noqa: E731
    assert score("net_charge", "G") == pytest.approx(base(7.5) + acid(3.55))
    assert score("net_charge", "AKRHG") == pytest.approx(base(7.59) + base(10) + base(12) + base(5.98) + acid(3.55))
    assert score("net_charge", "MCYDE") == pytest.approx(
        base(7.0) + acid(9) + acid(10) + acid(4.05) + acid(4.45) + acid(4.75)  # an E at the end shifts the end's pKa
    )


def test_magainin_has_four_lysines_against_a_glutamate_and_an_acid_end() -> None:
    expected = 4 - 1 - 1 + 1 / (1 + 10**-0.1) + 1 / (1 + 10 ** (7.4 - 5.98))  # K4, E, both ends, H
    assert score("net_charge", MAGAININ) == pytest.approx(expected, abs=0.02)  # its natural amide has one more


def test_the_isoelectric_point_of_glycine_lies_between_its_two_ends() -> None:
    assert score("pi", "G") == pytest.approx((3.55 + 7.5) / 2, abs=1e-3)


@pytest.mark.parametrize("sequence", ["D" * 20, "E" * 5, "K" * 30, "R" * 50, MAGAININ])
def test_at_the_isoelectric_point_there_is_no_charge(sequence: str) -> None:
    assert properties.net_charge(sequence, score("pi", sequence)) == pytest.approx(0, abs=2e-3)


def test_very_acid_and_very_basic_peptides_are_told_apart() -> None:
    """Biopython's own search ends at 4.05 and 12."""
    assert score("pi", "D" * 20) < score("pi", "D" * 5) < 4.05
    assert 12 < score("pi", "R" * 5) < score("pi", "R" * 20)


def test_the_isoelectric_point_is_biopythons_wherever_its_search_reaches() -> None:
    for sequence in random_sequences(40):
        theirs = ProteinAnalysis(sequence).isoelectric_point()
        if 4.1 < theirs < 11.9:
            assert score("pi", sequence) == pytest.approx(theirs, abs=2e-4)


def test_the_other_values_are_biopythons() -> None:
    for sequence in random_sequences(20):
        theirs = ProteinAnalysis(sequence)
        assert score("net_charge", sequence) == pytest.approx(theirs.charge_at_pH(7.4))
        assert score("mw", sequence) == pytest.approx(theirs.molecular_weight())
        assert score("gravy", sequence) == pytest.approx(theirs.gravy())
        assert score("instability", sequence) == pytest.approx(theirs.instability_index())
        assert score("aromaticity", sequence) == pytest.approx(theirs.aromaticity())
        assert score("extinction", sequence) == theirs.molar_extinction_coefficient()[0]


def test_the_boman_index_is_that_of_the_documentation_of_two_packages() -> None:
    assert score("boman", "GLFDIVKKVVGALGSL") == pytest.approx(-1.011875)  # modlamp 4.3.3
    assert score("boman", FROG) == pytest.approx(-1.2358, abs=1e-4)  # peptides 0.5.0


def test_the_moments_are_those_of_the_documentation_of_peptides() -> None:
    assert score("helix_moment", FROG) == pytest.approx(0.519922, abs=1e-6)
    assert score("strand_moment", FROG) == pytest.approx(0.270590, abs=1e-6)


def test_the_moment_of_two_residues_is_a_sum_of_two_vectors() -> None:
    assert score("helix_moment", "L") == pytest.approx(1.06)
    assert score("helix_moment", "LL") == pytest.approx(1.06 * math.cos(math.radians(50)))
    assert score("strand_moment", "LL") == pytest.approx(1.06 * math.cos(math.radians(80)))


def test_five_turns_of_one_residue_have_no_moment() -> None:
    assert properties.hydrophobic_moment("L" * 18, 100, window=18) == pytest.approx(0, abs=1e-12)


def test_the_moment_is_the_greatest_of_all_windows() -> None:
    for sequence in random_sequences(10):
        width = min(11, len(sequence))
        by_hand = max(
            math.hypot(
                sum(EISENBERG[letter] * math.cos(math.radians(160 * n)) for n, letter in enumerate(part)),
                sum(EISENBERG[letter] * math.sin(math.radians(160 * n)) for n, letter in enumerate(part)),
            )
            / width
            for part in (sequence[start : start + width] for start in range(len(sequence) - width + 1))
        )
        assert score("strand_moment", sequence) == pytest.approx(by_hand)


def test_an_amphipathic_helix_has_its_moment_as_a_helix_and_a_strand_as_a_strand() -> None:
    helix, strand = "LKKLLKLLKKLLKL", "LKLKLKLKLKLKLK"
    assert score("helix_moment", helix) > 0.6 > 0.4 > score("strand_moment", helix)
    assert score("strand_moment", strand) > 0.6 > 0.4 > score("helix_moment", strand)


def test_a_single_residue_has_no_instability_but_a_status() -> None:
    table = score_chunk(properties.SCORES, ["A"])
    assert table["instability"].isna().all()
    assert table["score_status"].tolist() == ["instability: failed: one residue has no dipeptide"]


def test_what_is_no_sequence_has_no_numbers() -> None:
    table = score_chunk([properties.BOMAN, properties.HELIX_MOMENT, properties.ENTROPY], ["AXA", "ACD"])
    assert table.loc[0, ["boman", "helix_moment", "entropy"]].isna().all()
    assert table["score_status"].tolist()[1] == "" != table["score_status"].tolist()[0]


def test_scores_have_names_of_their_own_and_the_units_of_their_columns() -> None:
    units = {column.name: column.unit for column in columns.SCORES}
    assert len({item.name for item in properties.SCORES}) == len(properties.SCORES)
    assert all(item.unit and units[item.name] == item.unit for item in properties.SCORES)
