"""Which functions are rewritten, and how a rewritten one takes the place of its original.

Invariant: a rewritten function shares globals, closure cells and defaults with its original, and its code the file and
lines. Functions of libraries are called as they are. Entry points: `converted`, `converted_callee`, `to_code`,
`do_not_convert`.
"""

from __future__ import annotations

import ast
import functools
import logging
import os
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable
from typing import Any

from graphtf.autograph.names_in import contains
from graphtf.autograph.rewrite import OPS, rewrite
from graphtf.autograph.source import NoSource, parsed
from graphtf.functions.source import is_internal, unconverted

_log = logging.getLogger("graphtf")
_MARK = "__graphtf_autograph__"  # False: not to be converted; True: it has been
_STANDARD = os.path.join(sysconfig.get_paths()["stdlib"], "")
_LIBRARIES = frozenset({
    "numpy", "scipy", "keras", "tensorflow", "graphtf", "ml_dtypes", "matplotlib", "pandas", "PIL", "networkx",
    "pytest",
    "_pytest", "absl", "jax", "torch", "llvmlite", "tqdm", "hypothesis", "h5py", "optree",
})  # fmt: skip

_made: weakref.WeakKeyDictionary[types.CodeType, types.CodeType] = weakref.WeakKeyDictionary()


def do_not_convert(func: Any = None) -> Any:
    """Mark a function: it is called as it is, its control flow stays Python's.

    Follows https://www.tensorflow.org/api_docs/python/tf/autograph/experimental/do_not_convert.

    >>> @do_not_convert
    ... def plain(x):
    ...     return x
    """
    if func is None:
        return do_not_convert
    if isinstance(func, types.FunctionType):

        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs)

        setattr(wrapper, _MARK, False)
        return wrapper
    try:
        setattr(func, _MARK, False)
    except AttributeError:
        return do_not_convert(lambda *args, **kwargs: func(*args, **kwargs))
    return func


def _is_library(f: types.FunctionType) -> bool:
    code = f.__code__
    if is_internal(code):
        return True
    root = (getattr(f, "__module__", None) or "").split(".")[0]
    if root in _LIBRARIES:
        return True
    name = code.co_filename
    return name.startswith(_STANDARD) and "site-packages" not in name


def converted_callee(f: Any) -> Any:
    """f rewritten, if it is a function of the user's; else f."""
    kind = type(f)
    if kind is types.FunctionType:
        return converted(f)
    if kind is types.MethodType:
        inner = f.__func__
        made = converted(inner) if type(inner) is types.FunctionType else inner
        return f if made is inner else types.MethodType(made, f.__self__)
    if kind is functools.partial:
        inner = converted_callee(f.func)
        return f if inner is f.func else functools.partial(inner, *f.args, **f.keywords)
    if isinstance(f, (type, types.BuiltinFunctionType, types.BuiltinMethodType, types.ModuleType)):
        return f
    return _callable_object(f)


def asked_for(f: Any) -> Any:
    """f rewritten because `tf.function` was called on it: a library's function too, though not those that it calls."""
    if type(f) is types.FunctionType:
        return converted(f, asked=True)
    if type(f) is types.MethodType and type(f.__func__) is types.FunctionType:
        made = converted(f.__func__, asked=True)
        return f if made is f.__func__ else types.MethodType(made, f.__self__)
    return converted_callee(f)


def _callable_object(f: Any) -> Any:
    """An object of a user's class with a `__call__` of its own."""
    call = getattr(type(f), "__call__", None)  # noqa: B004 - the method itself is wanted
    if type(call) is not types.FunctionType or getattr(f, _MARK, None) is False:
        return f
    made = converted(call)
    return f if made is call else types.MethodType(made, f)


def converted(f: Any, asked: bool = False) -> Any:
    """A function rewritten; itself if it is not to be, or cannot be (then `unconverted` says why). With `asked`, one of
    a library, other than this one, too."""
    code = f.__code__
    if getattr(f, _MARK, None) is not None or (is_internal(code) if asked else _is_library(f)):
        return f
    if code in unconverted or OPS in code.co_freevars:  # one inside a rewritten function is rewritten too
        return f
    made = _made.get(code)
    if made is None:
        try:
            made = _made[code] = _rewritten_code(f)
        except NoSource as e:
            unconverted[code] = str(e)
            _log.info("AutoGraph: %s is called as it is: %s", f.__qualname__, e)
            return f
    return _like(f, made)


def _rewritten_tree(f: types.FunctionType) -> ast.FunctionDef | ast.Lambda:
    """The tree of a function after rewriting. Raises NoSource."""
    tree = parsed(f)
    suspending = (ast.Yield, ast.YieldFrom, ast.Await)
    if isinstance(tree, ast.AsyncFunctionDef) or contains(_body_of(tree), suspending):
        raise NoSource("it is a generator or a coroutine")
    parts = f.__qualname__.split(".")
    cls = parts[-2] if len(parts) > 1 and parts[-2] != "<locals>" else None
    rewrite(tree, f.__code__.co_freevars, cls)
    return tree


