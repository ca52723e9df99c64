"""The rewriting of a function: control flow into calls with functions for bodies, logic and calls into calls.

Invariant: every node made has the position of the one it stands for, so tracebacks and graphs point to the user's
lines; what is generated is named `ag__…`. Entry point: `rewrite(function, outer)`.

    if x > 0: y = x                 def ag__then_1(): nonlocal y; y = x
    else: y = -x              →     def ag__else_1(): nonlocal y; y = -x
                                    ag__.if_stmt(x > 0, ag__then_1, ag__else_1, get, set, ("y",))
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Sequence
from typing import Any

from graphtf.autograph.jumps import Block, name_of, placed, without_jumps
from graphtf.autograph.names_in import assigned, contains, declared, loaded, parameters, parts_set

OPS = "ag__"  # the name under which rewritten code finds graphtf/autograph/operators.py
_SUSPENDING = (ast.Yield, ast.YieldFrom, ast.Await)
_FUNCTIONS = (ast.FunctionDef, ast.Lambda)
Part = ast.Attribute | ast.Subscript


def rewrite(function: ast.FunctionDef | ast.Lambda, outer: Iterable[str] = (), cls: str | None = None) -> None:
    """Rewrite a function in place. `outer`: its free variables; `cls`: the class that it is a method of."""
    _Rewriter(cls).function(function, set())


class _Rewriter(ast.NodeTransformer):
    """One pass over a function and those inside it."""

    def __init__(self, cls: str | None) -> None:
        self.cls = cls
        self.count = 0
        self.unsure: set[str] = set()  # names that may not be bound when they are read
        self.after: set[str] = set()  # names that are read after the statement being rewritten
        self.first: str | None = None  # the first parameter, for `super()`
        self.locals: set[str] = set()
        self.globals: set[str] = set()

    # ---- functions ---------------------------------------------------------------------------------------------------

    def function(self, f: ast.FunctionDef | ast.Lambda, unsure: set[str]) -> None:
        names = parameters(f.args)
        saved = dict(vars(self))
        self.first = names[0] if names else None
        if isinstance(f, ast.Lambda):
            self.unsure = unsure - set(names)
            f.body = self.visit(f.body)
        else:
            self._body(f, names, unsure)
        count = self.count
        vars(self).update(saved)
        self.count = count

    def _body(self, f: ast.FunctionDef, names: list[str], unsure: set[str]) -> None:
        without_jumps(f)
        fixed = declared(f.body, ast.Global) | declared(f.body, ast.Nonlocal)
        self.globals = declared(f.body, ast.Global)
        own = [n for n in assigned(f.body) if n not in fixed]
        self.locals = {*names, *own}
        mine = [n for n in _in_control(f.body) if n not in names and n not in fixed]
        self.unsure = (unsure - self.locals) | set(mine)
        self.after = set()
        head: Block = []
        if mine:
            head = [self._assign(n, self._op("Undefined", [ast.Constant(n)], f.body[0]), f.body[0]) for n in mine]
        docstring = f.body[:1] if ast.get_docstring(f, clean=False) is not None else []
        declarations = [s for s in f.body if isinstance(s, (ast.Global, ast.Nonlocal))]
        rest = [s for s in f.body[len(docstring) :] if s not in declarations]
        f.body = [*docstring, *declarations, *head, *self.block(rest)]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [d if d is None else self.visit(d) for d in node.args.kw_defaults]
        if not contains(node.body, _SUSPENDING):
            self.function(node, self.unsure)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        if not contains([node.body], _SUSPENDING):
            self.function(node, self.unsure)
        return node

    def visit_AsyncFunctionDef(self, node: Any) -> Any:
        return node

    def visit_ClassDef(self, node: Any) -> Any:
        return node

    # ---- blocks ------------------------------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> Block:
        """A block, each statement knowing what is read after it."""
        outer, out = self.after, []
        reads = [loaded([s]) for s in statements]
        for k, s in enumerate(statements):
            self.after = outer.union(*reads[k + 1 :])
            new = self.visit(s)
            out += new if isinstance(new, list) else [new]
        self.after = outer
        return out

    def generic_visit(self, node: ast.AST) -> Any:
        """As usual, but blocks know what comes after their statements."""
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, field, self.block(value))
            elif isinstance(value, list):
                setattr(node, field, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node

    # ---- making nodes ------------------------------------------------------------------------------------------------

    def _op(self, name: str, args: list[Any], like: ast.AST) -> ast.Call:
        function = placed(ast.Attribute(name_of(OPS, like), name, ast.Load()), like)
        call = placed(ast.Call(function, args, []), like)
        for n in ast.walk(call):
            if not hasattr(n, "lineno") and isinstance(n, (ast.expr, ast.stmt)):
                placed(n, like)
        return call

    def _assign(self, name: str, value: ast.expr, like: ast.AST) -> ast.stmt:
        return placed(ast.Assign([name_of(name, like, True)], value), like)

    def _thunk(self, body: ast.expr, like: ast.AST) -> ast.Lambda:
        nothing = ast.arguments([], [], None, [], [], None, [])
        return placed(ast.Lambda(nothing, body), like)

    def _define(
        self, name: str, body: Block, state: Sequence[str], like: ast.AST, args: Sequence[str] = ()
    ) -> ast.stmt:
        """A function of the statement's own, that sets the variables of the function around it."""
        declarations: Block = []
        shared = [n for n in state if n not in self.globals]
        if shared:
            declarations.append(placed(ast.Nonlocal(shared), like))
        worldwide = [n for n in state if n in self.globals]
        if worldwide:
            declarations.append(placed(ast.Global(worldwide), like))
        taken = [placed(ast.arg(a), like) for a in args]
        signature = ast.arguments([], taken, None, [], [], None, [])
        content = [*declarations, *(body or [placed(ast.Pass(), like)])]
        made = ast.FunctionDef(name, signature, content, [], None, None)
        if hasattr(ast, "TypeVar"):  # Python 3.12: functions have type parameters
            made.type_params = []  # type: ignore[attr-defined]
        return placed(made, like)

    def _state(
        self, state: Sequence[str], parts: Sequence[Part], number: int, like: ast.AST
    ) -> tuple[Block, list[ast.expr]]:
        """Functions that get and set the variables of a statement, and the arguments that name them. Parts of objects
        that it sets count as variables of their own."""
        shown = [ast.unparse(part) for part in parts]
        held = [
            self._op("part", [self._thunk(self._reading(part), like), placed(ast.Constant(text), like)], like)
            for part, text in zip(parts, shown)
        ]
        values = placed(ast.Tuple([*(name_of(n, like) for n in state), *held], ast.Load()), like)
        get = self._define(f"ag__get_{number}", [placed(ast.Return(values), like)], (), like)
        given = name_of("ag__values", like)
        taken = [f"ag__part_{k}" for k in range(len(parts))]
        targets = placed(ast.Tuple([name_of(n, like, True) for n in (*state, *taken)], ast.Store()), like)
        body: Block = [placed(ast.Assign([targets], given), like)] if state or parts else []
        body += [self._putting(part, name, like) for part, name in zip(parts, taken)]
        put = self._define(f"ag__set_{number}", body, state, like, ["ag__values"])
        names = placed(ast.Constant((*state, *shown)), like)
        return [get, put], [name_of(f"ag__get_{number}", like), name_of(f"ag__set_{number}", like), names]

    def _reading(self, part: ast.expr) -> ast.expr:
        """A part of an object, or what it is a part of, as it is read."""
        read = copy.deepcopy(part)
        if hasattr(read, "ctx"):
            read.ctx = ast.Load()
        return self.visit(read)  # type: ignore[no-any-return]

    def _putting(self, part: Part, name: str, like: ast.AST) -> ast.stmt:
        """The statement that sets a part of an object to the value of a variable."""
        of = self._thunk(self._reading(part.value), like)
        if isinstance(part, ast.Attribute):
            call = self._op("put_attribute", [of, placed(ast.Constant(self._mangled(part.attr)), like)], like)
        else:
            call = self._op("put_item", [of, self._thunk(self._reading(part.slice), like)], like)
        call.args.append(name_of(name, like))
        return placed(ast.Expr(call), like)

    def _variables(self, nodes: Sequence[ast.AST]) -> list[str]:
        """Variables that statements set, generated loop items aside."""
        return assigned(nodes)

    # ---- statements --------------------------------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> Any:
        if _suspends(node):
            return self.generic_visit(node)
        self.count += 1
        number, state = self.count, self._variables([*node.body, *node.orelse])
        parts = parts_set([*node.body, *node.orelse])
        test = self.visit(node.test)
        then = self._define(f"ag__then_{number}", self.block(node.body), state, node)
        orelse = self._define(f"ag__else_{number}", self.block(node.orelse), state, node)
        helpers, named = self._state(state, parts, number, node)
        functions = [name_of(f"ag__then_{number}", node), name_of(f"ag__else_{number}", node)]
        call = self._op("if_stmt", [test, *functions, *named], node)
        return [then, orelse, *helpers, placed(ast.Expr(call), node)]

    def visit_While(self, node: ast.While) -> Any:
        if _suspends(node):
            return self.generic_visit(node)
        self.count += 1
        options, node.body = self._options(node.body)
        number, state = self.count, self._variables(node.body)
        parts = parts_set(node.body)
        node, after = self._flat_else(node)
        inner, self.after = self.after, self.after | loaded([node])
        live = ast.Constant(tuple(n for n in state if n in inner))
        test = self._guarded(self.visit(node.test), node)
        body = self._define(f"ag__body_{number}", self.block(node.body), state, node)
        self.after = inner
        check = self._define(f"ag__test_{number}", [placed(ast.Return(test), node)], (), node)
        helpers, named = self._state(state, parts, number, node)
        functions = [name_of(f"ag__test_{number}", node), name_of(f"ag__body_{number}", node)]
        call = self._op("while_stmt", [*functions, *named, placed(live, node)], node)
        return [*options, check, body, *helpers, placed(ast.Expr(call), node), *self.block(after)]

    def visit_For(self, node: ast.For) -> Any:
        if _suspends(node):
            return self.generic_visit(node)
        self.count += 1
        number = self.count
        node, after = self._flat_else(node)
        options, node.body = self._options(node.body)
        item = f"ag__item_{number}"
        take = placed(ast.Assign([node.target], name_of(item, node.target)), node.target)
        content: Block = [take, *node.body]
        state = [n for n in self._variables(content)]
        parts = parts_set(content)
        iterated = self.visit(node.iter)
        inner, self.after = self.after, self.after | loaded(node.body)
        live = ast.Constant(tuple(n for n in state if n in inner))
        leaving = getattr(node, "ag_left", [])
        check: ast.expr = placed(ast.Constant(None), node)
        functions: Block = []
        if leaving:
            test = self._guarded(placed(ast.Constant(True), node), node)
            functions.append(self._define(f"ag__test_{number}", [placed(ast.Return(test), node)], (), node))
            check = name_of(f"ag__test_{number}", node)
        functions.append(self._define(f"ag__body_{number}", self.block(content), state, node, [item]))
        self.after = inner
        helpers, named = self._state(state, parts, number, node)
        args = [iterated, check, name_of(f"ag__body_{number}", node), *named, placed(live, node)]
        call = self._op("for_stmt", args, node)
        return [*options, *functions, *helpers, placed(ast.Expr(call), node), *self.block(after)]

    def _options(self, body: Block) -> tuple[Block, Block]:
        """A call of `set_loop_options` that begins a loop's body: it is made before the loop."""
        first = body[0].value if isinstance(body[0], ast.Expr) else None
        name = first.func if isinstance(first, ast.Call) else None
        if getattr(name, "attr", getattr(name, "id", None)) != "set_loop_options":
            return [], body
        return self.block(body[:1]), body[1:] or [placed(ast.Pass(), body[0])]

    def _flat_else(self, node: Any) -> tuple[Any, Block]:
        """A loop without its `else`, which runs after it where there is no `break`."""
        after, node.orelse = node.orelse, []
        return node, after

    def _guarded(self, test: ast.expr, node: Any) -> ast.expr:
        """A loop's test, which fails once the loop has been left."""
        for flag in reversed(getattr(node, "ag_left", [])):
            stays = self._op("not_", [self._read(name_of(flag, node))], node)
            test = self._op("and_", [self._thunk(stays, node), self._thunk(test, node)], node)
        return test

    def visit_Assert(self, node: ast.Assert) -> Any:
        message = self.visit(node.msg) if node.msg is not None else placed(ast.Constant(None), node)
        call = self._op("assert_stmt", [self.visit(node.test), self._thunk(message, node)], node)
        return placed(ast.Expr(call), node)

    def visit_Delete(self, node: ast.Delete) -> Any:
        out: Block = []
        for t in node.targets:
            if isinstance(t, ast.Name) and t.id in self.unsure:
                out.append(self._assign(t.id, self._op("Undefined", [ast.Constant(t.id)], node), node))
            else:
                out.append(placed(ast.Delete([self.visit(t)]), node))
        return out

    # ---- expressions -------------------------------------------------------------------------------------------------

    def _read(self, node: ast.Name) -> ast.expr:
        return self._op("ld", [node], node) if node.id in self.unsure else node

    def visit_Name(self, node: ast.Name) -> Any:
        return self._read(node) if isinstance(node.ctx, ast.Load) else node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """`x += y` on a name that may not be bound reads it with a check."""
        value = self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id in self.unsure:
            check = placed(ast.Expr(self._read(name_of(node.target.id, node))), node)
            return [check, placed(ast.AugAssign(node.target, node.op, value), node)]
        node.target, node.value = self.visit(node.target), value
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        if _binds(node):
            return self.generic_visit(node)
        name = "and_" if isinstance(node.op, ast.And) else "or_"
        values = [self.visit(v) for v in node.values]
        out = values[-1]
        for v in reversed(values[:-1]):
            out = self._op(name, [self._thunk(v, node), self._thunk(out, node)], node)
        return out

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            return self._op("not_", [operand], node)
        node.operand = operand
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        """`a < b < c` is `a < b and b < c` where b is cheap to name twice; `in` asks tensors too."""
        simple = all(isinstance(c, (ast.Name, ast.Constant)) for c in node.comparators[:-1])
        if len(node.ops) > 1 and simple:
            lefts = [node.left, *node.comparators[:-1]]
            parts = [
                placed(ast.Compare(a, [op], [b]), node) for a, op, b in zip(lefts, node.ops, node.comparators)
            ]
            return self.visit(placed(ast.BoolOp(ast.And(), parts), node))  # type: ignore[arg-type]
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        if _binds(node):
            return self.generic_visit(node)
        test, body, orelse = (self.visit(n) for n in (node.test, node.body, node.orelse))
        return self._op("if_exp", [test, self._thunk(body, node), self._thunk(orelse, node)], node)

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            if self.first is not None:
                node.args = [name_of("__class__", node), name_of(self.first, node)]
            return node
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "globals", "vars", "eval", "exec"):
            return self.generic_visit(node)
        node = self.generic_visit(node)
        node.func = self._op("callee", [node.func], node.func)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> Any:
        return self.generic_visit(node)

    def _comprehension(self, node: Any) -> Any:
        saved = self.unsure
        self.unsure = saved - {n for g in node.generators for n in assigned([g.target])}
        out = self.generic_visit(node)
        self.unsure = saved
        return out

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # ---- names of classes --------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        node.attr = self._mangled(node.attr)
        return self.generic_visit(node)

    def _mangled(self, name: str) -> str:
        if self.cls is None or not name.startswith("__") or name.endswith("__"):
            return name
        return f"_{self.cls.lstrip('_')}{name}"


def _suspends(node: ast.AST) -> bool:
    """Does a statement hold what cannot stand in a function of its own?"""
    return contains(list(ast.iter_child_nodes(node)), (*_SUSPENDING, ast.Global, ast.Nonlocal))


def _binds(node: ast.AST) -> bool:
    return any(isinstance(n, (ast.NamedExpr, *_SUSPENDING)) for n in ast.walk(node))


def _in_control(block: Iterable[ast.AST]) -> list[str]:
    """Names bound inside control flow of this scope."""
    found: list[str] = []
    for node in block:
        if isinstance(node, (ast.If, ast.While, ast.For)):
            found += assigned([node])
        elif not isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.AsyncFunctionDef)):
            found += _in_control(ast.iter_child_nodes(node))
    return list(dict.fromkeys(found))
