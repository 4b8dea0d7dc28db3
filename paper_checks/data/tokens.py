"""Texts as tokens, and as keys that say which texts are the same."""

import re

# Negations and clitics apart, as the Penn Treebank does and as GloVe has them: what
# is "doesn't" in one set and "does n't" in another has the same tokens.
_TOKEN = re.compile(r"\w+?(?=n't\b)|n't\b|'\w+|\w+|[^\w\s]")


def tokens(text: str) -> tuple[str, ...]:
    """Words, clitics and single punctuation marks of a text, lower-case.

    An empty text has no tokens.
    """
    return tuple(_TOKEN.findall(text.lower().replace("’", "'")))


def key(text: str) -> str:
    """What exact duplicates have in common: the text lower-case, without blanks."""
    return "".join(text.lower().split())
