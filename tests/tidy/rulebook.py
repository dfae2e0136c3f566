"""Every rule by name, and the check that applies them to a tree."""

import comment_rules
import layout_rules
import program_rules
import room_rules
import style_rules
import text_rules
from exception_table import ExceptionTable

RULES = {
    "file-length": style_rules.file_length,
    "function-length": style_rules.function_length,
    "line-length": style_rules.line_length,
    "check-density": style_rules.check_density,
    "format": style_rules.formatted,
    "shell": style_rules.shell,
    "include-direction": room_rules.include_direction,
    "project-includes": room_rules.project_includes,
    "third-party-headers": room_rules.third_party_headers,
    "doors": room_rules.doors,
    "forbidden-words": text_rules.forbidden_words,
    "forbidden-constructs": text_rules.forbidden_constructs,
    "contracts": text_rules.contracts,
    "comment-names": comment_rules.comment_names,
    "state-moves": text_rules.state_moves,
    "time-is-an-argument": text_rules.time_is_an_argument,
    "links": text_rules.links,
    "example-addresses": text_rules.example_addresses,
    "metric-names": text_rules.metric_names,
    "top-level": layout_rules.top_level,
    "include-guards": layout_rules.include_guards,
    "mirrored-tests": layout_rules.mirrored_tests,
    "build-files": layout_rules.build_files,
    "test-sizes": layout_rules.test_sizes,
    "test-programs": program_rules.test_programs,
}
TABLE_RULE = "exceptions"


def check(tree, names):
    """rule -> the violations that no exception excuses; the exceptions themselves come last."""
    table = ExceptionTable(tree, RULES)
    results = {}
    for name in names:
        results[name] = [v for v in RULES[name](tree) if not table.excuses(name, v)]
    results[TABLE_RULE] = list(table.complaints(names))
    return results
