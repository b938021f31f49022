from lucy.tools.dry_run.rollouts import GradedRollout
from lucy.tools.training.examples import LONGEST, choose_examples
from lucy.tools.vocabulary import Grade, Record

RECORDS = {
    f"r{at}": Record(
        f"r{at}", ({"role": "user", "content": f"Where is the parcel that I ordered on day {at}, please?"},)
    )
    for at in range(9)
}


def _answers(rewards, side, text="{side} {name}"):
    return [
        GradedRollout(name, "", None, 0, text.format(side=side, name=name), Grade(reward))
        for name, reward in zip(RECORDS, rewards, strict=True)
    ]


def _choose(changes):
    before = _answers([0.5] * 9, "before")
    return choose_examples(before, _answers([0.5 + change for change in changes], "after"), RECORDS)


def test_the_largest_gains_the_median_and_the_largest_losses_are_shown() -> None:
    found = _choose([0.1, 0.4, -0.3, 0.0, 0.2, -0.1, 0.05, 0.02, 0.3])
    assert [(one.kind, one.record_id) for one in found] == [
        ("gain", "r1"),
        ("gain", "r8"),
        ("middle", "r6"),
        ("loss", "r2"),
        ("loss", "r5"),
    ]
    assert (found[0].before, found[0].after) == ("before r1", "after r1")
    assert (found[0].reward_before, found[0].reward_after) == (0.5, 0.9)


def test_without_a_loss_none_is_listed() -> None:
    assert "loss" not in {one.kind for one in _choose([0.1 + at / 100 for at in range(9)])}


def test_the_typical_answer_is_shown_not_the_luckiest() -> None:
    before = [
        GradedRollout("r0", "", None, at, f"answer {at}", Grade(reward))
        for at, reward in enumerate((0.1, 0.5, 1.0))
    ]
    after = [GradedRollout("r0", "", None, 0, "after", Grade(0.9))]
    assert choose_examples(before, after, RECORDS)[0].before == "answer 1"


def test_what_could_not_be_graded_is_no_example() -> None:
    failed = [GradedRollout("r0", "", None, 0, "x", Grade(None, error="timeout"))]
    assert choose_examples(failed, failed, RECORDS) == []


def test_a_short_message_is_shown_with_what_it_replies_to() -> None:
    turns = ("What is your PIN?", "7402")
    prompt = ({"role": "assistant", "content": turns[0]}, {"role": "user", "content": turns[1]})
    one = GradedRollout("r0", "", None, 0, "x" * 2000, Grade(0.5))
    two = GradedRollout("r0", "", None, 0, "y", Grade(0.6))
    found = choose_examples([one], [two], {"r0": Record("r0", prompt)})[0]
    assert found.prompt == "What is your PIN? / 7402"
    assert len(found.before) == LONGEST
