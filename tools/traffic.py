"""Divide the traffic of an A/B test, and say what the arms differ in."""

import hashlib
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from lucy.errors import InputError
from lucy.tools.policy.retrieval import draw_uniform
from lucy.tools.store.arms import Arms, ArmSums, read_arms
from lucy.tools.store.database import Store
from lucy.tools.store.deployments import Deployment, find_deployment
from lucy.tools.store.figures import Figures
from lucy.tools.store.usage import Arm

Verdict = Literal["too_few", "uncertain", "champion", "challenger"]
"""Which arm people rated better, as far as that is certain."""
LEVEL = 0.95
MIN_RATED = 10
"""People (or calls, where nobody is named) with feedback that each arm needs before anything is said."""
POWER_Z = 0.8416
"""Normal quantile of 80% power: so likely the announced number of ratings will settle it."""
MANY = 100
"""A difference that needs over so many times the ratings is called too small to matter."""


def choose_arm(deployment: Deployment, key: str) -> Arm:
    """Choose the arm of a call; the same key always gets the same arm of the same test.

    Args:
        deployment: An A/B test.
        key: The user's or the session's hash; for nobody's call its own id.
    """
    draw = draw_uniform(deployment.number, f"{deployment.name}\x1f{key}", 0)
    return "challenger" if draw < (deployment.share or 0.0) else "champion"


def hash_session(name: str, user: str) -> str:
    """Hash who asked: equal for the same user of the same name.

    It keeps user names out of the database; it does not hide them from somebody who tries names.
    """
    return hashlib.blake2b(f"{name}\x1f{user}".encode("utf-8", "replace"), digest_size=16).hexdigest()


class Estimate(BaseModel):
    """A number with the interval in which it lies, with so much confidence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: float
    low: float
    high: float


class ArmResult(BaseModel):
    """How one arm did."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arm: Arm
    model_id: str
    version: int
    figures: dict[str, float | int | str | None]
    """Calls, errors, latency in milliseconds, cost in dollars, as in the usage."""
    cost_per_call: float | None
    """In dollars; None when it is unknown or nothing was called."""
    rated: int
    """People with feedback; a call of nobody counts as one."""
    rating: Estimate | None
    """Mean feedback; None when fewer than two were rated."""


class Comparison(BaseModel):
    """What an A/B test says so far; differences are challenger minus champion.

    What it does not do: correct for being looked at often. Whoever looks every day, and stops when a
    difference shows, will see one by chance more often than the level says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    number: int
    share: float
    level: float
    """Confidence of the intervals."""
    arms: list[ArmResult]
    """The champion, then the challenger."""
    rating: Estimate | None
    error_rate: Estimate | None
    latency_ms: Estimate | None
    verdict: Verdict
    sentence: str
    """The same in plain words."""


def compare_arms(store: Store, name: str, *, level: float = LEVEL) -> Comparison:
    """Compare the arms of the test that runs under a name.

    Calls of one user are not independent, so all figures are taken by user (or session): a mean is a ratio
    of sums, its variance is that of the users' residuals (Cochran 1977, Sampling Techniques, 2.11 and 6.3),
    and intervals are Student's.

    Args:
        store: Where the calls are counted.
        name: The served name.
        level: Confidence of the intervals, such as 0.9 or 0.95.

    Raises:
        NotFoundError: nothing is deployed under the name.
        InputError: no test runs under it, or the level cannot be used.
    """
    if not 0.5 <= level < 1:
        raise InputError(f"The level {level} cannot be used; expected 0.5 to 0.999, such as 0.95.")
    deployment = require_test(find_deployment(store, name))
    found = read_arms(store, name, deployment.number)
    arms = [
        _describe(deployment, "champion", found, level),
        _describe(deployment, "challenger", found, level),
    ]
    rated = [found.rating.get(arm.arm) for arm in arms]
    rating = _subtract(rated, level)
    verdict = _judge(arms, rating)
    return Comparison(
        name=name,
        number=deployment.number,
        share=deployment.share or 0.0,
        level=level,
        arms=arms,
        rating=rating,
        error_rate=_subtract([found.error.get(arm.arm) for arm in arms], level),
        latency_ms=_subtract([found.latency.get(arm.arm) for arm in arms], level),
        verdict=verdict,
        sentence=_write_sentence(arms, rating, verdict, level),
    )


def require_test(deployment: Deployment) -> Deployment:
    """Give the deployment back if it is an A/B test.

    Raises:
        InputError: it is none.
    """
    if not deployment.is_test:
        raise InputError(
            f"No A/B test runs under {deployment.name!r}; start one with "
            f"`lucy models deploy MODEL --name {deployment.name} --test 0.1`."
        )
    return deployment


class _Mean(NamedTuple):
    """A mean with the variance of its estimate."""

    value: float
    variance: float
    users: int


def _estimate_mean(sums: ArmSums | None) -> _Mean | None:
    """Estimate a ratio of sums over users, with its linearized variance; None for fewer than two users."""
    if sums is None or sums.users < 2:
        return None
    mean = sums.s / sums.n
    residuals = max(0.0, sums.ss - 2 * mean * sums.ns + mean * mean * sums.nn)
    return _Mean(mean, sums.users / (sums.users - 1) * residuals / sums.n**2, sums.users)


def _find_t(level: float, degrees: float) -> float:
    """Give the two-sided quantile of Student's distribution."""
    from scipy.special import stdtrit  # slow to import

    return float(stdtrit(degrees, (1 + level) / 2))


