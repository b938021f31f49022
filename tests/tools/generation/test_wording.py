import random
from collections.abc import Callable

import pytest

from lucy.tools.generation.courtesies import Courtesies, Style
from lucy.tools.generation.crossover import cross
from lucy.tools.generation.frames import reframe
from lucy.tools.generation.paraphrase import paraphrase
from lucy.tools.generation.personas import Voice, choose_persona, frame, speak
from lucy.tools.generation.phrasebook import PERSONAS, Persona

WRITTEN = Style(is_english=True, casual=0.3, unmarked=0.3)
BARE = Style(is_english=True, casual=1.0, unmarked=1.0)
FOREIGN = Style(is_english=False, casual=0.0, unmarked=0.3)


def make_voice(persona: Persona, *, at_start: bool = True, style: Style = WRITTEN) -> Voice:
    return Voice(persona, at_start, Courtesies(("Hi,",), ("Thanks!",), style, frozenset({"lamp"})))


def say(text: str, persona: Persona, seed: int = 0, **voice: object) -> str:
    return speak(text, make_voice(persona, **voice), random.Random(seed))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("Can you cancel my order", "cancel my order"),
        ("how do i reset my password", "reset my password"),
        ("i want to change my address", "change my address"),
        ("what is my balance", "my balance"),
        ("when can i collect it", "when i can collect it"),
    ],
)
def test_a_request_gets_another_beginning_and_keeps_its_end(text: str, ending: str) -> None:
    for seed in range(8):
        found = reframe(text, None, random.Random(seed))
        assert found is not None
        assert found.text != text
        assert found.text.endswith(ending)


@pytest.mark.parametrize(
    "text",
    ["can you believe it", "what is the weather like", "what do i do", "Please how to pay", "my lamp broke"],
)
def test_a_sentence_that_is_no_plain_request_is_left_alone(text: str) -> None:
    assert reframe(text, None, random.Random(0)) is None


def test_a_capital_stays_with_the_sentence() -> None:
    found = reframe("Can I send it back", "polite", random.Random(0))
    assert found is not None
    assert found.text[0].isupper()


def test_two_messages_are_crossed_at_shared_words() -> None:
    crossed = cross("find a good recipe for meatloaf", "i need a recipe for chili", random.Random(0))
    assert crossed == "find a good recipe for chili"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("i lost my luggage what should i do now", "it appears that my luggage has vanished"),
        ("how much cash do i have in my bank", "do i have enough money for a trip"),
        ("please help", "please help me"),
    ],
)
def test_messages_that_would_not_fit_are_not_crossed(first: str, second: str) -> None:
    assert cross(first, second, random.Random(0)) in (None, first, second)


def test_wordings_are_swapped_in_their_case() -> None:
    drawn = {paraphrase("I bought it by accident.", random.Random(seed)) for seed in range(20)}
    assert "I purchased it by mistake." in drawn
    assert all(text.startswith("I ") for text in drawn)


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("seed", range(4))
def test_no_persona_greets_or_begs_twice(persona: Persona, seed: int) -> None:
    text = say("Hello, can you please check my lamp? Thank you.", persona, seed).lower()
    assert text.count("hello") + text.count("hi,") <= 1
    assert text.count("thank") <= 1
    assert "lamp" in text


def test_nobody_greets_inside_a_conversation() -> None:
    drawn = {say("the lamp is broken again", "polite", seed, at_start=False) for seed in range(10)}
    assert not any(text.lower().startswith(("hi", "hello")) for text in drawn)


def test_the_brief_persona_drops_courtesies() -> None:
    assert say("Hello! The lamp does not turn on. Thanks!", "brief") == "The lamp doesn't turn on."


def test_the_casual_persona_writes_small() -> None:
    assert say("I lost it. The lamp too.", "casual").endswith("i lost it. the lamp too")


def test_bare_data_gets_no_second_sentence() -> None:
    drawn = {say("transfer ten dollars to my savings", "impatient", seed, style=BARE) for seed in range(10)}
    assert not any("." in text or "I" in text for text in drawn)


def test_other_languages_get_no_english() -> None:
    drawn = {say("Die Lampe ist kaputt.", "polite", seed, style=FOREIGN) for seed in range(10)}
    assert drawn <= {"Die Lampe ist kaputt.", "Hi, Die Lampe ist kaputt."}


def choose(text: str, style: Style = WRITTEN) -> set[Persona]:
    courtesies = Courtesies((), (), style, frozenset())
    return {
        choose_persona(text, at_start=True, courtesies=courtesies, rng=random.Random(seed))
        for seed in range(150)
    }


@pytest.mark.parametrize(
    "text", ["Question: how many boats\nSQL:", "def add(a, b):\n    return a", "<b>hi there</b>"]
)
def test_code_and_forms_are_left_alone(text: str) -> None:
    assert {say(text, "polite", seed) for seed in range(10)} == {text}


def test_a_stressed_verb_is_not_shortened() -> None:
    assert say("I know exactly which one it is, dear.", "brief") == "I know exactly which one it is, dear."


def test_only_trouble_worries() -> None:
    assert "worried" in choose("My card was stolen at the station this morning")
    assert "worried" not in choose("Which plants grow well in the shade of a house?")


def test_an_angry_message_does_not_turn_polite() -> None:
    assert "polite" not in choose("Where is my money?? This is ridiculous, I want it now!!")


FRAMES: list[Callable[[int], str]] = [
    lambda seed: frame("What is 3 + 4?", make_voice("polite"), random.Random(seed)),
    lambda seed: frame("What is 3 + 4?", make_voice("business"), random.Random(seed)),
]


@pytest.mark.parametrize("write", FRAMES)
def test_framing_keeps_every_word_of_the_question(write: Callable[[int], str]) -> None:
    assert all("hat is 3 + 4?" in write(seed) for seed in range(10))
