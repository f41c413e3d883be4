"""The straight line on a small scale: same seed, same bytes; nothing lost; only what changes is computed anew."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fake_generator import KNOWN, FakeGenerator, write_training_set

import molgen
from molgen import candidates as tables
from molgen import comparing, drawing, pipeline, planning, screening
from molgen.errors import MolgenError, OutputError
from molgen.executor import Processes, Serial
from molgen.funnel import as_dict
from molgen.generating import judge_table
from molgen.line import command_line
from molgen.pipeline import design, generate, screen
from molgen.runs import RESULTS, Run
from molgen.settings import DesignSettings, GenerateSettings, ScreenSettings
from molgen.store import DONE

SAME = ("candidates.parquet", "candidates.csv", "ranked.csv", "selected.sdf", "rejected_inputs.csv", "funnel.json")


@pytest.fixture(scope="module", autouse=True)
def small_chunks(tmp_path_factory: pytest.TempPathFactory):  # noqa: ANN201
    """Units of 100 draws and 50 texts, and a cache of our own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOLGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(drawing, "CHUNK", 100)
        patch.setattr(screening.tasks, "__defaults__", (50,))
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("line")
    (folder / "prior.safetensors").write_bytes(b"weights")
    write_training_set(folder)
    return folder


def settings(place: Path, name: str, **changes: object) -> DesignSettings:
    base = DesignSettings(prior=str(place / "prior.safetensors"), samples=250, out=place / name)
    return replace(base, **changes)


def loading(place: Path, log: Path | None = None):  # noqa: ANN201
    return lambda path, device: FakeGenerator(place / "training.csv", log)


@pytest.fixture(scope="module")
def run(place: Path) -> Run:
    return design(settings(place, "base"), Serial(), load=loading(place))


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in SAME}


def test_a_run_folder_holds_what_the_readme_says(run: Run) -> None:
    assert all((run.folder / name).stat().st_size for name in (*RESULTS, "run.json", "profile.toml"))
    assert len(run.candidates) == 250
    assert run.ranked["rank"].tolist() == list(range(1, len(run.ranked) + 1))
    assert 0 < len(run.selected) <= len(run.ranked) < 250


def test_the_funnel_adds_up_and_agrees_with_the_rows(run: Run) -> None:
    counts = [stage.count for stage in run.funnel]
    assert counts == sorted(counts, reverse=True)
    for before, stage in zip(run.funnel, run.funnel[1:], strict=False):
        assert before.count - stage.removed == stage.count
    rejected = Counter(run.candidates["rejected_by"])
    by_name = {stage.name: stage for stage in run.funnel}
    assert by_name["valid"].removed == rejected["invalid"] == run.candidates["design"].isna().sum() > 0
    assert by_name["unique"].removed == rejected["duplicate"] > 0
    assert by_name["novel"].removed == rejected["known"] == len(KNOWN)
    assert by_name["ranked"].count == rejected[""] == len(run.ranked)
    assert as_dict(run.funnel) == json.loads((run.folder / "funnel.json").read_text())


def test_the_known_molecules_are_found_though_spelled_otherwise(run: Run) -> None:
    known = run.candidates[run.candidates["rejected_by"] == "known"]
    assert set(known["as_drawn"]) == set(KNOWN)
    assert known["in_training"].all()
    assert run.ranked["nearest_similarity"].between(0, 1).all()
    assert run.ranked["nearest_reference"].isin(KNOWN).all()


def test_the_same_seed_gives_the_same_bytes_in_another_folder_and_with_processes(place: Path, run: Run) -> None:
    with Processes(2) as executor:
        again = design(settings(place, "processes", workers=2), executor, load=loading(place))
    assert contents(again.folder) == contents(run.folder)


def test_another_seed_gives_other_molecules(place: Path, run: Run) -> None:
    other = design(settings(place, "seed", seed=1), Serial(), load=loading(place))
    assert (other.folder / "ranked.csv").read_bytes() != (run.folder / "ranked.csv").read_bytes()
    assert other.candidates["as_drawn"].tolist() != run.candidates["as_drawn"].tolist()


