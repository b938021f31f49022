import pytest

from lucy.errors import InputError
from lucy.tools.training.local.journal import MAX_HISTORY, Journal


def test_a_journal_goes_on_from_what_was_kept(make_task):
    journal = Journal(make_task(), "run")
    journal.note_step({"step": 1, "grader_errors": 2}, total=3)
    journal.note_best(1, 0.5, "best-1")
    journal.keep_checkpoint(1, "checkpoint-1")
    again = Journal(make_task(), "run")
    assert again.has_begun
    assert again.now == journal.now
    assert again.now.grader_errors == 2


def test_another_training_is_refused(make_task):
    Journal(make_task(), "run").keep()
    with pytest.raises(InputError, match="belongs to another training"):
        Journal(make_task(), "other")


def test_a_broken_checkpoint_is_one_sentence(make_task):
    with pytest.raises(InputError, match="cannot be read"):
        Journal(make_task(checkpoint={"steps": 1}), "run")


def test_folders_that_a_kill_left_half_done_are_removed(make_task):
    task = make_task()
    for name in ("checkpoint-1", "checkpoint-2", "best-1", "best-2", "model.part", "other"):
        (task.folder / name).mkdir()
    journal = Journal(task, "run")
    assert not (task.folder / "checkpoint-2").exists()
    (task.folder / "checkpoint-3").mkdir()
    (task.folder / "checkpoint-4").mkdir()
    journal.keep_checkpoint(3, "checkpoint-3")
    assert sorted(path.name for path in task.folder.iterdir()) == ["checkpoint-3", "kept.json", "other"]


def test_very_long_trainings_note_every_so_many_steps(make_task):
    journal = Journal(make_task(), "run")
    total = 10 * MAX_HISTORY
    for step in range(1, total + 1):
        extra = {"validation_reward": 0.5} if step == 7 else {}
        journal.note_step({"step": step, "grader_errors": 1, **extra}, total)
    assert len(journal.now.history) == MAX_HISTORY + 1
    assert journal.now.history[0]["step"] == 7
    assert journal.now.history[-1]["step"] == total
    assert journal.now.grader_errors == total
