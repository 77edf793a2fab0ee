"""The price of a parcel, by its weight, and cheaper for heavy ones: the version that is to take over."""

from scoringhost import typed


def init():
    pass


@typed
def run(kilograms: float) -> dict[str, float]:
    return {"euros": round(3.5 + 0.7 * kilograms, 2)}
