"""Train a language model on this machine, on its processor or GPUs: the trainer `trl`."""

from lucy.errors import StoreError
from lucy.tools.training.local.faults import list_faults
from lucy.tools.training.local.options import LocalOptions
from lucy.tools.training.local.packages import describe_missing, find_missing_packages
from lucy.tools.training.local.policy import LocalPolicy
from lucy.tools.training.local.preparation import find_longest
from lucy.tools.training.trainer import Task, Trained


class LocalTrainer:
    """GRPO with the configured grader as reward, and supervised training on replies, by TRL.

    Any causal language model of the transformers library as a folder, or from the Hugging Face Hub once it is
    on this machine; any grader. Checkpoints let a killed training go on to the same result as an unbroken one
    (on a processor to the bit). With vLLM installed and a GPU, vLLM writes the answers, and that no longer
    holds.

    One process trains on one device, however many GPUs there are. To use several, call `train` from a
    script of your own started by `accelerate launch --num_processes N`: every process takes its share of each
    step and grades it, the first one alone keeps checkpoints, and a wish to stop in one stops all.

    What it does not do: download anything, run a model's own code, read pictures, let a model use tools in
    turns while it answers (its first tool calls are the answer that is graded), or hold the model near its
    base by a KL term.
    """

    name = "trl"

    def __init__(self, options: LocalOptions | None = None) -> None:
        self._options = options or LocalOptions()

    def find_faults(self, task: Task) -> list[str]:
        """List in sentences what it cannot take: packages, base model, parameters, records.

        Tokenizes the records, which takes seconds for some thousand; loads no weights.
        """
        return list_faults(task, self._options)

    def open_base(self, task: Task) -> LocalPolicy:
        """Give the base model, answering as the trained one will: same texts, same longest answer."""
        from lucy.tools.training.local.loading import load_tokenizer
        from lucy.tools.training.local.weights import find_base

        base = find_base(task.base_model)
        return LocalPolicy(base, find_longest(task, load_tokenizer(base), self._options))

    def train(self, task: Task) -> Trained:
        """Train, or go on from the task's checkpoint; see `run_training` for what it raises."""
        missing = find_missing_packages()
        if missing:
            raise StoreError(describe_missing(missing))
        from lucy.tools.training.local.run import run_training

        return run_training(task, self._options)
