"""Hard rules for molecules: windows of properties, published rules, elements, rings, reactive groups, alert catalogs.

A rule says why it rejects. On approved drugs PAINS hits 5.4 %, NIH 16.7 % and BRENK 45.8 % (1,506 drugs of ChEMBL), so
only PAINS and the reactive groups reject by default, and the others flag.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from molgen.molecule import properties, synthesis
from molgen.profile import Profile
from molgen.scoring import EachRule, Rule, WindowRule

# Groups that acylate, alkylate or decompose on their own, and structures that do not exist in a bottle, which
# generators like to make; curated for this project. Left out on purpose, because
# marketed drugs carry them and BRENK or NIH flag them: thiol, disulfide, Michael acceptor, unactivated alkyl chloride,
# nitro, azo, hydrazine, thioester, beta-lactam, boronic acid, activated aryl halide.
# Drugs that it rejects for what they are: fosfomycin (epoxide), artemisinin (peroxide), zidovudine (azide),
# chlorambucil (mustard), busulfan (sulfonate ester), dacarbazine (N-N-N chain), orlistat (beta-lactone),
# carmustine (nitroso, mustard), voxelotor (aldehyde), fosdenopterin and chloral hydrate (gem-diol).
_MONOHALO = "[CX4;!$(C([F,Cl,Br,I])[F,Cl,Br,I])]"
REACTIVE_GROUPS: dict[str, str] = {
    "acyl halide": "[CX3](=[OX1,SX1])[F,Cl,Br,I]",
    "sulfonyl halide": "[SX4](=[OX1])(=[OX1])[F,Cl,Br,I]",
    "phosphorus halide": "[#15][F,Cl,Br,I]",
    "silyl halide": "[Si][F,Cl,Br,I]",
    "heteroatom halide": "[#7,#8,SX2,SX3][F,Cl,Br,I]",
    "anhydride": "[CX3](=[OX1])O[CX3]=[OX1]",
    "activated ester": "[CX3](=[OX1])O[$(N(C=O)C=O),n,$(c1ccc([N+](=O)[O-])cc1),$(c1c(F)c(F)c(F)c(F)c1F)]",
    "N-acyl imidazole": "[#6,n][CX3](=[OX1])n1cncc1",
    "N-acyl azole": "[#6][CX3;!R](=[OX1])[n;r5]:[n;r5]",
    "acyl cyanide": "[CX3](=[OX1])C#N",
    "isocyanate or isothiocyanate": "[NX2]=[CX2]=[OX1,SX1]",
    "carbodiimide": "[NX2]=[CX2]=[NX2]",
    "ketene": "[CX3]=[CX2]=[OX1,SX1]",
    "isonitrile": "[CX1-]#[NX2+]",
    "aldehyde": "[CX3H1](=[OX1])[#6]",
    "aldimine": "[CX3H1;!R]([#6])=[NX2;!R][#6]",
    "epoxide, aziridine or thiirane": "[CX4]1[O,N,S][CX4]1",
    "beta-lactone": "[CX3]1(=[OX1])O[#6][#6]1",
    "peroxide": "[OX2,OX1-][OX2,OX1-]",
    "azide": "[NX2]=[NX2+]=[NX1-]",
    "diazo": "[#6]=[NX2+]=[NX1-]",
    "diazonium": "[#6][NX2+]#[NX1]",
    "N-N-N chain": "[N;+0]~[N;+0]~[N;+0]",
    "nitroso": "[#6,#7][NX2]=[OX1]",
    "alpha-halo carbonyl": f"[Cl,Br,I]{_MONOHALO}[CX3]=[OX1]",
    "benzylic or allylic halide": f"[Cl,Br,I]{_MONOHALO}[c,n,$([CX3]=[CX3])]",
    "alpha-halo ether or amine": "[Cl,Br,I][CX4H2][OX2,NX3,SX2]",
    "nitrogen or sulfur mustard": "[Cl,Br,I][CX4H2][CX4;H1,H2][NX3,SX2;!$(*C=[O,S,N])]",
    "alkyl bromide or iodide": "[Br,I][CX4;!$(C(F)F)]",
    "sulfonate or sulfate ester": "[CX4]O[SX4](=[OX1])(=[OX1])[#6,$(O[#6])]",
    "vinyl ketone": "[CH2]=[CH][CX3](=[OX1])[#6]",
    "maleimide": "[CX3]1(=[OX1])[CH]=[CH][CX3](=[OX1])N1",
    "phosphine": "[PX3;!$(P~[O,N,S,F,Cl,Br,I])]",
    "imidoyl halide": "[CX3;!R](=[NX2;!$(NO[#6])])[F,Cl,Br,I]",  # O-alkyl hydroximoyl chloride: arimoclomol
    # a ring may hold these two (sugars, oxazepam), as may a neighbour that draws electrons (CF3, two C=O)
    "gem-diol, hemiacetal or hemiaminal": "[OX2H1][CX4;!$(CC(F)F);!$(C(C=O)C=O)]!@[OX2,NX3;!$(N[C,S,P]=[O,S,N])]",
    "gem-diamine": "[NX3H2][CX4][NX3;!$(N[C,S,P]=[O,S,N])]",
    "alpha-halo alcohol": "[OX2H1][CX4][F,Cl,Br,I]",
    "carbamic or carbonic acid": "[OX2H1][CX3](=[OX1])[OX2,NX3]",
    "enol": "[OX2H1][CX3;!$(C[C,S,N]=[O,S,N])]=[CX3;!$(C[C,S,N,P]=[O,S,N]);!$(CC#N)]",
    "thioaldehyde": "[CX3H1](=[SX1])[#6]",
    "strained ring": "[CX2;r3,r4,r5,r6,r7,r8;$(C(=C)=C),$(C#C)]",
    "cyclobutadiene": "C1=C[#6]=,:[#6]1",
}


ACIDS: dict[str, str] = {
    "carboxylic acid": "[#6][CX3](=[OX1])[OX2H1,OX1-]",
    "sulfonic or sulfinic acid": "[SX3,SX4](=[OX1])[OX2H1,OX1-]",
    "phosphonic or phosphoric acid": "[PX4](=[OX1])[OX2H1,OX1-]",
    "tetrazole": "[$(c1nnn[nH,n-]1),$(c1nn[nH,n-]n1)]",
    "acylsulfonamide": "[CX3](=[OX1])[NX3H1,NX2-][SX4](=[OX1])=[OX1]",
}


@dataclass(frozen=True)
class CatalogRule:
    """Rejects what an RDKit filter catalog hits; the reason names the catalog and each entry."""

    catalog: str

    @property
    def name(self) -> str:
        return self.catalog

    def __call__(self, chunk: Sequence[Chem.Mol]) -> list[str | None]:
        entries = _catalog(self.catalog)
        return [self._reason([entry.GetDescription() for entry in entries.GetMatches(mol)]) for mol in chunk]

    def _reason(self, hits: Sequence[str]) -> str | None:
        return f"{self.catalog}: {', '.join(dict.fromkeys(hits))}" if hits else None


def lipinski(allowed: int = 1) -> EachRule:
    """Rule of five, Lipinski 1997 and 2001 (doi 10.1016/S0169-409X(00)00129-0).

    Poor absorption is more likely with more than 5 donors (NH and OH), more than 10 acceptors (N and O), MW above 500
    or clogP above 5; `allowed` of the four may be broken (in the paper one). clogP is Crippen's here, not ClogP.
    """

    def reason(mol: Chem.Mol) -> str | None:
        limits = (
            ("NH and OH", properties.lipinski_donors(mol), 5),
            ("N and O", properties.lipinski_acceptors(mol), 10),
            ("mw", Descriptors.MolWt(mol), 500),
            ("logp", Crippen.MolLogP(mol), 5),
        )
        broken = _broken(limits)
        return f"Lipinski 1997: {', '.join(broken)} ({allowed} allowed)" if len(broken) > allowed else None

    return EachRule("lipinski", reason)


def veber() -> EachRule:
    """Veber 2002 (doi 10.1021/jm020017n): at most 10 rotatable bonds; TPSA at most 140 A^2 or HBD + HBA at most 12."""

    def reason(mol: Chem.Mol) -> str | None:
        broken = _broken((("rotatable", rdMolDescriptors.CalcNumRotatableBonds(mol), 10),))
        bonding = rdMolDescriptors.CalcNumHBD(mol) + rdMolDescriptors.CalcNumHBA(mol)
        if bonding > 12:
            broken += _broken((("tpsa", rdMolDescriptors.CalcTPSA(mol), 140),))
        return f"Veber 2002: {', '.join(broken)}" if broken else None

    return EachRule("veber", reason)


def no_acids() -> EachRule:
    """Rejects the groups of ACIDS, which are anions at pH 7.4, neutral or charged as drawn; sulfonylureas among them.

    A window of the formal charge does not find them, because standardising neutralises. Acids cross the blood-brain
    barrier poorly, unless a transporter carries them as it does gabapentin.
    """

    def reason(mol: Chem.Mol) -> str | None:
        names = [name for name, pattern in _acid_patterns().items() if mol.HasSubstructMatch(pattern)]
        return f"acid: {', '.join(names)}" if names else None

    return EachRule("no_acids", reason)


def rule_of_three() -> EachRule:
    """Rule of three for fragments, Congreve 2003 (doi 10.1016/S1359-6446(03)02831-9).

    MW at most 300, clogP, HBD, HBA and rotatable bonds at most 3, TPSA at most 60 A^2. The paper does not say how it
    counts acceptors; RDKit's SMARTS definition is used, which leaves amide nitrogens out.
    """

    def reason(mol: Chem.Mol) -> str | None:
        limits = (
            ("mw", Descriptors.MolWt(mol), 300),
            ("hbd", rdMolDescriptors.CalcNumHBD(mol), 3),
            ("hba", rdMolDescriptors.CalcNumHBA(mol), 3),
            ("rotatable", rdMolDescriptors.CalcNumRotatableBonds(mol), 3),
            ("tpsa", rdMolDescriptors.CalcTPSA(mol), 60),
            ("logp", Crippen.MolLogP(mol), 3),
        )
        broken = _broken(limits)
        return f"rule of three (Congreve 2003): {', '.join(broken)}" if broken else None

    return EachRule("rule_of_three", reason)


def elements(allowed: Sequence[str]) -> EachRule:
    """Rejects a molecule that holds an element not in the list."""
    known = frozenset(allowed)

    def reason(mol: Chem.Mol) -> str | None:
        odd = sorted({atom.GetSymbol() for atom in mol.GetAtoms()} - known)
        return f"elements: {', '.join(odd)} not allowed" if odd else None

    return EachRule("elements", reason)


def ring_size(largest: int) -> EachRule:
    """Rejects a molecule with a ring of more atoms than `largest` in its smallest set of rings."""

    def reason(mol: Chem.Mol) -> str | None:
        size = max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)
        return f"ring size: {size} atoms above {largest}" if size > largest else None

    return EachRule("ring size", reason)


def reactive() -> EachRule:
    """Rejects the groups of REACTIVE_GROUPS, which react with assay, solvent or air, or do not exist; names each."""

    def reason(mol: Chem.Mol) -> str | None:
        names = [name for name, pattern in _reactive_patterns().items() if mol.HasSubstructMatch(pattern)]
        return f"reactive: {', '.join(names)}" if names else None

    return EachRule("reactive", reason)


def build_rules(profile: Profile) -> tuple[Rule, ...]:
    """The hard rules of a profile, cheap ones first, so that in mode 'first' they spare the dear ones."""
    chosen = profile.rules
    limits = {window.score: (window.low, window.high) for window in profile.windows}
    scores = [score for score in (*properties.SCORES, *synthesis.SCORES) if score.name in limits]
    named = {
        "lipinski": lipinski(chosen.lipinski_violations),
        "veber": veber(),
        "rule_of_three": rule_of_three(),
        "no_acids": no_acids(),
    }
    return (
        elements(chosen.elements),
        ring_size(chosen.max_ring_size),
        *(WindowRule(score, *limits[score.name]) for score in scores),
        *(named[name] for name in chosen.use),
        *_alerts(profile.alerts.reject),
    )


def build_flags(profile: Profile) -> tuple[Rule, ...]:
    """The rules of a profile that only flag."""
    return _alerts(profile.alerts.flag)


def _alerts(names: Sequence[str]) -> tuple[Rule, ...]:
    """The cheap reactive groups first, then the catalogs in the order of the profile."""
    ordered = sorted(names, key=lambda name: name != "reactive")
    return tuple(reactive() if name == "reactive" else CatalogRule(name) for name in ordered)


def _broken(limits: Sequence[tuple[str, float, float]]) -> list[str]:
    return [f"{name} {value:.4g} above {limit:g}" for name, value, limit in limits if value > limit]


@cache
def _catalog(name: str) -> FilterCatalog:
    return FilterCatalog(FilterCatalogParams(FilterCatalogParams.FilterCatalogs.names[name]))


@cache
def _acid_patterns() -> dict[str, Chem.Mol]:
    return {name: Chem.MolFromSmarts(smarts) for name, smarts in ACIDS.items()}


@cache
def _reactive_patterns() -> dict[str, Chem.Mol]:
    return {name: Chem.MolFromSmarts(smarts) for name, smarts in REACTIVE_GROUPS.items()}
