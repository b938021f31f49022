"""List the arguments that both of TRL's trainers are given; imports torch."""

from typing import Any

import torch  # pyright: ignore[reportMissingImports]  # extra [local]

from lucy.tools.training.local.preparation import Setup
from lucy.tools.training.trainer import Task


def use_one_device(arguments: Any) -> Any:
    """Let a single process train on the first of several GPUs.

    The transformers library would copy the model to all of them for each batch (torch's DataParallel), which
    TRL refuses; several GPUs are for several processes.
    """
    if arguments.world_size == 1 and arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def list_arguments(task: Task, setup: Setup) -> dict[str, Any]:
    """List what both trainers are given.

    The whole training is one epoch of a dataset in the order of use; checkpoints are written when asked for,
    two at most, so that one is whole at any time.
    """
    plan, has_gpu = setup.plan, torch.cuda.is_available()
    return {
        "output_dir": str(task.folder),
        "num_train_epochs": 1,
        "per_device_train_batch_size": plan.rows,
        "gradient_accumulation_steps": plan.accumulation,
        "learning_rate": plan.rate,
        "seed": task.parameters.seed,
        # On a processor half precision is slower, not faster.
        "bf16": has_gpu and torch.cuda.is_bf16_supported(),
        "activation_checkpointing": plan.checkpointing,
        "dataloader_pin_memory": has_gpu,
        "logging_steps": 1,
        "save_strategy": "no",
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
        "push_to_hub": False,
    }