def test_chunks_have_seeds_of_their_own(run: Run) -> None:
    drawn = run.candidates["as_drawn"].tolist()
    assert drawn[:100] != drawn[100:200]


def units(folder: Path) -> dict[str, int]:
    return {path.parent.name + "/" + path.name: path.stat().st_mtime_ns for path in folder.glob(f".units/*/*{DONE}")}


def test_a_second_call_does_nothing_twice(place: Path) -> None:
    """A finished run is left alone, run.json included; without one of its files it goes on from its units."""
    log = place / "calls.log"
    first = design(settings(place, "twice"), Serial(), load=loading(place, log))
    before, written = units(first.folder), contents(first.folder)
    stamps = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    again = design(settings(place, "twice"), Serial(), load=loading(place, log))
    assert {path: path.stat().st_mtime_ns for path in again.folder.iterdir()} == stamps
    (again.folder / "report.html").unlink()
    mended = design(settings(place, "twice"), Serial(), load=loading(place, log))
    assert log.read_text().count("\n") == 3
    assert units(mended.folder) == before
    assert contents(mended.folder) == written
    assert {unit["made"] for unit in mended.manifest["units"].values()} == {0}
    assert mended.manifest["units"]["screen"]["reused"] == 5
    assert (mended.folder / "report.html").exists()


def test_results_that_somebody_changed_are_not_overwritten_unasked(place: Path) -> None:
    edited = design(settings(place, "edited"), Serial(), load=loading(place)).folder / "ranked.csv"
    whole = edited.read_bytes()
    edited.write_bytes(whole + b"my own row\n")
    with pytest.raises(MolgenError, match=r"ranked.csv in .*edited changed since the run wrote it.*--replace"):
        design(settings(place, "edited"), Serial(), load=loading(place))
    assert edited.read_bytes().endswith(b"my own row\n")
    design(settings(place, "edited", replace=True), Serial(), load=loading(place))
    assert edited.read_bytes() == whole


def test_other_code_makes_its_units_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design(settings(place, "code"), Serial(), load=loading(place))
    for module in (drawing, screening, planning):
        monkeypatch.setattr(module, "code_digest", lambda *_: "other code")
    with pytest.raises(MolgenError, match=r"finished run with other settings \(code .* -> other code\)"):
        design(settings(place, "code"), Serial(), load=loading(place))
    again = design(settings(place, "code", replace=True), Serial(), load=loading(place))
    assert again.manifest["units"]["draw"]["made"] == 3
    assert again.manifest["units"]["screen"]["made"] == 5


def test_other_arithmetic_draws_anew(place: Path) -> None:
    design(settings(place, "arithmetic"), Serial(), load=loading(place))
    manifest = place / "arithmetic" / "run.json"
    manifest.write_text(manifest.read_text().replace('"finished"', '"running"', 1))

    def load(path: Path, device: str) -> FakeGenerator:
        generator = FakeGenerator(place / "training.csv")
        generator.arithmetic = "Int8"
        return generator

    again = design(settings(place, "arithmetic"), Serial(), load=load)
    assert again.manifest["units"]["draw"]["made"] == 3
    assert again.manifest["inputs"]["prior"]["arithmetic"] == "Int8"


