"""Metrics of both styles of names come out under one."""

import pytest

from lucy.tools.training.hosted.metrics import find_best, merge_metrics, read_metrics, read_total_steps
from lucy.tools.training.hosted.wire import RemoteCheckpoint

NESTED = {
    "step": 7,
    "total_steps": 40,
    "scores": {
        "train_reward_mean": 0.41,
        "valid_reward_mean": 0.44,
        "graders": [
            {"name": "exact", "train_reward_mean": 0.3, "valid_reward_mean": 0.2},
            {"name": "polite", "train_reward_mean": 0.6},
        ],
    },
    "usage": {
        "graders": [
            {
                "name": "polite",
                "train_prompt_tokens_mean": 200.0,
                "train_prompt_tokens_count": 64,
                "train_completion_tokens_mean": 20.0,
                "train_completion_tokens_count": 64,
                "valid_prompt_tokens_mean": 100.0,
                "valid_prompt_tokens_count": 10,
            }
        ],
        "samples": {"train_reasoning_tokens_mean": 512.5},
    },
    "errors": {
        "graders": [
            {"name": "exact", "train_sample_parse_error_count": 2, "train_sample_parse_error_mean": 0.1},
            {"name": "polite", "valid_other_error_count": 1},
        ]
    },
    "timing": {"step": {"sampling": 30.0, "full_iteration": 95.0}},
}
FLAT = {
    "step": 7,
    "total_steps": 40,
    "train_mean_reward": 0.41,
    "full_valid_mean_reward": 0.44,
    "full_valid_mean_parse_error": 0.05,
    "mean_unresponsive_rewards": 0.01,
    "reasoning_tokens_mean": 512.5,
    "completion_tokens_mean": 80.0,
    "valid_reasoning_tokens_mean": 500.0,
    "errors/graders/exact/train_sample_parse_error_count": 2,
    "errors/graders/polite/valid_other_error_count": 1,
}


def test_nested_names_are_normalised() -> None:
    assert read_metrics(NESTED) == {
        "step": 7,
        "mean_reward": 0.41,
        "valid_mean_reward": 0.44,
        "reasoning_tokens": 512.5,
        "step_seconds": 95.0,
        "graders": {"exact": 0.3, "polite": 0.6},
        "grader_errors": 3,
        "judge_prompt_tokens": 13_800,
        "judge_completion_tokens": 1_280,
    }
    assert read_total_steps(NESTED) == 40


def test_flat_names_are_normalised() -> None:
    assert read_metrics(FLAT) == {
        "step": 7,
        "mean_reward": 0.41,
        "valid_mean_reward": 0.44,
        "valid_parse_errors": 0.05,
        "unresponsive": 0.01,
        "reasoning_tokens": 512.5,
        "completion_tokens": 80.0,
        "valid_reasoning_tokens": 500.0,
        "grader_errors": 3,
    }


def test_losses_of_supervised_training_are_read() -> None:
    data = {"step": 3, "train_loss": 1.5, "full_valid_loss": 1.2, "valid_loss": 1.3, "total_steps": 9}
    assert read_metrics(data) == {"step": 3, "train_loss": 1.5, "valid_loss": 1.2}


@pytest.mark.parametrize("data", [{}, {"train_loss": 1.0}, {"step": None}, {"step": "three"}])
def test_what_has_no_step_is_no_metric(data: dict) -> None:
    assert read_metrics(data) == {}


def test_what_is_no_number_is_left_out() -> None:
    data = {"step": 1, "train_mean_reward": float("nan"), "full_valid_mean_reward": True, "train_loss": "x"}
    assert read_metrics(data) == {"step": 1}


def test_parts_of_a_step_are_put_together_in_order() -> None:
    history = merge_metrics([{"step": 2, "mean_reward": 0.2}], {"step": 1, "mean_reward": 0.1})
    history = merge_metrics(history, {"step": 2, "valid_mean_reward": 0.3})
    assert history == [
        {"step": 1, "mean_reward": 0.1},
        {"step": 2, "mean_reward": 0.2, "valid_mean_reward": 0.3},
    ]


def make_checkpoint(step: int, **metrics: float) -> RemoteCheckpoint:
    name = f"model-{step}"
    return RemoteCheckpoint(
        id=f"c{step}", fine_tuned_model_checkpoint=name, step_number=step, metrics=metrics
    )


@pytest.mark.parametrize(
    ("checkpoints", "best"),
    [
        ([], ("final", 9)),
        ([make_checkpoint(3), make_checkpoint(6)], ("final", 9)),
        ([make_checkpoint(3, full_valid_mean_reward=0.5)], ("model-3", 3)),
        (
            [make_checkpoint(3, valid_reward_mean=0.5), make_checkpoint(6, valid_reward_mean=0.7)],
            ("model-6", 6),
        ),
        ([make_checkpoint(3, full_valid_loss=1.1), make_checkpoint(6, full_valid_loss=1.4)], ("model-3", 3)),
    ],
)
def test_the_best_checkpoint_is_the_one_that_validates_best(
    checkpoints: list[RemoteCheckpoint], best: tuple[str, int]
) -> None:
    assert find_best([], checkpoints, final="final", steps=9) == best


def test_in_a_draw_the_model_at_the_end_is_taken() -> None:
    history = [{"step": 3, "valid_mean_reward": 0.5}, {"step": 9, "valid_mean_reward": 0.5}]
    assert find_best(history, [make_checkpoint(3)], final="final", steps=9) == ("final", 9)
