"""What a comparison is made of, checked before the first call."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from rmboost import config as configs
from rmboost import judges, methods, registry, rewards, together
from rmboost.claim import is_finished, surveyed
from rmboost.client import lines
from rmboost.client.call import Seat
from rmboost.config import Config
from rmboost.errors import ConfigError, InputError, StoreError
from rmboost.labels.gold import names_aspects
from rmboost.labels.verification import Verification
from rmboost.preferences import Preferences
from rmboost.resources import read_yaml
from rmboost.rewards import Answer, RewardModel, TextPair
from rmboost.run import rehearsal, roles
from rmboost.run.recipe import Recipe, refuse_undefined
from rmboost.sources import InputOptions

PAIRS, JUDGED, HUMAN = "pairs.jsonl", "judged.jsonl", "human"
METHODS = tuple(name for name in methods.CATALOGUE if name != "given")
_GIVEN: Mapping[str, Any] = {"method": {"name": "given"}, "checks": (), "weights": {}}
"""Settings that take pairs as they are."""
_OF_SETTINGS = (".yaml", ".yml")
_OF_PAIRS = (".jsonl", ".ndjson", ".json", ".gz", ".csv", ".parquet")


@dataclass(frozen=True)
class Entry:
    """One row of the comparison: a method with its settings, or ``pairs`` of a file that is there already.

    name: of its row, and of its folder.
    """

    name: str
    config: Config
    pairs: Path | None = None


@dataclass(frozen=True)
class Human:
    """Pairs that people labelled."""

    name: str
    path: Path
    pairs: tuple[TextPair, ...]


@dataclass(frozen=True)
class Setup:
    """A comparison.

    common: the settings that all methods share, by which pairs are judged. verify: which pairs a judge looks at; none:
    no pair. gold: on how many human pairs the judge is tried. seeds: trainings of each reward model on each set.
    """

    prompts: Path
    folder: Path
    entries: tuple[Entry, ...]
    common: Config
    human: tuple[Human, ...] = ()
    models: Mapping[str, RewardModel] | None = None
    seeds: int = 3
    mix: bool = False
    verify: str | None = None
    gold: str = "200"

    def source(self, entry: Entry) -> Path:
        """What the run of a row reads."""
        return entry.pairs or self.prompts

    def output(self, entry: Entry) -> Path:
        """Where the pairs of a method go."""
        return self.folder / entry.name / PAIRS

    def gold_output(self, human: Human) -> Path:
        """Where human pairs go with the judge's verdicts."""
        return self.folder / HUMAN / f"{human.name}.jsonl"

    def judging(self, sample: str | None, method: Mapping[str, Any] | None = None) -> Config:
        """The settings by which the pairs of a file are judged: nothing is written, and nothing refused.

        method: the settings of the one that made them; its aspects are the judge's, if it is to look at aspects and no
        other set is named. A method's budget of tokens or calls is not the judge's, who would leave the last pairs out
        when it is used up.
        """
        ceilings = self.common.ceilings.model_copy(update={"max_tokens": None, "max_calls": None})
        alone = {"sample": sample, "policy": "flag", "gold": None}
        own = self.common.verify.aspects or (method or {}).get("aspects")
        how = self.common.verify.model_copy(update={**alone, "aspects": own})
        return self.common.model_copy(update={**_GIVEN, "verify": how, "input": InputOptions(), "ceilings": ceilings})


def entries(
    names: str, config_file: Path | None, flags: Mapping[str, Any], sets: Sequence[str]
) -> tuple[tuple[Entry, ...], Config]:
    """The methods that are named, and the settings that they share. Raises ConfigError.

    names: split at commas; each the name of a method, or a YAML file of settings that are laid over the common ones,
    also over those of the command line; or a file of pairs.
    """
    common = configs.load(config_file, flags, sets)
    found = [
        _of_pairs(Path(name), common)
        if name.endswith(_OF_PAIRS)
        else Entry(_row_name(name), configs.load(config_file, flags, sets, _own(name), name))
        for name in map(str.strip, names.split(","))
        if name
    ]
    for place, entry in enumerate(found):
        if any(_folder(entry.name) == _folder(other.name) for other in found[:place]):
            raise ConfigError(f"--methods: two rows would be called {entry.name}", "give one file another name")
    if not found:
        raise ConfigError("--methods names none", f"--methods {','.join(METHODS)}")
    return tuple(found), common


def _of_pairs(path: Path, common: Config) -> Entry:
    """The row of pairs that are there: nobody is asked for them. As many count as a method could make at most."""
    made = common.input.limit and common.input.limit * common.repetitions
    how, limit = Verification(), InputOptions(limit=common.target or made)
    alone = {"verify": how, "input": limit, "target": None, "repetitions": 1, "on_policy": False}
    return Entry(_row_name(path.name.removesuffix(".gz")), common.model_copy(update={**_GIVEN, **alone}), path)


def _row_name(name: str) -> str:
    row = Path(name).stem if name.endswith((*_OF_SETTINGS, *_OF_PAIRS)) else name
    if row in (".", ".."):
        raise ConfigError(f"--methods {name}: no folder can be called {row}", "give the file another name")
    if _folder(row) == HUMAN:
        raise ConfigError(f"--methods {name}: the folder {HUMAN} is for the human pairs", "give the file another name")
    return row


def _folder(name: str) -> str:
    """What a name has in common with all that are the same folder on a disk that does not tell A from a."""
    return unicodedata.normalize("NFC", name).casefold()


def _own(name: str) -> Mapping[str, Any]:
    """The settings that only this row has."""
    if name.endswith(_OF_SETTINGS):
        return read_yaml(Path(name))
    if name not in METHODS:
        hint = f"{registry.suggest(name, METHODS)} Or name a YAML file of settings, or a file of pairs"
        raise ConfigError(f"--methods: there is no method {name!r}", hint)
    return {"method": {"name": name}}


