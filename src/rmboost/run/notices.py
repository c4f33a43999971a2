"""What a person is told before a run begins: the models, what is left out, and what may not do what it is meant to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rmboost import judges
from rmboost.amounts import number
from rmboost.config import Config
from rmboost.errors import ConfigError
from rmboost.run import roles
from rmboost.run.recipe import Recipe


def notices(recipe: Recipe) -> Iterator[str]:
    """A line for each thing to know."""
    yield from roles.describe(recipe.config)
    yield from _left_out(recipe)
    yield from _of_templates_and_judges(recipe)
    yield from _of_gold(recipe)
    if any(recipe.undefined):
        none, some = (number(count, "pair") for count in recipe.undefined)
        said = f"{none} without an aspect that the judge's set defines, judged as a whole; {some} with others beside"
        yield f"verify.about: aspects: {said}, which are left out (another set: --set verify.aspects=FILE.yaml)"


def _left_out(recipe: Recipe) -> Iterator[str]:
    """What of the input the run does not use."""
    found = recipe.survey
    if found.bad:
        yield f"lines left out: {found.bad}, the first: {found.first_bad}"
    if found.duplicates:
        yield f"prompts left out because the same text came before: {found.duplicates}"


def _of_templates_and_judges(recipe: Recipe) -> Iterator[str]:
    """Templates of no known name, and judges that favour who writes."""
    for path, meant in recipe.templates.strays({*recipe.folders, *_of_judge(recipe.config)}).items():
        yield f"{path} stands for no template and is not used; {meant}"
    for role, relation in recipe.leakage.items():
        yield (
            f"{role}: {relation} as the one that writes, and a judge favours its own family (arXiv 2502.01534); "
            f"a better one: --set {'judges.' if role in recipe.config.judges else ''}{role}.model=NAME"
        )


def _of_gold(recipe: Recipe) -> Iterator[str]:
    """Why ``verify.gold`` may correct nothing, or wrongly."""
    if recipe.gold and not recipe.gold.right > recipe.gold.wrong:
        yield f"verify.gold: no better than a coin on {recipe.config.verify.gold}, so nothing can be corrected by it"
    if recipe.gold_apart:
        said = f"{recipe.config.verify.gold} was not judged by verify.about: {recipe.config.verify.about}, as here"
        yield f"verify.gold: {said}, so nothing can be corrected by it"
    if recipe.strangers:
        said = f"{recipe.config.verify.gold} was judged by {', '.join(sorted(recipe.strangers))}"
        yield f"verify.gold: {said}, which is not the judge here: the mistakes of one are taken out of the other"


def _of_judge(config: Config) -> Iterable[str]:
    """The folders of the judge that is named, who may look at the pairs in a run of its own; none of one that cannot be
    built, which this run has no use for.
    """
    try:
        return judges.judge(config.verify.judge).folders
    except ConfigError:
        return ()
