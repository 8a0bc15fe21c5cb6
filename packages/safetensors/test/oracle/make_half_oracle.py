#!/usr/bin/python3
"""What numpy makes of floats that lie on, between and beside all float16 numbers; to-float16.test.ts asks the same.

    /usr/bin/python3 make_half_oracle.py

Prints half.json: SHA-256 of numpy's float16 bits (uint16, little-endian), one digest per row of questions. The rows hold,
for each of the 31744 finite positive halves: itself; the middle between it and the next one (beyond the last: 65520); and
the float32 neighbours of that middle. `doubles` are the float64 neighbours, which a detour over float32 would round twice.
"""
import hashlib, json
import numpy as np

halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64)
middles = (halves + np.append(halves[1:], 65536.0)) / 2
singles = middles.astype(np.float32)
assert (singles == middles).all()
rows = {
    "halves": halves,
    "middles": middles,
    "below": np.nextafter(singles, np.float32(-np.inf)),
    "above": np.nextafter(singles, np.float32(np.inf)),
    "doublesBelow": np.nextafter(middles, -np.inf),
    "doublesAbove": np.nextafter(middles, np.inf),
}
with np.errstate(over="ignore"):
    bits = {name: [x.astype(np.float16).view(np.uint16), (-x).astype(np.float16).view(np.uint16)] for name, x in rows.items()}
print(json.dumps({k: [hashlib.sha256(v.astype("<u2").tobytes()).hexdigest() for v in pair] for k, pair in bits.items()}, indent=2))
