"""The command `molgen`. A wrong command ends with a sentence and exit code 2, an unwritable output with 1."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from molgen import datasets, terminal
from molgen.errors import MolgenError, OutputError
from molgen.provenance import cores, find_device
from molgen.runs import open_run
from molgen.settings import NOTHING, TRAINING, DesignSettings, Family, GenerateSettings, Generator, ScreenSettings
from molgen.settings import Modality as Kind

INTERRUPTED = 130
PROFILE = "Target profile: a .toml file, or a shipped one: oral_drug, cns, fragment, antimicrobial_peptide, protein."
USAGE_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From molecules or protein sequences to a ranked table of new ones, each with the reason why it was chosen.",
)
data = typer.Typer(help="Bring training sets into the cache, and list them.")
app.add_typer(data, name="data")
benchmarks = typer.Typer(help="Measure what ships.")
app.add_typer(benchmarks, name="benchmark")

Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the network runs.")]
Minutes = Annotated[float | None, typer.Option(help="Deadline: then rank and write what exists.", show_default=False)]
Prefect = Annotated[bool, typer.Option("--prefect", help="Run as a Prefect flow: the same files.")]
Shipped = Annotated[Generator, typer.Option(help="Family of the shipped prior to draw from, or to train by --train.")]
Prior = Annotated[str, typer.Option(help="Another trained generator: a .safetensors file, or one that ships.")]
TopP = Annotated[float, typer.Option(help="Draw only among the likeliest tokens that hold this share; 1: all.")]
Profile = Annotated[str, typer.Option(help=PROFILE, show_default="oral_drug; for proteins protein")]
Modality = Annotated[
    Literal["", "molecule", "protein"], typer.Option(help="Kind of design.", show_default="that of the profile")
]
Motif = Annotated[str, typer.Option(help="What every sequence must look like: XXXXC[3-8]CXXX; kept by construction.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace results of other settings in --out.")]
Samples = Annotated[int, typer.Option(help="How many designs to draw.")]
Seed = Annotated[int, typer.Option(help="Decides every random number.")]
Temperature = Annotated[float, typer.Option(help="1 draws as trained; lower is safer, higher more varied.")]
Want = Annotated[
    list[str] | None,
    typer.Option(help="NAME=VALUE: a property to draw to order, such as logp=2.5; repeatable.", show_default=False),
]
Guidance = Annotated[
    float | None,
    typer.Option(help="How far to lean to what is wanted: 0 not, 1 as the data do, 2 farther.", show_default="1"),
]
Workers = Annotated[int | None, typer.Option(help="Processes for chemistry; default: one a core.", show_default=False)]
Column = Annotated[
    str | None, typer.Option(help="Column with the designs (name or number); default: found by its name.")
]
InvalidRows = Annotated[Literal["reject", "fail"], typer.Option(help="Rows that are no molecule: list them, or stop.")]


@app.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Shows the help where no command is given."""
    terminal.show_log()
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def design(
    profile: Profile = "",
    modality: Modality = "",
    samples: Samples = 2000,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/design"),
    generator: Shipped = "autoregressive",
    prior: Prior = "",
    train: Annotated[str, typer.Option(help="Train a prior on this first: a file of your family, your actives.")] = "",
    train_steps: Annotated[int, typer.Option(help="Updates of that training, at the most.")] = 600,
    motif: Motif = "",
    reference: Annotated[
        str, typer.Option(help="Set for the nearest neighbour: training, none, a data set, FILE or FILE:COLUMN.")
    ] = TRAINING,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    want: Want = None,
    guidance: Guidance = None,
    device: Device = "auto",
    workers: Workers = None,
    minutes: Minutes = None,
    replace: Replace = False,
    prefect: Prefect = False,
) -> None:
    """Draw designs, filter, score and rank them, select a diverse set."""
    settings = DesignSettings(
        profile=profile, modality=modality, samples=samples, seed=seed, out=out, generator=generator, prior=prior,
        train=train, train_steps=train_steps, motif=motif, reference=reference,
        temperature=temperature, top_p=top_p, want=tuple(want or ()), guidance=guidance, device=device,
        workers=workers, minutes=minutes, replace=replace,
    )  # fmt: skip
    terminal.say(f"device: {find_device(device).title}")
    with _resumable(f"{out}/.units"):
        _execute("design", settings, prefect)
    terminal.show_run(open_run(out))


