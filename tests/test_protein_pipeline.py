"""The straight line for sequences: read, judged, compared, ranked and written, with nothing lost and the motif kept."""

from pathlib import Path

import pandas as pd
import pytest

from molgen import candidates
from molgen.errors import MolgenError
from molgen.executor import Serial
from molgen.families.autoregressive import AutoregressiveRecipe
from molgen.generator import NeuralGenerator
from molgen.pipeline import design, screen
from molgen.planning import check
from molgen.protein.grammar import ProteinGrammar
from molgen.recipes import build, settings_of
from molgen.runs import Run
from molgen.settings import DesignSettings, ScreenSettings

MAGAININ = "GIGKFLHSAKKFGKAFVGEIMNS"
MELITTIN = "GIGAVLKVLTTGLPALISWIKRKRQQ"
PEXIGANAN = "GIGKFLKKAKKFGKAFVKILKK"
FASTA = f""">magainin 2 from Xenopus
{MAGAININ[:10]}
{MAGAININ[10:].lower()}
>melittin
{MELITTIN}*
>with an unknown residue
KLLXKLL
>empty
>pexiganan
{PEXIGANAN}
>pexiganan again
{PEXIGANAN}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOLGEN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.fasta"
    path.write_text(FASTA)
    return path


@pytest.fixture
def prior(tmp_path: Path) -> Path:
    """Untrained: every sequence of the grammar may come."""
    recipe = AutoregressiveRecipe(width=8, depth=1, inputs=8)
    grammar = ProteinGrammar.of({"longest": 20, "shortest": 5})
    card = {"modality": "protein", "recipe": settings_of(recipe), "grammar": grammar.settings()}
    path = tmp_path / "tiny.safetensors"
    NeuralGenerator(build(recipe, grammar), card).save(path)
    return path


def screened(library: Path, out: Path, **changes: object) -> Run:
    return screen(ScreenSettings(library, modality="protein", out=out, **changes), Serial())


def test_every_record_of_a_fasta_file_is_in_the_table_with_its_verdict(library: Path, tmp_path: Path) -> None:
    table = screened(library, tmp_path / "run").candidates.set_index("id")
    assert table["design"].dropna().to_dict() == {
        "magainin": MAGAININ, "melittin": MELITTIN, "pexiganan": PEXIGANAN, table.index[-1]: PEXIGANAN,
    }  # fmt: skip
    assert table.loc["with", "rejected_by"] == "invalid" and "X at position 4" in table.loc["with", "reason"]
    assert table.loc["empty", "rejected_by"] == "invalid"
    assert table["rejected_by"].iloc[-1] == "duplicate" and table.loc["pexiganan", "times_drawn"] == 2
    assert "stop" in table.loc["melittin", "note"]


def test_the_run_folder_holds_fasta_and_order_sheet(library: Path, tmp_path: Path) -> None:
    run = screened(library, tmp_path / "run")
    selected = run.selected
    lines = (run.folder / "selected.fasta").read_text().splitlines()
    assert [line.split()[0][1:] for line in lines if line.startswith(">")] == selected["id"].tolist()
    assert [line for line in lines if line[0] != ">"] == selected["design"].tolist()  # all shorter than a line
    sheet = pd.read_csv(run.folder / "order.csv")
    assert sheet["sequence"].tolist() == selected["design"].tolist()
    charge = sheet.set_index("name").loc["pexiganan", "net_charge_ph7.4"]
    assert charge == pytest.approx(8.53, abs=0.01)  # 9 K, and the ends with +0.56 and -1
    assert not (run.folder / "selected.sdf").exists()


def test_the_table_comes_back_from_csv_as_it_was(library: Path, tmp_path: Path) -> None:
    run = screened(library, tmp_path / "run")
    again = candidates.read_csv(run.folder / "candidates.csv")
    texts = {name: "" for name in again.columns if again[name].dtype == "str" and name != "design"}
    pd.testing.assert_frame_equal(again, run.candidates.fillna(texts))


def test_what_a_set_holds_is_known_and_the_nearest_is_named(library: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.fasta"
    known.write_text(f">a\n{MAGAININ}\n>b\n{PEXIGANAN[:-1]}R\n")
    run = screened(library, tmp_path / "run", training=str(known), reference=str(known))
    table = run.candidates.set_index("id")
    assert table.loc["magainin", "rejected_by"] == "known" and table.loc["magainin", "in_training"]
    assert table.loc["pexiganan", "nearest_reference"] == f"{PEXIGANAN[:-1]}R"
    assert table.loc["pexiganan", "nearest_similarity"] == pytest.approx(1 - 1 / 22)  # one letter of 22


def test_draws_under_a_motif_keep_it_and_the_table_says_so(prior: Path, tmp_path: Path) -> None:
    motif = "[2-6]C[3-5]C[2-6]"
    told = DesignSettings(
        modality="protein", prior=str(prior), samples=120, motif=motif, reference="none", out=tmp_path / "run"
    )
    table = design(told, Serial()).candidates
    assert len(table) == 120 and table["constraint_ok"].all()
    found = table["design"].str.fullmatch(r"[A-Z]{2,6}C[A-Z]{3,5}C[A-Z]{2,6}")
    assert found.all() and "motif" not in set(table["rejected_by"])


def test_without_a_motif_the_table_claims_nothing(prior: Path, tmp_path: Path) -> None:
    told = DesignSettings(modality="protein", prior=str(prior), samples=10, reference="none", out=tmp_path / "run")
    assert design(told, Serial()).candidates["constraint_ok"].isna().all()


def test_the_same_seed_gives_the_same_bytes(prior: Path, tmp_path: Path) -> None:
    told = {"modality": "protein", "prior": str(prior), "samples": 60, "reference": "none"}
    one, two = (design(DesignSettings(**told, out=tmp_path / name), Serial()).folder for name in "ab")
    for name in ("candidates.parquet", "ranked.csv", "selected.fasta", "order.csv", "funnel.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_design_can_be_ranked_anew(library: Path, tmp_path: Path) -> None:
    run = screened(library, tmp_path / "run")
    again = run.rerank({"instability": 0.0})
    assert set(again["design"]) == set(run.ranked["design"]) and again["selected"].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "oral_drug"}, "the profile 'oral_drug' is for molecules"),
        ({"modality": "", "profile": "oral_drug", "motif": "XCX"}, "molecules have no motifs"),
        ({"motif": "X[5-2]C"}, "5-2"),
        ({"modality": "molecule"}, "the prior draws sequences, and the profile 'oral_drug' is for molecules"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(
    prior: Path, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    told = {"modality": "protein", "prior": str(prior), "samples": 10, "out": tmp_path / "run", "reference": "none"}
    with pytest.raises(MolgenError, match=message):
        check(DesignSettings(**told | changes))
    assert not (tmp_path / "run").exists()


def test_the_report_shows_sequences_with_their_wheel(library: Path, tmp_path: Path) -> None:
    page = screened(library, tmp_path / "run").report.read_text()
    assert "Selected sequences" in page and "<polyline" in page and "molecule" not in page.split("Settings and prov")[0]


def test_a_prior_of_ones_own_is_trained_first_and_kept_for_its_run(library: Path, tmp_path: Path) -> None:
    told = {"modality": "protein", "train": str(library), "samples": 20, "reference": "none", "out": tmp_path / "run"}
    run = design(DesignSettings(**told, train_steps=1), Serial())
    before = (run.folder / "ranked.csv").read_bytes()
    with pytest.raises(MolgenError, match="finished run with other settings"):
        design(DesignSettings(**told, train_steps=2), Serial())
    again = design(DesignSettings(**told, train_steps=1), Serial())
    assert (again.folder / "ranked.csv").read_bytes() == before
    assert len(list(tmp_path.glob("run.prior-*.safetensors"))) == 2
    assert run.manifest["settings"]["train"] == str(library) and "--train-steps 1" in run.manifest["command_line"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"motif": "XX#"}, "#"),
        ({"reference": "nowhere.fasta"}, "nowhere.fasta is neither a file nor a data set"),
        ({"generator": "flow"}, "needs the VAE"),
    ],
)
def test_nothing_is_trained_for_a_command_that_cannot_end_well(
    library: Path, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    told = {"modality": "protein", "train": str(library), "samples": 5, "reference": "none", "out": tmp_path / "run"}
    with pytest.raises(MolgenError, match=message):
        design(DesignSettings(**told | changes), Serial())
    assert list(tmp_path.glob("run*")) == []
