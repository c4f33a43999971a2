"""The client: journal, limits, retries and seeds, in one place."""

from __future__ import annotations

import asyncio
import gc
import signal
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pydantic import PrivateAttr

from rmboost.backends import Backend
from rmboost.backends.fake import FakeBackend
from rmboost.client.call import Seat, call_key
from rmboost.client.client import Client
from rmboost.client.halt import Stopped
from rmboost.client.jobask import JobAsk
from rmboost.client.lines import Line, choose, reach_all
from rmboost.errors import BackendError, EndpointError, ReplyError, TransientError
from rmboost.journal import Journal
from rmboost.pace import Limits, Pace
from rmboost.records import Job, Prompt, Request, Response
from rmboost.run.signals import stop_on_signals
from rmboost.templates import Templates
from rmboost.together import together

PROMPT = Prompt("p1", ({"role": "user", "content": "Why?"},))
JOB = Job(PROMPT, 0)


class Scripted(Backend):
    """Answers with its script: a text, a whole Response, or an error to raise; then with the request's seed."""

    model: str = "scripted"
    script: tuple[Any, ...] = ()
    _seen: list[Request] = PrivateAttr(default_factory=list)

    async def complete(self, request: Request) -> Response:
        self._seen.append(request)
        step = self.script[len(self._seen) - 1] if len(self._seen) <= len(self.script) else str(request.seed)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Response) else Response(step, self.model)


def seat(backend: Backend, **sampling: Any) -> Seat:
    return Seat("x", backend.model, (Line(backend, Pace(Limits(concurrency=2))),), sampling)


def play(
    tmp_path: Path, scene: Callable[[Client, Scripted], Coroutine[Any, Any, None]], *script: Any, patience: float = 600
) -> None:
    """A scene with a client whose responder follows the script."""

    async def stage() -> None:
        backend = Scripted(script=script)
        journal = Journal(tmp_path / "journal.sqlite")
        client = Client({"responder": seat(backend)}, journal, Templates(), tries=3, patience=patience)
        try:
            await scene(client, backend)
        finally:
            await journal.close()

    asyncio.run(stage())


async def respond(client: Client, job: Job = JOB) -> Response:
    return await JobAsk(client, job)("responder", "respond", prompt=job.prompt)


def test_the_same_call_is_asked_once(tmp_path: Path) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        assert await respond(client) == await respond(client)
        assert len(backend._seen) == client.meter.asked == client.meter.replayed == 1

    play(tmp_path, scene)


def test_an_answer_that_waits_for_its_commit_keeps_no_slot(tmp_path: Path) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody else can commit now
            jobs = [asyncio.create_task(respond(client, Job(PROMPT, number))) for number in range(5)]
            while client.meter.asked < len(jobs):
                await asyncio.sleep(0)
            assert (len(backend._seen), client.meter.in_flight) == (5, 0), "two of them would have had a slot"
            assert not any(job.done() for job in jobs)
        await asyncio.gather(*jobs)

    play(tmp_path, scene)


def test_the_call_that_is_blamed_and_those_after_it_are_drawn_anew(tmp_path: Path) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        ask = JobAsk(client, JOB)

        async def two_calls() -> list[Response]:
            return [await ask("responder", "respond", prompt=PROMPT) for _ in range(2)]

        first = await two_calls()
        ask.again(1)
        redrawn_second = await two_calls()
        ask.again(0)
        redrawn_both = await two_calls()
        assert redrawn_second[0] == first[0]
        assert [response.draw for response in redrawn_both] == [1, 2]
        texts = [*first, redrawn_second[1], *redrawn_both]
        assert len({response.text for response in texts}) == len(backend._seen) == 5

    play(tmp_path, scene)


def test_a_call_can_be_drawn_once_more_and_keeps_its_number(tmp_path: Path) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        async def votes() -> list[Response]:
            ask = JobAsk(client, JOB)
            first = await ask("responder", "respond", prompt=PROMPT)
            second = await ask("responder", "respond", prompt=PROMPT, again=first)
            other = await ask("responder", "respond", prompt=PROMPT)
            return [first, second, other]

        drawn = await votes()
        assert [(response.call, response.draw) for response in drawn] == [(0, 0), (0, 1), (1, 0)]
        assert len({response.text for response in drawn}) == 3, "each draw has a seed of its own"
        assert await votes() == drawn
        assert len(backend._seen) == 3

    play(tmp_path, scene)


