"""Train by GRPO with TRL, the configured grader as reward; imports torch and trl.

Group-relative policy optimisation (Shao et al. 2024, DeepSeekMath, arXiv:2402.03300) as TRL does it by
default: advantages divided by the group's standard deviation, the DAPO loss (Yu et al. 2025,
arXiv:2503.14476: mean over all tokens of the batch), no KL term, one update for each batch of fresh answers.
"""

import logging
from importlib.util import find_spec
from typing import Any

import torch  # pyright: ignore[reportMissingImports]  # extra [local]
from datasets import Dataset  # pyright: ignore[reportMissingImports]  # extra [local]
from trl.trainer.grpo_config import GRPOConfig  # pyright: ignore[reportMissingImports]  # extra [local]
from trl.trainer.grpo_trainer import GRPOTrainer  # pyright: ignore[reportMissingImports]  # extra [local]

from lucy.tools.training.local.arguments import list_arguments, use_one_device
from lucy.tools.training.local.plan import order_all
from lucy.tools.training.local.preparation import Setup
from lucy.tools.training.local.prompts import render_prompt
from lucy.tools.training.local.rewards import RECORD_COLUMN, make_reward_function
from lucy.tools.training.trainer import Task

_TRL = "trl.trainer.grpo_trainer"


class _QuietTrainer(GRPOTrainer):  # pyright: ignore[reportUntypedBaseClass]  # extra [local]
    """TRL's trainer without its reports to the Hugging Face Hub and without a model card a checkpoint."""

    def _send_telemetry(self) -> None:
        return

    def create_model_card(self, *given: Any, **named: Any) -> None:
        """Write none."""


def make_reinforcement(task: Task, setup: Setup, model: Any, *, lora: Any, watch: Any) -> Any:
    """Make TRL's trainer for reinforcement."""
    logging.getLogger(_TRL).addFilter(_names_nobody)
    arguments = GRPOConfig(**list_arguments(task, setup), **_list_sampling(setup))
    return _QuietTrainer(
        model=model,
        reward_funcs=make_reward_function({record.id: record for record in setup.training}, task.score_many),
        args=use_one_device(arguments),
        train_dataset=make_dataset(task, setup),
        processing_class=setup.tokenizer,
        peft_config=lora,
        callbacks=[watch],
    )


def _names_nobody(entry: logging.LogRecord) -> bool:
    """Drop what TRL says of each answer without a grade: it quotes conversations, and errors are counted."""
    return "All reward functions returned None" not in entry.getMessage()


def make_dataset(task: Task, setup: Setup) -> Any:
    """Give the prompts of all steps in order, each with its record's id.

    Texts and not messages: so a record's tools stand in its prompt, and every part of Lucy sees the same.
    """
    records = setup.training
    prompts = [render_prompt(setup.tokenizer, record) for record in records]
    columns = {"prompt": prompts, RECORD_COLUMN: [record.id for record in records]}
    kind: Any = Dataset
    rows = kind.from_dict(columns)
    return rows.select(order_all(len(records), setup.plan, task.parameters.seed))


def _list_sampling(setup: Setup) -> dict[str, Any]:
    """List the arguments that only GRPO has."""
    with_vllm = torch.cuda.is_available() and find_spec("vllm") is not None
    return {
        "num_generations": setup.plan.group,
        "max_completion_length": setup.longest,
        "shuffle_dataset": False,
        "temperature": 1.0,
        "lr_scheduler_type": "constant",
        "use_vllm": with_vllm,
    }
