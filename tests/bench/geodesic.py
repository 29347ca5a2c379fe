"""How evenly images change along a straight line, a slerp and a geodesic, and how long each of them is.

    python tests/bench/geodesic.py RUN [pairs] [seed]

Pairs of latents are draws from the prior. Every path is walked in 100 even steps of its own position, as a
film's frames are, and a step is the norm of the change of the decoded image, pixels in 0 to 1. Reported are
means over the pairs: the coefficient of variation of a path's steps (standard deviation over mean), its
length over that of the straight line, and the seconds that one thread takes to find a geodesic.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch

import latentlab
from latentlab.latent.geodesic import image_steps
from latentlab.latent.walks import WalkConfig, route, spaced

STEPS = 100
KINDS = ("linear", "slerp", "geodesic")


def main(path: str, pairs: int = 10, seed: int = 0) -> None:
    torch.set_num_threads(1)
    run = latentlab.open_run(path)
    ends = run.latents(2 * pairs, seed).reshape(pairs, 2, -1)
    variation: dict[str, list[float]] = {kind: [] for kind in KINDS}
    length: dict[str, list[float]] = {kind: [] for kind in KINDS}
    seconds = []
    for pair in ends:
        for kind in KINDS:
            config = WalkConfig(kind=kind, loop=False)
            started = time.process_time()
            walk = route(pair, config, run.model.choices, run.model)
            if kind == "geodesic":
                seconds.append(time.process_time() - started)
            steps = image_steps(run.model, walk.at(spaced(walk.legs, STEPS + 1, config)))
            variation[kind].append(float(steps.std() / steps.mean()))
            length[kind].append(float(steps.sum()))
    straight = length["linear"]
    report = {
        "run": repr(run),
        "pairs": pairs,
        "variation": {kind: round(statistics.mean(variation[kind]), 4) for kind in KINDS},
        "most_variation": {kind: round(max(variation[kind]), 4) for kind in KINDS},
        "length_over_straight": {
            kind: round(statistics.mean(a / b for a, b in zip(length[kind], straight, strict=True)), 4)
            for kind in KINDS
        },
        "longer_than_straight": sum(a > 1.001 * b for a, b in zip(length["geodesic"], straight, strict=True)),
        "longer_than_slerp": sum(
            a > 1.001 * b for a, b in zip(length["geodesic"], length["slerp"], strict=True)
        ),
        "seconds_per_leg": round(statistics.median(seconds), 2),
    }
    for kind in KINDS:
        print(f"{kind}: steps vary by {report['variation'][kind]:.3f} of their mean")
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
