"""Types of values in Terraform: those that variables declare, and whether a value of one is taken where another is wanted.

A type is "any", "string", "number", "bool", "null", or a tuple: ("list", of what), ("map", of what), ("object", {name: (type, is optional)}).
Expressions may be of two types more, which meaning.py tells of.
Sets and tuples are lists here: what is asked is which names there are, and whether a text stands where a text is taken.
"""

import expressions

ANY = "any"
# Instead of whether it is optional: of many objects that are looked at as one, some have the member.
PARTLY = "partly"
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
        if kind[1][name][1] == PARTLY:
            raise ValueError(f"not each of these objects has {name!r}")
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
    """The type that all of these are of, as far as one is known. Of objects that is every member of any."""
    known = [kind for kind in kinds if kind != "null"]
    if known and all(kind == known[0] for kind in known):
        return known[0]
    if not known or any(isinstance(kind, str) for kind in known) or len({kind[0] for kind in known}) > 1:
        return ANY
    if known[0][0] in ("list", "map"):
        return (known[0][0], common([kind[1] for kind in known]))
    if known[0][0] != "object":
        return ANY
    names = dict.fromkeys(name for kind in known for name in kind[1])
    return ("object", {name: _common_member([kind[1].get(name) for kind in known]) for name in names})


def _common_member(members):
    there = [member for member in members if member]
    optional = PARTLY if len(there) < len(members) or PARTLY in (of for _, of in there) else any(of for _, of in there)
    return (common([kind for kind, _ in there]), optional)


def differ(kinds):
    """The members that one of these objects has and another has not. Where one of them is taken, Terraform wants both alike."""
    objects = [kind for kind in kinds if kind[0] == "object"]
    names = [set(kind[1]) for kind in objects]
    return sorted(set.union(*names) - set.intersection(*names)) if len(objects) > 1 else []
