"""Train the retrieval policy on this machine: the trainer that needs nothing."""

from lucy.tools.policy.retrieval import BASE_NAME, RetrievalPolicy, base_policy
from lucy.tools.training.checkpoints import Checkpoint
from lucy.tools.training.grpo import train_policy
from lucy.tools.training.run import BATCH_PROMPTS
from lucy.tools.training.trainer import Task, Trained

MAX_RATE = 1.0
"""A step of Adam that is as large as the spread of the features; above, a training only jumps."""


class OfflineTrainer:
    """GRPO on the retrieval policy, in numpy; it chooses and trims replies, it does not write new ones."""

    name = "offline"

    def find_faults(self, task: Task) -> list[str]:
        """List what it cannot take: another base model, or supervised fine-tuning."""
        faults: list[str] = []
        if task.base_model not in ("", BASE_NAME):
            faults.append(
                f"The offline trainer trains {BASE_NAME!r} only, not {task.base_model!r}; choose another one."
            )
        if task.method != "rft":
            faults.append("The offline trainer knows reinforcement fine-tuning only; choose the method rft.")
        return faults + _find_parameter_faults(task)

    def open_base(self, task: Task) -> RetrievalPolicy:
        """Give the untrained policy of the training records."""
        return base_policy(task.training)

    def train(self, task: Task) -> Trained:
        """Train, or go on from the checkpoint; the result is the same."""
        result = train_policy(
            self.open_base(task),
            task.training,
            task.score_many,
            epochs=task.parameters.epochs,
            group_size=task.parameters.group_size,
            learning_rate=task.parameters.learning_rate,
            seed=task.parameters.seed,
            progress=task.progress,
            checkpoint=lambda state: task.keep(state.model_dump(mode="json")),
            start=Checkpoint.model_validate(task.checkpoint) if task.checkpoint else None,
        )
        return Trained(
            policy=result.policy,
            kind="retrieval",
            weights=result.policy.to_json(),
            history=[one.model_dump(mode="json") for one in result.history],
            best_step=result.best_step,
            steps=result.steps,
            variant=result.variant,
            grader_errors=result.grader_errors,
            cost=0.0,
        )


def _find_parameter_faults(task: Task) -> list[str]:
    """Name parameters that would change what is learned and cannot be kept; no model here reasons."""
    faults: list[str] = []
    size, rate = task.parameters.batch_size, task.parameters.learning_rate
    if size not in ("auto", BATCH_PROMPTS):
        faults.append(
            f"The offline trainer takes {BATCH_PROMPTS} prompts in a step, not {size}; say `batch size auto`."
        )
    if rate != "auto" and not 0 < rate <= MAX_RATE:
        faults.append(
            f"The learning rate must be above 0 and at most {MAX_RATE:g} for the offline trainer, not "
            f"{rate:g}; say `learning rate auto`."
        )
    return faults
