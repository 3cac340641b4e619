"""How good models are by people's votes: wins, losses, ties, and a rating with what it may be off by (pure).

The rating is Bradley and Terry's: the strengths that make the votes likeliest, on the scale of chess, where 400 points
more win ten times as often. 1000 is the middle. One drawn game of each model against a model of the middle is counted
too, without which somebody who always won would be infinitely good; it moves little once there are some votes.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sidecar.store.records import CERTAIN, Uncertain

POINTS = 400 / math.log(10)
MIDDLE = 1000.0
# Of a normal distribution, two sides: nineteen of twenty.
_CERTAINTY = 1.96
_ROUNDS = 1_000
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer of a vote. Where its cost is not known, that lies between the other two, as far as these are told."""

    model: str
    cost_usd: Decimal | None = None
    at_least_usd: Decimal | None = None
    at_most_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One vote: what was shown, and who won; None is a tie of all."""

    shown: Sequence[Shown]
    winner: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One model on the board. `wins`, `losses` and `ties` are votes, `rating` lies between `low` and `high`.

    `cost_usd` is what its answers in these votes cost, as far as that is known, None where it is of none; `uncertain`
    are the others. `usd_per_win` is None without a win, and where the cost of an answer is not known.
    """

    model: str
    votes: int
    wins: int
    losses: int
    ties: int
    rating: float
    low: float
    high: float
    cost_usd: Decimal | None
    usd_per_win: Decimal | None
    uncertain: Uncertain = CERTAIN


def board(choices: Iterable[Choice]) -> list[Standing]:
    """Return the models by their rating, best first."""
    choices = list(choices)
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    costs: dict[str, Decimal] = {}
    lacking: defaultdict[str, Uncertain] = defaultdict(Uncertain)
    beaten: defaultdict[tuple[str, str], float] = defaultdict(float)
    for choice in choices:
        models = [each.model for each in choice.shown]
        for place, each in enumerate(choice.shown):
            if each.cost_usd is None:
                lacking[each.model] += _uncertain(each)
            else:
                costs[each.model] = costs.get(each.model, Decimal(0)) + each.cost_usd
            won = choice.winner == place
            counts[each.model][2 if choice.winner is None else 0 if won else 1] += 1
        if choice.winner is None:
            for one in models:
                for other in models:
                    if one != other:
                        beaten[one, other] += 0.5
        else:
            for loser in models[: choice.winner] + models[choice.winner + 1 :]:
                if loser != models[choice.winner]:
                    beaten[models[choice.winner], loser] += 1
    names = sorted(counts)
    strengths = _strengths(names, beaten)
    errors = _errors(names, beaten, strengths)
    standings = [
        _standing(name, counts[name], costs.get(name), lacking[name], strengths[place], errors[place])
        for place, name in enumerate(names)
    ]
    return sorted(standings, key=lambda each: (-each.rating, each.model))


def _standing(
    name: str, counts: Sequence[int], cost: Decimal | None, lacks: Uncertain, strength: float, error: float
) -> Standing:
    wins, losses, ties = counts
    rating, off = MIDDLE + POINTS * math.log(strength), POINTS * _CERTAINTY * error
    return Standing(
        name,
        wins + losses + ties,
        wins,
        losses,
        ties,
        round(rating, 1),
        round(rating - off, 1),
        round(rating + off, 1),
        cost,
        cost / wins if wins and cost is not None and not lacks.calls else None,
        lacks,
    )


def _uncertain(shown: Shown) -> Uncertain:
    least, most = shown.at_least_usd or Decimal(0), shown.at_most_usd
    return Uncertain(1, least, Decimal(0) if most is None else most, int(most is None))


def _strengths(names: Sequence[str], beaten: Mapping[tuple[str, str], float]) -> list[float]:
    """The strengths, by making each fit the others until nothing moves any more."""
    games = _games(names, beaten)
    wins = [0.5 + sum(beaten.get((name, other), 0.0) for other in names) for name in names]
    strengths = [1.0] * len(names)
    for _ in range(_ROUNDS):
        before = list(strengths)
        for one, won in enumerate(wins):
            met = 1 / (strengths[one] + 1)
            met += sum(games[one][other] / (strengths[one] + strengths[other]) for other in range(len(names)))
            strengths[one] = won / met
        if all(abs(new - old) <= _CLOSE * old for new, old in zip(strengths, before, strict=True)):
            break
    return strengths


def _errors(
    names: Sequence[str], beaten: Mapping[tuple[str, str], float], strengths: Sequence[float]
) -> list[float]:
    """The standard error of each strength's logarithm, from how sharply the votes point to it."""
    games, size = _games(names, beaten), len(names)
    matrix = [[0.0] * size for _ in range(size)]
    for one in range(size):
        matrix[one][one] += strengths[one] / (strengths[one] + 1) ** 2
        for other in range(size):
            if one != other:
                both = strengths[one] * strengths[other] / (strengths[one] + strengths[other]) ** 2
                matrix[one][one] += games[one][other] * both
                matrix[one][other] -= games[one][other] * both
    inverse = _inverse(matrix)
    return [math.sqrt(max(0.0, inverse[place][place])) for place in range(size)]


def _games(names: Sequence[str], beaten: Mapping[tuple[str, str], float]) -> list[list[float]]:
    return [
        [
            beaten.get((one, other), 0.0) + beaten.get((other, one), 0.0) if one != other else 0.0
            for other in names
        ]
        for one in names
    ]


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Of a matrix whose diagonal outweighs its rows, as that of the game against the middle sees to."""
    size = len(matrix)
    wide = [
        [*row, *(1.0 if column == place else 0.0 for column in range(size))]
        for place, row in enumerate(matrix)
    ]
    for place in range(size):
        pivot = wide[place][place]
        wide[place] = [value / pivot for value in wide[place]]
        for other in range(size):
            if other != place and wide[other][place]:
                factor = wide[other][place]
                wide[other] = [a - factor * b for a, b in zip(wide[other], wide[place], strict=True)]
    return [row[size:] for row in wide]
