"""The price of a parcel, by its weight."""

from scoringhost import typed


def init():
    pass


@typed
def run(kilograms: float) -> dict[str, float]:
    return {"euros": round(3.0 + 0.9 * kilograms, 2)}
