"""Loops that do what the kernels of update.py do, for numba to compile; as plain Python they would be far too slow.

numba turns them into vector instructions. Products are taken in tiles of 4 x 4, so that what was loaded once is used
four times: as fast as OpenBLAS at a network's sizes, and without threads of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cornerman.learning.update import FIRST_DECAY, MARGIN, SECOND_DECAY, TINY, Array, Layer, Memory, Rows
from cornerman.policy.q_network import LAYER_NORM_EPSILON

Flat = tuple[Array, NDArray[np.int64]]
"""What stands for a list of layers: the flat vector and `sizes_of`."""
Plane = tuple[Array, NDArray[np.int64], int]
"""What stands for a list of memories: scratch, `sizes_of` and the number of rows."""


def layers_of(flat: Array, sizes: NDArray[np.int64]) -> Flat:
    return flat, sizes


def layer_at(layers: Flat, i: int) -> Layer:
    flat, sizes = layers
    start, last = 0, sizes.size - 3
    for j in range(i):
        start += sizes[j + 1] * (sizes[j] + 1 + 2 * sizes[-1])
    inputs, units = sizes[i], sizes[i + 1]
    normed = units * sizes[-1] if i < last else 0
    bias = start + inputs * units
    gain = bias + units
    shift = gain + normed
    return matrix(flat, start, inputs, units), flat[bias:gain], flat[gain:shift], flat[shift : shift + normed]


def memory_of(scratch: Array, sizes: NDArray[np.int64], num_rows: int) -> Plane:
    return scratch, sizes, num_rows


def units_at(memory: Plane, i: int) -> Memory:
    scratch, sizes, num_rows = memory
    start = 0
    for j in range(i):
        start += num_rows * (3 * sizes[j + 1] + 1)
    units = sizes[i + 1]
    size = num_rows * units
    scale = start + 3 * size
    return (
        matrix(scratch, start, num_rows, units),
        matrix(scratch, start + size, num_rows, units),
        matrix(scratch, start + 2 * size, num_rows, units),
        scratch[scale : scale + num_rows],
    )


def matrix(flat: Array, start: int, num_rows: int, num_columns: int) -> Array:
    """View `[num_rows, num_columns]` into a flat array; compiled.py has it without numpy's checks, which may raise."""
    return flat[start : start + num_rows * num_columns].reshape(num_rows, num_columns)


def linear(inputs: Array, weight: Array, bias: Array, out: Array) -> None:
    for i in range(out.shape[0]):
        row = out[i]
        for j in range(bias.size):
            row[j] = bias[j]
    add_product(inputs, weight, out)


def linear_gradient(inputs: Array, back: Array, weight: Array, bias: Array) -> None:
    weight[:] = 0
    add_product(inputs.T, back, weight)
    bias[:] = 0
    for i in range(back.shape[0]):
        row = back[i]
        for j in range(bias.size):
            bias[j] += row[j]


def add_product(left: Array, right: Array, out: Array) -> None:
    """Add `[n, k] @ [k, m]` to `out` `[n, m]`."""
    num_rows, inner = left.shape
    tiled, whole = num_rows - num_rows % 4, inner - inner % 4
    for i in range(0, tiled, 4):
        o0, o1, o2, o3 = out[i], out[i + 1], out[i + 2], out[i + 3]
        for k in range(0, whole, 4):
            r0, r1, r2, r3 = right[k], right[k + 1], right[k + 2], right[k + 3]
            a0, a1, a2, a3 = left[i, k], left[i, k + 1], left[i, k + 2], left[i, k + 3]
            b0, b1, b2, b3 = left[i + 1, k], left[i + 1, k + 1], left[i + 1, k + 2], left[i + 1, k + 3]
            c0, c1, c2, c3 = left[i + 2, k], left[i + 2, k + 1], left[i + 2, k + 2], left[i + 2, k + 3]
            d0, d1, d2, d3 = left[i + 3, k], left[i + 3, k + 1], left[i + 3, k + 2], left[i + 3, k + 3]
            for j in range(out.shape[1]):
                o0[j] += a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
                o1[j] += b0 * r0[j] + b1 * r1[j] + b2 * r2[j] + b3 * r3[j]
                o2[j] += c0 * r0[j] + c1 * r1[j] + c2 * r2[j] + c3 * r3[j]
                o3[j] += d0 * r0[j] + d1 * r1[j] + d2 * r2[j] + d3 * r3[j]
    for i in range(num_rows):
        row = out[i]
        for k in range(whole if i < tiled else 0, inner):
            factor, other = left[i, k], right[k]
            for j in range(out.shape[1]):
                row[j] += factor * other[j]


def level_gradient(outputs: Array, levels: Array, spare: Array, weight: Array, bias: Array) -> None:
    spare[:] = 0
    some = False
    for i in range(levels.size):
        level, row = levels[i], outputs[i]
        if level != 0:
            some = True
            bias += level
            for j in range(spare.size):
                spare[j] += level * row[j]
    if some:
        for j in range(spare.size):
            row = weight[j]
            for a in range(row.size):
                row[a] += spare[j]


