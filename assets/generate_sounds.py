"""Synthesises Ringside's sounds into assets/sounds/*.wav: 22,050 Hz, mono, 16 bit.

Run it from anywhere: `python assets/generate_sounds.py`. The same script always writes the same bytes.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 22_050
Wave = NDArray[np.float64]


def seconds(length_s: float) -> Wave:
    """The times of the samples, in seconds, `[N]`."""
    return np.arange(int(length_s * RATE)) / RATE


def fade(wave_: Wave, attack_s: float, decay_s: float) -> Wave:
    """A linear attack and an exponential decay."""
    t = np.arange(len(wave_)) / RATE
    return wave_ * np.minimum(1.0, t / max(attack_s, 1e-4)) * np.exp(-t / decay_s)


def sweep(start_hz: float, end_hz: float, length_s: float) -> Wave:
    """A sine whose pitch moves from one frequency to the other, geometrically."""
    t = seconds(length_s)
    pitch = start_hz * (end_hz / start_hz) ** (t / length_s)
    return np.sin(2 * np.pi * np.cumsum(pitch) / RATE)


def noise(length_s: float, smooth: int, random: np.random.Generator) -> Wave:
    """White noise, dulled by a moving average over `smooth` samples."""
    raw = random.standard_normal(int(length_s * RATE) + smooth)
    dull = np.convolve(raw, np.ones(smooth) / smooth, mode="same")[: int(length_s * RATE)]
    return np.asarray(dull / np.abs(dull).max())


def mix(length_s: float, *parts: tuple[float, float, Wave]) -> Wave:
    """Adds (start in seconds, gain, wave) into one wave of the given length."""
    out = np.zeros(int(length_s * RATE))
    for start_s, gain, part in parts:
        start = int(start_s * RATE)
        end = min(len(out), start + len(part))
        out[start:end] += gain * part[: end - start]
    return out


def bell(length_s: float = 1.1) -> Wave:
    """One stroke of a ring bell: the inharmonic partials of struck metal, the high ones dying first."""
    t = seconds(length_s)
    partials = ((1.0, 1.0, 0.55), (2.0, 0.55, 0.4), (2.76, 0.45, 0.3), (5.4, 0.3, 0.12), (8.93, 0.2, 0.06))
    return sum(
        (gain * np.sin(2 * np.pi * 784 * ratio * t) * np.exp(-t / decay) for ratio, gain, decay in partials),
        start=np.zeros_like(t),
    )


def note(hz: float, length_s: float, decay_s: float) -> Wave:
    """A soft tone with two overtones."""
    t = seconds(length_s)
    tone = np.sin(2 * np.pi * hz * t) + 0.35 * np.sin(4 * np.pi * hz * t) + 0.15 * np.sin(6 * np.pi * hz * t)
    return fade(tone, 0.008, decay_s)


def sounds() -> dict[str, Wave]:
    """Every sound by its name."""
    random = np.random.default_rng(7)
    slap = fade(noise(0.12, 3, random), 0.001, 0.022)
    thud = fade(sweep(190, 60, 0.22), 0.002, 0.06)
    boom = fade(sweep(130, 38, 0.5), 0.002, 0.14)
    whoosh = noise(0.22, 9, random) * np.sin(np.pi * np.minimum(1.0, seconds(0.22) / 0.22)) ** 2
    chord = [523.25, 659.25, 783.99, 1046.5]
    return {
        "bell": mix(1.2, (0.0, 0.8, bell())),
        "final": mix(1.9, (0.0, 0.8, bell()), (0.28, 0.8, bell()), (0.56, 0.9, bell(1.3))),
        "hit": mix(0.25, (0.0, 0.8, slap), (0.0, 0.9, thud)),
        "heavy": mix(0.55, (0.0, 0.9, slap), (0.0, 1.0, boom), (0.015, 0.5, thud)),
        "miss": mix(0.25, (0.0, 0.7, whoosh)),
        "guard": mix(0.3, (0.0, 0.5, fade(noise(0.08, 5, random), 0.001, 0.02)), (0.0, 0.6, note(165, 0.3, 0.07))),
        "mend": mix(0.8, *((0.09 * i, 0.5, note(hz, 0.5, 0.16)) for i, hz in enumerate(chord))),
        "charge": mix(0.7, (0.0, 0.6, sweep(110, 620, 0.6) * np.linspace(0.1, 1, int(0.6 * RATE)) ** 2)),
        "fall": mix(0.8, (0.0, 1.0, boom), (0.26, 0.5, boom), (0.0, 0.5, slap), (0.26, 0.3, slap)),
        "win": mix(
            1.6,
            *((0.13 * i, 0.5, note(hz, 0.5, 0.2)) for i, hz in enumerate(chord[:3])),
            *((0.42, 0.4, note(hz, 1.1, 0.45)) for hz in chord),
        ),
        "lose": mix(1.3, *((0.2 * i, 0.6, note(hz, 0.6, 0.25)) for i, hz in enumerate((392.0, 349.23, 293.66, 220.0)))),
        "tick": mix(0.05, (0.0, 0.5, note(880, 0.05, 0.012))),
        "choose": mix(0.12, (0.0, 0.5, note(660, 0.1, 0.03)), (0.03, 0.5, note(990, 0.09, 0.03))),
    }


def save(path: Path, sound: Wave, peak: float = 0.7) -> None:
    """Writes one wave, its loudest sample at `peak`."""
    samples = (sound / np.abs(sound).max() * peak * 32_767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def main() -> None:
    folder = Path(__file__).parent / "sounds"
    folder.mkdir(exist_ok=True)
    for name, sound in sounds().items():
        save(folder / f"{name}.wav", sound, 0.35 if name in ("tick", "choose") else 0.7)


if __name__ == "__main__":
    main()
