"""A typed run() that streams."""

from collections.abc import Iterator

import scoringhost


def init():
    """Nothing to load."""


@scoringhost.typed
def run(words: list[str], wrong: bool = False) -> Iterator[dict[str, int]]:
    """Count letters, word by word."""
    for word in words:
        yield {word: "many" if wrong else len(word)}