def test_a_retry_goes_on_after_the_draws_that_a_judge_had(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        ask = JobAsk(client, JOB)

        async def draws() -> list[int]:
            first = await ask("responder", "respond", prompt=PROMPT)
            question = await ask("responder", "respond", prompt=PROMPT)
            for _ in range(2):
                question = await ask("responder", "respond", prompt=PROMPT, again=question)
            return [first.draw, question.draw]

        assert await draws() == [0, 2]
        ask.again(1)
        assert await draws() == [0, 5], "replies 0 to 2 could not be read"
        ask.again(1)
        assert await draws() == [0, 8]
        ask.again(0)
        assert await draws() == [1, 11]

    play(tmp_path, scene)


def test_log_probabilities_come_back_from_the_journal_in_their_order(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        client = Client({"judge": seat(FakeBackend())}, journal, Templates(), tries=1)
        values: dict[str, Any] = {"prompt": PROMPT, "a": "x", "b": "y", "aspects": ()}
        asked, replayed = [
            await JobAsk(client, JOB)("judge", "judge/pairwise", logprobs=20, **values) for _ in range(2)
        ]
        plain = await JobAsk(client, JOB)("judge", "judge/pairwise", **values)
        await journal.close()
        assert [list(place.items()) for place in replayed.top] == [list(place.items()) for place in asked.top]
        assert next(iter(asked.top[0])) == asked.text
        assert plain.top == (), "the same call without them is another"
        assert (client.meter.asked, client.meter.replayed) == (2, 1)

    asyncio.run(scene())


class Watched(Backend):
    """Notes how many requests it has at most at once."""

    model: str = "watched"
    follow: bool = False
    _now: int = PrivateAttr(default=0)
    _most: int = PrivateAttr(default=0)

    @property
    def one_by_one(self) -> bool:
        return self.follow

    async def complete(self, request: Request) -> Response:
        self._now += 1
        self._most = max(self._most, self._now)
        for _ in range(5):
            await asyncio.sleep(0)
        self._now -= 1
        return Response(str(request.seed), self.model)


@pytest.mark.parametrize(("follow", "most"), [(False, 6), (True, 2)])
def test_calls_of_one_job_follow_each_other_where_a_backend_reads_them_once_then(
    tmp_path: Path, follow: bool, most: int
) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        watched = Watched(follow=follow)
        seats = {"responder": Seat("x", "watched", (Line(watched, Pace(Limits(concurrency=8))),), {})}
        client = Client(seats, client.journal, client.templates, tries=3)

        async def three(job: Job) -> list[Response]:
            ask = JobAsk(client, job)
            return await together(*(ask("responder", "respond", prompt=PROMPT) for _ in range(3)))

        answered = await asyncio.gather(*map(three, (JOB, Job(PROMPT, 1, repetition=1))))
        assert [[response.call for response in each] for each in answered] == [[0, 1, 2], [0, 1, 2]]
        assert watched._most == most

    play(tmp_path, scene)


def test_a_stop_reaches_calls_that_wait_for_the_one_before_them(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        watched = Watched(follow=True)
        seats = {"responder": Seat("x", "watched", (Line(watched, Pace(Limits(concurrency=8))),), {})}
        client = Client(seats, client.journal, client.templates, tries=3)
        ask = JobAsk(client, JOB)
        calls = [asyncio.create_task(ask("responder", "respond", prompt=PROMPT)) for _ in range(3)]
        while not watched._now:
            await asyncio.sleep(0)
        client.stop()
        first, *others = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, Response), "what is in flight is answered and kept"
        assert [type(other) for other in others] == [Stopped, Stopped]

    play(tmp_path, scene)


def test_calls_that_go_out_together_are_all_answered_before_a_failure_is_raised(tmp_path: Path) -> None:
    ended: list[int] = []

    async def call(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        if number == 1:
            raise BackendError("no")
        ended.append(number)
        return number

    async def scene(*_: Any) -> None:
        assert await together(call(3), call(0)) == [3, 0]
        with pytest.raises(BackendError):
            await together(call(1), call(5))

    play(tmp_path, scene)
    assert ended == [0, 3, 5]


@pytest.mark.parametrize(("finish_reason", "reason"), [("length", "truncated"), ("content_filter", "filtered")])
def test_half_an_answer_is_a_failure(tmp_path: Path, finish_reason: str, reason: str) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        with pytest.raises(ReplyError) as caught:
            await respond(client)
        assert caught.value.reason == reason
        assert client.meter.asked == 1, "it was paid for, so it is in the journal"

    play(tmp_path, scene, Response("half an ans", "m", finish_reason))


def test_transient_errors_are_tried_again_after_what_the_server_asked_for(tmp_path: Path) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        assert (await respond(client)).text == "at last"
        assert client.meter.retries == {"refused": 1, "broken": 1}
        assert len(backend._seen) == 3

    play(
        tmp_path,
        scene,
        TransientError("busy", retry_after=0.01, kind="refused"),
        TransientError("busy", retry_after=0),
        "at last",
    )


def test_a_job_rests_once_however_many_of_its_calls_do(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        ask = JobAsk(client, JOB)
        calls = [asyncio.create_task(ask("responder", "respond", prompt=PROMPT)) for _ in range(2)]
        while client.meter.waiting.total() < 2:
            await asyncio.sleep(0)
        assert client.resting == 1
        client.stop()
        await asyncio.gather(*calls, return_exceptions=True)
        assert client.resting == 0

    play(tmp_path, scene, *[TransientError("full", retry_after=60)] * 2)


def test_tries_have_an_end(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        with pytest.raises(TransientError, match="third"):
            await respond(client)

    play(tmp_path, scene, *(TransientError(name, retry_after=0) for name in ("first", "second", "third")))


@pytest.mark.parametrize("retry_after", [0.0, None])
def test_patience_has_an_end(tmp_path: Path, retry_after: float | None) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        with pytest.raises(TransientError, match="busy"):
            await asyncio.wait_for(respond(client), 5)
        assert len(backend._seen) < 20

    busy = TransientError("busy", retry_after=retry_after, kind="refused")
    play(tmp_path, scene, *[busy] * 10_000, patience=0.05)


@pytest.mark.parametrize("error", [BackendError("too long"), EndpointError("wrong key")])
def test_what_will_never_be_answered_is_not_tried_again(tmp_path: Path, error: BackendError) -> None:
    async def scene(client: Client, backend: Scripted) -> None:
        with pytest.raises(type(error), match=str(error)):
            await respond(client)
        assert len(backend._seen) == 1

    play(tmp_path, scene, error)


def test_after_stop_the_journal_still_answers_and_the_backend_does_not(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        answered = await respond(client)
        client.stop()
        assert await respond(client) == answered
        with pytest.raises(Stopped):
            await respond(client, Job(PROMPT, 1, repetition=1))

    play(tmp_path, scene)


def test_after_stop_the_limit_is_shown_as_it_was(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        client.stop()
        client.stop()
        assert client.reading().limit == 2

    play(tmp_path, scene)


def test_a_signal_counts_whatever_becomes_of_the_notice(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        told = asyncio.Event()

        def say(_: str) -> None:
            told.set()
            raise OSError("nobody listens")

        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        with stop_on_signals(client, say):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(told.wait(), 5)
        assert client.halt.cause == "signal"

    play(tmp_path, scene)


class SlowToStart(Scripted):
    """Its check takes for ever, as fetching weights may."""

    async def check(self) -> None:
        await asyncio.Event().wait()


def test_stop_does_not_wait_for_a_backend_that_is_still_starting(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        client = Client({"responder": seat(SlowToStart())}, client.journal, client.templates, tries=3)
        waiting = asyncio.create_task(respond(client))
        await asyncio.sleep(0)
        client.stop()
        with pytest.raises(Stopped):
            await waiting

    play(tmp_path, scene)


class Absent(Scripted):
    async def check(self) -> None:
        raise EndpointError(f"{self.model} is not there")


def test_of_two_models_that_are_not_there_one_is_named_and_asyncio_does_not_complain() -> None:
    complaints: list[Any] = []

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        with pytest.raises(EndpointError, match="one is not there"):
            await reach_all([Line(Absent(model=name), Pace(Limits(concurrency=2))) for name in ("one", "other")])

    asyncio.run(scene())
    gc.collect()
    assert not complaints


def test_stop_does_not_wait_for_a_retry_far_away(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        waiting = asyncio.create_task(respond(client))
        while not client.meter.retries:
            await asyncio.sleep(0)
        assert client.busy and not client.meter.in_flight, "a person is told that it waits"
        client.stop()
        with pytest.raises(Stopped):
            await waiting
        assert not client.busy

    play(tmp_path, scene, TransientError("busy", retry_after=300))


def test_a_call_that_waits_for_its_next_try_holds_no_slot(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        waiting = [asyncio.create_task(respond(client, Job(PROMPT, n, n))) for n in range(2)]
        while client.meter.retries.total() < 2:
            await asyncio.sleep(0)
        assert (await respond(client, Job(PROMPT, 9, 9))).text == "free"
        client.stop()
        await asyncio.gather(*waiting, return_exceptions=True)

    busy = TransientError("busy", retry_after=300)
    play(tmp_path, scene, busy, busy, "free")


def changed(**values: Any) -> bytes:
    """The key of a call in which one thing is different."""
    parts: dict[str, Any] = {"prompt": PROMPT, "repetition": 0, "call": 0, "kind": "x", "model": "m", "seed": 1}
    parts |= {"text": "Why?", "sampling": {"temperature": 0.7}, "base_url": "http://a"} | values
    job = Job(parts["prompt"], 0, parts["repetition"])
    seat = Seat(parts["kind"], parts["model"], (), {})
    request = Request(({"role": "user", "content": parts["text"]},), parts["seed"], parts["sampling"])
    return call_key(job, parts["call"], seat, request)


@pytest.mark.parametrize(
    "difference",
    [
        {"prompt": Prompt("p2", PROMPT.messages)},
        {"repetition": 1},
        {"call": 1},
        {"kind": "y"},
        {"model": "n"},
        {"text": "Why not?"},
        {"sampling": {"temperature": 0.8}},
        {"seed": 2},
    ],
)
def test_whatever_could_change_the_answer_changes_the_key(difference: dict[str, Any]) -> None:
    assert changed(**difference) != changed()
    assert changed() == changed()


class Late(Scripted):
    """A server that is not there when it is looked for the first time."""

    async def check(self) -> None:
        self._seen.append(Request((), 0))
        if len(self._seen) == 1:
            raise EndpointError("not yet")


def test_a_server_that_is_there_again_is_asked_again() -> None:
    async def scene() -> None:
        late, other = (Line(backend, Pace(Limits(concurrency=4))) for backend in (Late(), Scripted()))
        with pytest.raises(EndpointError) as caught:
            await late.check()
        assert late.struck(caught.value) and choose([late, other], None) is other
        late.dead_until, other.pace.in_flight = monotonic() - 1, 3
        assert choose([late, other], None) is late
        await late.check()

    asyncio.run(scene())


def test_one_signal_leaves_now_where_only_calls_under_way_are_waited_for(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        client.stop("ceiling", "the deadline is over")
        client.halt.told = True
        with stop_on_signals(client, print), pytest.raises(asyncio.CancelledError):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(5)

    play(tmp_path, scene)


def test_a_second_signal_leaves_now(tmp_path: Path) -> None:
    async def scene(client: Client, _: Scripted) -> None:
        said: list[str] = []
        with stop_on_signals(client, said.append), pytest.raises(asyncio.CancelledError):
            signal.raise_signal(signal.SIGTERM)
            while not said:
                await asyncio.sleep(0)
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(5)

    play(tmp_path, scene)
