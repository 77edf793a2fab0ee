"""The settings for the Kafka door."""

from __future__ import annotations

import dataclasses

import click

from scoringhost.settings.declaration import POSITIVE, Part, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class KafkaSettings(Part):
    """Inference requests from a topic, and answers to another."""

    kafka_servers: str | None = setting(
        None, click.STRING, "Kafka brokers as HOST:PORT,HOST:PORT; inference requests are read from them then.",
        "--kafka-servers",
    )  # fmt: skip
    kafka_topic_input: str = setting(
        "scoringhost-input", click.STRING, "Topic that inference requests are read from.", "--kafka-topic-input"
    )
    kafka_topic_output: str = setting(
        "scoringhost-output", click.STRING, "Topic that answers are written to.", "--kafka-topic-output"
    )
    kafka_topic_errors: str | None = setting(
        None, click.STRING, "Topic for answers that are errors; that of all answers if not set.", "--kafka-topic-errors"
    )
    kafka_group: str = setting(
        "scoringhost", click.STRING, "Consumer group, whose members share the partitions.", "--kafka-group"
    )
    kafka_most: int | None = setting(
        None, POSITIVE, "Messages under way at once in each worker; enough for run() to be busy if not set.",
        "--kafka-most",
    )  # fmt: skip
    kafka_config: str | None = setting(
        None, click.STRING, "JSON file with settings of librdkafka, such as security.protocol and sasl.password.",
        "--kafka-config",
    )  # fmt: skip
