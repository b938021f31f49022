"""Answer without a language model: the offline base model, a retrieval policy that can be trained."""
