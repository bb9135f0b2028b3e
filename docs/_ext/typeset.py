"""The equations of a docstring, typeset: the plain letters of the source, read as mathematics."""

import re

GREEK = {"alpha", "beta", "gamma", "epsilon", "lambda", "nu", "theta", "rho"}
FUNCTIONS = {
    "tanh",
    "exp",
    "log",
    "softplus",
    "max",
    "sqrt",
    "sign",
    "abs",
    "relu",
    "sigmoid",
    "modReLU",
    "map",
    "Re",
    "LN",
}
NAMES = {"in", "out", "dt", "Dt", "ifo", "fo"}
"""Symbols of several letters."""
TOKEN = re.compile(
    r"(?P<name>[A-Za-z]+)(?P<marks>[~']*)(?:_(?P<index>\{[^}]*\}|[A-Za-z0-9]+\*?|\*))?"
    r"|\^(?P<power>\([^)]*\)|-?\.?\w+)"
    r"|(?P<number>\d*\.?\d+)"
    r"|(?P<relation><=|>=|->)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)"
)
LABEL = re.compile(r"(?:(\w+):\s+)?(.*)")
RELATIONS = {"<=": r"\le ", ">=": r"\ge ", "->": r"\to "}


def symbol(name: str) -> str:
    """Return a name as TeX: a letter, a Greek letter, a function or, otherwise, upright text."""
    if name in GREEK:
        return f"\\{name} "
    if name == "sigmoid":
        return r"\sigma "
    if name in FUNCTIONS | NAMES:
        return rf"\mathrm{{{name}}}"
    return name if len(name) == 1 else rf"\text{{ {name} }}"


def to_tex(equation: str) -> str:
    """Return one equation as TeX. ``*`` between blanks multiplies element by element; in an index it stays."""
    found = []
    for part in TOKEN.finditer(equation):
        if part["name"]:
            text = symbol(part["name"])
            for mark in part["marks"]:
                text = rf"{{\tilde{{{text}}}{{}}}}" if mark == "~" else text + "'"
            found.append(text + (f"_{{{index(part['index'])}}}" if part["index"] else ""))
        elif part["power"]:
            found.append(f"^{{{part['power'].strip('()')}}}")
        elif part["relation"]:
            found.append(RELATIONS[part["relation"]])
        elif part["space"]:
            found.append(r"\, ")
        else:
            found.append({"*": r"\odot ", "~": r"\sim ", "#": r"\#", "%": r"\%"}.get(part[0], part[0]))
    text = "".join(found)
    return text.replace(r" }\, ", " }").replace(r"\, \text{ ", r"\text{ ").replace(r" }\text{ ", " ")


def index(text: str) -> str:
    """Return an index as TeX: of several letters upright, but for times such as t-1."""
    text = text.strip("{}").replace("*", r"{*}")
    return text if len(text) == 1 or re.search(r"[-+*]", text) else rf"\mathrm{{{text}}}"


def to_markdown(lines: list[str]) -> str:
    """Return equations that are laid out by hand as Markdown: a line each, those of one line side by side."""
    labelled = any(LABEL.fullmatch(line.strip())[1] for line in lines)  # type: ignore[index]  # it matches every line
    return ":::{div} equations\n" + "\\\n".join(_line(line, labelled) for line in lines) + "\n:::"


def _line(line: str, labelled: bool) -> str:
    label, text = LABEL.fullmatch(line.strip()).groups()  # type: ignore[union-attr]  # it matches every line
    shown = [f"${to_tex(part)}$" for part in re.split(r"\s{3,}", text)]
    return "&emsp; ".join([f"`{label}`" if label else "&emsp;&emsp;&nbsp;", *shown] if labelled else shown)
