"""What statuses that tell more than a yes or a no mean for a person: whose matter it is, and what to look at (pure)."""

from __future__ import annotations

_TOLD = {
    409: "The {title} API is busy with what this request would change ({status}). Try again in a moment.",
    410: "What was at this address of the {title} API is gone for good ({status}). Check the base URL, or "
    "choose another model.",
    421: "The request reached a server that does not answer for the {title} API ({status}). Check the base "
    "URL, and a proxy before it. Nothing was run.",
    423: "The {title} API says that what was asked for is locked ({status}). Try again later, or ask whoever "
    "runs it.",
    425: "The {title} API does not take a request so early ({status}). Try again in a moment.",
    426: "The {title} API wants another protocol than it was asked by ({status}). Check whether its base URL "
    "begins with https://, and look at a proxy before it. Nothing was run.",
    431: "The {title} API, or a proxy before it, does not take headers of this size ({status}). Check the API "
    "key: what is saved may be longer than a key is. Nothing was run.",
    451: "The {title} API may not answer from here: a law or a court forbids it ({status}). Choose another "
    "provider or model.",
    505: "The {title} API, or a proxy before it, does not take the usual version of HTTP ({status}). Check the"
    " base URL, and tell whoever runs it.",
    507: "The server of the {title} API has no room left ({status}). Whoever runs it can make some; then try "
    "again.",
    508: "The request goes round in circles before it reaches the {title} API ({status}). Check the base URL: "
    "a gateway may lead back to itself.",
    520: "The gateway before the {title} API got an answer from it that it does not understand ({status}). Try"
    " again later, or tell whoever runs it.",
    521: "The gateway before the {title} API is refused by the server behind it ({status}). It may be down: "
    "try again later, or tell whoever runs it.",
    522: "The gateway before the {title} API cannot connect to the server behind it ({status}). Try again "
    "later, or tell whoever runs it.",
    523: "The gateway before the {title} API does not find the way to the server behind it ({status}). Try "
    "again later, or tell whoever runs it.",
    525: "The gateway before the {title} API and the server behind it do not agree on encryption ({status}), "
    "which whoever runs it can mend.",
    526: "The gateway before the {title} API does not trust the certificate of the server behind it "
    "({status}), which whoever runs it can mend.",
    530: "The gateway before the {title} API does not find the server behind it ({status}). Check the base "
    "URL, or try again later.",
}
# These say enough by themselves: a page that comes with one is no login of the network, and no wrong address.
PLAIN = frozenset({409, 423, 425, 426, 431, 451})


def of_status(title: str, status: int) -> str | None:
    """Return the sentence for a status of that API, None for one that has none of its own."""
    sentence = _TOLD.get(status)
    return None if sentence is None else sentence.format(title=title, status=status)
