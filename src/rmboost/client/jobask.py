"""What stands behind ``ask`` for one job: its calls in their order, and the seed that each is drawn with."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from rmboost import parsing
from rmboost.client.client import Client
from rmboost.client.lines import Line
from rmboost.records import Job, Request, Response, stable_hash


class JobAsk:
    """``ask`` for a job: numbers its calls, gives each draw a seed, and keeps to the endpoints that it began with."""

    def __init__(self, client: Client, job: Job) -> None:
        self._client, self._job = client, job
        self._places: dict[str, Line] = {}
        self._calls = 0
        self._drawn: dict[int, int] = {}
        """the number of the last draw of each call"""
        self._begin: dict[int, int] = {}
        """the draw that a call begins with; 0 for others"""
        self._turn = asyncio.Lock()
        """of calls that go one by one"""

    def again(self, blamed: int) -> None:
        """Begin anew: the call that is blamed and those after it are drawn anew, earlier ones answered as before."""
        self._calls = 0
        self._begin |= {call: draw + 1 for call, draw in self._drawn.items() if call >= blamed}

    async def __call__(
        self, role: str, template: str, /, *, logprobs: int = 0, again: Response | None = None, **values: Any
    ) -> Response:
        call, draw = (again.call, again.draw + 1) if again else self._next()
        self._drawn[call] = draw
        messages = self._client.templates.render(template, **values)
        seed = stable_hash(self._job.seed, self._job.key, call, draw) % 2**31
        seat = self._client.seats[role]
        request = Request(messages, seed, seat.sampling, logprobs)
        async with self._turn if any(line.backend.one_by_one for line in seat.lines) else nullcontext():
            response = await self._client.answer(role, self._job, call, request, self._places)
        return parsing.whole(replace(response, call=call, draw=draw, template=template), messages)

    def _next(self) -> tuple[int, int]:
        """The number of the next call, and of its draw."""
        call, self._calls = self._calls, self._calls + 1
        return call, self._begin.get(call, 0)
