from langchain_core.messages import AIMessage, HumanMessage

from lucy.graph.state import (
    KEPT_CHARACTERS,
    KEPT_MESSAGES,
    FinetuneWorkflowState,
    Ref,
    find_missing,
    find_next,
    find_stale,
    keep_recent,
    merge,
)


def make_state(**changes: object) -> FinetuneWorkflowState:
    state: dict[str, object] = {
        "messages": [],
        "artefacts": {"topics": Ref(revision=1, sha="t1"), "categories": Ref(revision=1, sha="c1")},
        "status": {"topics_config": "completed", "categorize": "completed"},
        "inputs": {"topics_config": {}, "categorize": {"topics": "t1"}},
    }
    return {**state, **changes}  # type: ignore[return-value]


def test_nothing_is_stale_while_inputs_are_what_they_were() -> None:
    assert find_stale(make_state()) == {}


def test_a_changed_input_makes_the_step_stale_and_names_the_kind() -> None:
    changed = {"topics": Ref(revision=2, sha="t2"), "categories": Ref(revision=1, sha="c1")}
    assert find_stale(make_state(artefacts=changed)) == {"categorize": "topics"}


def test_putting_the_input_back_makes_the_step_fresh_again() -> None:
    back = {"topics": Ref(revision=1, sha="t1"), "categories": Ref(revision=1, sha="c1")}
    assert find_stale(make_state(artefacts=back)) == {}


def test_staleness_goes_downstream() -> None:
    state = make_state(
        artefacts={"topics": Ref(revision=2, sha="t2"), "categories": Ref(revision=1, sha="c1")},
        status={"topics_config": "completed", "categorize": "completed", "coverage_generation": "completed"},
        inputs={"categorize": {"topics": "t1"}, "coverage_generation": {"topics": "t2", "categories": "c1"}},
    )
    assert find_stale(state) == {"categorize": "topics", "coverage_generation": "categories"}


def test_after_a_step_comes_the_first_that_is_open_or_stale() -> None:
    assert find_next(make_state(), "topics_config") == "coverage_generation"
    stale = make_state(artefacts={"topics": Ref(revision=2, sha="t2")})
    assert find_next(stale, "topics_config") == "categorize"


def test_a_jump_forward_names_every_step_that_is_missing() -> None:
    assert find_missing(make_state(), "training") == ["coverage_generation", "grader_config", "dry_run"]
    assert find_missing(make_state(), "grader_config") == []


def test_an_entry_of_none_removes_the_key() -> None:
    assert merge({"a": 1, "b": 2}, {"a": None, "c": 3}) == {"b": 2, "c": 3}


def test_the_state_keeps_only_the_last_messages() -> None:
    many = [HumanMessage("hello", id=str(number)) for number in range(50)]
    kept = keep_recent(many, [AIMessage("last", id="last")])
    assert len(kept) == KEPT_MESSAGES
    assert kept[-1].id == "last"


def test_the_state_keeps_a_bounded_amount_of_text() -> None:
    long = [AIMessage("x" * 9000, id=str(number)) for number in range(5)]
    kept = keep_recent([], long)
    assert sum(len(message.text) for message in kept) <= KEPT_CHARACTERS
    assert kept[-1].id == "4"


def test_a_message_with_a_known_id_replaces_the_old_one() -> None:
    kept = keep_recent([AIMessage("a", id="1")], [AIMessage("b", id="1")])
    assert [message.text for message in kept] == ["b"]
