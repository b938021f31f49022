from dataclasses import replace

from lucy.tools.policy import pool as pool_module
from lucy.tools.policy.exchanges import read_query
from lucy.tools.policy.pool import MAX_CANDIDATES, ReplyPool, read_asker
from lucy.tools.vocabulary import Record


def _say(role, text):
    return {"role": role, "content": text}


def _record(name, question, reply, family=""):
    return Record(name, (_say("user", question),), (_say("assistant", reply),), family=family)


def test_candidates_are_the_same_each_time_and_few(records):
    first = list(ReplyPool.build(records).find_for_records(records))
    assert first == list(ReplyPool.build(records).find_for_records(records))
    assert all(1 <= len(candidates) <= MAX_CANDIDATES for candidates in first)


def test_a_record_is_never_answered_from_its_own_family():
    twins = [
        _record("a", "Where is my parcel?", "Alpha answer here.", family="f"),
        _record("b", "Where is my parcel?", "Beta answer here.", family="f"),
        _record("c", "Where is my parcel?", "Gamma answer here.", family="c"),
    ]
    texts = " ".join(one.text for one in next(ReplyPool.build(twins).find_for_records(twins)))
    assert "Gamma" in texts
    assert "Alpha" not in texts
    assert "Beta" not in texts


def test_a_synthetic_record_is_not_answered_from_its_parent():
    parent = _record("p", "Where is my parcel?", "Alpha answer here.")
    child = replace(_record("s", "Where is it, my parcel?", "none"), reply=(), parents=("p",))
    found = ReplyPool.build([parent]).find_candidates(read_query(child.prompt), read_asker(child))
    assert {one.edit for one in found} == {"stock"}


def test_the_reply_to_the_most_similar_message_ranks_first(records):
    query = read_query([_say("user", "It is the purple invoice, what happens with it?")])
    best = max(ReplyPool.build(records).find_candidates(query), key=lambda one: one.similarity)
    assert best.rank == 0
    assert best.text.startswith("The invoice is being checked.")


def test_data_without_replies_gives_stock_replies_and_says_so():
    pool = ReplyPool.build([Record("a", (_say("user", "Where is my parcel?"),))])
    found = pool.find_candidates(read_query([_say("user", "Where is my parcel?")]))
    assert pool.from_data == 0
    assert {one.edit for one in found} == {"stock"}
    assert any("your parcel" in one.text for one in found)


def test_somebody_elses_numbers_and_names_are_left_out_while_others_remain(records):
    strangers = [
        _record(f"x{number}", "It is the old parcel, what happens?", f"It costs {number}91 at Hilton.")
        for number in range(3)
    ]
    query = read_query([_say("user", "It is the old parcel, what happens with it?")])
    found = ReplyPool.build([*records, *strangers]).find_candidates(query)
    assert found
    assert all("91" not in one.text and "Hilton" not in one.text for one in found)


def test_a_sentence_about_somebody_else_is_cut_out():
    data = [_record("a", "What about my parcel?", "The parcel is here. Room 417 is yours.")]
    found = ReplyPool.build(data).find_candidates(read_query([_say("user", "What about my parcel?")]))
    assert "The parcel is here." in [one.text for one in found if one.edit == "known_only"]


def test_support_counts_how_usual_a_kind_of_reply_is():
    data = [_record(str(number), "thanks a lot", f"Goodbye Mr Nr{number}.") for number in range(9)]
    data.append(_record("odd", "thanks a lot", "What is your budget?"))
    found = ReplyPool.build(data).find_candidates(read_query([_say("user", "thanks a lot")]))
    support = {one.text.split()[0]: one.support for one in found if one.edit != "stock"}
    assert support["What"] < 0.2


def test_a_large_dataset_is_thinned_evenly_and_says_how_much_there_was(records, monkeypatch):
    monkeypatch.setattr(pool_module, "MAX_EXCHANGES", 50)
    pool = ReplyPool.build(records)
    assert len(pool.exchanges) == 50
    assert pool.from_data == 120
    assert all(exchange.final for exchange in pool.exchanges)
    assert len({exchange.record_id.split("-")[0] for exchange in pool.exchanges}) == 6


def test_metadata_is_never_read(records):
    marked = [replace(record, metadata={"domain": "SECRET"}) for record in records]
    assert "SECRET" not in ReplyPool.build(marked).model_dump_json()
