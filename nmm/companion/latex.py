"""Read a formula as a reader does, from its LaTeX, and compute its value: a check of the printing.

What the book's equations use: names with accents, indices and primes; sums, products by
juxtaposition, fractions, powers; sums over an index and integrals; functions; matrices.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.integrate import quad

Value = Any
Meaning = Callable[[Mapping[str, Value]], Value]

_SPACES = r"\\[,;:! ]|\\(?:left|right|[bB]igl?|[bB]igr|displaystyle|textstyle|limits)(?![a-zA-Z])|~"
_REPLACED = [
    (r"\\text(?:rm)?\{[^}]*\}", ""),
    (r"\\t?frac(\d)(\d)", r"\\frac{\1}{\2}"),
    (r"\\[td]frac", r"\\frac"),
    (r"\\mathrm\{d\}", "d"),
    (r"\\([td])(?=\s)", r"\1"),
    (_SPACES, " "),
]
_TOKEN = re.compile(r"\\[a-zA-Z]+|\d+(?:\.\d+)?|[a-zA-Z]|\S")
_END = re.compile(r"(?:\\[,; ]|[\s,.])+$")
_ACCENTS = {"\\dot", "\\ddot", "\\hat", "\\bar", "\\tilde"}
_STOP = {"+", "-", ")", "]", "}", ",", "\\circ", "", "=", "\\approx", "\\propto"}
_KNOWN: dict[str, Value] = {
    **{name: getattr(np, name) for name in ("cos", "sin", "exp", "cosh", "sinh", "log")},
    "ln": np.log,
    "Re": np.real,
    "diag": np.diag,
    "det": np.linalg.det,
    "pi": np.pi,
    "infty": np.inf,
}


def statements(latex: str) -> list[tuple[str, str]]:
    """Split what is displayed into (left side, right side), one for each relation.

    A part without one, such as a condition, is left out.
    """
    inside = re.sub(r"\\(?:begin|end)\{aligned\}|\\rule\{[^}]*\}\{[^}]*\}", "", latex)
    rows: list[str] = []
    for row in re.split(r"\\\\(?:\[[^\]]*\])?", inside):
        if rows and not re.search(r"=|\\approx|\\propto", row):
            rows[-1] += row  # goes on from the line before
        else:
            rows.append(row)
    found: list[tuple[str, str]] = []
    for row in rows:
        for part in re.split(r"\\q?quad(?![a-zA-Z])", row.replace("&", "")):
            sides = re.split(r"=|\\approx|\\propto", part)
            if len(sides) == 1 and found and sides[0].strip().startswith(("+", "-")):
                found[-1] = found[-1][0], found[-1][1] + _END.sub("", part)  # goes on
            found += [(sides[0].strip(), _END.sub("", right).strip()) for right in sides[1:]]
    return found


def value(latex: str, names: Mapping[str, Value]) -> Value:
    r"""Value of a formula, with `names` for its symbols and functions.

    Parameters
    ----------
    latex : str
        One side of an equation.
    names : mapping
        Name → number, array or function. ``\dot v_{ss}`` is ``dot_v_ss``. A name that ends in an
        underscore, such as ``B_``, holds the values of ``B_k`` by index. ``range_k`` holds what k
        runs over, where the sum does not say.

    Examples
    --------
    >>> from nmm.companion.latex import value
    >>> value(r"\frac{1}{2}\sum_{k=1}^{3} g_k x^k", {"g_": [0, 1, 1, 1], "x": 2.0})
    7.0
    """
    known = {**_KNOWN, **names}
    reader = _Reader(latex, known)
    meaning = reader.expression()
    if reader.peek():
        raise ValueError(f"not understood from {reader.peek()!r} on: {latex!r}")
    return meaning(known)


def sides_of(latex: str) -> dict[str, str]:
    """Left side → right side; a second right side of one left side has a prime added."""
    found: dict[str, str] = {}
    for left, right in statements(latex):
        while left in found:
            left += "'"
        found[left] = right
    return found


def right_side(latex: str, number: int = 0) -> str:
    """Right side of the first relation, or of another."""
    return statements(latex)[number][1]


def each(formula: str, names: dict[str, Any], **points: Any) -> list[Any]:
    """Value at each point: a list would be read as a vector."""
    ((name, values),) = points.items()
    return [value(formula, names | {name: at}) for at in values]


def gap(*pairs: tuple[Any, Any]) -> float:
    """Largest difference of each pair, relative to the largest value of its second part."""
    gaps = []
    for one, other in pairs:
        one, other = np.asarray(one, complex), np.asarray(other, complex)
        gaps.append(float(np.abs(one - other).max() / np.abs(other).max()))
    return max(gaps)


class _Reader:
    """A recursive descent through the tokens of one formula."""

    def __init__(self, latex: str, known: Mapping[str, Value]) -> None:
        for pattern, replacement in _REPLACED:
            latex = re.sub(pattern, replacement, latex)
        self.tokens = _TOKEN.findall(latex)
        self.at = 0
        self.known = set(known)
        self.functions = {name for name, v in known.items() if callable(v)}
        self.integrals = self.bars = 0
        self.over = ""  # variable of an integral whose d stands in a numerator

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise ValueError(f"{expected or 'more'!r} expected at {self.tokens[self.at :]}")
        self.at += 1
        return token

    def expression(self) -> Meaning:
        sign = self.take() if self.peek() in ("+", "-") else "+"
        total = self.term() if sign == "+" else _negative(self.term())
        while self.peek() in ("+", "-"):
            sign, first = self.take(), total
            other = self.term() if sign == "+" else _negative(self.term())
            total = _both(_add, first, other)
        return total

    def term(self) -> Meaning:
        """Products; the elementwise product binds less than juxtaposition."""
        found = self.product()
        while self.peek() == "\\circ":
            self.take()
            found = _both(np.multiply, found, self.product())
        return found

    def product(self) -> Meaning:
        found = self.power()
        while not self.ends():
            if self.peek() == "/":
                self.take()
                found = _both(lambda a, b: a / b, found, self.power())
            else:
                if self.peek() == "\\cdot":
                    self.take()
                found = _both(_times, found, self.power())
        return found

    def ends(self) -> bool:
        if self.peek() == "|" and self.bars:
            return True
        return self.peek() in _STOP or self.differential()

    def differential(self) -> bool:
        following = self.peek(1)
        return bool(self.integrals and self.peek() == "d" and re.match(r"[a-zA-Z\\]", following))

    def power(self) -> Meaning:
        base = self.primary()
        if self.peek() == "^":
            self.take()
            return _both(_raise, base, self.group())
        return base

    def group(self) -> Meaning:
        """What stands in braces, or one token."""
        if self.peek() != "{":
            return self.primary()
        return self.inside("{", "}")

    def inside(self, opening: str, closing: str) -> Meaning:
        self.take(opening)
        bars, self.bars = self.bars, 0
        found = self.expression()
        self.bars = bars
        self.take(closing)
        return found

    def primary(self) -> Meaning:
        token = self.peek()
        if token in ("(", "[", "{"):
            return self.inside(token, {"(": ")", "[": "]", "{": "}"}[token])
        if token == "|":
            return self.modulus()
        if re.match(r"\d", token):
            number = float(self.take())
            return lambda names: number
        special = {"\\frac": self.fraction, "\\sqrt": self.root, "\\binom": self.binomial}
        special |= {"\\sum": self.sum, "\\int": self.integral}
        if token in special:
            self.take()
            return special[token]()
        return self.symbol()

    def modulus(self) -> Meaning:
        self.take("|")
        self.bars += 1
        found = self.expression()
        self.bars -= 1
        self.take("|")
        return lambda names: np.abs(found(names))

    def fraction(self) -> Meaning:
        if self.integrals and self.tokens[self.at : self.at + 2] == ["{", "d"]:
            self.at += 2
            self.over = self.name()
            self.take("}")
            below = self.group()
            return lambda names: 1 / below(names)
        return _both(lambda a, b: a / b, self.group(), self.group())

    def root(self) -> Meaning:
        inside = self.group()
        return lambda names: np.sqrt(inside(names))

    def binomial(self) -> Meaning:
        return _both(lambda n, k: math.comb(round(n), round(k)), self.group(), self.group())

    def sum(self) -> Meaning:
        """Sum over an index, from the limits or from ``range_k``; the whole product belongs."""
        self.take("_")
        self.at += self.peek() == "{"
        index, first, last = self.take(), None, None
        if self.peek() == "=":
            self.take()
            first = self.expression()
        self.at += self.peek() == "}"
        if self.peek() == "^":
            self.take()
            last = self.group()
        self.known.add(index)
        body = self.product()

        def total(names: Mapping[str, Value]) -> Value:
            over = names.get(f"range_{index}")
            if first and last:
                over = range(round(first(names)), round(last(names)) + 1)
            return sum(body({**names, index: k}) for k in over)  # type: ignore[union-attr]

        return total

    def integral(self) -> Meaning:
        self.take("_")
        low = self.group()
        self.take("^")
        high = self.group()
        self.integrals += 1
        body = self.product()
        if not self.over:
            self.take("d")
        variable, self.over = self.over or self.name(), ""
        self.integrals -= 1
        return lambda names: quad(
            lambda x: body({**names, variable: x}), low(names), high(names), epsabs=0, epsrel=1e-11
        )[0]

    def name(self) -> str:
        """Name of a symbol, with accent, index and primes; an index that is a number or a word."""
        token = self.take()
        if token in _ACCENTS:
            braced = self.peek() == "{"
            self.at += braced
            found = f"{token[1:]}_{self.name()}"
            self.at += braced
        elif token == "\\mathrm":
            found = self.text()
        elif token == "\\Delta":
            found = f"Delta_{self.name()}"
        else:
            found = token.lstrip("\\")
        if self.peek() == "_" and f"{found}_" not in self.known:
            self.take()
            found = f"{found}_{self.text() if self.peek() == '{' else self.take()}"
        if self.peek() == "^" and self.peek(1) == "*":
            self.at += 2
            found += "*"
        while self.peek() == "'":
            found += self.take()
        return found

    def text(self) -> str:
        """Letters and digits in braces, as one word."""
        self.take("{")
        found, depth = "", 1
        while depth:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            found += token if token.isalnum() else ""
        return found

    def symbol(self) -> Meaning:
        name = self.name()
        if name == "e" and "e" not in self.known and self.peek() == "^":
            self.take()
            exponent = self.group()
            return lambda names: np.exp(exponent(names))
        if self.peek() == "_" and f"{name}_" in self.known:
            return self.element(name)
        if name in self.functions:
            return self.call(name)
        if name not in self.known and name != "i" and not self.integrals:
            raise ValueError(f"no meaning for {name!r}; there are {', '.join(sorted(self.known))}")
        return lambda names: names[name] if name in names else {"i": 1j}[name]

    def element(self, name: str) -> Meaning:
        """``B_k``, ``W_{ij}``: each token of the index by itself; an index may hold a sum."""
        self.take("_")
        places = []
        if self.peek() == "{":
            self.take()
            while self.peek() != "}":
                places.append(self.power() if self.peek(1) in ("+", "-") else self.primary())
                self.at += self.peek() == ","
            self.take()
        else:
            places.append(self.primary())

        def found(names: Mapping[str, Value]) -> Value:
            chosen = names[f"{name}_"]
            for place in places:
                chosen = chosen[round(place(names))]
            return chosen

        return found

    def call(self, name: str) -> Meaning:
        """A function of what stands in brackets, or of the next symbol."""
        braced = self.peek() == "{" and self.peek(1) in ("(", "[")
        self.at += braced
        if self.peek() in ("(", "["):
            closing = {"(": ")", "[": "]"}[self.take()]
            arguments = [self.expression()]
            while self.peek() == ",":
                self.take()
                arguments.append(self.expression())
            self.take(closing)
        else:
            arguments = [self.primary()]
        self.at += braced
        return lambda names: names[name](*(argument(names) for argument in arguments))


def _negative(one: Meaning) -> Meaning:
    return lambda names: -one(names)


def _both(how: Callable[[Value, Value], Value], one: Meaning, other: Meaning) -> Meaning:
    return lambda names: how(one(names), other(names))


def _add(a: Value, b: Value) -> Value:
    """Sum; a number beside a matrix is that multiple of the identity."""
    for one, other in ((a, b), (b, a)):
        if np.ndim(one) == 0 and np.ndim(other) == 2:
            return one * np.eye(len(other)) + other
    return a + b


def _times(a: Value, b: Value) -> Value:
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else a @ b


def _raise(a: Value, b: Value) -> Value:
    return np.linalg.inv(a) if np.ndim(a) == 2 and b == -1 else a**b
