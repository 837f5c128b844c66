"""Expressions of Terraform, as tree-sitter parses them, and where in a text they are.

What is parsed is one of these, each a tuple that begins with its word:

    name WORD                          a name that stands by itself: `var`, a resource's type, what a `for` calls what it goes over
    path EXPRESSION STEPS              what follows: (".", WORD), ("[", EXPRESSION), ("*", None)
    call WORD EXPRESSIONS IS_SPREAD    a function; whether the last is a list of arguments
    text PARTS                         a template: strings and expressions
    constant WORD                      a literal: its type, or "null"
    list EXPRESSIONS
    object PAIRS                       (WORD, or None where it is computed; EXPRESSION of the key; EXPRESSION)
    for LIST-OR-MAP NAMES COLLECTION KEY VALUE CONDITION IS_GROUPED
    if CONDITION THEN ELSE
    operation WORD EXPRESSIONS         the word is the type of the result
"""

import functools

import tree_sitter
import tree_sitter_hcl

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
_WRAPPING = ("expression", "literal_value", "collection_value", "operation", "template_expr", "for_expr")
_FOLLOWING = ("get_attr", "index", "splat")
_MARKS = ("_start", "_end", "heredoc_identifier", "ellipsis", "strip_marker")
_LITERALS = {"numeric_lit": "number", "bool_lit": "bool", "null_lit": "null"}
_LOGICAL = ("==", "!=", "<", ">", "<=", ">=", "&&", "||", "!")


class Unreadable(ValueError):
    """A text that is no expression, or no template."""


@functools.lru_cache(maxsize=None)
def parse(text):
    """The expression that a text is."""
    root = _PARSER.parse(f"x = (\n{text}\n)\n".encode()).root_node
    attributes = root.named_children[0].named_children if root.named_children else []
    if root.has_error or len(attributes) != 1 or attributes[0].type != "attribute":
        raise Unreadable(f"no expression: {text!r}")
    return _expression(attributes[0].named_children[-1])


def _named(node):
    return [child for child in node.named_children if not child.type.endswith(_MARKS)]


def _operands(children):
    """Expressions among the children of a node: each with what follows it."""
    found = []
    for child in children:
        if child.type in _FOLLOWING:
            base = found[-1]
            steps = _steps(child)
            found[-1] = ("path", base[1], base[2] + steps) if base[0] == "path" else ("path", base, steps)
        else:
            found.append(_expression(child))
    return found


def _steps(node):
    inner = node.named_children[0]
    if node.type == "get_attr":
        return [(".", inner.text.decode())]
    if node.type == "index":
        return [("[", _expression(inner.named_children[0]) if inner.named_children else ("constant", "number"))]
    return [("*", None), *(step for child in inner.named_children for step in _steps(child))]


def _expression(node):
    children = _named(node)
    if node.type in _WRAPPING:
        (one,) = _operands(children) or [("text", [])]
        return one
    if node.type in _LITERALS:
        return ("constant", _LITERALS[node.type])
    if node.type == "variable_expr":
        return ("name", node.text.decode())
    if node.type in ("string_lit", "quoted_template", "heredoc_template"):
        return ("text", [_part(child) for child in children])
    if node.type == "function_call":
        arguments = _operands(_named(children[1])) if len(children) > 1 else []
        spread = len(children) > 1 and any(child.type == "ellipsis" for child in children[1].children)
        return ("call", children[0].text.decode(), arguments, spread)
    if node.type == "tuple":
        return ("list", _operands(children))
    if node.type == "object":
        return ("object", [_pair(child) for child in children])
    if node.type in ("for_object_expr", "for_tuple_expr"):
        return _for(node, children)
    if node.type == "conditional":
        return ("if", *_operands(children))
    if node.type in ("binary_operation", "unary_operation"):
        logical = any(child.type in _LOGICAL for child in node.children)
        return ("operation", "bool" if logical else "number", _operands(children))
    raise Unreadable(f"what is not expected of an expression, {node.type}: {node.text.decode()!r}")


def _part(node):
    if node.type == "template_literal":
        return node.text.decode()
    (one,) = _operands(_named(node))
    return one


def _pair(node):
    key, value = node.named_children[:2]
    read = _expression(key)
    computed = key.text.startswith(b"(")
    if read[0] == "name" and not computed:
        return (read[1], ("text", [read[1]]), _expression(value))
    return (None if computed else literal(read), read, _expression(value))


def _for(node, children):
    intro, *rest = children
    *names, collection = intro.named_children
    condition = next((_operands(_named(child))[0] for child in rest if child.type == "for_cond"), None)
    values = _operands([child for child in rest if child.type != "for_cond"])
    key = values[0] if node.type == "for_object_expr" else None
    grouped = any(child.type == "ellipsis" for child in node.children)
    names = [name.text.decode() for name in names]
    return ("for", "list" if key is None else "map", names, _expression(collection), key, values[-1], condition, grouped)


def literal(expression):
    """The text that an expression is whatever happens, or None."""
    if expression[0] == "text" and all(isinstance(part, str) for part in expression[1]):
        return "".join(expression[1])
    return None


def template(text):
    """The expression that a text of JSON is: one alone as what it is, else a text made of parts."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text.startswith(("$${", "%%{"), at):
            at += 3
        elif text.startswith("${", at):
            end = _closing(text, at + 2)
            parts += [text[start:at], parse(text[at + 2 : end].strip("~"))]
            start = at = end + 1
        elif text.startswith("%{", at):
            raise Unreadable(f"a directive, which is not expected: {text[at : at + 30]!r}")
        else:
            at += 1
    parts = [part for part in [*parts, text[start:]] if part != ""]
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], str) else ("text", parts)


def _closing(text, at):
    """Where the brace is that closes what begins here."""
    deep, start = 0, at
    while at < len(text):
        if text[at] == '"':
            at = _closing_quote(text, at + 1)
        elif text[at] == "{":
            deep += 1
        elif text[at] == "}" and deep == 0:
            return at
        elif text[at] == "}":
            deep -= 1
        at += 1
    raise Unreadable(f"no brace closes what begins with {text[start - 2 : start + 30]!r}")


def _closing_quote(text, at):
    start = at
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
        elif text.startswith(("$${", "%%{"), at):
            at += 2
        elif text.startswith(("${", "%{"), at):
            at = _closing(text, at + 2)
        at += 1
    if at >= len(text):
        raise Unreadable(f"no quote closes what begins with {text[start - 1 : start + 30]!r}")
    return at
