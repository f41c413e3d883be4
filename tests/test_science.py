"""Both modalities answer to what the pipeline asks, by modules and functions of the same names."""

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molgen import candidates
from molgen.profile import Profile
from molgen.resources import data_folder
from molgen.science import MODALITIES, Science, columns, science, sections

PACKAGE = Path(candidates.__file__).parent
SHARED = {"codec", "columns", "distance", "grammar", "properties", "rules", "science", "sections", "synthesis"}
TEXTS = {"molecule": ["CCO", "c1ccccc1O", "no molecule"], "protein": ["KLLKWLLKLL", "ACDEFGHIK", "no sequence 7!"]}


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_modality_has_the_modules_of_the_same_names(modality: str) -> None:
    assert SHARED <= {path.stem for path in (PACKAGE / modality).glob("*.py")}


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_science_has_everything_that_the_pipeline_asks_for(modality: str) -> None:
    wanted = {name for name in (*vars(Science), *inspect.get_annotations(Science)) if not name.startswith("_")}
    assert {name for name in wanted if not hasattr(science(modality), name)} == set()


@pytest.mark.parametrize("modality", MODALITIES)
def test_each_score_has_its_column_with_the_same_unit(modality: str) -> None:
    scores = {score.name: score.unit for score in science(modality).SCORES}
    assert scores == {column.name: column.unit for column in columns(modality).SCORES}


def test_a_name_that_both_modalities_use_means_the_same() -> None:
    first, second = ({column.name: column for column in columns(name).SCORES} for name in MODALITIES)
    both = first.keys() & second.keys()
    assert both == {"mw"} and all(first[name].unit == second[name].unit for name in both)


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_sources_that_decide_a_table_are_there(modality: str) -> None:
    assert [name for name in science(modality).CODE if not (PACKAGE / name).is_file()] == []


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_bare_profile_gets_the_sections_of_its_modality(modality: str) -> None:
    profile = Profile("bare", modality=modality)
    kinds = sections(modality).SECTIONS
    assert {name: type(getattr(profile, name)) for name in kinds} == kinds


@pytest.mark.parametrize("modality", MODALITIES)
def test_texts_are_read_described_and_compared(modality: str) -> None:
    own, profile = science(modality), Profile("bare", modality=modality)
    judged = own.judge(TEXTS[modality], profile)
    assert [one.parsed is None for one in judged] == [False, False, True] and judged[2].reason
    found = own.described([one.parsed for one in judged[:2]], profile)
    packed = own.packed(found["fingerprint"])
    assert np.allclose(own.similarities(packed[0], packed), [1.0, own.similarities(packed[1], packed)[0]])
    index = own.join_index(TEXTS[modality][:2], [own.index_chunk(TEXTS[modality][:2])], "mine", lambda readable: "")
    rows, similarity = index.nearest(packed)
    assert rows.tolist() == [0, 1] and similarity.tolist() == [1.0, 1.0]
    assert own.known(found["constitution"].tolist(), packed, index).tolist() == [True, True]


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_index_is_the_same_after_its_file(modality: str, tmp_path: Path) -> None:
    own, texts = science(modality), TEXTS[modality][:2]
    index = own.join_index(texts, [own.index_chunk(texts)], "mine", lambda readable: "a note")
    index.save(tmp_path / "mine.npz")
    again = own.load_index(tmp_path / "mine.npz")
    assert list(again.texts) == texts and again.note == "a note" and len(again) == 2


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_missing_fingerprint_is_packed_as_nothing(modality: str) -> None:
    own = science(modality)
    packed = own.packed(pd.Series([None, pd.NA], dtype=object))
    assert len(packed) == 2 and not any(bytes(row).strip(b"\0") for row in packed)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_design_has_a_picture_and_nonsense_a_sentence(modality: str) -> None:
    own = science(modality)
    assert "<" in own.drawing(TEXTS[modality][0]) and "<" not in own.drawing("")


def test_each_shipped_profile_names_its_modality() -> None:
    from molgen.profile import load_profile

    found = {path.stem: load_profile(path).modality for path in (data_folder() / "profiles").glob("*.toml")}
    assert found["oral_drug"] == "molecule" and found["antimicrobial_peptide"] == "protein"
