"""The net: images of 8 x 8 pixels between 0 and 1 in, a score for each of the ten digits out."""

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 12, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(24 * 2 * 2, 10),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Shape (n, 1, 8, 8) in, shape (n, 10) out."""
        return self.layers(images)
