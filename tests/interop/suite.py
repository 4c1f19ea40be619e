"""What a case is, and how it fails."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field


class Failed(Exception):
    """A case does not hold; the text says what was seen and what was expected."""


@dataclass(frozen=True)
class Case:
    """One line of the report: a function over a running `World`, with its arguments and the parts that it needs."""

    name: str
    check: Callable
    arguments: dict = field(default_factory=dict)
    needs: tuple[str, ...] = ()


CASES: list[Case] = []


def case(name: str, *, needs: tuple[str, ...] = ("namespace",), **each: list):
    """Registers a case; with lists as keywords, one case for each combination, named by `name.format(...)`."""

    def register(check: Callable) -> Callable:
        for values in itertools.product(*each.values()):
            arguments = dict(zip(each, values))
            CASES.append(Case(name.format(**arguments), check, arguments, needs))
        return check

    return register


def expect(seen, expected, what: str) -> None:
    if seen != expected:
        raise Failed(f"{what} is {seen!r}, expected {expected!r}")


def expect_match(seen, pattern: str, what: str) -> str:
    """Holds when `pattern` describes a part of `seen`; returns that part."""
    found = re.search(pattern, seen) if isinstance(seen, str) else None
    if not found:
        raise Failed(f"{what} is {seen!r}, expected a text with {pattern!r}")
    return found.group()


def expect_true(truth, what: str) -> None:
    if not truth:
        raise Failed(what)
