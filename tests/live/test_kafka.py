"""Messages through a whole server, from a topic to a topic. The brokers are librdkafka's own."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import confluent_kafka as kafka
import pytest

if TYPE_CHECKING:
    from tests.conftest import Served

SCRIPT = Path(__file__).parent / "scripts" / "no_threes.py"
WAIT_S = 60.0


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    maker = kafka.Producer({"bootstrap.servers": "x", "test.mock.num.brokers": 1})
    found = maker.list_topics(timeout=10).brokers
    yield ",".join(f"{one.host}:{one.port}" for one in found.values())
    del maker


# The cluster does not hear that a member leaves its group: the others get its partitions when its time is over.
SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}


class Topics:
    def __init__(self, brokers: str, folder: Path) -> None:
        self.config = folder / "kafka.json"
        self.config.write_text(json.dumps(SESSION))
        self.name = uuid.uuid4().hex
        self.brokers = brokers
        self.producer = kafka.Producer({"bootstrap.servers": brokers})
        for kind in ("in", "out"):
            self.producer.list_topics(f"{kind}-{self.name}", timeout=10)
        self.from_the_beginning()

    def from_the_beginning(self) -> Topics:
        """Read the answers anew."""
        self._consumer = kafka.Consumer(
            {"bootstrap.servers": self.brokers, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"}
        )
        self._consumer.subscribe([f"out-{self.name}"])
        return self

    @property
    def flags(self) -> list[str]:
        return [
            "--kafka-servers", self.brokers, "--kafka-topic-input", f"in-{self.name}",
            "--kafka-topic-output", f"out-{self.name}", "--kafka-group", f"group-{self.name}",
            "--kafka-config", str(self.config),
        ]  # fmt: skip

    def send(self, numbers: range) -> None:
        for number in numbers:
            tensor = {"name": "data", "datatype": "INT64", "shape": [1], "data": [number]}
            self.producer.produce(f"in-{self.name}", key=str(number), value=json.dumps({"inputs": [tensor]}))
            self.producer.poll(0)
        assert self.producer.flush(WAIT_S) == 0

    def answers(self, keys: set[str]) -> dict[str, Any]:
        """The last answer for each of these keys."""
        found: dict[str, Any] = {}
        late_s = time.monotonic() + WAIT_S
        while not keys <= found.keys():
            assert time.monotonic() < late_s, f"no answer for {sorted(keys - found.keys())[:5]}"
            message = self._consumer.poll(0.2)
            if message is not None and message.error() is None:
                found[(message.key() or b"").decode()] = json.loads(message.value() or b"")
        return found


def test_every_message_is_answered_though_workers_are_replaced(
    start: Callable[..., Served], brokers: str, tmp_path: Path
) -> None:
    topics = Topics(brokers, tmp_path)
    served = start(SCRIPT, "--workers", "2", *topics.flags).wait_ready(2)
    topics.send(range(100, 600))
    topics.answers({"100"})
    served.signal(signal.SIGHUP)
    served.wait_ready(4)
    topics.send(range(600, 700))
    found = topics.answers({str(number) for number in range(600, 700)})
    assert found["650"]["outputs"][0]["data"] == [1300]
    assert served.stop() == 0
    everything = topics.from_the_beginning().answers({str(number) for number in range(100, 700)})
    assert all(everything[str(number)]["outputs"][0]["data"] == [2 * number] for number in range(100, 700))


def test_a_message_that_run_fails_on_is_answered_with_the_error(
    start: Callable[..., Served], brokers: str, tmp_path: Path
) -> None:
    topics = Topics(brokers, tmp_path)
    start(SCRIPT, *topics.flags).wait_ready()
    topics.send(range(3, 5))
    found = topics.answers({"3", "4"})
    assert "no threes" in found["3"]["error"]
    assert found["4"]["outputs"][0]["data"] == [8]