@app.command()
def train(
    train: Annotated[str, typer.Option(help="Designs to learn from: a file, or a data set such as moses-train.")],
    out: Annotated[str, typer.Option(help="Weights to write (.safetensors); card and losses lie beside them.")],
    modality: Annotated[Kind, typer.Option(help="What the designs are.")] = "molecule",
    column: Column = None,
    family: Annotated[Family, typer.Option(help="Kind of generator.")] = "autoregressive",
    origin: Annotated[str, typer.Option("--from", help="Prior to begin from; for gan and flow the VAE.")] = "",
    minutes: Annotated[float | None, typer.Option(help="How long; default: 30.", show_default=False)] = None,
    steps: Annotated[int | None, typer.Option(help="Or so many updates: these repeat.", show_default=False)] = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a training with this --out was.")] = False,
    invalid_rows: InvalidRows = "reject",
    threads: Annotated[int | None, typer.Option(help="CPU threads; default: one a core.", show_default=False)] = None,
    held_out: Annotated[int, typer.Option(help="Molecules kept from training, at most a tenth.")] = 2048,
    recipe: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE of the recipe; may be repeated.")
    ] = None,
    grammar: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the grammar, such as longest=200; may be repeated.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Of learning; default: the family's.", show_default=False)] = None,
    batch: Annotated[int | None, typer.Option(help="Molecules of one update.", show_default=False)] = None,
    patience: Annotated[
        int | None, typer.Option(help="Looks without gain before it stops; default with --from: 5.", show_default=False)
    ] = None,
    prefect: Prefect = False,
) -> None:
    """Train a generator on a set of molecules or sequences."""
    from molgen.training_run import TrainSettings

    settings = TrainSettings(
        train=train, out=out, modality=modality, column=column, family=family, minutes=minutes, steps=steps, seed=seed,
        device=device, resume=resume, invalid_rows=invalid_rows, threads=threads, held_out=held_out, origin=origin,
        recipe=tuple(recipe or ()), grammar=tuple(grammar or ()), rate=rate, batch=batch, patience=patience,
    )  # fmt: skip
    terminal.say(f"device: {find_device(device).title}")
    with _resumable(str(Path(out).with_suffix(".checkpoint")), "--resume goes on from there"):
        _execute("train", settings, prefect)
    terminal.say(f"{out}  weights; the card is {Path(out).with_suffix('.json').name} beside them")


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Table to write (.csv).")] = Path("designs.csv"),
    modality: Annotated[Kind, typer.Option(help="Kind of design.")] = "molecule",
    generator: Shipped = "autoregressive",
    prior: Prior = "",
    samples: Samples = 2000,
    seed: Seed = 0,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    want: Want = None,
    guidance: Guidance = None,
    motif: Motif = "",
    device: Device = "auto",
    workers: Workers = None,
    minutes: Minutes = None,
    replace: Replace = False,
    prefect: Prefect = False,
) -> None:
    """Draw designs and say which are valid."""
    from molgen.generating import counts_of

    settings = GenerateSettings(
        out=out, modality=modality, generator=generator, prior=prior, samples=samples, seed=seed,
        temperature=temperature, top_p=top_p, want=tuple(want or ()), guidance=guidance, motif=motif,
        device=device, workers=workers, minutes=minutes, replace=replace,
    )  # fmt: skip
    terminal.say(f"device: {find_device(device).title}")
    with _resumable(f"{out.with_name(f'.{out.name}.units')}"):
        _execute("generate", settings, prefect)
    counts = counts_of(out)
    terminal.say(f"{out}  {counts['rows']:,} drawn, {counts['valid']:,} valid, {counts['unique']:,} different")


@app.command()
def screen(
    file: Annotated[Path, typer.Argument(help="Molecules (.csv, .tsv, .smi, .txt) or sequences (.fasta, .csv, .sto).")],
    profile: Profile = "",
    modality: Modality = "",
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/screen"),
    column: Column = None,
    invalid_rows: InvalidRows = "reject",
    reference: Annotated[
        str, typer.Option(help="Set for the nearest neighbour: none, a data set, FILE or FILE:COLUMN.")
    ] = NOTHING,
    training: Annotated[
        str, typer.Option(help="Set whose molecules count as known: none, a data set, FILE or FILE:COLUMN.")
    ] = NOTHING,
    workers: Workers = None,
    minutes: Minutes = None,
    replace: Replace = False,
    prefect: Prefect = False,
) -> None:
    """Filter, score, rank and select your own designs."""
    settings = ScreenSettings(
        file, profile, modality, out, column, invalid_rows, reference, training, workers, minutes, replace
    )  # fmt: skip
    terminal.say(f"device: {cores()}")
    with _resumable(f"{out}/.units"):
        _execute("screen", settings, prefect)
    terminal.show_run(open_run(out))


