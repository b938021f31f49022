"""Measure whether the dry run's verdict, its named cause and its intervals are right, on planted cases.

Every case is drawn anew for each seed, with what is wrong known: a judge of pure noise, graders that pay for
length or a word, bases that always or never succeed, a topic from which nothing can be learned, healthy
controls. The intervals are checked against the truth that the draws come from. Needs no data.

    python benchmarks/dry_run_planted.py [--seeds 200] [--draws 300]

Exits 1 when a case gets the right verdict with its cause in fewer than 95% of the seeds, when healthy
controls together get NO-GO in more than 5%, or when a 90% interval covers the truth in fewer than 85% or more
than 95% of the draws.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lucy.tools.dry_run.informative import estimate_informative
from lucy.tools.dry_run.intervals import Interval, estimate_share, estimate_spread, number_clusters
from lucy.tools.dry_run.noise import EXACT, Noise, describe_noise, estimate_noise
from lucy.tools.dry_run.report import DryRunReport, build_report
from lucy.tools.dry_run.rollouts import GradedRollout, Group
from lucy.tools.dry_run.signal import measure_signal
from lucy.tools.dry_run.tricks import TrickResult
from lucy.tools.vocabulary import Grade

PROMPTS, ANSWERS, TOPICS, REGRADED, GROUP = 200, 4, 5, 100, 8
MIN_RIGHT, MAX_FALSE = 0.95, 0.05
MIN_COVER, MAX_COVER = 0.85, 0.95
MIN_DECIDED = 0.67
WORDS = tuple(
    f"{start}{middle}{end}" for start in "bcdfglmnprst" for middle in ("a", "ei", "o") for end in "lnrs"
)
NAMES = {f"t{at}": name for at, name in enumerate(("Billing", "Refunds", "Login", "Shipping", "Other"))}

Floats = NDArray[np.float64]


class Draw(NamedTuple):
    """One dry run that was drawn."""

    rollouts: list[GradedRollout]
    noise: Noise = EXACT
    tricks: tuple[TrickResult, ...] = ()

    def report(self) -> DryRunReport:
        """Give the report on it."""
        return build_report(
            self.rollouts, noise=self.noise, tricks=self.tricks, topic_names=NAMES, group_size=GROUP
        )


class Case(NamedTuple):
    """A planted case with the right answer."""

    name: str
    draw: Callable[[Generator], Draw]
    verdict: str
    cause: str | None
    """Must be the most serious cause; None for the healthy controls."""
    words: str = ""
    """Must stand in the reasons."""


def write_texts(random: Generator, lengths: NDArray[np.int64]) -> list[list[str]]:
    """Write answers of so many words, common words often."""
    chances = 1 / (5 + np.arange(len(WORDS)))
    chances /= chances.sum()
    ends = lengths.ravel().cumsum()
    words: list[str] = random.choice(WORDS, int(ends[-1]), p=chances).tolist()
    return [
        words[end - size : end] for end, size in zip(ends.tolist(), lengths.ravel().tolist(), strict=True)
    ]


def draw_lengths(random: Generator, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Draw numbers of words."""
    return np.maximum(5, np.exp(random.normal(3.7, 0.35, shape))).astype(np.int64)


def put_together(
    random: Generator,
    scores: Floats,
    *,
    texts: list[list[str]] | None = None,
    siblings: int = 1,
    again: Callable[[Floats], Floats] | None = None,
) -> Draw:
    """Make rollouts of rewards; `again` grades once more what the grader saw."""
    if texts is None:
        texts = write_texts(random, draw_lengths(random, (len(scores), scores.shape[1])))
    rollouts = [
        GradedRollout(
            f"r{at:04}",
            f"f{at // siblings}" if siblings > 1 else "",
            f"t{at // siblings % TOPICS}",
            index,
            " ".join(texts[at * scores.shape[1] + index]),
            Grade(float(scores[at, index])),
        )
        for at in range(len(scores))
        for index in range(scores.shape[1])
    ]
    if again is None:
        return Draw(rollouts)
    places = np.linspace(0, scores.size - 1, min(REGRADED, scores.size)).astype(int)
    return Draw(rollouts, estimate_noise(scores.ravel()[places] - again(places)))