def human(paths: Sequence[Path]) -> tuple[Human, ...]:
    """Files of pairs that people labelled, read as a whole. Raises InputError, and ConfigError for equal names."""
    found: dict[str, Human] = {}
    for path in paths:
        if (folder := _folder(path.stem)) in found:
            raise ConfigError(f"--eval: two files are called {path.stem}", "give one of them another name")
        found[folder] = Human(path.stem, path, tuple(read_pairs(path)))
        if not found[folder].pairs:
            raise InputError(f"{path} holds no pair")
    return tuple(found.values())


def read_pairs(path: Path) -> list[TextPair]:
    """The pairs of a preference file; a field ``group`` names what must not stand in training and test at once."""
    pairs = []
    for row in Preferences(path, if_missing="").pairs():
        metadata = row.data.get("metadata")
        said = [part.get("group") for part in (row.data, metadata) if isinstance(part, Mapping)]
        group = next((str(each) for each in said if each not in (None, "")), "")  # 0 is one
        pairs.append(TextPair(row.prompt_text, *row.texts, group))
    return pairs


def reward_models(names: str, device: str | None) -> dict[str, RewardModel]:
    """The reward models of these names, each tried on one answer: what is missing is missed now. Raises ConfigError."""
    found = {}
    for name in filter(None, map(str.strip, names.split(","))):
        model = rewards.load(name)
        if device and "device" in type(model).model_fields:
            model = model.model_copy(update={"device": device})
        try:
            model.read([Answer("Why?", "Because.")])
        except RuntimeError as error:  # what PyTorch raises for a device that it does not have
            raise ConfigError(
                f"reward model {name} cannot be used: {str(error).splitlines()[0]}", "--device cpu"
            ) from None
        found[name] = model
    return found


def check(setup: Setup, *, fresh: bool = False) -> tuple[Recipe, ...]:
    """What each run is made of. Raises, before the first call, what any of them would raise.

    fresh: earlier runs do not count.
    """
    if setup.folder.exists() and not setup.folder.is_dir():
        raise StoreError(f"{setup.folder} is a file", "-o comparison/")
    if not setup.folder.parent.is_dir():
        raise StoreError(f"there is no folder {setup.folder.parent}", f"mkdir -p {quote(str(setup.folder.parent))}")
    rows = {_folder(entry.name) for entry in setup.entries}
    if both := [each.name for each in setup.human if _folder(each.name) in rows]:
        raise ConfigError(f"--eval: {both[0]} is also the name of a method", "give the file another name")
    for each in setup.human:
        _need_two_units(each)
    recipes = []
    for entry in setup.entries:
        try:
            recipes.append(rehearsal.prepare(setup.source(entry), entry.config, surveyed(setup.output(entry))))
            judged = setup.judging(setup.verify, entry.config.method).verified_aspects
            refuse_undefined(judged, recipes[-1].method)
        except ConfigError as error:
            raise ConfigError(f"{entry.name}: {error.message}", error.hint) from None
    if setup.verify:
        seats = [seat for sample in (setup.verify, setup.gold) for seat in _seats(setup.judging(sample), recipes[0])]
        if fresh or not all(is_finished(setup.output(entry)) for entry in setup.entries):
            together.run(_reach(seats))
    return tuple(recipes)


def doubts(setup: Setup) -> Iterable[str]:
    """What the judge's mistakes on human pairs do not tell, for which these would have to name aspects."""
    if setup.verify and setup.common.verify.about == "aspects":
        for each in setup.human:
            if not names_aspects(each.path):
                said = "its pairs name no aspect and are judged as a whole, those of the methods on their aspects"
                yield f"--eval {each.path}: {said}; so the judge's mistakes there are not taken out"


def _seats(judging: Config, recipe: Recipe) -> Iterable[Seat]:
    """Those that will look at a recipe's pairs, by these settings. Raises ConfigError and EndpointError."""
    judges.judge(judging.verify.judge)
    registry.validate(type(judging.verify), judging.verify.model_dump(), "settings.verify")
    resolved = roles.resolve(judging)
    rehearsal.prepare_judge(recipe, resolved)
    return roles.seats(resolved).values()


async def _reach(seats: Iterable[Seat]) -> None:
    """Raises EndpointError where a model behind an address is not there: pairs would be paid, and not judged.

    An embedded one would be loaded for this, for nothing; its name and its file are looked at before.
    """
    alone = lines.without_another(seat.lines for seat in seats if seat.kind == "openai")
    try:
        await lines.reach_all(alone)
    finally:
        await lines.close(alone)


def _need_two_units(human: Human) -> None:
    """Raises InputError for a test set that is one unit: none of it is left to train on when some of it is tested."""
    from rmboost.rewards.study import units_of

    if len({*units_of(human.pairs).tolist()}) < 2:
        message = f"--eval {human.path}: all of it is one prompt or one group, and no accuracy can be told from that"
        raise InputError(message, "add pairs on other prompts")


def labelled_by(recipe: Recipe) -> frozenset[str]:
    """The models whose opinion made a row's labels, or decided which of them stay; none where no opinion did."""
    sieve = recipe.verify.judge.roles if recipe.verify and recipe.verify.policy != "flag" else ()
    return frozenset(recipe.config.roles[name].model or "" for name in (*recipe.method.labellers, *sieve))


def judge_models(setup: Setup) -> dict[str, str]:
    """By role, the models that look at the pairs; none where no pair is judged."""
    if not setup.verify:
        return {}
    return {name: role.model or "" for name, role in roles.judging(roles.resolve(setup.judging("all"))).items()}
