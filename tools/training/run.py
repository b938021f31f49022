"""Take the steps of GRPO training: sample, grade, move the weights, measure.

Group-relative policy optimisation (Shao et al. 2024, DeepSeekMath, arXiv:2402.03300): several answers to one
prompt are graded, and each is reinforced by its reward minus the group's mean. The variant here:

- advantages are not divided by the group's standard deviation (Liu et al. 2025, "Dr. GRPO",
  arXiv:2503.20783), so a group that differs by little more than noise does not pull as hard as one that
  truly differs;
- one gradient step per batch of fresh answers, so there is no importance ratio and nothing to clip;
- a small KL term to the base policy (KL_WEIGHT), exact, since the candidates can be enumerated; only in
  groups that carry a reward signal, so prompts that teach nothing do not move the policy either;
- Adam (Kingma and Ba 2015, arXiv:1412.6980) on the policy's few dozen weights.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from lucy.tools.policy.features import FEATURES, CandidateTable, tabulate_records
from lucy.tools.policy.retrieval import RetrievalPolicy, draw_uniform, pick
from lucy.tools.policy.sentences import describe_text
from lucy.tools.training.checkpoints import Checkpoint, StepMetrics, TrainingSettings
from lucy.tools.training.split import set_aside
from lucy.tools.vocabulary import Grade, Record, ScoreMany

BATCH_PROMPTS = 32
KL_WEIGHT = 0.01
MIN_SPREAD = 1e-6
"""Groups whose rewards differ by less carry no signal."""
VALIDATION_ANSWERS = 4
MAX_HISTORY = 400
"""Longer runs note every so many steps only, so that a checkpoint stays small."""
VALIDATIONS = 6
"""How often a run measures its validation prompts."""
_BETA1, _BETA2, _EPSILON = 0.9, 0.99, 1e-8


class TrainingResult(BaseModel):
    """What a training run produced, next to the policy itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    policy: RetrievalPolicy
    """With the weights of the best measured step, or the last where nothing was set aside."""
    best_step: int
    best_reward: float | None
    """Mean validation reward of that step; None without validation prompts."""
    steps: int
    history: tuple[StepMetrics, ...]
    graded: int
    """Different answers graded in this process."""
    grader_errors: int
    """Of those, answers that could not be graded."""
    variant: str
    """The exact method, for reports."""


class _Group(NamedTuple):
    """The answers sampled for one prompt in one step."""

    record: Record
    table: CandidateTable
    choices: list[int]


class _Update(NamedTuple):
    gradient: NDArray[np.float64]
    metrics: StepMetrics


