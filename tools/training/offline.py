"""Train the retrieval policy on this machine: the trainer that needs nothing."""

from lucy.tools.policy.retrieval import BASE_NAME, RetrievalPolicy, base_policy
from lucy.tools.training.checkpoints import Checkpoint
from lucy.tools.training.grpo import train_policy
from lucy.tools.training.trainer import Task, Trained


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
        return faults

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
