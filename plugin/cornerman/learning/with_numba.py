"""What numba and LLVM make of `learn_steps` of update.py: a function in this process, or machine code.

numba is imported inside functions only: it takes 120 MB. compiled.py says when.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import getmembers, isfunction
from pathlib import Path
from typing import Any

import numpy as np

from cornerman.learning import kernels, update
from cornerman.learning.native.elf import Linked, link
from cornerman.learning.update import LearnSteps, Rates, Rows

OPTIONS: dict[str, Any] = {
    "_nrt": False,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp"},
}
"""No flag that assumes numbers to be finite: steps that are not must be noticed."""
CALLED = ("forward", "backward", "adam_rates")
KERNELS = [name for name, _ in getmembers(kernels, isfunction) if hasattr(update, name)]
"""Loops that take the place of what has their name in update.py; kernels.py imports no function from there."""


@cache
def build(folder: Path) -> LearnSteps:
    """The function as numba makes it; it is compiled, or loaded from `folder`, when it is first called."""
    import numba

    _register()
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)  # read in the next call alone: the game may use numba too
    try:
        function: LearnSteps = numba.njit(cache=True, **OPTIONS)(update.learn_steps)
    finally:
        config.CACHE_DIR = before
    return function


def linked() -> Linked:
    """The function as machine code for this processor, as a C function that `machine_code.load` calls."""
    import numba

    _register()
    return link(*_object(_c_function(numba.njit(**OPTIONS)(update.learn_steps))))


def _c_function(learn: LearnSteps) -> Any:
    """numba's C function with pointers to addresses of arrays, to sizes and the span, and to rates and results."""
    from numba import carray, cfunc, types  # type: ignore[attr-defined]  # numba's own types leave it out

    real, whole, truth, byte = np.float32, np.int64, np.bool_, np.uint8

    def entry(addresses, numbers, values):  # type: ignore[no-untyped-def]  # numba finds them out
        k, b, f, a, num_parameters, num_sizes, first, most, steps = carray(numbers, (9,))
        at, results = carray(addresses, (12,)), carray(values, (8,))
        rows = Rows(
            carray(at[0], (k, b, f), real),
            carray(at[1], (k, b, a), truth),
            carray(at[2], (k, b), whole),
            carray(at[3], (k, b), real),
            carray(at[4], (k, b), real),
            carray(at[5], (k, b, f), real),
            carray(at[6], (k, b, a), truth),
            carray(at[7], (k, b), real),
        )
        weights, sizes = carray(at[8], (4, num_parameters), real), carray(at[9], (num_sizes,), whole)
        stop, scratch = carray(at[10], (1,), byte), carray(at[11], (1 << 40,), real)
        rates = Rates(results[0], results[1], results[2])
        sums = learn(weights, sizes, rows, (first, most, steps), rates, stop, scratch)
        results[3], results[4], results[5], results[6], results[7] = sums

    pointers = types.CPointer(types.voidptr), types.CPointer(types.int64), types.CPointer(types.float64)
    return cfunc(types.void(*pointers), nogil=True, error_model="numpy")(entry)


def _object(function: Any) -> tuple[bytes, str]:
    """numba's C function as an ELF object file for this processor, and its name there.

    numba's code handles errors with functions of Python. Nothing here can fail, which LLVM finds out and leaves them
    out; `load` would not find them.
    """
    from llvmlite import binding as llvm

    module = llvm.parse_assembly(function.inspect_llvm())
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != function.native_name:
            value.linkage = "internal"
    target = llvm.Target.from_default_triple().create_target_machine(
        llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), opt=3, reloc="pic", codemodel="small"
    )
    passes = llvm.create_new_module_pass_manager()
    passes.add_ipsccp_pass()
    passes.add_simplify_cfg_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options()))
    return target.emit_object(module), function.native_name


@cache
def _register() -> None:
    """Let compiled code call the functions of update.py, and the loops in the place of its kernels."""
    from numba.extending import overload, register_jitable

    options: Any = OPTIONS
    _register_views()
    for function in (kernels.add_product, *(getattr(update, name) for name in CALLED)):
        register_jitable(**OPTIONS)(function)
    for name in KERNELS:
        overload(getattr(update, name), jit_options=options, strict=False)(_always(getattr(kernels, name)))


def _register_views() -> None:
    """Views of `kernels.matrix` without numpy's checks, which may raise, and without counting who uses the memory."""
    from numba.core import cgutils, types
    from numba.extending import lower_builtin, type_callable

    @type_callable(kernels.matrix)
    def type_of_view(context: Any) -> Any:
        return lambda flat, start, num_rows, num_columns: flat.copy(ndim=2)

    @lower_builtin(kernels.matrix, types.Array, types.Integer, types.Integer, types.Integer)
    def view(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flat, start, num_rows, num_columns = arguments
        whole = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=flat)
        part = cgutils.create_struct_proxy(signature.return_type)(context, builder)
        part.data, part.itemsize = builder.gep(whole.data, [start]), whole.itemsize
        part.nitems = builder.mul(num_rows, num_columns)
        part.shape = cgutils.pack_array(builder, [num_rows, num_columns])
        part.strides = cgutils.pack_array(builder, [builder.mul(num_columns, whole.itemsize), whole.itemsize])
        part.meminfo, part.parent = part.meminfo.type(None), part.parent.type(None)
        return part._getvalue()


def _always(loop: Callable[..., Any]) -> Callable[..., Any]:
    """What numba asks with the types of a call, and gets the loop to compile for them."""
    return lambda *arguments: loop