def draw_healthy(
    random: Generator,
    *,
    prompts: int = PROMPTS,
    siblings: int = 1,
    noise: float = 0.0,
    longer: float = 0.3,
    polite: float = 0.0,
) -> Draw:
    """Draw partial credit around 0.45.

    Better answers are longer (within prompts the logarithm of the length has the correlation `longer` with
    quality) and more often say a polite word (each deviation of quality adds `polite` to its chance).
    """
    shape = prompts, ANSWERS
    level = np.repeat(random.normal(0.45, 0.15, prompts // siblings), siblings)
    own = random.normal(0, 1, shape)
    lengths = np.exp(3.7 + 0.35 * (longer * own + math.sqrt(1 - longer**2) * random.normal(0, 1, shape)))
    truth = level[:, None] + 0.15 * own
    texts = write_texts(random, np.maximum(5, lengths).astype(np.int64))
    says = random.random(shape) < 0.4 + polite * own
    for text, said in zip(texts, says.ravel().tolist(), strict=True):
        text += ["gladly"] * (said and polite > 0)

    def grade(value: Floats) -> Floats:
        return np.round(np.clip(value + random.normal(0, noise, value.shape), 0, 1), 2)

    again = (lambda places: grade(truth.ravel()[places])) if noise else None
    return put_together(random, grade(truth), texts=texts, siblings=siblings, again=again)


def draw_passes(random: Generator, *, a: float, b: float, prompts: int = PROMPTS) -> Draw:
    """Right or wrong, with chances of success from a beta distribution."""
    chance = random.beta(a, b, (prompts, 1))
    return put_together(random, (random.random((prompts, ANSWERS)) < chance).astype(float))


def draw_noise(random: Generator, *, coin: bool) -> Draw:
    """A judge that says anything: all answers to a prompt are alike, each grading is new."""

    def grade(shape: tuple[int, ...]) -> Floats:
        if coin:
            return (random.random(shape) < 0.5).astype(float)
        return np.clip(random.normal(0.5, 0.18, shape), 0, 1)

    return put_together(random, grade((PROMPTS, ANSWERS)), again=lambda places: grade(places.shape))


def draw_length(random: Generator, *, noise: float = 0.0) -> Draw:
    """A grader that pays for length."""
    lengths = draw_lengths(random, (PROMPTS, ANSWERS))
    paid = np.minimum(lengths / 80.0, 1.0)

    def grade(value: Floats) -> Floats:
        return np.clip(value + random.normal(0, noise, value.shape), 0, 1)

    return put_together(
        random,
        grade(paid),
        texts=write_texts(random, lengths),
        again=(lambda places: grade(paid.ravel()[places])) if noise else None,
    )


def draw_keyword(random: Generator, *, word: str, rest: float = 0.0) -> Draw:
    """A grader that pays for a word, and `rest` of the reward for quality."""
    lengths = draw_lengths(random, (PROMPTS, ANSWERS))
    texts = write_texts(random, lengths)
    said = random.random(lengths.size) < 0.4
    for text, says in zip(texts, said.tolist(), strict=True):
        if says:
            text[int(random.integers(len(text)))] = word
    quality = np.clip(random.normal(0.5, 0.15, lengths.shape), 0, 1)
    return put_together(random, (1 - rest) * said.reshape(lengths.shape) + rest * quality, texts=texts)


def draw_saturated(random: Generator) -> Draw:
    """Nine of ten answers get the full reward, the others nearly."""
    rewards = np.where(
        random.random((PROMPTS, ANSWERS)) < 0.9, 1.0, random.uniform(0.7, 1, (PROMPTS, ANSWERS))
    )
    return put_together(random, rewards)


def draw_dead_topic(random: Generator, *, reward: float | None) -> Draw:
    """A healthy dry run, but the topic Refunds always gets one reward; None: one reward per prompt."""
    fixed = random.choice((0.2, 0.4, 0.6, 0.8), PROMPTS)

    def deaden(at: int, one: GradedRollout) -> GradedRollout:
        paid = reward if reward is not None else float(fixed[at // ANSWERS])
        return replace(one, grade=Grade(paid)) if one.topic_id == "t1" else one

    return Draw([deaden(at, one) for at, one in enumerate(draw_healthy(random).rollouts)])


def draw_trick(random: Generator, *, gain: float) -> Draw:
    """A healthy dry run of a grader that was probed with a trick that gains so much."""
    found = random.normal(gain, 0.01)
    trick = TrickResult(
        name="Empty answers", score=0.45 + found, honest=0.45, low=found - 0.04, high=found + 0.04,
        wins=found > -0.05, answers=24,
    )  # fmt: skip
    return Draw(draw_healthy(random).rollouts, tricks=(trick,))


HEALTHY = (
    Case("healthy, exact grader", draw_healthy, "GO", None),
    Case("healthy, noisy judge", partial(draw_healthy, noise=0.08), "GO", None),
    Case("healthy, families of 4", partial(draw_healthy, siblings=4), "GO", None),
    Case("healthy, 60 prompts", partial(draw_healthy, prompts=60), "GO", None),
    Case("healthy, longer and politer", partial(draw_healthy, longer=0.5, polite=0.2), "GO", None),
    Case("healthy, right or wrong", partial(draw_passes, a=1.5, b=2.0), "GO", None),
)
PLANTED = (
    Case("judge of noise", partial(draw_noise, coin=False), "NO-GO", "noise", "scores of one answer"),
    Case("judge tosses a coin", partial(draw_noise, coin=True), "NO-GO", "noise", "scores of one answer"),
    Case("pays for length", draw_length, "NO-GO", "length", "pays for length"),
    Case("pays for length, noisy", partial(draw_length, noise=0.03), "NO-GO", "length", "pays for length"),
    Case("pays for 'certainly'", partial(draw_keyword, word="certainly"), "NO-GO", "keyword", "'certainly'"),
    Case("pays mostly for 'sorry'", partial(draw_keyword, word="sorry", rest=0.4), "NO-GO", "keyword",
         "'sorry'"),
    Case("a trick wins", partial(draw_trick, gain=0.2), "NO-GO", "trick", "Empty answers"),
    Case("a trick comes close", partial(draw_trick, gain=0.0), "WARNING", "trick", "Empty answers"),
    Case("saturated", draw_saturated, "NO-GO", "saturated", "little left to learn"),
    Case("hopeless", partial(draw_passes, a=0.05, b=5.0), "NO-GO", "hopeless", "hardly ever succeeds"),
    Case("one topic always 0", partial(draw_dead_topic, reward=0.0), "WARNING", "dead_topic",
         "learned: Refunds ("),
    Case("one topic without differences", partial(draw_dead_topic, reward=None), "WARNING", "dead_topic",
         "learned: Refunds ("),
    Case("12 prompts", partial(draw_healthy, prompts=12), "WARNING", "too_few", "12 unrelated prompts"),
)  # fmt: skip


class Outcome(NamedTuple):
    """How often a case was judged right."""

    right: int
    """Right verdict and, where there is one, the right cause first and named in the reasons."""
    false_no_go: int
    seeds: int


def judge_case(case: Case, seeds: int) -> Outcome:
    """Judge a case on seeds from 0."""
    right = false = 0
    for seed in range(seeds):
        verdict = case.draw(np.random.default_rng(seed)).report().verdict
        named = case.cause is None or verdict.causes[:1] == (case.cause,)
        right += verdict.verdict == case.verdict and named and case.words in " ".join(verdict.reasons)
        false += case.cause is None and verdict.verdict == "NO-GO"
    return Outcome(right, false, seeds)


def measure_wilson(hits: int, of: int) -> tuple[float, float]:
    """Give the 95% interval of a share (Wilson)."""
    z, share = 1.96, hits / of
    centre = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, centre - half), min(1.0, centre + half)


Rewards = Callable[[Generator, int, int, int], Floats]
"""Draws rewards of so many prompts, answers each, in families of so many."""


def draw_binary(
    random: Generator, prompts: int, answers: int, siblings: int, *, a: float, b: float
) -> Floats:
    """Right or wrong, one chance of success per family."""
    chance = np.repeat(random.beta(a, b, prompts // siblings), siblings)
    return (random.random((prompts, answers)) < chance[:, None]).astype(float)


def draw_three(random: Generator, prompts: int, answers: int, siblings: int) -> Floats:
    """Wrong, half right or right."""
    edges = np.repeat(random.dirichlet((0.3, 0.3, 0.3), prompts // siblings), siblings, axis=0).cumsum(axis=1)
    chance = random.random((prompts, answers))
    return ((chance > edges[:, [0]]).astype(float) + (chance > edges[:, [1]])) / 2


def draw_graded(random: Generator, prompts: int, answers: int, siblings: int) -> Floats:
    """Partial credit in twentieths."""
    level = np.repeat(random.uniform(0.2, 0.8, prompts // siblings), siblings)
    return np.clip(np.round((level[:, None] + random.normal(0, 0.15, (prompts, answers))) * 20) / 20, 0, 1)


TRUTHS: dict[str, Rewards] = {
    "right or wrong, beta(1, 1.6)": partial(draw_binary, a=1.0, b=1.6),
    "right or wrong, beta(0.3, 0.5)": partial(draw_binary, a=0.3, b=0.5),
    "right or wrong, beta(0.2, 2)": partial(draw_binary, a=0.2, b=2.0),
    "right or wrong, beta(1, 19)": partial(draw_binary, a=1.0, b=19.0),
    "three levels": draw_three,
    "partial credit": draw_graded,
}


class Sizes(NamedTuple):
    """Of a dry run whose intervals are checked."""

    prompts: int
    siblings: int = 1
    noise: float = 0.0

    def __str__(self) -> str:
        """Word them."""
        families = f", families of {self.siblings}" if self.siblings > 1 else ""
        return f"{self.prompts} prompts{families}" + (f", noise {self.noise}" if self.noise else "")


class Coverage(NamedTuple):
    """How often a 90% interval covers the truth."""

    figure: str
    truth: str
    sizes: str
    share: float
    width: float
    most: float
    """Upper bound of `share`."""


def check_figures(name: str, rewards: Rewards, sizes: Sizes, draws: int) -> Iterator[Coverage]:
    """Check mean, spread and shares; of 10 prompts, as a topic may have, only the mean."""
    large = rewards(np.random.default_rng(99), 100_000, ANSWERS, 1)
    labels = np.repeat(np.arange(sizes.prompts) // sizes.siblings, ANSWERS)
    clusters = number_clusters([str(label) for label in labels.tolist()])
    estimates: dict[str, tuple[float, Callable[[Floats], Interval]]] = {
        "mean": (float(large.mean()), lambda values: estimate_share(values, clusters))
    }
    if sizes.prompts > 10:
        estimates["std"] = float(large.std()), lambda values: estimate_spread(values, clusters)
    if sizes.prompts > 10 and len(np.unique(large)) > 2:
        above, full = (large > 0).astype(float), (large >= 1).astype(float)
        estimates["above 0"] = (
            float(above.mean()),
            lambda values: estimate_share((values > 0).astype(float), clusters),
        )
        estimates["at 1"] = (
            float(full.mean()),
            lambda values: estimate_share((values >= 1).astype(float), clusters),
        )
    drawn = [
        rewards(np.random.default_rng(seed), sizes.prompts, ANSWERS, sizes.siblings).ravel()
        for seed in range(draws)
    ]
    for figure, (truth, estimate) in estimates.items():
        # A deviation cannot pass 0.5: near it an interval has one side only.
        coarse = figure == "std" and truth > 0.47
        coarse |= is_coarse(float(large.mean()) if figure == "std" else truth, sizes)
        intervals = [estimate(values) for values in drawn]
        yield count_covered(figure, name, sizes, truth=truth, intervals=intervals, coarse=coarse)


def check_forecast(name: str, rewards: Rewards, sizes: Sizes, draws: int) -> Coverage:
    """Check the forecast of informative groups, with noise on top where `sizes` has some."""
    truth = float((np.ptp(rewards(np.random.default_rng(99), 100_000, GROUP, 1), axis=1) > 0.01).mean())
    intervals: list[Interval] = []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        exact = rewards(random, sizes.prompts, ANSWERS, sizes.siblings)
        seen = exact + random.normal(0, 1, exact.shape) * sizes.noise
        places = np.linspace(0, exact.size - 1, REGRADED).astype(int)
        again = exact.ravel()[places] + random.normal(0, 1, REGRADED) * sizes.noise
        noise = estimate_noise(seen.ravel()[places] - again) if sizes.noise else EXACT
        groups = [Group(str(at // sizes.siblings), seen[at]) for at in range(sizes.prompts)]
        intervals.append(estimate_informative(groups, noise=noise, group_size=GROUP))
    coarse = is_coarse(truth, sizes)
    return count_covered("informative", name, sizes, truth=truth, intervals=intervals, coarse=coarse)


def check_reliability(real: float, sizes: Sizes, draws: int) -> Iterator[Coverage]:
    """Check noise and reliability: normal noise, real differences that vary from prompt to prompt."""
    noises: list[Interval] = []
    shares: list[Interval] = []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        families = sizes.prompts // sizes.siblings
        spread = np.repeat(np.sqrt(random.gamma(4, 0.25, families)), sizes.siblings)[:, None]
        exact = 0.5 + random.normal(0, 1, (sizes.prompts, ANSWERS)) * spread * real
        seen = exact + random.normal(0, sizes.noise, exact.shape)
        places = np.linspace(0, exact.size - 1, REGRADED).astype(int)
        again = exact.ravel()[places] + random.normal(0, sizes.noise, REGRADED)
        noise = estimate_noise(seen.ravel()[places] - again)
        groups = [Group(str(at // sizes.siblings), seen[at]) for at in range(sizes.prompts)]
        signal, described = measure_signal(groups, noise=noise, group_size=GROUP), describe_noise(noise)
        assert described is not None
        assert signal is not None
        assert signal.reliability_interval is not None
        noises.append(described)
        shares.append(signal.reliability_interval)
    truth = real**2 / (real**2 + sizes.noise**2)
    name = f"reliability {truth:.2f}"
    yield count_covered("noise", name, sizes, truth=sizes.noise, intervals=noises, coarse=False)
    yield count_covered("reliability", name, sizes, truth=truth, intervals=shares, coarse=False)


def is_coarse(share: float, sizes: Sizes) -> bool:
    """Tell whether fewer than five families are expected to differ from the rest.

    The counts are then too coarse for any interval to cover just 90%; one may cover more.
    """
    return min(share, 1 - share) * sizes.prompts / sizes.siblings < 5


def count_covered(
    figure: str, name: str, sizes: Sizes, *, truth: float, intervals: list[Interval], coarse: bool
) -> Coverage:
    """Count the 90% intervals that hold the truth."""
    held = [one.low90 - 1e-6 <= truth <= one.high90 + 1e-6 for one in intervals]
    width = float(np.mean([one.high90 - one.low90 for one in intervals]))
    most = 1.0 if coarse else MAX_COVER
    return Coverage(figure, name, str(sizes), sum(held) / len(held), width, most)


def measure_coverage(draws: int) -> Iterator[Coverage]:
    """Check all intervals."""
    for name, rewards in TRUTHS.items():
        for sizes in (Sizes(200), Sizes(200, 5), Sizes(30), Sizes(10)):
            yield from check_figures(name, rewards, sizes, draws)
    for name, rewards in TRUTHS.items():
        for sizes in (Sizes(200), Sizes(200, 5), Sizes(30)):
            yield check_forecast(name, rewards, sizes, draws)
    for name in ("right or wrong, beta(1, 1.6)", "right or wrong, beta(0.3, 0.5)", "three levels"):
        yield check_forecast(name, TRUTHS[name], Sizes(200, 1, 0.08), draws)
    for real in (0.06, 0.1, 0.2):
        for sizes in (Sizes(200, 1, 0.1), Sizes(200, 5, 0.1)):
            yield from check_reliability(real, sizes, draws)


def check_more_prompts(seeds: int, *, a: float, b: float, prompts: int = 30) -> tuple[int, int]:
    """Count the dry runs that ask for more prompts, and those decided when tried anew with as many more."""
    asked = decided = 0
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        more = draw_passes(random, a=a, b=b, prompts=prompts).report().verdict.more_prompts_needed
        if more:
            again = draw_passes(random, a=a, b=b, prompts=prompts + more).report().verdict
            asked, decided = asked + 1, decided + (again.more_prompts_needed is None)
    return asked, decided


def print_more_prompts(seeds: int) -> bool:
    """Print whether as many more prompts as asked for decide; tell whether they mostly do."""
    passed = True
    for name, a, b in (("hard, mean 0.10", 0.3, 2.7), ("easy, mean 0.60", 1.5, 1.0)):
        asked, decided = check_more_prompts(seeds, a=a, b=b)
        passed &= asked > 0 and decided >= MIN_DECIDED * asked
        share = decided / max(asked, 1)
        print(
            f"30 prompts, {name}: {asked} of {seeds} ask for more; {share:.0%} decided with as many more "
            f"(bound {MIN_DECIDED:.0%})"
        )
    return passed


def print_cases(seeds: int) -> bool:
    """Print the table of cases; tell whether all are right often enough."""
    print(f"{'case':<32}{'seeds':>6}{'right':>8}{'bound':>8}   95% interval")
    passed, false, healthy = True, 0, 0
    for case in (*HEALTHY, *PLANTED):
        found = judge_case(case, seeds)
        low, high = measure_wilson(found.right, seeds)
        share = found.right / seeds
        passed &= share >= MIN_RIGHT
        print(f"{case.name:<32}{seeds:>6}{share:>8.1%}{MIN_RIGHT:>8.0%}   {low:.1%} to {high:.1%}")
        if case.cause is None:
            false, healthy = false + found.false_no_go, healthy + seeds
    low, high = measure_wilson(false, healthy)
    print(f"false NO-GO on healthy: {false} of {healthy} (bound {MAX_FALSE:.0%}; {low:.1%} to {high:.1%})")
    return passed and false <= MAX_FALSE * healthy


def print_coverage(draws: int) -> bool:
    """Print the coverage of the 90% intervals; tell whether all are within bounds."""
    print(f"\n{'90% interval':<14}{'truth':<32}{'sizes':<38}{'covers':>7}{'width':>7}  bounds")
    passed = True
    for row in measure_coverage(draws):
        fine = MIN_COVER <= row.share <= row.most
        passed &= fine
        bounds = f"{MIN_COVER:.2f} to {row.most:.2f}" + ("" if fine else "  <- MISSED")
        print(f"{row.figure:<14}{row.truth:<32}{row.sizes:<38}{row.share:>7.3f}{row.width:>7.3f}  {bounds}")
    return passed


def main(arguments: list[str] | None = None) -> int:
    """Print all tables; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--draws", type=int, default=300)
    options: Any = parser.parse_args(arguments)
    started = time.perf_counter()
    passed = [
        print_cases(options.seeds),
        print_more_prompts(max(1, options.seeds // 4)),
        print_coverage(options.draws),
    ]
    words = "all bounds met" if all(passed) else "a bound was MISSED"
    print(f"\n{time.perf_counter() - started:.0f} s; {words}")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
