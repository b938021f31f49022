"""Compare the local trainer with a bare TRL script: same model, prompts, order, steps and reward.

Both load the model, train by GRPO and leave its weights in a folder. The trainer adds the grader's door,
figures, checkpoints, and, from 40 records on, the measurements on the prompts that it sets aside. Runs come
in pairs, the order changing from pair to pair; what counts is the median of the pairs' ratios of processor
time, since single runs differ by 15% on a machine that does other work as well. Exits 1 when it is over 1.10.

Usage: OMP_NUM_THREADS=1 python benchmarks/trl_overhead.py [PAIRS]
"""

import json
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from lucy.tools.graders.config import PythonGrader
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.trainer import LocalTrainer
from lucy.tools.training.trainer import Parameters, Task
from lucy.tools.vocabulary import Grade, Record

PAIRS = 7
LONGEST = 24
PARAMETERS = Parameters(epochs=8, learning_rate=1e-2)
MOST = 1.10


def score_text(text: str) -> float:
    """Give the share of small letters."""
    return sum(letter.islower() for letter in text) / max(1, len(text))


def score_many(pairs: Sequence[tuple[Record, str]]) -> list[Grade]:
    """Grade in this process."""
    return [Grade(score_text(text)) for _, text in pairs]


def make_records(count: int) -> list[Record]:
    """Make prompts."""
    return [
        Record(f"r{number}", ({"role": "user", "content": f"Say something about number {number}."},))
        for number in range(count)
    ]


def make_base(folder: Path) -> None:
    """Make a Llama of 0.14 million random weights that reads bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "<eos>": 1}
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary[letter] = len(vocabulary)
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=64, intermediate_size=192, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=512, pad_token_id=0,
        eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(str(folder))
    PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>").save_pretrained(
        str(folder)
    )


def make_task(base: Path, records: Sequence[Record], folder: Path) -> Task:
    """Make a task that keeps its checkpoints in a file, as a job keeps them in a row."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    grader = PythonGrader(name="unused", source="def grade(sample, item): return 0")
    return Task(
        job_id="j", workflow_id="w", name="m", method="rft", base_model=str(base), training=records,
        heldout=(), grader=grader, score_many=score_many, parameters=PARAMETERS, folder=folder,
        checkpoint=None, keep=lambda state: (folder / "kept.json").write_text(json.dumps(state)) and None,
        progress=lambda label, done, total: None,
    )  # fmt: skip


def train_with_lucy(task: Task) -> list[float]:
    """Train by the local trainer; give the mean reward of each step."""
    trained = LocalTrainer(LocalOptions(longest=LONGEST)).train(task)
    return [one["mean_reward"] for one in trained.history]


def train_bare(base: Path, prompts: Sequence[str], plan: Any, folder: Path) -> list[float]:
    """Train by TRL alone on prompts in their order; give the mean reward of each step."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

    rewards: list[float] = []

    def reward(completions: list[str], **_: Any) -> list[float]:
        scores = [score_text(text.strip()) for text in completions]
        rewards.append(sum(scores) / len(scores))
        return scores

    arguments = GRPOConfig(
        output_dir=str(folder), num_train_epochs=1, per_device_train_batch_size=plan.rows,
        gradient_accumulation_steps=plan.accumulation, learning_rate=plan.rate, num_generations=plan.group,
        max_completion_length=LONGEST, shuffle_dataset=False, lr_scheduler_type="constant", seed=0,
        bf16=False, activation_checkpointing=False, dataloader_pin_memory=False, logging_steps=1,
        save_strategy="no", report_to="none", disable_tqdm=True,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(str(base), dtype="float32"),
        reward_funcs=reward,
        args=arguments,
        train_dataset=Dataset.from_dict({"prompt": list(prompts)}),
        processing_class=AutoTokenizer.from_pretrained(str(base), padding_side="left"),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model(str(folder / "model"))
    return rewards


class Run(NamedTuple):
    """What one training took, in seconds, and the mean reward of each step."""

    clock: float
    processor: float
    rewards: list[float]


def measure(work: Callable[[], list[float]]) -> Run:
    """Time one training."""
    clock, processor = time.perf_counter(), time.process_time()
    rewards = work()
    return Run(time.perf_counter() - clock, time.process_time() - processor, rewards)


def compare(count: int, home: Path, pairs: int) -> float:
    """Print the figures for so many records and give the ratio."""
    from lucy.tools.training.local.plan import order_all
    from lucy.tools.training.local.preparation import make_setup
    from lucy.tools.training.local.prompts import render_prompt

    base, records = home / "base", make_records(count)
    options = LocalOptions(longest=LONGEST)
    setup = make_setup(make_task(base, records, home / "lucy"), options)
    order = order_all(len(setup.training), setup.plan, 0)
    prompts = [render_prompt(setup.tokenizer, setup.training[at]) for at in order]
    works: dict[str, Callable[[], list[float]]] = {
        "bare": lambda: train_bare(base, prompts, setup.plan, home / "bare"),
        "ours": lambda: train_with_lucy(make_task(base, records, home / "lucy")),
    }
    # The first run of all loads the libraries.
    works["bare"]()
    runs: dict[str, list[Run]] = {"bare": [], "ours": []}
    for pair in range(pairs):
        for name in ("bare", "ours") if pair % 2 else ("ours", "bare"):
            runs[name].append(measure(works[name]))
    ours, bare = runs["ours"], runs["bare"]
    if [round(one, 4) for one in ours[0].rewards] != [round(one, 4) for one in bare[0].rewards]:
        sys.exit("The two trainings differ: what they took cannot be compared.")
    print(
        f"{count} records ({len(setup.validation)} set aside), {setup.plan.steps} steps of "
        f"{setup.plan.prompts} x {setup.plan.group} answers, {setup.size:,} parameters, reward "
        f"{bare[0].rewards[0]:.2f} -> {bare[0].rewards[-1]:.2f}:"
    )
    print_times("clock", [run.clock for run in ours], [run.clock for run in bare])
    return print_times("processor", [run.processor for run in ours], [run.processor for run in bare])


def print_times(name: str, ours: Sequence[float], bare: Sequence[float]) -> float:
    """Print the medians of both and of the pairs' ratios; give the last."""
    ratios = sorted(one / other for one, other in zip(ours, bare, strict=True))
    ratio = median(ratios)
    print(
        f"  {name:9} {median(ours):6.2f} s, bare TRL {median(bare):6.2f} s, ratio {ratio:.3f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    return ratio


def main() -> None:
    """Compare without and with prompts set aside."""
    if find_spec("torch") is None or find_spec("trl") is None:
        print("torch and trl are not installed, so there is nothing to compare: pip install '.[local]'")
        return
    # The bare script would report itself to the Hugging Face Hub; here both stay silent.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # What transformers has to say to TRL.
    warnings.simplefilter("ignore", FutureWarning)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        make_base(home / "base")
        pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
        worst = max(compare(count, home, pairs) for count in (32, 48))
    print(f"overhead {worst - 1:+.1%}, at most {MOST - 1:.0%} wanted")
    if worst > MOST:
        sys.exit(1)


if __name__ == "__main__":
    main()
