"""Share out 100 percent among criteria in whole percents."""

from collections.abc import Sequence

from lucy.tools.graders.criterion import Criterion


def share_out(points: Sequence[float], total: int = 100) -> list[int]:
    """Split `total` in proportion to points, as whole numbers that sum to it exactly.

    Steps of five are used where every part gets at least one, because people think in fives; else steps of
    one. Method of the largest remainder (Hamilton); ties go to the earlier part.
    """
    step = 5 if total % 5 == 0 and len(points) * 10 <= total else 1
    scale = total / step / (sum(points) or 1.0)
    exact = [point * scale for point in points]
    parts = [max(1, int(value + 1e-9)) for value in exact]
    while sum(parts) * step > total:
        larger = [i for i, part in enumerate(parts) if part > 1]
        parts[max(larger, key=lambda i: (parts[i] - exact[i], parts[i], -i))] -= 1
    while sum(parts) * step < total:
        parts[max(range(len(parts)), key=lambda i: (round(exact[i] - parts[i], 9), -i))] += 1
    return [part * step for part in parts]


def read_percents(criteria: Sequence[Criterion]) -> list[float]:
    """Give the weights of criteria in percent."""
    return [criterion.weight * 100 for criterion in criteria]


def reweigh(criteria: Sequence[Criterion], percents: Sequence[int]) -> tuple[Criterion, ...]:
    """Give the criteria new weights in whole percent."""
    return tuple(
        criterion.model_copy(update={"weight": percent / 100})
        for criterion, percent in zip(criteria, percents, strict=True)
    )


def fix_weights(criteria: Sequence[Criterion], fixed: dict[str, int]) -> tuple[Criterion, ...]:
    """Give some criteria (by id) a fixed percent and share the rest in proportion to the weights they have.

    When all are fixed to anything but 100 together they keep their proportions.
    """
    free = [criterion for criterion in criteria if criterion.id not in fixed]
    left = 100 - sum(fixed.values())
    if not free and left:
        return reweigh(criteria, share_out([fixed[criterion.id] for criterion in criteria]))
    rest = iter(share_out(read_percents(free), left)) if free else iter(())
    return reweigh(criteria, [fixed[c.id] if c.id in fixed else next(rest) for c in criteria])