def test_only_the_first_ranks_are_compared_with_the_reference_unless_a_goal_asks_for_all(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MOST_COMPARED", 3)
    profile = edited_profile(place, "few.toml", "pool = 200", "pool = 20")
    run = design(settings(place, "few", profile=profile), Serial(), load=loading(place))
    assert len(run.ranked) > 20
    assert run.ranked["nearest_similarity"].notna().tolist() == [rank <= 20 for rank in run.ranked["rank"]]
    goal = '[goals.nearest_similarity]\nshape = "lower"\nlow = 0.3\nhigh = 0.6\n\n[rank]'
    asking = edited_profile(place, "asking.toml", "[rank]", goal)
    run = design(settings(place, "asking", profile=asking), Serial(), load=loading(place))
    assert run.ranked["nearest_similarity"].notna().all()


def test_a_profile_that_keeps_known_designs_says_so_in_the_funnel(place: Path) -> None:
    profile = edited_profile(place, "kept.toml", "reject_known = true", "reject_known = false")
    run = design(settings(place, "kept", profile=profile), Serial(), load=loading(place))
    stage = next(stage for stage in run.funnel if stage.name == "known kept")
    assert stage.removed == 0
    assert run.candidates["in_training"].sum() == len(KNOWN)


def test_a_selection_that_had_little_to_choose_from_is_said(run: Run) -> None:
    (note,) = run.manifest["notes"]
    assert note.startswith(f"only {len(run.ranked)} of 250 passed every rule, too few for 20 good and diverse picks")


def edited_profile(place: Path, name: str, old: str, new: str) -> str:
    text = (molgen.resources.find("profiles", "oral_drug")).read_text()
    assert old in text
    (place / name).write_text(text.replace(old, new))
    return str(place / name)


def test_a_changed_goal_ranks_anew_and_screens_nothing(place: Path) -> None:
    design(settings(place, "goal"), Serial(), load=loading(place))
    profile = edited_profile(place, "goal.toml", "weight = 0.5", "weight = 3.0")
    with pytest.raises(MolgenError, match="profile .* -> .*--replace"):
        design(settings(place, "goal", profile=profile), Serial(), load=loading(place))
    changed = design(settings(place, "goal", profile=profile, replace=True), Serial(), load=loading(place))
    assert {name: changed.manifest["units"][name]["made"] for name in ("draw", "screen", "nearest")} == {
        "draw": 0,
        "screen": 0,
        "nearest": 0,
    }
    fresh = design(settings(place, "goal-fresh", profile=profile), Serial(), load=loading(place))
    assert contents(changed.folder) == contents(fresh.folder)


def test_a_changed_rule_screens_anew_and_draws_nothing(place: Path) -> None:
    design(settings(place, "rule"), Serial(), load=loading(place))
    profile = edited_profile(place, "rule.toml", "mw = [150, inf]", "mw = [200, inf]")
    changed = design(settings(place, "rule", profile=profile, replace=True), Serial(), load=loading(place))
    assert changed.manifest["units"]["draw"] == {"made": 0, "reused": 3, "missing": 0}
    assert changed.manifest["units"]["screen"] == {"made": 5, "reused": 0, "missing": 0}
    assert changed.ranked["mw"].min() >= 200


@pytest.mark.parametrize("change", [{"temperature": 0.9}, {"seed": 5}])
def test_a_changed_draw_draws_anew(place: Path, change: dict[str, float]) -> None:
    name = f"draw-{next(iter(change))}"
    design(settings(place, name), Serial(), load=loading(place))
    changed = design(settings(place, name, replace=True, **change), Serial(), load=loading(place))
    assert changed.manifest["units"]["draw"]["made"] == 3


def test_other_weights_under_the_same_name_draw_anew(place: Path) -> None:
    prior = place / "changing.safetensors"
    prior.write_bytes(b"one")
    design(settings(place, "prior", prior=str(prior)), Serial(), load=loading(place))
    prior.write_bytes(b"two")
    changed = design(settings(place, "prior", prior=str(prior), replace=True), Serial(), load=loading(place))
    assert changed.manifest["units"]["draw"]["made"] == 3


def test_another_training_set_is_compared_anew(place: Path, tmp_path: Path) -> None:
    training = write_training_set(tmp_path)
    load = loading(tmp_path)
    design(settings(place, "training"), Serial(), load=load)
    training.write_text("smiles\nCCO\n")
    changed = design(settings(place, "training", replace=True), Serial(), load=load)
    assert changed.manifest["units"]["nearest"]["made"] == 1
    assert not changed.candidates["in_training"].any()
    assert (changed.ranked["nearest_reference"] == "CCO").all()


def test_without_a_training_set_novelty_is_null_and_said(place: Path) -> None:
    run = design(settings(place, "no-training"), Serial(), load=lambda path, device: FakeGenerator())
    assert run.candidates["in_training"].isna().all()
    assert run.candidates["nearest_similarity"].isna().all()
    assert "novelty not checked" in [stage.name for stage in run.funnel]
    assert run.manifest["notes"][0] == "novelty not checked: the prior's card names no training set"


def test_a_deadline_ranks_what_there_is_and_the_next_call_goes_on(place: Path, run: Run) -> None:
    stopped = design(settings(place, "deadline", minutes=0), Serial(), load=loading(place))
    assert stopped.manifest["status"] == "stopped at the deadline"
    assert len(stopped.ranked) == 0
    assert (stopped.folder / "report.html").exists()
    whole = design(settings(place, "deadline"), Serial(), load=loading(place))
    assert whole.manifest["status"] == "finished"
    assert contents(whole.folder) == contents(run.folder)


def test_a_deadline_in_the_middle_marks_the_rows_that_were_not_reached(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0] * 6 + [100.0] * 100)  # begin, three chunks of draws, two of the screen; then time is up
    monkeypatch.setattr("molgen.deadline.time", lambda: next(clock))
    run = design(settings(place, "middle", minutes=1), Serial(), load=loading(place))
    assert Counter(run.candidates["rejected_by"] == "not reached") == {True: 150, False: 100}
    assert (run.funnel[1].name, run.funnel[1].removed) == ("reached", 150)


