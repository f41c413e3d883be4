"""What DESIGN says of the code's own structure, read off the syntax trees and off fresh interpreters."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = sorted((ROOT / "molgen").rglob("*.py"))
FLOWS = sorted((ROOT / "flows").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "manager"}
# These train on a machine that has torch and arrays and nothing else.
BARE = [
    path
    for path in LIBRARY
    if path.parent.name in ("families", "nn")
    or path.relative_to(ROOT / "molgen").as_posix() in ("train.py", "batch.py", "noise.py", "molecule/grammar.py")
]


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def nodes(paths: list[Path]) -> Iterator[tuple[Path, ast.AST]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            yield path, node


def imported(path: Path, node: ast.AST) -> list[str]:
    """The dotted names that an import statement names, relative ones resolved: `from . import x` gives molgen.x."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = path.parent.relative_to(ROOT).parts
    start = list(package[: len(package) - node.level + 1]) if node.level else []
    module = ".".join([*start, *([node.module] if node.module else [])])
    return [module, *(f"{module}.{alias.name}" for alias in node.names)]


def importing(paths: list[Path], *forbidden: str) -> list[str]:
    """The places that import one of these packages or a part of it, wherever in the file."""
    return [
        f"{where(path, node)} imports {name}"
        for path, node in nodes(paths)
        for name in imported(path, node)
        if any(name == one or name.startswith(one + ".") for one in forbidden)
    ]


def dotted(node: ast.AST) -> str:
    """`np.random.seed` for the tree of it."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(paths: list[Path], wanted: Callable[[str], bool]) -> list[str]:
    return [
        f"{where(path, node)} calls {dotted(node.func)}"
        for path, node in nodes(paths)
        if isinstance(node, ast.Call) and wanted(dotted(node.func))
    ]


def test_there_is_code_to_look_at() -> None:
    assert len(LIBRARY) > 20 and len(FLOWS) >= 5 and len(BARE) >= 6


def test_the_library_never_imports_prefect() -> None:
    assert importing(LIBRARY, "prefect") == []


def test_families_networks_and_training_know_no_modality_and_no_rdkit() -> None:
    networks = [path for path in BARE if path.name != "grammar.py"]
    assert importing(BARE, "rdkit", "prefect", "pandas", "molgen.protein") == []
    assert importing(networks, "molgen.molecule", "molgen.modality") == []


def test_the_library_does_not_print() -> None:
    assert calls(LIBRARY, lambda name: name == "print") == []


def test_only_the_seeds_module_touches_global_random_state() -> None:
    seeding = {
        "torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all", "torch.seed",
        "torch.random.manual_seed", "torch.use_deterministic_algorithms",
        "np.random.seed", "numpy.random.seed", "random.seed",
    }  # fmt: skip
    others = [path for path in LIBRARY + FLOWS if path.name != "seeds.py"]
    assert calls(others, seeding.__contains__) == []


def test_numpys_global_generator_is_not_used() -> None:
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox"}
    others = [path for path in LIBRARY + FLOWS if path.name != "seeds.py"]
    found = calls(others, lambda name: name.startswith(("np.random.", "numpy.random.")))
    assert [place for place in found if place.rsplit(".", 1)[1] not in allowed] == []


def test_rdkits_log_is_muted_only_around_a_call() -> None:
    assert calls(LIBRARY + FLOWS, lambda name: name.endswith(("DisableLog", "EnableLog"))) == []
    module_level = [
        where(path, statement)
        for path in LIBRARY + FLOWS
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and dotted(node.func).endswith("BlockLogs")
    ]
    assert module_level == []


def test_no_error_is_caught_without_being_named() -> None:
    """A handler that ends with a bare `raise` swallows nothing, and may clean up after whatever happened."""
    broad = {"", "Exception", "BaseException"}
    found = []
    for path, node in nodes(LIBRARY + FLOWS):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            raises_again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if not raises_again and any(kind is None or dotted(kind) in broad for kind in kinds):
                found.append(where(path, node))
    assert found == []


def test_no_warning_filter_is_changed_for_the_whole_process() -> None:
    found = calls(LIBRARY + FLOWS, lambda name: name in ("warnings.filterwarnings", "warnings.simplefilter"))
    assert [place for place in found if not inside_catch_warnings(place)] == []


def inside_catch_warnings(place: str) -> bool:
    """Whether `path:line calls ...` lies within a `with warnings.catch_warnings()`."""
    name, line = place.split(" ")[0].rsplit(":", 1)
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.With)
        and node.lineno <= int(line) <= (node.end_lineno or 0)
        and any("catch_warnings" in ast.dump(item.context_expr) for item in node.items)
        for node in ast.walk(tree)
    )


def test_files_are_named_for_what_they_hold() -> None:
    names = {path.relative_to(ROOT): {path.stem, path.parent.name} for path in LIBRARY + FLOWS + TESTS}
    assert [path for path, both in names.items() if both & FORBIDDEN_NAMES] == []


def test_nothing_is_left_as_a_stub() -> None:
    marks = ("TO" + "DO", "Not" + "Implemented", "pass" + "  #", "FIX" + "ME")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in LIBRARY + FLOWS + TESTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(mark in line for mark in marks)
    ]
    assert found == []


def test_modules_stay_readable_in_one_go() -> None:
    lengths = {path.relative_to(ROOT): path.read_text(encoding="utf-8").count("\n") for path in LIBRARY + FLOWS}
    assert {str(path): length for path, length in lengths.items() if length >= 350} == {}


def test_functions_stay_short_on_the_whole() -> None:
    lengths = sorted(
        (node.end_lineno or 0) - node.body[0].lineno + 1
        for _, node in nodes(LIBRARY)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[-1] <= 80


def test_every_function_of_the_library_is_typed() -> None:
    found = []
    for path, node in nodes(LIBRARY + FLOWS):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [one.arg for one in parameters if one.annotation is None and one.arg not in ("self", "cls")]
            if bare or (node.returns is None and node.name != "__init__"):
                found.append(f"{where(path, node)} {node.name}({', '.join(bare)})")
    assert found == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        path.relative_to(ROOT)
        for path in LIBRARY + FLOWS
        if (tree := ast.parse(path.read_text(encoding="utf-8"))).body and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_molecules_and_proteins_export_the_same_module_names() -> None:
    shared = {"codec", "properties", "rules", "synthesis", "distance"}
    for modality in ("molecule", "protein"):
        folder = ROOT / "molgen" / modality
        if folder.is_dir():
            assert shared <= {path.stem for path in folder.glob("*.py")}


def fresh(script: str, *arguments: str) -> str:
    """What a new interpreter prints; its error text is the assertion's message."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WITHOUT_TORCH = [
    "molgen", "molgen.molecule", "molgen.molecule.chemistry", "molgen.molecule.properties", "molgen.molecule.rules",
    "molgen.molecule.synthesis", "molgen.molecule.distance", "molgen.scoring", "molgen.ranking", "molgen.profile",
    "molgen.candidates", "molgen.screening", "molgen.store", "molgen.executor", "molgen.reading", "molgen.datasets",
    "molgen.doctor", "molgen.seeds", "molgen.labels", "molgen.encoding", "molgen.memorisation",
    "molgen.moses.molecules",
]  # fmt: skip


