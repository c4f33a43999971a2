"""Replay: jobs settled once more by the journal alone. Nobody is asked, and nothing is written."""

from __future__ import annotations

from rmboost.client.client import Client
from rmboost.client.halt import Stopped
from rmboost.journal import Journal
from rmboost.records import Job, Outcome, Response
from rmboost.run import roles
from rmboost.run.recipe import Recipe
from rmboost.run.settle import settler


class Answers(Journal):
    """A journal that is all there is: a call that was given up is given up again, others are never made."""

    def get(self, key: bytes) -> Response:
        if known := super().get(key):
            return known
        raise self.refusal(key) or Stopped


class Replay:
    """Settles jobs of a recipe from what ``answers`` holds."""

    def __init__(self, recipe: Recipe, answers: Answers) -> None:
        self.client = Client(roles.seats(recipe.config), answers, recipe.templates, tries=1)
        self._settle = settler(recipe, self.client)

    async def outcome(self, job: Job) -> Outcome | None:
        """What becomes of a job; None where the journal does not hold all of its calls."""
        try:
            return await self._settle(job)
        except Stopped:
            return None
