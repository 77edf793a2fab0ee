"""Sessions and batches: how long they are kept, and whose they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scoringhost.hub.access import Caller, Role
from scoringhost.hub.errors import BatchNotFound, SessionNotFound
from scoringhost.hub.mls.batch_store import COMPLETE, FAILED, KEPT_S, BatchStore
from scoringhost.hub.mls.sessions import KEPT_S as SESSION_KEPT_S
from scoringhost.hub.mls.sessions import MOST_EACH, Sessions

ANN, BOB, OWNER = Caller("ann", Role.READER), Caller("bob", Role.READER), Caller("olga", Role.OWNER)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_session_and_its_objects_are_forgotten_after_an_hour(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path / "s", clock)
    session = sessions.add("ann")
    sessions.put(session, "model", b"1")
    clock.now_s += SESSION_KEPT_S
    with pytest.raises(SessionNotFound):
        sessions.get("ann", session.id)
    assert list((tmp_path / "s").iterdir()) == []


def test_of_too_many_sessions_the_users_own_oldest_goes(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "s", Clock())
    others = sessions.add("bob")
    made = [sessions.add("ann") for _ in range(MOST_EACH + 1)]
    with pytest.raises(SessionNotFound):
        sessions.get("ann", made[0].id)
    assert sessions.get("ann", made[1].id) is made[1]
    assert sessions.get("bob", others.id) is others


def test_a_snapshot_stays_as_it_was(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "s", Clock())
    session = sessions.add("ann")
    sessions.put(session, "a", b"1")
    snapshot = sessions.snapshot(session)
    sessions.put(session, "a", b"2")
    sessions.delete("ann", session.id)
    assert snapshot.objects()["a"].read_bytes() == b"1"


def test_only_the_results_without_a_gap_are_completed(tmp_path: Path) -> None:
    batch = BatchStore(tmp_path, Clock()).add("ann", "s", "1", 4)
    counts = []
    for index in (2, 0, 1, 3):
        batch.finish(index)
        counts.append(batch.completed)
    assert counts == [0, 1, 3, 4]


def test_a_batch_is_for_who_has_started_it_and_owners(tmp_path: Path) -> None:
    store = BatchStore(tmp_path, Clock())
    batch = store.add("ann", "s", "1", 1)
    assert store.of(ANN, "s", "1") == store.of(OWNER, "s", "1") == [batch]
    assert store.of(BOB, "s", "1") == store.of(ANN, "s", "2") == []
    with pytest.raises(BatchNotFound):
        store.get(BOB, "s", "1", batch.id)


def test_after_a_restart_what_was_done_is_there_and_what_was_under_way_has_failed(tmp_path: Path) -> None:
    clock = Clock()
    store = BatchStore(tmp_path / "b", clock)
    whole, broken = store.add("ann", "s", "1", 1), store.add("ann", "s", "1", 2)
    result = json.dumps({"outputFiles": {"a": "aGk=", "b": None}}).encode()
    for batch in (whole, broken):
        store.write(batch, 0, result)
    again = BatchStore(tmp_path / "b", clock)
    states = {one.id: (one.state, one.completed) for one in again.of(ANN, "s", "1")}
    assert states == {whole.id: (COMPLETE, 1), broken.id: (FAILED, 1)}
    found = again.get(ANN, "s", "1", whole.id)
    assert again.files(found, 0) == {"a": b"hi"}
    with pytest.raises(BatchNotFound):
        again.files(found, 1)
    clock.now_s += KEPT_S + 1
    assert again.of(ANN, "s", "1") == []
    assert list((tmp_path / "b").iterdir()) == []


def test_a_batch_does_not_stay_for_as_long_as_a_clock_was_put_back(tmp_path: Path) -> None:
    clock = Clock()
    store = BatchStore(tmp_path, clock)
    batch = store.add("ann", "s", "1", 1)
    batch.state = COMPLETE
    clock.now_s -= 60
    store.forget_old()
    assert store.get(ANN, "s", "1", batch.id) is batch
    clock.now_s -= KEPT_S
    store.forget_old()
    with pytest.raises(BatchNotFound):
        store.get(ANN, "s", "1", batch.id)
