"""The field census: which fields messages have that we do not know, and lack that we need; looked at now and then."""

from typing import Any, NamedTuple

import msgspec

from markets.feeds.counts import Counts

LOOK_FIRST = 20  # frames of each kind, after connecting
LOOK_EVERY = 1000  # frames of that kind from then on

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw]).decode


class Fields(NamedTuple):
    """The names that a kind of message may have, and those it must have."""

    known: frozenset[str]
    needed: frozenset[str] = frozenset()


def fields_of(struct: type[msgspec.Struct], *also_known: str) -> Fields:
    """From the Struct a message is decoded to: fields without a default are needed; `also_known` are known and unused."""
    fields = msgspec.structs.fields(struct)
    return Fields(
        frozenset([field.encode_name for field in fields]).union(also_known),
        frozenset([field.encode_name for field in fields if field.required]),
    )


class Census:
    """Compares the fields of the first frames of each kind, and of some after them, with those we know.

    `look(kind, text)` takes a JSON object, or a list of which the first is looked at. A kind that is not in `fields` is
    not looked at: unknown kinds are counted by who routes them.
    """

    def __init__(self, counts: Counts, fields: dict[str, Fields]) -> None:
        self._counts, self._fields = counts, fields
        self._seen = dict.fromkeys(fields, 0)

    def look(self, kind: str, text: Any) -> None:
        """Count one message of this kind (bytes, str or msgspec.Raw), and look at it when it is its turn."""
        seen = self._seen.get(kind)
        if seen is None:
            return
        self._seen[kind] = seen + 1
        if seen < LOOK_FIRST or not seen % LOOK_EVERY:
            self._compare(kind, text)

    def _compare(self, kind: str, text: Any) -> None:
        try:
            found = _decode(text)
            if isinstance(found, list):
                found = _decode(found[0]) if found else {}
        except msgspec.DecodeError:
            return  # who decodes it for use will say so
        if isinstance(found, dict) and found:
            known, needed = self._fields[kind]
            self._counts.note_fields(kind, found, known, needed)