def test_chemistry_workers_import_neither_torch_nor_prefect() -> None:
    script = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    heavy = {'torch', 'torch_geometric', 'prefect'} & set(sys.modules)\n"
        "    if heavy: sys.exit(f'{name} brings {heavy}')\n"
    )
    fresh(script, *WITHOUT_TORCH)


def test_the_command_line_starts_without_torch_and_prefect() -> None:
    loaded = fresh("import sys, molgen.cli; print(sorted({'torch', 'prefect', 'torch_geometric'} & set(sys.modules)))")
    assert loaded == "[]"


def test_networks_and_training_import_on_a_machine_without_chemistry() -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in BARE if path.name != "__init__.py"]
    script = (
        "import importlib, sys\n"
        "for missing in ('rdkit', 'pandas', 'pyarrow', 'prefect', 'Bio', 'rich', 'typer'):\n"
        "    sys.modules[missing] = None\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
    )
    fresh(script, *names)


def tracked() -> list[Path]:
    """What git has or would add; without git, every file outside of the folders that git would ignore."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]
    ignored = {".venv", "runs", "checkpoints", "build", "dist", "__pycache__", ".pytest_cache", ".ruff_cache"}
    files = (path for path in ROOT.rglob("*") if path.is_file())
    return [path for path in files if not ignored & set(path.relative_to(ROOT).parts)]


def test_the_repository_stays_small() -> None:
    sizes = {path: path.stat().st_size for path in tracked()}
    assert sum(sizes.values()) < 56 * 2**20
    priors = {path.name: size for path, size in sizes.items() if path.parent == ROOT / "data" / "priors"}
    assert {name: size for name, size in priors.items() if size > 10_000_000} == {}


def test_every_data_file_stands_on_the_sources_page_with_its_checksum() -> None:
    from molgen.datasets import sha256_of

    page = (ROOT / "data" / "SOURCES.md").read_text(encoding="utf-8")
    kinds = (".gz", ".safetensors", ".npz")
    binary = [path for path in tracked() if ROOT / "data" in path.parents and path.suffix in kinds]
    assert len(binary) >= 1
    assert [path.name for path in binary if path.name not in page or sha256_of(path) not in page] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import prefect", ["molgen/nn/x.py:1 imports prefect"]),
        ("def f():\n    from prefect.tasks import task", 2 * ["molgen/nn/x.py:2 imports prefect.tasks"]),
        ("from .. import molecule", ["molgen/nn/x.py:1 imports molgen.molecule"]),
        ("import prefectural", []),
    ],
)
def test_the_import_check_sees_what_it_should(source: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "molgen" / "nn" / "x.py"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: source)
    seen = importing([path], "prefect", "molgen.molecule")
    assert [place.removesuffix(".task") for place in seen] == found


def test_nothing_asks_which_modality_it_has() -> None:
    """What differs between modalities is in their packages; a third one must not need a search for questions."""
    assert [str(path) for path in [*LIBRARY, *FLOWS] if "modality ==" in path.read_text()] == []
