"""What stands in a query, read strictly: anything that is not what the call wants is a 400."""

from collections.abc import Sequence

from multidict import MultiMapping

from trading.simulator.exchange.errors import invalid, missing

INT64 = 1 << 63
LONGEST = 20_000  # characters of one value
_FLAGS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}
_SIGNS = ("-", "+")


class Query:
    """The parameters of one request. All methods raise ApiError (400) on nonsense."""

    def __init__(self, values: MultiMapping[str]) -> None:
        self.values = values

    def text(self, name: str) -> str:
        """Any text, "" when there is none."""
        found = self.values.getall(name, [])
        if len(found) > 1:
            raise invalid(f"{name} is given more than once")
        text = found[0] if found else ""
        if len(text) > LONGEST:
            raise invalid(f"{name} is too long")
        return text

    def has(self, name: str) -> bool:
        """Whether it is there with a value."""
        return bool(self.text(name))

    def needed(self, name: str) -> str:
        """A text that has to be there."""
        text = self.text(name)
        if not text:
            raise missing(name)
        return text

    def words(self, name: str, most: int = 100) -> list[str]:
        """A comma list."""
        found = [word.strip() for word in self.text(name).split(",")]
        words = [word for word in found if word]
        if len(words) > most:
            raise invalid(f"{name}: at most {most}")
        return words

    def many(self, name: str, most: int, longest: int) -> list[str]:
        """A parameter that is repeated."""
        found = self.values.getall(name, [])
        if not found:
            raise missing(name)
        if len(found) > most or not all(0 < len(one) <= longest for one in found):
            raise invalid(f"{name}: 1 to {most} of at most {longest} characters")
        return list(found)

    def number(self, name: str, least: int = -INT64, most: int = INT64 - 1) -> int | None:
        """A whole number within bounds, None when there is none."""
        if name not in self.values:
            return None
        text = self.text(name)
        digits = text[1:] if text[:1] in _SIGNS else text
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
            raise invalid(f"{name} is not a number")
        value = int(text)
        if not least <= value <= most:
            raise invalid(f"{name} is not between {least} and {most}")
        return value

    def needed_number(self, name: str, least: int = -INT64, most: int = INT64 - 1) -> int:
        """A whole number that has to be there."""
        value = self.number(name, least, most)
        if value is None:
            raise missing(name)
        return value

    def flag(self, name: str) -> bool | None:
        """true or false, None when it is not said."""
        if name not in self.values:
            return None
        value = _FLAGS.get(self.text(name).lower())
        if value is None:
            raise invalid(f"{name} is neither true nor false")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of some words, "" when there is none."""
        word = self.text(name)
        if word and word not in allowed:
            raise invalid(f"{name} is one of {', '.join(allowed)}")
        return word