def test_rerank_changes_the_order_and_no_file(run: Run) -> None:
    before = contents(run.folder)
    ranked = run.rerank({"qed": 0.0, "sa_score": 10.0})
    assert len(ranked) == len(run.ranked)
    assert ranked["design"].tolist() != run.ranked["design"].tolist()
    columns = ["design", "rank", "selected", "why_selected"]
    pd.testing.assert_frame_equal(run.rerank({})[columns], run.ranked[columns])
    assert ranked.loc[0, "selected"] and ranked.loc[0, "why_selected"].startswith("Rank 1 of")
    assert contents(run.folder) == before
    with pytest.raises(MolgenError, match="qde"):
        run.rerank({"qde": 1.0})


def test_run_json_says_where_the_results_come_from(place: Path, run: Run) -> None:
    manifest = run.manifest
    assert manifest["inputs"]["prior"]["sha256"] == molgen.datasets.sha256_of(place / "prior.safetensors")
    assert manifest["inputs"]["training"]["name"] == str(place / "training.csv")
    assert manifest["profile"]["windows"][0] == {"score": "mw", "low": 150.0, "high": None}
    assert manifest["seeds"]["run"] == 0
    assert manifest["rows"]["in"] == manifest["rows"]["used"] + manifest["rows"]["rejected"] == 250
    assert {"rdkit", "torch", "python"} <= manifest["versions"].keys()
    assert {"draw", "screen", "rank", "write"} <= manifest["seconds"].keys()
    assert manifest["device"].startswith("cpu")
    assert manifest["files"]["ranked.csv"] == molgen.datasets.sha256_of(run.folder / "ranked.csv")
    assert manifest["started"] <= manifest["finished"]