@benchmarks.command("generators")
def benchmark_generators(
    out: Annotated[Path, typer.Option(help="Folder for generators.json, .csv and .md.")] = Path("runs/benchmark"),
    data: Annotated[Literal["moses", "qm9", "amp"], typer.Option(help="Which designs.")] = "moses",
    generators: Annotated[
        list[str] | None, typer.Option("--generator", help="Name, or file of a prior; repeatable; default: all.")
    ] = None,
    samples: Annotated[int | None, typer.Option(help="Default: 30000, on QM9 10000.", show_default=False)] = None,
    seeds: Annotated[str, typer.Option(help="Separated by commas.")] = "0,1,2",
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    device: Device = "auto",
    workers: Workers = None,
    prefect: Prefect = False,
) -> None:
    """Compare all generators by the figures of MOSES, with real molecules and baselines beside them."""
    from molgen.benchmarking import BenchmarkSettings, benchmark

    if not all(word.strip().isdigit() for word in seeds.split(",")):
        raise MolgenError(f"--seeds {seeds} must be numbers separated by commas, such as 0,1,2")
    settings = BenchmarkSettings(
        out=out, data=data, generators=tuple(generators or ()), samples=samples,
        seeds=tuple(int(word) for word in seeds.split(",")), temperature=temperature, top_p=top_p, device=device,
        workers=workers,
    )  # fmt: skip
    terminal.say(f"device: {find_device(device).title}")
    with _resumable(f"{out}/.units"):
        if prefect:
            _flow("benchmark")(settings)
        else:
            benchmark(settings)
    terminal.say((out / "generators.md").read_text(encoding="utf-8"))


@data.command("fetch")
def fetch(name: Annotated[str, typer.Argument(help="moses, qm9, hiv, zinc250k, or peptides.")]) -> None:
    """Bring a data set into the cache, and check it."""
    for path in datasets.fetch(name):
        terminal.say(str(path))


@data.command("list")
def list_datasets() -> None:
    """List the data sets, and which of them are there."""
    terminal.say(f"cache: {datasets.cache_dir()}")
    terminal.show_datasets(datasets.status())


@app.command("doctor")
def doctor() -> None:
    """Look for what is missing or wrong: versions, device, packages, cache, Prefect."""
    from molgen.doctor import examine

    findings = examine()
    terminal.show_findings(findings)
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; gives its exit code. No exception that the user can do something about gets through."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = typer.main.get_command(app)(args=arguments, prog_name="molgen", standalone_mode=False)
    except MolgenError as error:
        terminal.complain(f"molgen: {error}")
        return 1 if isinstance(error, OutputError) else 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        terminal.complain(f"molgen: {place}{error.strerror or error}")
        return 1
    except (USAGE_ERROR, typer.Abort) as error:
        terminal.complain(_usage_sentence(error))
        return 2
    return code if isinstance(code, int) else 0


def _usage_sentence(error: Any) -> str:
    """What was wrong with the words of the command, and where its help is."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".") if hasattr(error, "format_message") else "stopped"
    see = f"see `{context.command_path if context else 'molgen'} --help`"
    return f"molgen: {message} {see.capitalize()}" if message.endswith("?") else f"molgen: {message}; {see}"


def _execute(command: str, settings: Any, prefect: bool) -> None:
    """The command, plainly or as a flow; Prefect is imported only for the latter, once the command can begin."""
    if prefect:
        if command != "train":  # Prefect needs seconds to start, and logs what it meets with a traceback
            from molgen.planning import check

            check(settings)
        _flow(command)(settings)
    elif command == "train":
        _train(settings)
    else:
        pipeline = import_module("molgen.pipeline")
        getattr(pipeline, command)(settings)


def _flow(command: str) -> Callable[[Any], Any]:
    try:
        return getattr(import_module(f"flows.{command}"), f"{command}_flow")
    except ModuleNotFoundError as error:
        raise MolgenError(f"--prefect needs the module {error.name}: see `molgen doctor`, or leave it out") from error


def _train(settings: Any) -> None:
    from molgen.executor import Processes
    from molgen.progress import shares
    from molgen.training_run import train_generator

    with Processes() as executor, shares("train") as tick:
        train_generator(settings, executor, tick=tick)


@contextmanager
def _resumable(kept: str, how: str = "the same command goes on from there") -> Iterator[None]:
    """Ctrl-C ends with a sentence that says what was kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        terminal.complain(f"molgen: stopped. What was finished is kept in {kept}; {how}")
        raise typer.Exit(INTERRUPTED) from stop


if __name__ == "__main__":
    sys.exit(main())