def _body_of(tree: Any) -> list[ast.AST]:
    return [tree.body] if isinstance(tree, ast.Lambda) else tree.body


def _rewritten_code(f: types.FunctionType) -> types.CodeType:
    """Code for a function like f, with one free variable more: the operators."""
    tree: Any = _rewritten_tree(f)
    name = "ag__function"
    if isinstance(tree, ast.Lambda):
        result = ast.copy_location(ast.Return(tree.body), tree)
        tree = ast.copy_location(_function(name, tree.args, [result]), tree)
    else:
        tree = _function(name, tree.args, tree.body)
        tree.lineno, tree.col_offset = f.__code__.co_firstlineno, 0
        tree.end_lineno, tree.end_col_offset = tree.lineno, 0
    _strip(tree.args)
    free = [OPS, *f.__code__.co_freevars]
    nothing = ast.arguments([], [ast.arg(v) for v in free], None, [], [], None, [])
    factory = _function("ag__factory", nothing, [tree, ast.Return(ast.Name(name, ast.Load()))])
    module = ast.fix_missing_locations(ast.Module([factory], []))
    whole = compile(module, f.__code__.co_filename, "exec", dont_inherit=True, flags=_future(f))
    outer = _code_named(whole, "ag__factory")
    return _renamed(_code_named(outer, name), f.__code__.co_name, f.__code__.co_qualname)


def _future(f: types.FunctionType) -> int:
    """The `from __future__` flags that the original was compiled with."""
    import __future__

    known = 0
    for feature in __future__.all_feature_names:
        known |= getattr(__future__, feature).compiler_flag
    return f.__code__.co_flags & known


def _function(name: str, args: ast.arguments, body: list[Any]) -> ast.FunctionDef:
    made = ast.FunctionDef(name, args, body, [], None, None)
    if sys.version_info >= (3, 12):
        made.type_params = []
    return made


def _strip(args: ast.arguments) -> None:
    """Without defaults, which the original has evaluated, and annotations."""
    args.defaults = [ast.Constant(None) for _ in args.defaults]
    args.kw_defaults = [None if d is None else ast.Constant(None) for d in args.kw_defaults]
    for a in (*args.posonlyargs, *args.args, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))):
        a.annotation = None


def _code_named(code: types.CodeType, name: str) -> types.CodeType:
    return next(c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == name)


def _renamed(code: types.CodeType, name: str, qualname: str) -> types.CodeType:
    """The code, and that of the functions made for its statements, under the user's name."""
    consts = tuple(
        _renamed(c, name if c.co_name.startswith("ag__") else c.co_name, f"{qualname}.<locals>.{c.co_name}")
        if isinstance(c, types.CodeType) else c
        for c in code.co_consts
    )  # fmt: skip
    return code.replace(co_name=name, co_qualname=qualname, co_consts=consts)


def _like(f: types.FunctionType, code: types.CodeType) -> types.FunctionType:
    """A function of the code with everything else of f."""
    cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
    closure = tuple(_operators() if v == OPS else cells[v] for v in code.co_freevars)
    made = types.FunctionType(code, f.__globals__, f.__name__, f.__defaults__, closure)
    made.__kwdefaults__ = f.__kwdefaults__
    made.__dict__.update(f.__dict__)
    made.__doc__, made.__module__, made.__qualname__ = f.__doc__, f.__module__, f.__qualname__
    setattr(made, _MARK, True)
    return made


@functools.lru_cache(maxsize=1)
def _operators() -> types.CellType:
    from graphtf.autograph import operators  # it uses this module

    return types.CellType(operators)


def to_code(entity: Callable[..., Any], recursive: bool = True, experimental_optional_features: Any = None) -> str:
    """The source of a function after rewriting. Raises ValueError where there is no source.

    Follows https://www.tensorflow.org/api_docs/python/tf/autograph/to_code.
    """
    f = getattr(entity, "python_function", entity)
    f = getattr(f, "__func__", f)
    try:
        tree = _rewritten_tree(f)
    except NoSource as e:
        raise ValueError(f"{entity!r} cannot be converted: {e}") from None
    if isinstance(tree, ast.FunctionDef):
        tree.decorator_list = []
    return ast.unparse(ast.fix_missing_locations(tree))


def to_graph(entity: Callable[..., Any], recursive: bool = True, experimental_optional_features: Any = None) -> Any:
    """A function rewritten. Raises ValueError where there is no source.

    Follows https://www.tensorflow.org/api_docs/python/tf/autograph/to_graph.
    """
    made = converted_callee(entity)
    reason = unconverted.get(getattr(getattr(entity, "__func__", entity), "__code__", None))  # type: ignore[arg-type]
    if reason is not None:
        raise ValueError(f"{entity!r} cannot be converted: {reason}")
    return made
