"""Train on the recorded replies with TRL's supervised trainer; imports trl."""

from collections.abc import Sequence
from typing import Any

from datasets import Dataset  # pyright: ignore[reportMissingImports]  # extra [local]
from trl.trainer.sft_config import SFTConfig  # pyright: ignore[reportMissingImports]  # extra [local]
from trl.trainer.sft_trainer import SFTTrainer  # pyright: ignore[reportMissingImports]  # extra [local]

from lucy.tools.training.local.arguments import list_arguments, use_one_device
from lucy.tools.training.local.plan import order_all
from lucy.tools.training.local.preparation import Setup
from lucy.tools.training.local.prompts import Example, make_examples
from lucy.tools.training.trainer import Task

IGNORED = -100
"""Label of a token that does not count in the loss."""


class _QuietTrainer(SFTTrainer):  # pyright: ignore[reportUntypedBaseClass]  # extra [local]
    """TRL's trainer without its reports to the Hugging Face Hub and without a model card a checkpoint."""

    def _send_telemetry(self) -> None:
        return

    def create_model_card(self, *given: Any, **named: Any) -> None:
        """Write none."""


def make_supervised(task: Task, setup: Setup, model: Any, *, lora: Any, watch: Any) -> Any:
    """Make TRL's trainer for supervised training."""
    arguments = SFTConfig(
        **list_arguments(task, setup),
        max_length=None,
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        lr_scheduler_type="linear",
    )
    return _QuietTrainer(
        model=model,
        args=use_one_device(arguments),
        train_dataset=make_dataset(task, setup),
        processing_class=setup.tokenizer,
        peft_config=lora,
        callbacks=[watch],
    )


def make_dataset(task: Task, setup: Setup) -> Any:
    """Give the examples of all steps in order; only the tokens of the reply count in the loss."""
    examples = [one for record in setup.training for one in make_examples(setup.tokenizer, record)]
    kind: Any = Dataset
    rows = kind.from_dict(_list_columns(examples))
    return rows.select(order_all(len(examples), setup.plan, task.parameters.seed))


def _list_columns(examples: Sequence[Example]) -> dict[str, list[list[int]]]:
    return {
        "input_ids": [[*one.prompt, *one.reply] for one in examples],
        "labels": [[IGNORED] * len(one.prompt) + one.reply for one in examples],
    }