class TrainingRun:
    """One training run: its prompts' candidates and the grades so far."""

    def __init__(
        self,
        policy: RetrievalPolicy,
        records: Sequence[Record],
        score_many: ScoreMany,
        settings: TrainingSettings,
    ) -> None:
        self._policy = policy
        self._score_many = score_many
        self._settings = settings
        self._aside = set_aside(records, settings.seed)
        self._records = [record for record in records if record.id not in self._aside]
        self._validation = [record for record in records if record.id in self._aside]
        tables = tabulate_records(policy.pool, records)
        self._tables = {record.id: table for record, table in zip(records, tables, strict=True)}
        self._grades: dict[tuple[str, str], Grade] = {}
        self._per_epoch = math.ceil(len(self._records) / BATCH_PROMPTS)

    def start(self) -> Checkpoint:
        """Give the state before the first step: the base policy, measured."""
        weights = self._policy.weights
        zeros = (0.0,) * len(FEATURES)
        return Checkpoint(
            settings=self._settings, step=0, total_steps=self._per_epoch * self._settings.epochs,
            weights=weights, first_moment=zeros, second_moment=zeros, best_weights=weights, best_step=0,
            best_reward=self._validate(weights), history=(),
        )  # fmt: skip

    def advance(self, state: Checkpoint, step: int) -> Checkpoint:
        """Take one step: sample, grade, move the weights, sometimes measure."""
        update = self._learn(state, step)
        weights, first, second = _move(state, update.gradient, step, self._settings.learning_rate)
        measured = self._validate(weights) if self._is_measured(step, state.total_steps) else None
        best = (state.best_weights, state.best_step, state.best_reward)
        if not self._validation or (measured is not None and measured > (state.best_reward or 0.0)):
            best = (weights, step, measured)
        metrics = update.metrics.model_copy(update={"validation_reward": measured})
        return Checkpoint(
            settings=self._settings, step=step, total_steps=state.total_steps, weights=weights,
            first_moment=first, second_moment=second, best_weights=best[0], best_step=best[1],
            best_reward=best[2], history=self._extend(state, metrics),
        )  # fmt: skip

    def _extend(self, state: Checkpoint, metrics: StepMetrics) -> tuple[StepMetrics, ...]:
        """Add a step to the history; of very long runs only every so many."""
        kept = metrics.step % max(1, state.total_steps // MAX_HISTORY) == 0
        noted = kept or metrics.step == state.total_steps or metrics.validation_reward is not None
        return (*state.history, metrics) if noted else state.history

    def finish(self, state: Checkpoint) -> TrainingResult:
        """Give the best policy found and what happened."""
        name = f"{self._policy.name}-grpo-{state.best_step}"
        return TrainingResult(
            policy=self._policy.with_weights(state.best_weights, name=name),
            best_step=state.best_step,
            best_reward=state.best_reward,
            steps=state.step,
            history=state.history,
            graded=len(self._grades),
            grader_errors=sum(1 for grade in self._grades.values() if grade.score is None),
            variant=(
                f"GRPO, groups of {self._settings.group_size}, advantages without division by the standard "
                f"deviation, on-policy, KL weight {KL_WEIGHT}, Adam {self._settings.learning_rate:g}"
            ),
        )

    def _learn(self, state: Checkpoint, step: int) -> _Update:
        policy = self._policy.with_weights(state.weights)
        groups = [self._sample(policy, record, step) for record in self._choose_batch(step)]
        self._grade([(group.record, group.table.texts[at]) for group in groups for at in group.choices])
        gradient = np.zeros(len(FEATURES))
        entropy = kl = 0.0
        informative = 0
        for group in groups:
            chances, base = policy.probabilities(group.table), self._policy.probabilities(group.table)
            ratio = np.log(chances + 1e-300) - np.log(base + 1e-300)
            entropy -= float(chances @ np.log(chances + 1e-300))
            kl += float(chances @ ratio)
            advantages = self._compare(group)
            if advantages is not None:
                informative += 1
                gradient += self._differentiate(group, advantages, chances, ratio)
        # Over all prompts of the batch: a batch with few informative groups moves the weights less.
        metrics = self._measure(groups, step, informative)
        return _Update(
            gradient / len(groups),
            metrics.model_copy(update={"entropy": entropy / len(groups), "kl": kl / len(groups)}),
        )

    def _differentiate(
        self,
        group: _Group,
        advantages: NDArray[np.float64],
        chances: NDArray[np.float64],
        ratio: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Give the gradient of the group's objective: mean(A grad log pi) - KL_WEIGHT grad KL."""
        features = group.table.features / np.asarray(self._policy.scales) / self._policy.temperature
        centred = features - chances @ features
        pulls = np.bincount(group.choices, weights=advantages, minlength=len(chances)) / len(group.choices)
        return (pulls - KL_WEIGHT * chances * ratio) @ centred

    def _compare(self, group: _Group) -> NDArray[np.float64] | None:
        """Give each answer's reward minus the group's mean; 0 for ungraded ones, None without signal."""
        rewards = [self._find_reward(group, at) for at in group.choices]
        known = np.array([reward for reward in rewards if reward is not None])
        if len(known) < 2 or np.ptp(known) < MIN_SPREAD:
            return None
        mean = known.mean()
        return np.array([0.0 if reward is None else reward - mean for reward in rewards])

    def _find_reward(self, group: _Group, at: int) -> float | None:
        return self._grades[group.record.id, group.table.texts[at]].score

    def _measure(self, groups: Sequence[_Group], step: int, informative: int) -> StepMetrics:
        rewards = [self._find_reward(group, at) for group in groups for at in group.choices]
        known = [reward for reward in rewards if reward is not None]
        words = [describe_text(group.table.texts[at]).words for group in groups for at in group.choices]
        return StepMetrics(
            step=step, epoch=1 + (step - 1) // self._per_epoch, entropy=0.0, kl=0.0,
            mean_reward=sum(known) / len(known) if known else None,
            informative_share=informative / len(groups),
            mean_words=sum(words) / len(words), grader_errors=len(rewards) - len(known),
        )  # fmt: skip

    def _choose_batch(self, step: int) -> list[Record]:
        epoch, place = divmod(step - 1, self._per_epoch)
        order = np.random.default_rng([self._settings.seed, epoch]).permutation(len(self._records))
        return [self._records[at] for at in order[place * BATCH_PROMPTS : (place + 1) * BATCH_PROMPTS]]

    def _sample(self, policy: RetrievalPolicy, record: Record, step: int) -> _Group:
        table = self._tables[record.id]
        draws = [
            draw_uniform(self._settings.seed, f"{step}\x1f{record.id}", index)
            for index in range(self._settings.group_size)
        ]
        return _Group(record, table, pick(policy.probabilities(table), np.array(draws)))

    def _grade(self, pairs: Sequence[tuple[Record, str]]) -> None:
        fresh = {
            (record.id, text): (record, text)
            for record, text in pairs
            if (record.id, text) not in self._grades
        }
        if fresh:
            grades = self._score_many(list(fresh.values()))
            self._grades.update(zip(fresh, grades, strict=True))

    def _is_measured(self, step: int, total: int) -> bool:
        return bool(self._validation) and (step == total or step % max(1, total // VALIDATIONS) == 0)

    def _validate(self, weights: Sequence[float]) -> float | None:
        """Give the mean reward on the validation prompts, always with the same draws."""
        policy = self._policy.with_weights(weights)
        pairs = [
            (record, text)
            for record in self._validation
            for text in policy.sample_table(
                self._tables[record.id], VALIDATION_ANSWERS, key=record.id, seed=self._settings.seed
            )
        ]
        self._grade(pairs)
        rewards = [self._grades[record.id, text].score for record, text in pairs]
        known = [reward for reward in rewards if reward is not None]
        return sum(known) / len(known) if known else None


def _move(
    state: Checkpoint, gradient: NDArray[np.float64], step: int, rate: float
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Take Adam's step uphill; give weights and both moments."""
    first = _BETA1 * np.asarray(state.first_moment) + (1 - _BETA1) * gradient
    second = _BETA2 * np.asarray(state.second_moment) + (1 - _BETA2) * gradient**2
    direction = (first / (1 - _BETA1**step)) / (np.sqrt(second / (1 - _BETA2**step)) + _EPSILON)
    weights = np.asarray(state.weights) + rate * direction
    return tuple(weights.tolist()), tuple(first.tolist()), tuple(second.tolist())
