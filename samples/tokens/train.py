"""Count which letter follows which four in the descriptions of scikit-learn's data sets.

pip install scikit-learn
python samples/tokens/train.py
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud, load_wine

MODEL = Path(__file__).parent / "model" / "letters.json"
ORDER = 4
SEEN = 3
"""Letters after fewer occurrences of the four before them are left out."""


def train() -> dict[str, dict[str, int]]:
    """How often each letter follows each four of the letters a to z and space."""
    loaders = (load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud, load_wine)
    text = " ".join(loader().DESCR for loader in loaders)
    text = re.sub(r"[^a-z]+", " ", text.lower())
    following: dict[str, Counter[str]] = defaultdict(Counter)
    for start in range(len(text) - ORDER):
        following[text[start : start + ORDER]][text[start + ORDER]] += 1
    return {before: dict(after) for before, after in sorted(following.items()) if after.total() >= SEEN}


if __name__ == "__main__":
    model = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_text(json.dumps(model, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"wrote {MODEL}: what follows {len(model)} groups of letters")