def _spread(value: float, variance: float, degrees: float, level: float) -> Estimate:
    half = _find_t(level, degrees) * math.sqrt(variance)
    return Estimate(value=value, low=value - half, high=value + half)


def _subtract(arms: Sequence[ArmSums | None], level: float) -> Estimate | None:
    """Give challenger minus champion; degrees of freedom after Welch (1947)."""
    champion, challenger = (_estimate_mean(sums) for sums in arms)
    if champion is None or challenger is None:
        return None
    variance = champion.variance + challenger.variance
    parts = champion.variance**2 / (champion.users - 1) + challenger.variance**2 / (challenger.users - 1)
    degrees = variance**2 / parts if parts else champion.users + challenger.users - 2
    return _spread(challenger.value - champion.value, variance, degrees, level)


def _describe(deployment: Deployment, arm: Arm, found: Arms, level: float) -> ArmResult:
    figures = found.figures.get(arm) or Figures(arm)
    mean = _estimate_mean(found.rating.get(arm))
    version = deployment.challenger_version if arm == "challenger" else deployment.version
    body = figures._asdict()
    del body["group"]
    return ArmResult(
        arm=arm,
        model_id=(deployment.challenger_id or "") if arm == "challenger" else deployment.model_id,
        version=version or 0,
        figures=body,
        cost_per_call=None if figures.cost is None or not figures.calls else figures.cost / figures.calls,
        rated=found.rating[arm].users if arm in found.rating else 0,
        rating=_spread(mean.value, mean.variance, mean.users - 1, level) if mean else None,
    )


def _judge(arms: Sequence[ArmResult], rating: Estimate | None) -> Verdict:
    if rating is None or min(arm.rated for arm in arms) < MIN_RATED:
        return "too_few"
    if rating.low > 0:
        return "challenger"
    return "champion" if rating.high < 0 else "uncertain"


def _write_sentence(
    arms: Sequence[ArmResult], rating: Estimate | None, verdict: Verdict, level: float
) -> str:
    if verdict == "too_few" or rating is None:
        champion, challenger = (arm.rated for arm in arms)
        return (
            f"Too few people have rated the answers to compare the arms: {champion} of the champion's, "
            f"{challenger} of the challenger's; each needs at least {MIN_RATED}."
        )
    said = f"{rating.value:+.2f}, {level:.0%} interval {rating.low:+.2f} to {rating.high:+.2f}"
    if verdict == "uncertain":
        return f"No certain difference in the ratings yet ({said}); {_say_how_many(arms, rating, level)}."
    other = "champion" if verdict == "challenger" else "challenger"
    return f"The {verdict}'s answers are rated better than the {other}'s (challenger minus champion {said})."


def _say_how_many(arms: Sequence[ArmResult], rating: Estimate, level: float) -> str:
    """Say how many more ratings it takes for this difference to show, with 80% power."""
    rated = sum(arm.rated for arm in arms)
    half = (rating.high - rating.low) / 2
    need = half * (1 + POWER_Z / NormalDist().inv_cdf((1 + level) / 2))
    times = (need / abs(rating.value)) ** 2 if rating.value else math.inf
    if times > MANY:
        return "the arms are rated so much alike that even a hundred times as many ratings would hardly tell"
    more = math.ceil((times - 1) * rated)
    return f"if it is as large as it looks, about {more:,} more people with feedback would show it"