def linear_back(back: Array, weight: Array, out: Array) -> None:
    num_rows, num_columns = out.shape
    tiled, whole = num_rows - num_rows % 4, num_columns - num_columns % 4
    zero = out.dtype.type(0)
    for i in range(0, tiled, 4):
        a, b, c, d = back[i], back[i + 1], back[i + 2], back[i + 3]
        for j in range(0, whole, 4):
            p, q, r, s = weight[j], weight[j + 1], weight[j + 2], weight[j + 3]
            ap = aq = ar = a_s = bp = bq = br = bs = cp = cq = cr = cs = dp = dq = dr = ds = zero
            for k in range(a.size):
                ap += a[k] * p[k]
                aq += a[k] * q[k]
                ar += a[k] * r[k]
                a_s += a[k] * s[k]
                bp += b[k] * p[k]
                bq += b[k] * q[k]
                br += b[k] * r[k]
                bs += b[k] * s[k]
                cp += c[k] * p[k]
                cq += c[k] * q[k]
                cr += c[k] * r[k]
                cs += c[k] * s[k]
                dp += d[k] * p[k]
                dq += d[k] * q[k]
                dr += d[k] * r[k]
                ds += d[k] * s[k]
            out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = ap, aq, ar, a_s
            out[i + 1, j], out[i + 1, j + 1], out[i + 1, j + 2], out[i + 1, j + 3] = bp, bq, br, bs
            out[i + 2, j], out[i + 2, j + 1], out[i + 2, j + 2], out[i + 2, j + 3] = cp, cq, cr, cs
            out[i + 3, j], out[i + 3, j + 1], out[i + 3, j + 2], out[i + 3, j + 3] = dp, dq, dr, ds
    for i in range(num_rows):
        for j in range(whole if i < tiled else 0, num_columns):
            total = zero
            for k in range(back.shape[1]):
                total += back[i, k] * weight[j, k]
            out[i, j] = total


def activate(units: Array, normalised: Array, scale: Array, gain: Array, shift: Array) -> None:
    kind = units.dtype
    zero, count, epsilon = kind.type(0), kind.type(gain.size), kind.type(LAYER_NORM_EPSILON)
    for i in range(units.shape[0]):
        row, normal = units[i], normalised[i]
        if gain.size == 0:
            for j in range(row.size):
                row[j] = max(row[j], zero)
            continue
        total = square = zero
        for j in range(row.size):
            total += row[j]
        mean = total / count
        for j in range(row.size):
            normal[j] = row[j] - mean
            square += normal[j] * normal[j]
        factor = scale[i] = kind.type(1) / np.sqrt(square / count + epsilon)
        for j in range(row.size):
            normal[j] *= factor
            row[j] = max(normal[j] * gain[j] + shift[j], zero)


def activate_back(back: Array, units: Array, normalised: Array, scale: Array, gain: Array, gradients: Layer) -> None:
    kind = back.dtype
    zero, count = kind.type(0), kind.type(gain.size)
    by_gain, by_shift = gradients[2], gradients[3]
    by_gain[:] = zero
    by_shift[:] = zero
    for i in range(back.shape[0]):
        row, normal, results = back[i], normalised[i], units[i]
        for j in range(row.size):
            row[j] = row[j] if results[j] > zero else zero
        if gain.size == 0:
            continue
        total = along = zero
        for j in range(row.size):
            by_shift[j] += row[j]
            by_gain[j] += row[j] * normal[j]
            row[j] *= gain[j]
            total += row[j]
            along += row[j] * normal[j]
        mean, slope, factor = total / count, along / count, scale[i]
        for j in range(row.size):
            row[j] = (row[j] - mean - normal[j] * slope) * factor


def td_gradient(
    rows: Rows, k: int, now: Array, online_next: Array, target_next: Array, levels: Array
) -> tuple[float, float]:
    loss = size = 0.0
    kind = now.dtype
    one, count, margin, zero = kind.type(1), kind.type(now.shape[0]), kind.type(MARGIN), kind.type(0)
    in_order = False
    for i in range(now.shape[0]):
        in_order = in_order or rows.weight[k, i] > 0
    for i in range(now.shape[0]):
        values, following, legal = now[i], online_next[i], rows.next_action_mask[k, i]
        wanted = rows.reward[k, i]
        if rows.discount[k, i] != 0:
            best = -1
            for a in range(legal.size):
                if legal[a] and (best < 0 or following[a] > following[best] or following[a] != following[a]):
                    best = a
            wanted += rows.discount[k, i] * target_next[i, best]
        action = rows.action[k, i]
        rival, value, most, weight = action, values[action], values[action], abs(rows.weight[k, i])
        if in_order or weight != 0:
            for a in range(values.size):
                if rows.action_mask[k, i, a] and a != action:
                    value = max(value, values[a])
                    if values[a] + margin > most:
                        rival, most = a, values[a] + margin
        error = (value if in_order else values[action]) - wanted
        clipped = max(-one, min(one, error))
        values[:] = 0
        levels[i] = clipped / count if in_order else zero
        values[action] = (zero if in_order else clipped / count) - weight / count
        values[rival] += weight / count
        loss += clipped * (error - clipped / 2)
        size += abs(error)
    return loss / count, size / count


def square_sum(values: Array) -> float:
    total = values.dtype.type(0)
    for j in range(values.size):
        total += values[j] * values[j]
    return float(total)


def adam(weights: Array, gradient: Array, spare: Array, rates: tuple[float, float, float, float]) -> None:
    kind = gradient.dtype
    scale, rate, epsilon = kind.type(rates[0]), kind.type(rates[1]), kind.type(rates[2])
    target_rate, tiny, zero = kind.type(rates[3]), kind.type(TINY), kind.type(0)
    first_decay, second_decay = kind.type(FIRST_DECAY), kind.type(SECOND_DECAY)
    first_share, second_share = kind.type(1.0 - FIRST_DECAY), kind.type(1.0 - SECOND_DECAY)
    online, target, first, second = weights[0], weights[1], weights[2], weights[3]
    for j in range(gradient.size):
        slope = gradient[j] * scale
        moment = first_decay * first[j] + first_share * slope
        first[j] = moment if abs(moment) >= tiny else zero
        second[j] = max(second_decay * second[j] + second_share * slope * slope, tiny)
        online[j] += rate * first[j] / (np.sqrt(second[j]) + epsilon)
        target[j] += target_rate * (online[j] - target[j])
