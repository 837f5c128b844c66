"""What expressions mean within a module: that what they name is there, and of what type they are.

Beside those of variables there are two types: ("instances", "count" or "for_each", of what), for what is there many times, and
("read", Schema, class, whether an index is needed), for what a resource tells of itself.
"""

import expressions
import variable_types as types
from variable_types import ANY

# What functions give, where it can be told without their values.
GIVES = {
    "string": "format join jsonencode base64encode lower upper replace substr trimprefix trimsuffix title cidrsubnet cidrhost sha1 sha256 "
    "md5 trimspace tostring yamlencode formatdate timeadd uuidv5",
    "number": "length ceil floor max min tonumber abs parseint",
    "bool": "contains can tobool startswith endswith alltrue anytrue issensitive",
}
GIVES = {name: kind for kind, names in GIVES.items() for name in names.split()}
ALWAYS = {"path": ("module", "root", "cwd"), "terraform": ("workspace",)}


class Scope:
    """What is there for the expressions of one block beside what the module declares."""

    def __init__(self, names=None, each=None, counted=False):
        self.names, self.each, self.counted = names or {}, each, counted

    def with_names(self, more):
        return Scope({**self.names, **more}, self.each, self.counted)


class Meaning:
    """The expressions of one module."""

    def __init__(self, module, meanings, providers, functions):
        self.module, self.meanings, self.providers, self.functions = module, meanings, providers, functions
        self.known, self.open, self.used = {}, set(), set()
        # What is needed for what, of resources, data sources and local values.
        self.needs, self.now = {}, None

    def of(self, value, scope, file, address):
        """The type of a value of JSON, whose texts may be expressions. What is wrong with them is added to the faults."""

        def fault(what):
            self.module.faults.add(file, address, what)

        before, self.now = self.now, owner(address)
        kind = self._value(value, scope, fault)
        self.now = before
        return kind

    def circles(self):
        """What is needed for itself, by whatever way: a list of addresses each."""
        found, done = [], set()

        def follow(address, way):
            if address in way:
                found.append([*way[way.index(address) :], address])
            elif address not in done:
                for needed in sorted(self.needs.get(address, ())):
                    follow(needed, [*way, address])
                done.add(address)

        for address in sorted(self.needs):
            follow(address, [])
        return found

    def _value(self, value, scope, fault):
        if isinstance(value, str):
            try:
                return self._type(expressions.template(value), scope, fault)
            except expressions.Unreadable as error:
                fault(str(error))
                return ANY
        if isinstance(value, dict):
            named = {key: self._value(inner, scope, fault) for key, inner in value.items() if key != "//"}
            for key in value:
                self._value(key, scope, fault)
            if any("${" in key for key in named):
                return ("map", types.common(list(named.values())))
            return ("object", {key: (kind, False) for key, kind in named.items()})
        if isinstance(value, list):
            return ("list", types.common([self._value(inner, scope, fault) for inner in value]))
        if value is None:
            return "null"
        return "bool" if isinstance(value, bool) else "number"

    def _type(self, said, scope, fault):
        return getattr(self, f"_{said[0]}")(said, scope, fault)

    def _name(self, said, scope, fault):
        if said[1] in scope.names:
            return scope.names[said[1]]
        fault(f"there is no {said[1]!r}")
        return ANY

    def _constant(self, said, scope, fault):
        return said[1]

    def _text(self, said, scope, fault):
        for part in said[1]:
            if not isinstance(part, str):
                kind = self._type(part, scope, fault)
                if not isinstance(kind, str):
                    fault(f"{types.shown(kind)} stands within a text")
        return "string"

    def _list(self, said, scope, fault):
        return ("list", types.common([self._type(one, scope, fault) for one in said[1]]))

    def _object(self, said, scope, fault):
        found = [(key, self._type(at, scope, fault), self._type(one, scope, fault)) for key, at, one in said[1]]
        if any(key is None for key, _, _ in found):
            return ("map", types.common([kind for _, _, kind in found]))
        return ("object", {key: (kind, False) for key, _, kind in found})

    def _for(self, said, scope, fault):
        _, form, names, collection, key, value, condition, grouped = said
        over = self._type(collection, scope, fault)
        by = ANY if over == ANY else "number" if over[0] == "list" else "string"
        inner = scope.with_names(dict(zip(reversed(names), (self._item(over, fault), by))))
        for one in (key, condition):
            if one is not None:
                self._type(one, inner, fault)
        of = self._type(value, inner, fault)
        return (form, ("list", of) if grouped else of)

    def _if(self, said, scope, fault):
        self._type(said[1], scope, fault)
        return self._either([self._type(one, scope, fault) for one in said[2:]], fault)

    def _either(self, kinds, fault):
        if left_out := types.differ(kinds):
            fault(f"one of two objects has no {', '.join(left_out)}")
        return types.common(kinds)

    def _operation(self, said, scope, fault):
        for one in said[2]:
            self._type(one, scope, fault)
        return said[1]

    def _call(self, said, scope, fault):
        name, given, spread = said[1:]
        if self.functions and name not in self.functions:
            fault(f"there is no function {name!r}")
        if name in ("try", "can"):
            # What is not there is why they are called; but what nobody declares is never there.
            def quiet(what):
                if what.startswith(("no ", "there is no ")):
                    fault(what)

            return types.common([self._type(one, scope, quiet) for one in given])
        kinds = [self._type(one, scope, fault) for one in given]
        if spread:
            kinds[-1] = self._item(kinds[-1], fault)
        if name in GIVES:
            return GIVES[name]
        if name == "merge" and not spread and all(kind[0] == "object" for kind in kinds):
            return ("object", {key: of for kind in kinds for key, of in kind[1].items()})
        if name in ("merge", "tomap"):
            return ("map", types.common([self._item(kind, fault) for kind in kinds]))
        if name == "lookup":
            return self._either([self._item(kinds[0], fault), *kinds[2:]], fault)
        if name in ("element", "one"):
            return self._item(kinds[0], fault)
        if name in ("values", "toset", "tolist", "distinct", "sort", "reverse", "slice", "concat", "setunion", "compact"):
            return ("list", types.common([self._item(kind, fault) for kind in kinds[:1 if name == "slice" else None]]))
        if name in ("keys", "split"):
            return ("list", "string")
        return self._either(kinds, fault) if name == "coalesce" else ANY

    def _item(self, kind, fault):
        if not isinstance(kind, str) and kind[0] == "instances":
            return kind[2]
        if not isinstance(kind, str) and kind[0] == "read":
            return kind if kind[3] else ANY
        try:
            return types.item(kind)
        except ValueError as error:
            fault(str(error))
            return ANY

    def _path(self, said, scope, fault):
        base, steps = said[1:]
        kind, steps = self._begin(base, list(steps), scope, fault)
        while steps:
            step, what = steps.pop(0)
            if step == "*":
                return ("list", self._splat(kind, steps, scope, fault))
            if step == "[":
                kind = self._index(kind, what, scope, fault)
            else:
                kind = self._attribute(kind, what, fault)
        return kind

    def _splat(self, kind, steps, scope, fault):
        if not isinstance(kind, str) and kind[0] in ("map", "object") or kind[:2] == ("instances", "for_each"):
            fault("[*] over what is known by keys gives a list of one: values(...) is meant")
            return ANY
        if not isinstance(kind, str):
            kind = self._index(kind, ("constant", "number"), scope, fault)
        for step, what in steps:
            kind = self._index(kind, what, scope, fault) if step == "[" else self._attribute(kind, what, fault)
        return kind

    def _index(self, kind, index, scope, fault):
        self._type(index, scope, fault)
        literal = expressions.literal(index)
        if not isinstance(kind, str) and kind[0] == "read":
            _, schema, of, _ = kind
            return ("read", schema, schema.items.get(of, of), False)
        if literal is not None and kind != ANY and kind[0] in ("map", "object"):
            return self._attribute(kind, literal, fault)
        return self._item(kind, fault)

    def _attribute(self, kind, name, fault):
        if not isinstance(kind, str) and kind[0] == "instances":
            fault(f"{name!r} is asked of what has {kind[1]}: there are many, and it is not said which")
            return ANY
        if not isinstance(kind, str) and kind[0] == "read":
            return self._read(kind, name, fault)
        try:
            return types.attribute(kind, name)
        except ValueError as error:
            fault(str(error))
            return ANY

    def _read(self, kind, name, fault):
        _, schema, of, needs_index = kind
        if needs_index or of in schema.items:
            fault(f"{name!r} is asked of a list of blocks: it is not said of which")
            return ANY
        found = schema.readable(of, name)
        if found is None:
            fault(f"{of} has no attribute {name!r}")
        if not found:
            return ANY
        is_block = of == schema.top and schema.arguments.get(name, [0, False])[1] and name != "timeouts"
        return ("read", schema, found, is_block)

    def _begin(self, base, steps, scope, fault):
        """What the first words of a path name, and the steps that are left."""
        if base[0] != "name" or base[1] in scope.names:
            return self._type(base, scope, fault), steps
        words = [what for step, what in steps[:2] if step == "."]
        first = base[1]
        if first == "data":
            return self._resource("data", self.module.data, words, fault), steps[2:]
        if first not in ("var", "local", "module", "each", "count", *ALWAYS):
            return self._resource("resource", self.module.resources, [first, *words[:1]], fault), steps[1:]
        name = words[0] if words else ""
        return getattr(self, f"_{first}_named")(name, scope, fault) if first not in ALWAYS else "string", steps[1:]

    def _var_named(self, name, scope, fault):
        if name not in self.module.variables:
            fault(f"no variable {name!r} is declared")
            return ANY
        self.used.add(name)
        return self.variable(name)

    def variable(self, name):
        """The type of a variable of this module."""
        _, body = self.module.variables[name]
        try:
            return types.declared(body["type"])
        except (KeyError, TypeError, ValueError):
            return ANY  # Told where variables are checked.

    def _local_named(self, name, scope, fault):
        if name not in self.module.locals:
            fault(f"no local value {name!r} is declared")
            return ANY
        self.needs.setdefault(self.now, set()).add(f"local.{name}")
        file, value = self.module.locals[name]
        return self._once(("local", name), lambda: self.of(value, Scope(), file, f"local.{name}"))

    def _module_named(self, name, scope, fault):
        if name not in self.module.calls:
            fault(f"no module {name!r} is declared")
            return ANY
        _, call = self.module.calls[name]
        called = self.meanings.get(self.module.source(call))
        if called is None:
            return ANY
        gives = ("object", {output: (called.output(output), False) for output in called.module.outputs})
        return many(call, gives)

    def output(self, name):
        """The type of an output of this module."""
        file, body = self.module.outputs[name]
        return self._once(("output", name), lambda: self.of(body.get("value"), Scope(), file, f"output.{name}"))

    def _once(self, key, find):
        if key in self.open:
            return ANY
        if key not in self.known:
            self.open.add(key)
            self.known[key] = find()
            self.open.remove(key)
        return self.known[key]

    def _each_named(self, name, scope, fault):
        if scope.each is None:
            fault("`each` stands where there is no for_each")
            return ANY
        if name not in ("key", "value"):
            fault(f"each has no {name!r}")
        return scope.each if name == "value" else "string"

    def _count_named(self, name, scope, fault):
        if not scope.counted or name != "index":
            fault("`count.index` stands where there is no count")
        return "number"

    def _resource(self, group, declared, words, fault):
        address = ".".join(words)
        if address not in declared:
            fault(f"no {'data source' if group == 'data' else 'resource'} {address} is declared")
            return ANY
        self.needs.setdefault(self.now, set()).add(address if group == "resource" else f"data.{address}")
        provider = self.providers.get(words[0].split("_")[0])
        schema = provider and provider.of(group, words[0])
        return many(declared[address][1], ("read", schema, schema.top, False) if schema else ANY)

    def scope(self, body, file, address):
        """The scope of a resource's or a call's body, by its for_each or count."""
        for how in {"count", "for_each"} & set(body):
            self._known_early(how, body[how], file, address)
        if "for_each" in body:
            over = self.of(body["for_each"], Scope(), file, f"{address}.for_each")
            return Scope(each=self._item(over, lambda what: self.module.faults.add(file, f"{address}.for_each", what)))
        if "count" in body:
            self.of(body["count"], Scope(), file, f"{address}.count")
        return Scope(counted="count" in body)

    def _known_early(self, how, value, file, address):
        """How many there are, and by which keys, has to be known before anything is made."""
        if not isinstance(value, str):
            return
        try:
            said = expressions.template(value)
        except expressions.Unreadable:
            return  # Told where it is read.
        late = [path for key in (keys(said) if how == "for_each" else [said]) for path in self._made(key)]
        if late:
            self.module.faults.add(file, f"{address}.{how}", f"is known only when {late[0]} is made")

    def _made(self, said):
        """What an expression asks of resources that is not in them before they are made."""
        if said[0] == "path" and said[1][0] == "name" and len(said[2]) > 1:
            address = f"{said[1][1]}.{said[2][0][1]}"
            if address in self.module.resources and any(step == "." for step, _ in said[2][1:]):
                yield address
        for inner in within(said):
            yield from self._made(inner)


def within(said):
    """The expressions in an expression."""
    if said[0] == "path":
        return [said[1], *(what for step, what in said[2] if step == "[")]
    if said[0] == "object":
        return [one for _, *both in said[1] for one in both]
    parts = [one for part in said[1:] for one in (part if isinstance(part, list) else [part])]
    return [one for one in parts if isinstance(one, tuple)]


def keys(said):
    """The expressions that the keys of a collection are made of."""
    if said[0] == "call" and said[1] == "toset":
        return said[2]
    if said[0] == "for" and said[1] == "map":
        return [said[4]]
    if said[0] == "object":
        return [key for _, key, _ in said[1]]
    if said[0] == "if":
        return [said[1], *keys(said[2]), *keys(said[3])]
    return [key for one in said[2] for key in keys(one)] if said[0] == "call" and said[1] == "merge" else []


def owner(address):
    """What an address within a module is of: a resource, a data source, a local value, a call."""
    words = address.split(".")
    return ".".join(words[: 3 if words[0] == "data" else 2])


def many(body, kind):
    """The type of what a body makes: one, or as many as it says."""
    how = next((how for how in ("count", "for_each") if how in body), None)
    return ("instances", how, kind) if how else kind
