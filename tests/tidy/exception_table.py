"""The table of exceptions: which file may break which rule, and why."""

from source_tree import Violation

TABLE = "tests/tidy/exceptions.txt"


class ExceptionTable:
    """Rows of `rule | path[:symbol] | reason`; remembers which of them were needed."""

    def __init__(self, tree, rules):
        self._rows = {}  # (rule, subject) -> line
        self._needed = set()
        self._mistakes = []
        for number, line in enumerate((tree.text(TABLE) or "").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                self._read(number, line, rules)

    def _read(self, number, line, rules):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not all(fields):
            self._mistakes.append(Violation(TABLE, number, "not `rule | path | reason`"))
        elif fields[0] not in rules:
            self._mistakes.append(Violation(TABLE, number, "no rule is called " + fields[0]))
        else:
            self._rows[(fields[0], fields[1])] = number

    def excuses(self, rule, violation):
        """Whether a row allows this violation; notes that the row is needed."""
        subjects = [violation.path]
        if violation.symbol:
            subjects.append("%s:%s" % (violation.path, violation.symbol))
        rows = [(rule, subject) for subject in subjects if (rule, subject) in self._rows]
        self._needed.update(rows)
        return bool(rows)

    def complaints(self, checked_rules):
        """Rows that are malformed, or that excused nothing although their rule was checked."""
        yield from self._mistakes
        for row, number in sorted(self._rows.items(), key=lambda item: item[1]):
            if row not in self._needed and row[0] in checked_rules:
                yield Violation(TABLE, number, "%s excuses nothing" % row[1])
