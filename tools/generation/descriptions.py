"""Make requests for a topic from its name, description and keywords, without any record of it.

What a request says is from `starters.toml` or from frames around the topic's own words; values and voices are
varied as in the other strategies. The voices follow the dataset where there is one. English only, and in
mode `rft` only: nobody has answered these requests.
"""

import random

from lucy.tools.generation.courtesies import Courtesies
from lucy.tools.generation.draft import Draft, OfflineStrategy
from lucy.tools.generation.expansion import draw_condition
from lucy.tools.generation.ground import choose_records, learn_manners, make_rng
from lucy.tools.generation.openings import append
from lucy.tools.generation.personas import Voice, choose_persona, speak
from lucy.tools.generation.sources import Sources
from lucy.tools.generation.starters import (
    draw_keyword,
    fill_choices,
    find_starters,
    list_common_words,
    list_frames,
)
from lucy.tools.generation.turns import list_turns
from lucy.tools.generation.values import ValueBank, build_bank, swap_values
from lucy.tools.vocabulary import Topic

_CONDITION_SHARE = 0.3
"""Share of the framed requests that get a condition, since the frames alone are few."""


class TopicDescription(OfflineStrategy):
    """Makes conversations of one message; built once per run."""

    def __init__(self, sources: Sources) -> None:
        """Learn the manners of the dataset, where there is one."""
        self._sources = sources
        manners = learn_manners(sources)
        self._courtesies: Courtesies = manners._replace(common=manners.common | list_common_words())
        self._banks: dict[str, ValueBank] = {}

    def explain_lack(self, topic_id: str) -> str:
        """Say what is missing to make requests of a topic."""
        if topic_id not in self._sources.topics:
            return "Nothing is known of this topic but its id; make requests from its records instead."
        if self._sources.plan.mode == "sft":
            return "A description has no replies to learn from; choose mode rft or set a model."
        if not self._courtesies.style.is_english:
            return "Without a model, requests are written from descriptions in English only; set a model."
        return ""

    def draft(self, topic_id: str, attempt: int) -> Draft:
        """Make a draft from the topic's request number `attempt`, counted round and round."""
        topic = self._sources.topics[topic_id]
        rng = make_rng(self._sources.plan.seed, topic_id, attempt)
        text = self._write(topic, attempt, rng)
        swapped = swap_values(text, history="", bank=self._find_bank(topic_id), rng=rng)
        persona = choose_persona(swapped.text, at_start=True, courtesies=self._courtesies, rng=rng)
        return Draft(
            parent=None,
            context=(),
            message=speak(swapped.text, Voice(persona, at_start=True, courtesies=self._courtesies), rng),
            persona=persona,
            source=text,
        )

    def _write(self, topic: Topic, attempt: int, rng: random.Random) -> str:
        starters = find_starters(topic.name, self._sources.leaf_names)
        if starters:
            return fill_choices(starters[attempt % len(starters)], rng)
        frames = list_frames(topic)
        text = fill_choices(frames[attempt % len(frames)], rng)
        keyword = draw_keyword(topic, rng)
        text = append(text, keyword, self._courtesies.style) if keyword else text
        if rng.random() < _CONDITION_SHARE:
            text = append(text, draw_condition(rng), self._courtesies.style)
        return text

    def _find_bank(self, topic_id: str) -> ValueBank:
        if topic_id not in self._banks:
            records = choose_records(self._sources, topic_id)
            self._banks[topic_id] = build_bank([turn for record in records for turn in list_turns(record)])
        return self._banks[topic_id]
