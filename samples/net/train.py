"""Train a small convolutional net on the handwritten digits that scikit-learn ships, and keep its weights.

pip install -r requirements.txt scikit-learn
python train.py
"""

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
WEIGHTS = HERE / "model" / "digits.pt"
sys.path.insert(0, str(HERE))  # net.py, wherever this is started

from net import Net  # noqa: E402


def train(epochs: int = 40) -> tuple[Net, float]:
    """The trained net, and its accuracy on digits that it has not seen."""
    torch.manual_seed(0)
    data = load_digits()
    images = (data.images / 16).astype(np.float32)[:, None]
    seen, unseen, labels, expected = train_test_split(images, data.target, test_size=0.25, random_state=0)
    seen, labels = torch.from_numpy(seen), torch.from_numpy(labels)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for _ in range(epochs):
        for rows in torch.randperm(len(seen)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(seen[rows]), labels[rows]).backward()
            optimizer.step()
    net.eval()
    with torch.inference_mode():
        found = net(torch.from_numpy(unseen)).argmax(dim=1).numpy()
    return net, float((found == expected).mean())


if __name__ == "__main__":
    trained, accuracy = train()
    WEIGHTS.parent.mkdir(exist_ok=True)
    torch.save(trained.state_dict(), WEIGHTS)
    print(f"wrote {WEIGHTS}; accuracy on unseen digits: {accuracy:.3f}")