def test_a_full_disk_at_the_end_says_what_was_kept(place: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(table: pd.DataFrame, folder: Path, modality: str) -> None:
        raise OutputError(f"cannot write {folder / 'candidates.parquet'}: No space left on device")

    monkeypatch.setattr(tables, "write", full)
    with pytest.raises(OutputError, match=r"No space left.*9 finished pieces of work are kept.*same command"):
        design(settings(place, "full"), Serial(), load=loading(place))
    monkeypatch.undo()
    again = design(settings(place, "full"), Serial(), load=loading(place))
    assert again.manifest["units"]["screen"]["made"] == 0
    assert contents(again.folder) == contents(run.folder)


LIBRARY = """id,smiles,note
a,CC(=O)Nc1ccc(O)cc1,paracetamol
b,OC(=O)c1ccccc1OC(C)=O,aspirin
a,CC(C)Cc1ccc(cc1)C(C)C(=O)O,ibuprofen
c,CC(=O)Nc1ccc(cc1)O,paracetamol again
d,C1CC,ring left open
e,,empty
f,"CCO,quote left open
g,[Na+].CC(=O)[O-].CCN(CC)CCNC(=O)c1ccc(N)cc1,a salt
h
i,CC(C)Cc1ccc(cc1)C(C)C(=O)[Zr],metal
"""


@pytest.fixture(scope="module")
def library(place: Path) -> Path:
    (place / "library.csv").write_text(LIBRARY)
    return place / "library.csv"


@pytest.fixture(scope="module")
def screened(place: Path, library: Path) -> Run:
    return screen(ScreenSettings(library, out=place / "screened"), Serial())


def test_rows_in_are_rows_used_and_rows_rejected(screened: Run) -> None:
    refused = pd.read_csv(screened.folder / "rejected_inputs.csv")
    used = screened.candidates["design"].notna().sum()
    assert (len(screened.candidates), used, len(refused)) == (10, 5, 5)
    assert refused["row"].tolist() == [6, 7, 8, 10, 11]
    assert [reason.split(":")[0] for reason in refused["reason"]] == [
        "unparsable",
        "empty",
        "quotes",
        "columns",
        "metal",
    ]
    assert screened.manifest["rows"] == {"in": 10, "used": 5, "rejected": 5}


def test_rows_keep_their_order_their_names_and_their_place(screened: Run) -> None:
    table = screened.candidates
    assert table["row"].tolist() == list(range(2, 12))
    assert table["id"].tolist() == ["a", "b", "a (row 4)", "c", "d", "e", "row-8", "g", "h", "i"]
    assert table.loc[3, "rejected_by"] == "duplicate"
    assert "removed" in table.loc[7, "note"]


def test_a_screen_without_comparison_says_so(screened: Run) -> None:
    assert screened.candidates["in_training"].isna().all()
    assert "novelty not checked" in [stage.name for stage in screened.funnel]


def test_a_screen_against_a_set_finds_what_is_known(place: Path, library: Path) -> None:
    training = str(place / "training.csv")
    run = screen(ScreenSettings(library, out=place / "known", training=training, reference=training), Serial())
    known = run.candidates[run.candidates["rejected_by"] == "known"]
    assert known["id"].tolist() == ["b", "a (row 4)"]
    assert run.ranked["nearest_reference"].notna().all()


def test_another_reference_is_searched_anew(place: Path, library: Path) -> None:
    (place / "one.smi").write_text("CCO\n")
    (place / "two.smi").write_text("CCN\n")
    first = ScreenSettings(library, out=place / "reference", reference=str(place / "one.smi"))
    assert (screen(first, Serial()).ranked["nearest_reference"] == "CCO").all()
    run = screen(replace(first, reference=str(place / "two.smi"), replace=True), Serial())
    assert (run.ranked["nearest_reference"] == "CCN").all()
    assert {stage: units["made"] for stage, units in run.manifest["units"].items()} == {
        "screen": 0,
        "index": 1,
        "nearest": 1,
    }


def test_invalid_rows_stop_the_run_if_that_is_wanted(place: Path, library: Path) -> None:
    out = place / "strict"
    with pytest.raises(
        MolgenError, match=r"library.csv, row 6, column 'smiles': 'C1CC' cannot be used \(unparsable.*5 such rows"
    ):
        screen(ScreenSettings(library, out=out, invalid_rows="fail"), Serial())
    assert not out.exists()


def test_a_file_without_one_molecule_is_an_error_with_the_reasons_on_file(place: Path) -> None:
    (place / "names.csv").write_text("smiles,smiles_ok\naspirin,CCO\nibuprofen,CCC\n")
    with pytest.raises(MolgenError, match="none of the 2 rows of .*names.csv is a molecule.*--column"):
        screen(ScreenSettings(place / "names.csv", out=place / "names"), Serial())
    assert len(pd.read_csv(place / "names" / "rejected_inputs.csv")) == 2


def test_a_goal_that_needs_a_reference_asks_for_one(place: Path, library: Path) -> None:
    goal = '[goals.nearest_similarity]\nshape = "lower"\nlow = 0.3\nhigh = 0.6\n\n[rank]'
    profile = edited_profile(place, "distant.toml", "[rank]", goal)
    with pytest.raises(MolgenError, match="goal nearest_similarity, and there is no reference set.*--reference"):
        screen(ScreenSettings(library, profile=profile, out=place / "distant"), Serial())


def test_a_draw_without_carbon_is_valid_and_one_that_breaks_a_valence_is_not() -> None:
    table = judge_table(["ClCl", "CC(C)(C)(C)C"])
    assert table["valid"].tolist() == [True, False]


def test_generated_tables_say_what_is_valid(place: Path) -> None:
    out = place / "designs.csv"
    wanted = GenerateSettings(out, prior=str(place / "prior.safetensors"), samples=250)
    assert generate(wanted, Serial(), load=loading(place)) == out
    table = pd.read_csv(out, keep_default_na=False)
    assert table.columns.tolist() == ["design", "canonical", "valid", "reason"]
    assert len(table) == 250
    assert (table["valid"] == (table["canonical"] != "")).all()
    assert (table["valid"] == (table["reason"] == "")).all()
    assert set(table.loc[~table["valid"], "design"]) == {"C1CC", "c1ccccc1C(Cl)(Cl)=O", "", "CC.O"}


def test_draws_that_a_deadline_stopped_are_replaced_only_on_demand(place: Path) -> None:
    wanted = GenerateSettings(place / "stopped.csv", prior=str(place / "prior.safetensors"), samples=250, minutes=0)
    stopped = generate(wanted, Serial(), load=loading(place)).read_bytes()
    with pytest.raises(MolgenError, match=r"stopped.csv is there already \(seed 0 -> 1\)"):
        generate(replace(wanted, seed=1), Serial(), load=loading(place))
    assert (place / "stopped.csv").read_bytes() == stopped
    generate(replace(wanted, minutes=None), Serial(), load=loading(place))
    assert len(pd.read_csv(place / "stopped.csv")) == 250


def test_a_large_file_is_screened_in_parts(place: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "ROWS", 3)
    whole = screen(ScreenSettings(library, out=place / "one"), Serial())
    assert len(list((place / "one" / ".units" / "read").glob("*.parquet"))) == 3  # 7 rows that can be read
    monkeypatch.undo()
    parts = screen(ScreenSettings(library, out=place / "parts"), Serial())
    assert contents(whole.folder) == contents(parts.folder)


def test_generating_again_gives_the_same_bytes_and_other_settings_are_not_overwritten(place: Path) -> None:
    log, weights = place / "generate.log", str(place / "prior.safetensors")
    settings = GenerateSettings(place / "one.csv", prior=weights, samples=250)
    first = generate(settings, Serial(), load=loading(place, log))
    written = first.read_bytes()
    generate(GenerateSettings(place / "one.csv", prior=weights, samples=250), Serial(), load=loading(place, log))
    assert log.read_text().count("\n") == 3
    second = generate(GenerateSettings(place / "two.csv", prior=weights, samples=250), Serial(), load=loading(place))
    assert second.read_bytes() == written
    with pytest.raises(MolgenError, match=r"one.csv is there already \(seed 0 -> 1\)"):
        generate(GenerateSettings(place / "one.csv", prior=weights, samples=250, seed=1), Serial(), load=loading(place))
    assert first.read_bytes() == written


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"samples": 0}, "--samples 0 must be"),
        ({"seed": -1}, "--seed -1 must be 0 or more"),
        ({"temperature": 0.0}, "--temperature 0.0 must be above 0"),
        ({"temperature": float("nan")}, "--temperature nan"),
        ({"workers": 0}, "--workers 0"),
        ({"minutes": -1.0}, "--minutes -1.0"),
        ({"device": "gpu"}, "--device gpu must be one of auto, cpu, cuda"),
    ],
)
def test_settings_are_checked_before_anything_is_spent(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(MolgenError, match=sentence):
        DesignSettings(**change)  # type: ignore[arg-type]


def test_the_command_line_of_a_run_repeats_it() -> None:
    assert (
        command_line("design", DesignSettings(samples=5, out=Path("my runs/a")))
        == "molgen design --samples 5 --out 'my runs/a'"
    )
    assert command_line("screen", ScreenSettings(Path("a.csv"), replace=True)).split()[:3] == [
        "molgen",
        "screen",
        "a.csv",
    ]
