"""The pace: a limit that finds itself, rates that are kept, refusals that are heeded; on a clock of the test's own."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from math import exp, inf
from random import Random

import pytest

from rmboost.backends.quota import read, seconds
from rmboost.errors import TransientError, Trouble
from rmboost.pace import Limits, Pace
from rmboost.pace.chance import Chance, Window
from rmboost.pace.climb import Climb
from rmboost.pace.rate import Bucket, Refusals
from rmboost.records import Quota, Response


def throughput(slots: int, latency: float, until: float) -> tuple[float, int]:
    """Answers a second in the last third, as a share of what so many slots give, and the limit in the end."""
    random, climb, now = Random(1), Climb(0.0), 0.0
    done: list[float] = []
    running, queued, answers = 0, 0, 0
    while now < until:
        queued += climb.limit - running - queued if climb.limit > running + queued else 0
        while queued and running < slots:
            heapq.heappush(done, now + latency * exp(random.gauss(-0.125, 0.5)))
            queued, running = queued - 1, running + 1
        now = heapq.heappop(done)
        climb.answered(now, full=running + queued >= climb.limit)
        running -= 1
        answers += now > until * 2 / 3
    return answers / (until / 3) / (slots / latency), climb.limit


@pytest.mark.parametrize("slots", [4, 32, 200])
@pytest.mark.parametrize("latency", [0.05, 0.5])
def test_the_limit_finds_the_room_of_a_server(slots: int, latency: float) -> None:
    share, limit = throughput(slots, latency, 30)
    assert share > 0.8
    assert limit >= 0.8 * slots


def test_overload_cuts_the_limit_once_for_requests_under_way_together() -> None:
    climb = Climb(0.0)
    for _ in range(16):
        climb.overloaded(1.0)
    assert climb.limit == 12


def test_a_pool_that_lacks_work_says_nothing_of_the_server() -> None:
    climb = Climb(0.0)
    for number in range(1000):
        climb.answered(number * 0.01, full=False)
    assert climb.limit == 16


def accepted_and_refused(accepts: Callable[[float], bool], total: int, limit: int, latency: float) -> tuple[float, int]:
    """Seconds until so many requests are answered, and how many were refused on the way."""
    refusals, bucket, random = Refusals(0.0), Bucket(1, 0.0), Random(1)
    events: list[tuple[float, str, int]] = []
    now, answered, refused, flying, waiting, called = 0.0, 0, 0, 0, total, False
    while answered < total:
        while flying < limit and waiting:
            pause = refusals.paused_until - now
            if refusals.cap < inf:
                bucket.per_second = refusals.cap
                pause = max(pause, bucket.wait(now))
            if pause > 1e-9:
                if not called:
                    heapq.heappush(events, (now + pause, "wake", 0))
                called = True
                break
            if refusals.cap < inf:
                bucket.take(1.0, now)
            number, flying, waiting = refusals.sent(now), flying + 1, waiting - 1
            if accepts(now):
                heapq.heappush(events, (now + latency * exp(random.gauss(-0.125, 0.5)), "answered", number))
            else:
                heapq.heappush(events, (now + 0.002, "refused", number))
        now, what, number = heapq.heappop(events)
        answered += what == "answered"
        flying -= what != "wake"
        called = called and what != "wake"
        if what == "refused":
            refused += 1
            refusals.refused(number, now)
            heapq.heappush(events, (now + 2 * random.random(), "back", 0))
        if what == "back":
            waiting, flying = waiting + 1, flying + 1
    return now, refused


def rate_limited(rate: float) -> Callable[[float], bool]:
    level, at = rate, 0.0

    def accepts(now: float) -> bool:
        nonlocal level, at
        level, at = min(rate, level + (now - at) * rate), now
        level -= (taken := level >= 1)
        return taken

    return accepts


@pytest.mark.parametrize("rate", [40, 100, 400])
def test_a_rate_limit_is_used_and_seldom_broken(rate: float) -> None:
    took, refused = accepted_and_refused(rate_limited(rate), int(60 * rate), 64, 0.05)
    assert 60 * rate / took > 0.9 * rate
    assert refused < 0.05 * 60 * rate


def counted_by_window(rate: float, seconds: float) -> Callable[[float], bool]:
    """Each window begins with a full count, and saves nothing up."""
    window, left = -1.0, 0.0

    def accepts(now: float) -> bool:
        nonlocal window, left
        if now // seconds > window:
            window, left = now // seconds, rate * seconds
        left -= 1
        return left >= 0

    return accepts


@pytest.mark.parametrize(("rate", "seconds", "limit"), [(20, 1, 16), (100, 1, 64), (400, 1, 256), (100, 10, 64)])
def test_a_limit_that_is_counted_by_windows_is_used_and_seldom_broken(rate: float, seconds: float, limit: int) -> None:
    took, refused = accepted_and_refused(counted_by_window(rate, seconds), int(60 * rate), limit, 0.5)
    assert 60 * rate / took > 0.9 * rate
    assert refused < 0.05 * 60 * rate


def at_most(count: int, seconds: float) -> Callable[[float], bool]:
    """So many in the last seconds, whenever one looks."""
    taken: deque[float] = deque(maxlen=count)

    def accepts(now: float) -> bool:
        if len(taken) == count and now - taken[0] < seconds:
            return False
        taken.append(now)
        return True

    return accepts


def test_a_limit_of_a_few_requests_a_minute_is_not_forgotten_at_every_pause() -> None:
    took, refused = accepted_and_refused(at_most(20, 60), 400, 64, 2)
    assert took < 1.3 * 400 * 60 / 20
    assert refused < 300


def test_refusals_that_have_nothing_to_do_with_the_rate_slow_nothing_down() -> None:
    random = Random(2)
    took, _ = accepted_and_refused(lambda _: random.random() > 0.1, 20_000, 64, 0.05)
    assert 20_000 / took > 0.6 * 64 / 0.05


def test_refusals_by_chance_make_no_pauses_of_the_ends_of_windows() -> None:
    random, counted = Random(2), counted_by_window(100, 1)
    took, _ = accepted_and_refused(lambda now: random.random() > 0.05 and counted(now), 6000, 64, 0.5)
    assert 6000 / took > 0.4 * 100


SEEN = {
    "the same share of fewer": (Window(100, 20, 1), Window(80, 16, 1), 0.2),
    "all of fewer let through": (Window(100, 20, 1), Window(80, 0, 1), 0.0),
    "as many let through as before": (Window(100, 40, 1), Window(80, 20, 1), 0.0),
    "more refused of fewer": (Window(200, 20, 1), Window(180, 80, 1), 0.0),
    "a small share": (Window(100, 5, 1), Window(95, 5, 1), 0.0),
    "nearly all": (Window(100, 80, 1), Window(50, 40, 1), 0.0),
    "too few to tell": (Window(20, 4, 1), Window(15, 3, 1), 0.0),
}


@pytest.mark.parametrize(("before", "after", "share"), SEEN.values(), ids=SEEN)
def test_what_a_cut_of_the_rate_tells(before: Window, after: Window, share: float) -> None:
    chance = Chance()
    assert chance.seen(before, None) is False
    assert (chance.seen(after, before), chance.share) == (share > 0, share)


def test_where_the_old_rate_has_more_refused_it_was_no_chance() -> None:
    chance = Chance()
    assert chance.seen(Window(80, 16, 1), Window(100, 20, 1))
    chance.seen(Window(100, 20, 1), None)
    assert chance.share == pytest.approx(0.2)
    assert chance.seen(Window(80, 16, 1), Window(100, 20, 1))
    chance.seen(Window(100, 30, 1), None)
    assert chance.share == 0


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3])
def test_a_share_that_is_refused_at_any_rate_is_none_of_the_rates_business(share: float) -> None:
    random = Random(3)
    took, _ = accepted_and_refused(lambda _: random.random() > share, 10_000, 64, 0.5)
    assert 10_000 / took > 0.7 * 64 / 0.5


@pytest.mark.parametrize("limited", [rate_limited, lambda rate: counted_by_window(rate, 1)], ids=["bucket", "windows"])
def test_a_limit_is_found_beside_refusals_by_chance(limited: Callable[[float], Callable[[float], bool]]) -> None:
    random, accepts = Random(3), limited(100)
    took, refused = accepted_and_refused(lambda now: random.random() > 0.1 and accepts(now), 12_000, 64, 0.5)
    assert 12_000 / took > 0.7 * 90
    assert refused < 0.2 * 12_000


@pytest.mark.parametrize("spell", [4, 12, 60])
@pytest.mark.parametrize("begins", [0, 10])
def test_after_a_spell_in_which_all_is_refused_the_old_rate_comes_back_within_a_minute(
    begins: float, spell: float
) -> None:
    full_speed = 1600 / (16 / 0.5)
    took, refused = accepted_and_refused(lambda now: not begins <= now < begins + spell, 1600, 16, 0.5)
    assert took < full_speed + spell + 60
    assert refused < 130


def test_a_cap_that_nothing_reaches_is_lifted_so_that_slots_may_grow_again() -> None:
    refusals, caps = Refusals(0.0), []
    for number in range(3000):
        sent = refusals.sent(now := number * 0.05)
        if 100 <= number < 110:
            refusals.refused(sent, now)
        caps.append(refusals.cap)
    assert caps[110] < 20
    assert caps[-1] == inf


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        (
            {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2s"},
            Quota(0, None, 62.0, 0.0),
        ),
        (
            {"x-ratelimit-remaining-tokens": "120", "x-ratelimit-reset-tokens": "20ms"},
            Quota(None, 120, 0.0, 0.02),
        ),
        ({"anthropic-ratelimit-requests-remaining": "7"}, Quota(7, None, 0.0, 0.0)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "12"}, Quota(3, None, 12.0)),
        ({"x-ratelimit-remaining": "many"}, Quota(None, None)),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": "1577880120000",
                "date": "Wed, 01 Jan 2020 12:00:00 GMT",  # the moment is of the server's clock, whatever ours says
            },
            Quota(0, None, 120.0),
        ),
    ],
)
def test_what_endpoints_say_is_left(headers: dict[str, str], found: Quota | None) -> None:
    assert read(headers) == found


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "1970-01-01T00:00:00Z", "1000000000"])
def test_a_reset_that_is_over_or_cannot_be_read_is_now(text: str) -> None:
    assert seconds(text, 1.7e9) == 0


@pytest.mark.parametrize(("kind", "enough"), [("overloaded", 2), ("refused", 4)])
def test_when_nothing_gets_through_all_requests_rest_for_as_long_as_is_asked(kind: Trouble, enough: int) -> None:
    now, busy = 0.0, TransientError("busy", retry_after=4, kind=kind)

    async def scene() -> None:
        nonlocal now
        pace = Pace(Limits(concurrency=4), clock=lambda: now)

        async def enters() -> bool:
            entering = asyncio.create_task(pace.enter())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            entered = entering.done()
            entering.cancel()
            return entered

        for _ in range(enough - 1):
            pace.failed(await pace.enter(), busy)
        number = await pace.enter()
        assert await enters(), "a few are meant for themselves"
        pace.answered(Response("x", "m"))
        for _ in range(enough):
            number = await pace.enter()
            pace.failed(number, busy)
        now = 3.9
        assert not await enters()
        now = 4.1
        assert await enters()

    asyncio.run(scene())


@pytest.mark.parametrize(("reset", "turned_away"), [(61.0, True), (59.0, False)])
def test_who_waits_for_longer_than_patience_is_turned_away(reset: float, turned_away: bool) -> None:
    async def scene() -> None:
        pace = Pace(Limits(concurrency=1, patience=60), clock=lambda: 0.0)
        number = await pace.enter()
        waiting = asyncio.create_task(pace.enter())
        await asyncio.sleep(0)
        pace.answered(Response("x", "m", quota=Quota(0, requests_reset=reset)))
        await asyncio.wait([waiting], timeout=0.01)
        assert waiting.done() is turned_away
        if turned_away:
            assert isinstance(error := waiting.exception(), TransientError) and error.retry_after == reset
            assert (number, pace.busy) == (1, 0)
        waiting.cancel()

    asyncio.run(scene())


def test_answers_that_leave_together_do_not_make_a_full_pool_look_empty() -> None:
    async def scene() -> None:
        now = 0.0
        pace = Pace(Limits(), clock=lambda: now)
        under_way = [await pace.enter() for _ in range(pace.limit)]
        for _ in range(40):  # one commit writes five answers; then five others enter
            now += 0.1
            for _ in under_way[:5]:
                pace.answered(Response("x", "m"))
            under_way = [*under_way[5:], *[await pace.enter() for _ in range(pace.limit - pace.in_flight)]]
        assert pace.limit > 16

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("quota", "goes"),
    [
        (Quota(tokens=500, tokens_reset=30), False),
        (Quota(tokens=100_000, tokens_reset=30), True),
        (Quota(requests=0, requests_reset=30), False),
        (Quota(requests=5, requests_reset=30), True),
    ],
)
def test_an_endpoint_rests_only_where_its_quota_is_used_up(quota: Quota, goes: bool) -> None:
    async def scene() -> None:
        pace = Pace(Limits(concurrency=2), clock=lambda: 0.0)
        await pace.enter()
        pace.answered(Response("x", "m", quota=quota))
        assert await enters(pace) is goes

    asyncio.run(scene())


async def enters(pace: Pace) -> bool:
    """Whether a request may go out at once; it does."""
    entering = asyncio.create_task(pace.enter())
    for _ in range(3):
        await asyncio.sleep(0)
    entered = entering.done()
    entering.cancel()
    return entered


@pytest.mark.parametrize("limits", [Limits(8, rpm=60), Limits(8, tpm=60_000)], ids=["requests", "tokens"])
def test_what_the_user_allows_a_minute_is_kept(limits: Limits) -> None:
    now = 0.0

    async def scene() -> None:
        nonlocal now
        pace = Pace(limits, clock=lambda: now)
        await pace.enter()
        for later, goes in ((0.9, False), (1.1, True)):
            now = later
            assert await enters(pace) is goes

    asyncio.run(scene())
