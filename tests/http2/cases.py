"""What a case is, and the list that the modules of cases add theirs to."""

import re
from dataclasses import dataclass
from typing import Any, Callable

Function = Callable[[Any], None]


@dataclass(frozen=True)
class Case:
    """`id` is the half, the section of the RFC and a number. RFC 9113 unless it begins with a name,
    as in hpack-5.2."""

    id: str
    title: str
    run: Function


def _place(section: str) -> tuple:
    name, _, number = section.rpartition("-")
    return (name, [int(part) for part in re.split("[./]", number)])


class CaseList:
    """The cases of one half, in the order in which its modules define them."""

    def __init__(self, half: str) -> None:
        self._half = half
        self._counts: dict[str, int] = {}
        self.cases: list[Case] = []

    def add(self, section: str, title: str, run: Function) -> None:
        self._counts[section] = self._counts.get(section, 0) + 1
        self.cases.append(Case(f"{self._half} {section}/{self._counts[section]}", title, run))

    def in_order(self) -> list[Case]:
        """By section; those of other RFCs come last."""
        return sorted(self.cases, key=lambda case: _place(case.id.split(" ")[1]))

    def case(self, section: str, title: str) -> Callable[[Function], Function]:
        """Makes a case of the function below it."""
        def register(run: Function) -> Function:
            self.add(section, title, run)
            return run
        return register


SERVER = CaseList("server")
CLIENT = CaseList("client")
