"""Checks that a cell keeps what the suite asks of one: python scripts/check.py my.module:MyCell [option=value ...]

Exits with 1 where it breaks a rule, and says which and what to do.
"""

import argparse
import sys

import yaml

from rnnbench.cli.check import check
from rnnbench.errors import UserError, exit_on_user_error
from rnnbench.report.console import show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cell", help="package.module:Class, or the name of a cell of the suite")
    parser.add_argument("options", nargs="*", help="arguments of its class, as option=value")
    given = parser.parse_args()
    options = {}
    for each in given.options:
        key, equals, value = each.partition("=")
        if not equals:
            raise UserError(f"{each}: give option=value")
        options[key] = yaml.safe_load(value)
    verdicts = check(given.cell, options)
    show(
        ("rule", "", "what was seen", "what to do"),
        [(rule.name, "fail" if reason else "pass", reason, rule.advice if reason else "") for rule, reason in verdicts],
        ["red" if reason else None for _, reason in verdicts],
    )
    broken = sum(bool(reason) for _, reason in verdicts)
    print(f"{given.cell}: {len(verdicts) - broken} of {len(verdicts)} rules kept")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    with exit_on_user_error():
        main()
