"""What `deploy --target ray` and `package --target ray` share: options, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from scoringhost.ray.package import Choices

F = TypeVar("F", bound=Callable[..., Any])
OPTIONS = ("num_cpus", "num_gpus", "target_utilisation", "route_prefix", "working_dir")
"""The parameters that `of_ray` adds."""


def of_ray(function: F) -> F:
    """The options of a service in a cluster of Ray, but for `--replicas`, which others have, too."""
    for option in (
        click.option("--working-dir", metavar="URI", help="ray: where nodes find the archive, if you put it there."),
        click.option("--route-prefix", metavar="PATH", help="ray: the path that it is below; /."),
        click.option(
            "--target-utilisation", type=click.FloatRange(0, 100, min_open=True), metavar="PERCENT",
            help="ray: of its slots, in each of a range of replicas; 70.",
        ),
        click.option("--num-gpus", type=click.FloatRange(0), metavar="N", help="ray: GPUs for a replica, as 1 or 0.5."),
        click.option("--num-cpus", type=click.FloatRange(0), metavar="N", help="ray: cores for a replica; 1."),
    ):  # fmt: skip
        function = option(function)
    return function


def choices_of(
    name: str,
    given: Mapping[str, Any],
    settings: Mapping[str, str],
    environ: Mapping[str, str],
    requirements: Path | None,
) -> Choices:
    """What was chosen.

    Raises:
        SettingsError: if a number cannot be used.
    """
    from scoringhost.ray.package import Choices
    from scoringhost.ray.shape import TARGET_UTILISATION, Shape

    least, most = given["replicas"] or (1, None)
    shape = Shape.of(
        (least, most or least),
        num_cpus=given["num_cpus"],
        num_gpus=given["num_gpus"],
        target_utilisation=given["target_utilisation"] or TARGET_UTILISATION,
    )
    prefix = "/" + (given["route_prefix"] or "/").strip("/")
    return Choices(
        name=name,
        shape=shape,
        route_prefix=prefix,
        settings=settings,
        environ=environ,
        requirements=requirements,
        working_dir=given["working_dir"],
    )
