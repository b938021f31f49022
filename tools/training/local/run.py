"""Train a model with TRL from its beginning or its last checkpoint to a finished folder; imports torch."""

import gc
import shutil
from pathlib import Path
from typing import Any

import torch  # pyright: ignore[reportMissingImports]  # extra [local]
from accelerate import PartialState  # pyright: ignore[reportMissingImports]  # extra [local]
from transformers import PrinterCallback  # pyright: ignore[reportMissingImports]  # extra [local]

from lucy.errors import InputError, LucyError, StoreError
from lucy.tools.training.local.journal import Journal
from lucy.tools.training.local.loading import load_model
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.policy import Card, LocalPolicy
from lucy.tools.training.local.preparation import Setup, make_setup
from lucy.tools.training.local.prompts import PLAIN_TEMPLATE
from lucy.tools.training.local.validation import Validation
from lucy.tools.training.local.watch import Watch
from lucy.tools.training.local.weights import CARD, copy_weights
from lucy.tools.training.trainer import Task, Trained

MODEL = "model"
"""Folder of the finished model, inside the task's own."""


def run_training(task: Task, options: LocalOptions) -> Trained:
    """Train, or go on from the task's checkpoint, and put the best weights into a folder of their own.

    Raises:
        CancelledByPersonError: the person asked to stop; the last step is kept.
        InputError: the base model cannot be used, or needs more memory than there is.
        GraderError: three batches in a row could not be graded at all.
        StoreError: the folder cannot be written.
    """
    try:
        return _run(task, options)
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"The GPU's memory is too small for this training ({error}); choose a smaller base model, group "
            "or batch."
        ) from error
    except LucyError:
        # Some of ours are also an OSError.
        raise
    except OSError as error:
        raise StoreError(
            f"The folder {str(task.folder)!r} cannot be written ({error}); make room, then go on."
        ) from error


def _run(task: Task, options: LocalOptions) -> Trained:
    # Without `cpu` several processes on a processor would not find each other.
    state = PartialState(cpu=not torch.accelerator.is_available())
    setup = make_setup(task, options, devices=state.num_processes, has_gpu=torch.cuda.is_available())
    journal = Journal(task, setup.run, is_main=state.is_main_process)
    if not journal.now.model and journal.now.step < setup.plan.steps:
        _train(task, setup, journal, options)
    variant = _describe(task, setup)
    if not journal.now.model:
        if state.is_main_process:
            _finish(task, setup, journal, variant)
        state.wait_for_everyone()
    now = journal.now
    folder = task.folder / MODEL
    return Trained(
        policy=LocalPolicy(folder, setup.longest),
        kind="transformers",
        weights=str(folder),
        history=now.history,
        best_step=now.best_step if setup.validation else setup.plan.steps,
        steps=setup.plan.steps,
        variant=variant,
        grader_errors=now.grader_errors,
        cost=0.0,
    )


def _train(task: Task, setup: Setup, journal: Journal, options: LocalOptions) -> None:
    # Said before the model is loaded and measured, which takes its time, and where a resumed training stands.
    task.progress("training", journal.now.step, setup.plan.steps)
    validation = Validation(task, setup, journal)
    watch = Watch(
        task,
        journal,
        measure=validation.measure,
        is_measured=validation.is_measured,
        save_seconds=options.save_seconds,
    )
    trainer = _make_trainer(task, setup, watch)
    trainer.remove_callback(PrinterCallback)
    checkpoint = journal.now.checkpoint
    trainer.train(resume_from_checkpoint=str(task.folder / checkpoint) if checkpoint else None)
    # The trainer and its callbacks know each other: without this its memory stays taken.
    del trainer
    gc.collect()
    torch.cuda.empty_cache()
    if watch.wish is not None:
        raise watch.wish


def _make_trainer(task: Task, setup: Setup, watch: Watch) -> Any:
    # An adapter is small: beside it the frozen weights may have half the precision.
    is_half = setup.plan.lora and torch.cuda.is_available()
    model = load_model(setup.base, dtype="bfloat16" if is_half else "float32")
    lora = _make_lora() if setup.plan.lora else None
    if task.method == "rft":
        from lucy.tools.training.local.reinforcement import make_reinforcement

        return make_reinforcement(task, setup, model, lora=lora, watch=watch)
    from lucy.tools.training.local.supervised import make_supervised

    return make_supervised(task, setup, model, lora=lora, watch=watch)


def _make_lora() -> Any:
    from peft import LoraConfig  # pyright: ignore[reportMissingImports]  # extra [local]

    return LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")


def _finish(task: Task, setup: Setup, journal: Journal, variant: str) -> None:
    """Put the best weights, tokenizer and card into the model's folder, which appears at once or not."""
    part = task.folder / f"{MODEL}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    source = journal.now.best if setup.validation else journal.now.checkpoint
    if not source:
        copy_weights(setup.base, part)
    elif setup.plan.lora:
        _merge(setup.base, task.folder / source, part)
    else:
        copy_weights(task.folder / source, part)
    setup.tokenizer.save_pretrained(str(part))
    card = Card(longest=setup.longest, base_model=task.base_model, variant=variant)
    (part / CARD).write_text(card.model_dump_json(indent=2), encoding="utf-8")
    shutil.rmtree(task.folder / MODEL, ignore_errors=True)
    part.rename(task.folder / MODEL)
    journal.keep_model(MODEL)


def _merge(base: Path, adapter: Path, target: Path) -> None:
    """Add an adapter to the weights: a folder that needs no other can be moved and served by anything."""
    from peft import PeftModel  # pyright: ignore[reportMissingImports]  # extra [local]

    model: Any = PeftModel.from_pretrained(load_model(base, dtype="auto"), str(adapter))
    model.merge_and_unload().save_pretrained(str(target))


def _describe(task: Task, setup: Setup) -> str:
    plan = setup.plan
    what = "LoRA of rank 16" if plan.lora else "all weights"
    form = (
        ", prompts as plain lines of role and text" if setup.tokenizer.chat_template == PLAIN_TEMPLATE else ""
    )
    if task.method == "sft":
        return f"SFT by TRL on the replies, {what}, Adam {plan.rate:g}, {plan.prompts} replies a step{form}"
    return (
        f"GRPO by TRL, {what}, groups of {plan.group}, {plan.prompts} prompts a step, on-policy, without KL, "
        f"Adam {plan.rate:g}, answers of {setup.longest} tokens at most{form}"
    )
