"""Types of values in Terraform: those that variables declare, and whether a value of one is taken where another is wanted.

A type is "any", "string", "number", "bool", "null", or a tuple: ("list", of what), ("map", of what), ("object", {name: (type, is optional)}).
Expressions may be of two types more, which meaning.py tells of.
Sets and tuples are lists here: what is asked is which names there are, and whether a text stands where a text is taken.
"""

import expressions

ANY = "any"
WORDS = ("string", "number", "bool", ANY)
COLLECTIONS = {"list": "list", "set": "list", "map": "map"}


def declared(text):
    """The type that a variable's `type` says; raises ValueError with what is wrong with it."""
    return _declared(expressions.parse(text))


def _declared(said):
    if said[0] == "name" and said[1] in WORDS:
        return said[1]
    if said[0] == "call" and len(said[2]) == 1:
        name, (of,) = said[1:3]
        if name in COLLECTIONS:
            return (COLLECTIONS[name], _declared(of))
        if name == "tuple" and of[0] == "list":
            return ("list", ANY)
        if name == "object" and of[0] == "object":
            return ("object", {key: _member(member) for key, _, member in of[1]})
    raise ValueError(f"no type: {said[1] if said[0] in ('name', 'call') else said[0]!r}")


def _member(said):
    optional = said[0] == "call" and said[1] == "optional"
    return (_declared(said[2][0] if optional else said), optional)


def shown(kind):
    """A type in words."""
    if isinstance(kind, str):
        return kind
    if kind[0] in ("read", "instances"):
        return "a resource, or a part of one"
    of = ", ".join(sorted(kind[1])) if kind[0] == "object" else shown(kind[1])
    return f"{kind[0]} of {of or 'nothing'}"


def agree(given, wanted):
    """Whether a value of one type is taken where the other is wanted. What is not known is taken."""
    if ANY in (given, wanted) or given == "null":
        return True
    if isinstance(given, str) and isinstance(wanted, str):
        # Terraform makes texts of numbers and booleans, and numbers and booleans of texts that are some.
        return given == wanted or "string" in (given, wanted)
    if isinstance(given, str) or isinstance(wanted, str):
        return False
    if given[0] in ("read", "instances"):
        return True
    if given[0] == wanted[0] == "object":
        both = [name for name in wanted[1] if name in given[1]]
        return not missing(given, wanted) and all(agree(given[1][name][0], wanted[1][name][0]) for name in both)
    if given[0] == wanted[0]:
        return agree(given[1], wanted[1])
    if (given[0], wanted[0]) == ("object", "map"):
        return all(agree(of, wanted[1]) for of, _ in given[1].values())
    return (given[0], wanted[0]) == ("map", "object")


def missing(given, wanted):
    """The names that an object lacks and another type demands."""
    return [name for name, (_, optional) in wanted[1].items() if not optional and name not in given[1]]


def attribute(kind, name):
    """The type of an attribute; raises ValueError where there is none of that name."""
    if kind == ANY:
        return ANY
    if kind[0] == "map":
        return kind[1]
    if kind[0] == "object" and name in kind[1]:
        return kind[1][name][0]
    raise ValueError(f"{shown(kind)} has no {name!r}")


def item(kind):
    """The type of what is in a collection; raises ValueError where it is none."""
    if kind == ANY:
        return ANY
    if isinstance(kind, str):
        raise ValueError(f"{kind} is no collection")
    if kind[0] != "object":
        return kind[1]
    return common([of for of, _ in kind[1].values()])


def common(kinds):
    """The type that all of these are of, as far as one is known."""
    known = [kind for kind in kinds if kind != "null"]
    return known[0] if known and all(kind == known[0] for kind in known) else ANY
