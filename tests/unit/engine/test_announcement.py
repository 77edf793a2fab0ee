"""Announcement: heard on any event loop, whenever it is made."""

from __future__ import annotations

import asyncio
import threading

from scoringhost.engine.announcement import Announcement


def test_it_wakes_whoever_waits_on_any_event_loop() -> None:
    announcement = Announcement()
    heard: list[bool] = []

    def wait() -> None:
        heard.append(asyncio.run(announcement.heard()))

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    announcement.make()
    for thread in waiting:
        thread.join(30)
    assert heard == [True] * 3
    assert announcement.waiting == 0


def test_it_is_heard_at_once_when_it_has_been_made() -> None:
    announcement = Announcement()
    assert not announcement.is_made
    announcement.make()
    assert announcement.is_made
    assert asyncio.run(announcement.heard(0))


def test_who_waits_for_too_long_is_told_so_and_counted_no_more() -> None:
    announcement = Announcement()

    async def wait() -> tuple[int, bool, int]:
        task = asyncio.create_task(announcement.heard(0.01))
        await asyncio.sleep(0)
        waiting = announcement.waiting
        return waiting, await task, announcement.waiting

    assert asyncio.run(wait()) == (1, False, 0)


# An event loop may be closed while one of its coroutines waits: the next one in line must hear it all the same.
def test_an_event_loop_that_has_gone_keeps_nobody_from_hearing() -> None:
    announcement = Announcement()
    gone = asyncio.new_event_loop()
    waiting = announcement.heard()
    gone.run_until_complete(asyncio.sleep(0))

    async def begin() -> None:
        waiting.send(None)

    gone.run_until_complete(begin())
    gone.close()
    announcement.make()
    waiting.close()
    assert asyncio.run(announcement.heard(0))
