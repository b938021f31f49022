import pytest

from lucy.errors import InputError
from lucy.tools.topics.templates import list_templates, load_template
from lucy.tools.topics.tree import iterate, leaves


def test_the_library_has_the_eight_templates():
    assert set(list_templates()) >= {
        "customer support",
        "e-commerce",
        "finance",
        "coding assistant",
        "health",
        "education",
        "tool-using agent",
        "general assistant",
    }


@pytest.mark.parametrize("name", list_templates())
def test_every_leaf_of_a_template_has_a_description_and_keywords(name):
    assert all(topic.description and topic.keywords for topic in leaves(load_template(name)))


@pytest.mark.parametrize("name", list_templates())
def test_every_topic_of_a_template_has_an_id_of_its_own(name):
    ids = [topic.id for topic in iterate(load_template(name))]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", ["Customer Support", "customer-support", "customer_support"])
def test_a_template_is_found_however_its_name_is_written(name):
    assert load_template(name) == load_template("customer support")


def test_an_unknown_template_is_an_input_error_that_lists_the_library():
    with pytest.raises(InputError, match="finance"):
        load_template("gardening")
