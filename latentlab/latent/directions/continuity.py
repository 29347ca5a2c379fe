"""Directions that are sought again as the latent moves: which of the new ones is which of the old."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from latentlab.latent.directions.base import Direction


def continued(before: Sequence[Direction], found: Sequence[Direction]) -> list[Direction]:
    """`found` in the places, by the names and with the signs of `before`, as far as they are the same.

    Of orthogonal directions at most one lies within 45 degrees of one before: that one is it. The others take
    the places that are left, in their order.
    """
    cosines = np.stack([d.vector for d in before]) @ np.stack([d.vector for d in found]).T
    places: list[int | None] = [None] * len(before)
    extra: list[int] = []
    for new in range(len(found)):
        old = int(np.abs(cosines[:, new]).argmax())
        if cosines[old, new] ** 2 > 0.5 and places[old] is None:
            places[old] = new
        else:
            extra.append(new)
    result = []
    for old, place in enumerate(places):
        if place is None and extra:
            place = extra.pop(0)
        if place is not None:
            vector = found[place].vector * (-1 if cosines[old, place] < 0 else 1)
            result.append(dataclasses.replace(found[place], name=before[old].name, vector=vector))
    return result + [found[new] for new in extra]
