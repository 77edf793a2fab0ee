"""Names that nobody has defined."""

from __future__ import annotations

import pytest

from scoringhost.checking.names import undefined_names


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def run(data):\n    return np.array(data)\n", [("np", 2)]),
        ("def run(data):\n    return modle.predict(modle)\n", [("modle", 2)]),
        ("def init():\n    model = 1\ndef run(data):\n    return model\n", [("model", 4)]),
        ("x = undefined\n", [("undefined", 1)]),
        ("def run(data):\n    return [json.loads(one) for one in data]\n", [("json", 2)]),
        ("class A:\n    x = 1\n    def f(self): return x\n", [("x", 3)]),
    ],
)
def test_the_first_use_of_each_is_found(read, source: str, found: list[tuple[str, int]]) -> None:
    assert [(one.message.split("'")[1], one.line) for one in undefined_names(read(source))] == found


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np\ndef run(data): return np.array(data)\n",
        "def init():\n    global model\n    model = 1\ndef run(data): return model\n",
        "def init():\n    global model\n    import joblib as model\ndef run(data): return model\n",
        "def init():\n    for i in range(3):\n        pass\n    print(i, __file__, __name__, len)\n",
        "def run(data):\n    return later(data)\ndef later(data): return data\n",
        "class A:\n    def f(self): return __class__, super().f\n",
        "def outer():\n    x = 1\n    def inner(): return x\n    return inner\n",
        "from numpy import *\ndef run(data): return array(data)\n",
        "def init(): globals()['model'] = 1\ndef run(data): return model\n",
        "def run(data):\n    try:\n        return model\n    except NameError:\n        return 1\n",
        "if __name__ == '__main__':\n    print(only_by_hand)\n",
        "from __future__ import annotations\ndef run(data: list[int]) -> int: return 1\n",
        "def run(data):\n    if (n := len(data)) > 1: return n\n",
        "try:\n    import x\nexcept ImportError as error:\n    print(error)\n",
        "match 1:\n    case other: print(other)\n",
        "def run(data): return lambda a: a + data\n",
    ],
)
def test_what_is_defined_somewhere_is_left_alone(read, source: str) -> None:
    assert list(undefined_names(read(source))) == []
