"""Aspect sets: named qualities with what better and worse mean on them, one YAML file a set."""

from __future__ import annotations

from random import Random

from rmboost import sets
from rmboost.records import Label
from rmboost.registry import Component
from rmboost.sets import Name, Parts


class Demo(Component):
    """A worked example for the ``direct`` style: ``second`` is the edit of ``first`` that was ordered."""

    prompt: str
    first: str
    second: str


class Demos(Component):
    better: tuple[Demo, ...] = ()
    worse: tuple[Demo, ...] = ()


class Aspect(Component):
    """A quality of a response: what it is, and what an edit makes of it in either direction."""

    name: Name
    definition: str
    better: str
    worse: str
    demos: Demos = Demos()


class AspectSet(Component):
    """The aspects of one kind of data, with demos to fall back on for aspects that have none of their own."""

    description: str
    source: str = ""
    aspects: Parts[Aspect]
    demos: Demos = Demos()

    def __getitem__(self, name: str) -> Aspect:
        return {aspect.name: aspect for aspect in self.aspects}[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(aspect.name for aspect in self.aspects)

    def pick_demos(self, aspect: str, label: Label, count: int, random: Random) -> tuple[Demo, ...]:
        """``count`` demos for this aspect and label: the aspect's own first, then the set's."""
        own, shared = (tuple(getattr(home.demos, label)) for home in (self[aspect], self))
        missing = max(0, count - len(own))
        return own[:count] + tuple(random.sample(shared, min(missing, len(shared))))


def load(name: str) -> AspectSet:
    """The shipped set of that name, or the set in that ``.yaml`` file. Raises ConfigError."""
    return sets.load(AspectSet, "aspect", "aspects", name)
