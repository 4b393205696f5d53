"""Expression text -> tree. A closed, total grammar: no user code, no loops, bounded depth and size.

    or         = and { "or" and }
    and        = not { "and" not }
    not        = "not" not | comparison
    comparison = sum [ ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) sum | [ "not" ] "in" "(" name { "," name } ")" ]
    sum        = product { ( "+" | "-" ) product }
    product    = sign { ( "*" | "/" ) sign }
    sign       = "-" sign | primary
    primary    = number [ unit ] | name | name "(" or { "," or } ")" | "(" or ")"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from rules.lexer import RESERVED, ExpressionError, Kind, Token, after_a_number, tokens

DEEPEST = 32
MOST_NODES = 300
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True, slots=True)
class Number:
    """unit None: bare; it takes the unit of what it is combined with."""

    at: int
    value: float
    unit: str | None


@dataclass(frozen=True, slots=True)
class Name:
    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    at: int
    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Minus:
    at: int
    of: Tree


@dataclass(frozen=True, slots=True)
class Not:
    at: int
    of: Tree


@dataclass(frozen=True, slots=True)
class Pair:
    """sign: + - * / , a comparison, `and` or `or`."""

    at: int
    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Among:
    """`mode in (auto, test)`."""

    at: int
    of: Tree
    names: tuple[Name, ...]


Tree = Union[Number, Name, Call, Minus, Not, Pair, Among]  # noqa: UP007 (recursive)


def parse(text: str) -> Tree:
    """Raises ExpressionError with the place and what to write instead; nothing else, whatever the text."""
    return _Parser(tokens(text)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens, self._next, self._depth, self._nodes = found, 0, 0, 0

    def whole(self) -> Tree:
        if len(self._tokens) == 1:
            raise ExpressionError(0, "is empty; write a condition such as oil_pressure < limit")
        tree = self._or()
        if self._next < len(self._tokens) - 1:
            raise ExpressionError(self._now.at, self._unexpected())
        return tree

    @property
    def _now(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._now
        self._next += 1
        return token

    def _is(self, *texts: str) -> bool:
        return self._now.kind in (Kind.SIGN, Kind.NAME) and self._now.text in texts

    def _count(self, at: int) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ExpressionError(at, f"has more than {MOST_NODES} parts; split it into rules")

    def _or(self) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(self._now.at, f"is nested deeper than {DEEPEST} levels; split it into rules")
        tree = self._and()
        while self._is("or"):
            tree = self._pair(self._take(), tree, self._and())
        self._depth -= 1
        return tree

    def _and(self) -> Tree:
        tree = self._not()
        while self._is("and"):
            tree = self._pair(self._take(), tree, self._not())
        return tree

    def _not(self) -> Tree:
        nots: list[Token] = []
        while self._is("not"):
            nots.append(self._take())
            self._count(nots[-1].at)
        tree = self._comparison()
        if len(nots) > DEEPEST:
            raise ExpressionError(nots[DEEPEST].at, "has too many `not` in a row")
        for token in reversed(nots):
            tree = Not(token.at, tree)
        return tree

    def _comparison(self) -> Tree:
        left = self._sum()
        if self._is(*COMPARISONS):
            tree = self._pair(self._take(), left, self._sum())
            if self._is(*COMPARISONS):
                raise ExpressionError(self._now.at, "comparisons do not chain; write a < b and b < c")
            return tree
        if self._is("not") and self._tokens[self._next + 1].text == "in":
            token = self._take()
            return Not(token.at, self._among(left))
        return self._among(left) if self._is("in") else left

    def _among(self, left: Tree) -> Tree:
        at = self._take().at
        self._expect("(", "the names stand in brackets: mode in (auto, test)")
        names = [self._name()]
        while self._is(","):
            self._take()
            names.append(self._name())
        self._expect(")", "close the bracket")
        return Among(at, left, tuple(names))

    def _name(self) -> Name:
        if self._now.kind is not Kind.NAME or self._now.text in RESERVED:
            raise ExpressionError(self._now.at, "an enum name is wanted here: mode in (auto, test)")
        token = self._take()
        self._count(token.at)
        return Name(token.at, token.text)

    def _sum(self) -> Tree:
        tree = self._product()
        while self._is("+", "-"):
            tree = self._pair(self._take(), tree, self._product())
        return tree

    def _product(self) -> Tree:
        tree = self._sign()
        while self._is("*", "/"):
            tree = self._pair(self._take(), tree, self._sign())
        return tree

    def _sign(self) -> Tree:
        signs: list[Token] = []
        while self._is("-"):
            signs.append(self._take())
            self._count(signs[-1].at)
            if len(signs) > DEEPEST:
                raise ExpressionError(signs[-1].at, "has too many minus signs in a row")
        tree = self._primary()
        for token in reversed(signs):
            tree = Minus(token.at, tree)
        return tree

    def _primary(self) -> Tree:
        token = self._now
        self._count(token.at)
        if token.kind is Kind.NUMBER:
            self._take()
            return Number(token.at, token.value, token.unit)
        if token.kind is Kind.NAME and token.text not in RESERVED:
            self._take()
            return self._call(token) if self._is("(") else Name(token.at, token.text)
        if self._is("("):
            self._take()
            tree = self._or()
            self._expect(")", "close the bracket")
            return tree
        raise ExpressionError(token.at, self._unexpected())

    def _call(self, name: Token) -> Tree:
        self._take()
        if self._is(")"):
            raise ExpressionError(self._now.at, f"{name.text}() needs something in its brackets")
        arguments = [self._or()]
        while self._is(","):
            self._take()
            arguments.append(self._or())
        self._expect(")", f"close the bracket of {name.text}(")
        return Call(name.at, name.text, tuple(arguments))

    def _pair(self, sign: Token, left: Tree, right: Tree) -> Pair:
        self._count(sign.at)
        return Pair(sign.at, sign.text, left, right)

    def _expect(self, sign: str, otherwise: str) -> None:
        if not self._is(sign):
            raise ExpressionError(self._now.at, f"{sign!r} is missing before {self._shown()}: {otherwise}")
        self._take()

    def _shown(self) -> str:
        return "the end" if self._now.kind is Kind.END else repr(self._now.text)

    def _unexpected(self) -> str:
        if self._now.kind is Kind.END:
            return "ends too early; a point, a parameter or a number is wanted"
        if self._now.kind is Kind.NAME and self._now.text not in RESERVED:
            before = self._tokens[self._next - 1]
            if before.kind is Kind.NUMBER and before.unit is None and (said := after_a_number(self._now.text)):
                return f"{self._now.text!r} is no unit: {said}"
            return f"{self._now.text!r} stands after something complete; is `and`, `or` or a comparison missing?"
        if self._is(","):
            return "',' cannot stand here: a fraction is written with a point, 0.5; `,` is for the brackets of functions"
        return f"{self._now.text!r} cannot stand here"
