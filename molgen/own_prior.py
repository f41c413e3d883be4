"""`molgen design --train`: a prior of the user's own set, trained beside the run folder before anything is drawn."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from molgen.datasets import DATASETS, sha256_of
from molgen.drawing import SHIPPED
from molgen.encoding import training_rows
from molgen.errors import MolgenError
from molgen.executor import Executor
from molgen.planning import checked
from molgen.profile import Profile
from molgen.progress import shares
from molgen.science import science
from molgen.settings import ALIGNED, FITTED, DesignSettings
from molgen.store import digest

log = logging.getLogger("molgen.pipeline")

# What is trained further where no prior is named: molecules need a prior that knows chemistry; a protein family has a
# length and an alphabet of use of its own, so it begins anew.
BEGIN_FROM = {"molecule": SHIPPED["molecule"], "protein": {}}
OVER_A_LATENT = ("gan", "flow")
PATIENCE = 5  # looks at held-out designs without gain: a small set is memorised within minutes


def with_own_prior(settings: DesignSettings, executor: Executor) -> DesignSettings:
    """The settings with the prior that --train asks for, trained now or found trained.

    The weights lie beside the run folder as `<out>.prior-<digest>.safetensors`, the digest that of what they are made
    from, so that another training does not overwrite those of a finished run; a killed training goes on.

    Raises:
        MolgenError: what `molgen train` refuses.
    """
    if not settings.train:
        return settings
    from molgen.training_run import TrainSettings, train_generator

    profile = checked(settings)
    origin = settings.prior or BEGIN_FROM[profile.modality].get(settings.generator, "")
    if settings.generator in OVER_A_LATENT and not origin:
        raise MolgenError(f"--generator {settings.generator} --train needs the VAE that lends its latent: --prior")
    made_from = [settings.generator, origin, settings.train, settings.train_steps, settings.seed, _sum(settings.train)]
    out = settings.out.with_name(f"{settings.out.name}.prior-{digest(made_from)[:8]}.safetensors")
    log.info("training a prior on %s: %s", settings.train, out)
    how = _how(settings, profile, origin)
    told = TrainSettings(
        train=settings.train, out=str(out), modality=profile.modality, family=settings.generator, origin=origin,
        minutes=settings.minutes, seed=settings.seed, device=settings.device, resume=True, **how,
    )  # fmt: skip
    with shares("train") as tick:
        train_generator(told, executor, tick=tick)
    return replace(settings, prior=str(out), generator="autoregressive", train="")


def _sum(source: str) -> str:
    return "" if source in DATASETS or not Path(source).is_file() else sha256_of(Path(source))


def _how(settings: DesignSettings, profile: Profile, origin: str) -> dict[str, Any]:
    """How long is trained and how large; of what is fitted without a network, what its grammar is.

    Raises:
        MolgenError: a motif, for a model of an alignment's columns.
    """
    if settings.generator in ALIGNED:
        if settings.motif:
            raise MolgenError(f"--motif {settings.motif}: --generator {settings.generator} keeps none; take another")
        return {}
    own = {} if origin else _first_training(settings, profile)
    if settings.generator in FITTED:
        return {name: value for name, value in own.items() if name == "grammar"}
    return {"steps": settings.train_steps, "patience": PATIENCE, **own}


def _first_training(settings: DesignSettings, profile: Profile) -> dict[str, Any]:
    """How a prior begins anew, which the designs decide that it is to learn from."""
    own = science(profile.modality)
    table, _, _ = training_rows(settings.train, None, profile.modality)
    judged = own.judge(table["text"].tolist(), profile)
    return own.first_training([one.design for one in judged if one.design is not None], settings.generator)
