"""Read a formula as a reader does, from its LaTeX, and compute its value: a check of the printing.

Only what the book's equations use: names with indices, sums, products by juxtaposition, fractions,
e to a power, and functions with round brackets.
"""

import re

_REPLACED = [
    (r"\\left|\\right|\\bigl|\\bigr|\\displaystyle", ""),
    (r"\\mathrm\{(\w+)\}", r"\1"),
    (r"\\tau_\{(\w+)\}", r"tau_\1"),
    (r"([a-zA-Z])_\{(\d+)\}", r"\1\2"),
    (r"([a-zA-Z])_\{([a-z]+)\}", r"\1_\2"),
    (r"\\varrho", "slope"),
    (r"\\[,;: ]", " "),
    (r"s'", "ds"),
]
_FRACTION = re.compile(r"\\frac\{([^{}]*)\}\{([^{}]*)\}")
_POWER = re.compile(r"e\^\{([^{}]*)\}")
_TOKEN = re.compile(r"[A-Za-z]\w*|\d+(?:\.\d+)?|[-+/()]")


def value(latex, names, functions=("s", "ds", "exp", "diag"), product="*"):
    """Value of a formula, with `names` mapping its symbols and functions to numbers."""
    text = latex
    for pattern, replacement in _REPLACED:
        text = re.sub(pattern, replacement, text)
    for _ in range(6):  # from the inside out
        text = _POWER.sub(r"exp(\1)", text)
        text = _FRACTION.sub(r"((\1)/(\2))", text)
    left = _TOKEN.sub("", text).strip()
    assert not left.replace(" ", ""), f"not understood: {left!r} in {latex!r}"
    return eval(_with_products(_TOKEN.findall(text), functions, product), {}, dict(names))


def _with_products(tokens, functions, product):
    out = []
    for token in tokens:
        if out and _ends(out[-1], functions) and (token == "(" or token[0].isalnum()):
            out.append(product)
        out.append(token)
    return " ".join(out)


def _ends(token, functions):
    return token not in functions and (token == ")" or token[0].isalnum())


def rows(latex):
    """Rows of an aligned block: (left side, right side)."""
    inside = re.sub(r"\\(?:begin|end)\{aligned\}", "", latex)
    return [tuple(side.strip(" \n,.") for side in row.split("&=")) for row in inside.split(r"\\")]
