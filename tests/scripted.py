"""An ``ask`` that answers by template, for tests of methods: who is asked what, and what becomes of the replies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rmboost import methods
from rmboost.records import Job, Pair, Prompt, Response, Spec

PROMPT = Prompt("p", ({"role": "user", "content": "Why is the sky blue?"},), plain=True)


class Asked(NamedTuple):
    """One call, as a method made it."""

    role: str
    template: str
    values: Mapping[str, Any]


class Script:
    """Answers each template with the next of its replies, the last one again and again; numbers calls as a run does."""

    def __init__(self, replies: Mapping[str, str | Iterable[str]]) -> None:
        self._replies = {name: [said] if isinstance(said, str) else list(said) for name, said in replies.items()}
        self.calls: list[Asked] = []

    async def __call__(
        self, role: str, template: str, /, *, logprobs: int = 0, again: Response | None = None, **values: Any
    ) -> Response:
        del logprobs
        number = again.call if again else len(self.calls)
        if not again:
            self.calls.append(Asked(role, template, values))
        replies = self._replies[template]
        await asyncio.sleep(0)  # others may go on meanwhile
        return Response(replies.pop(0) if len(replies) > 1 else replies[0], role, call=number, template=template)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Role and template of each call."""
        return [(call.role, call.template) for call in self.calls]


def make(
    method: str,
    replies: Mapping[str, str | Iterable[str]],
    spec: Spec | None = None,
    prompt: Prompt = PROMPT,
    seed: int = 0,
    **options: Any,
) -> tuple[Pair, Script]:
    """The pair that a method makes of these replies, and the script with what was asked."""
    script = Script(replies)
    job = Job(prompt, 0, seed=seed, spec=spec)
    return asyncio.run(methods.method({"name": method, **options}).make_pair(job, script)), script
