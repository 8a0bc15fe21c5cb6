"""Records what the Rust library (PyPI safetensors) writes and what it accepts.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install safetensors==0.8.0 numpy
    /tmp/venv/bin/python make_oracle.py

Writes, beside this file:
  every-dtype.safetensors   one tensor of each dtype and some odd shapes and names; rust-compat.test.ts builds the same ones
  verdicts.json             files given as base64, and whether the Rust library accepts them
"""

import base64
import json
import pathlib

import numpy as np
import safetensors

here = pathlib.Path(__file__).parent

SIZES = {
    "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "float64": 8, "int64": 8, "uint64": 8,
}  # fmt: skip
kept = []  # the library takes addresses: the arrays must stay alive


def spec(dtype, shape):
    n = int(np.prod(shape)) * SIZES[dtype]
    data = np.array([(i * 37 + 11) % (2 if dtype == "bool" else 251) for i in range(n)], np.uint8)
    kept.append(data)
    return safetensors.TensorSpec(dtype=dtype, shape=shape, data_ptr=data.ctypes.data, data_len=n)


tensors = {f"all.{dtype}": spec(dtype, [2, 3]) for dtype in SIZES}
tensors["scalar"] = spec("float32", [])
tensors["empty"] = spec("int64", [0, 7])
tensors["odd"] = spec("uint8", [3])
tensors[""] = spec("uint8", [1])
tensors['quote " back \\ slash / tab \t bell \x07 del \x7f line \u2028'] = spec("float32", [1])
tensors["\ufffd sorts before"] = spec("float32", [1])
tensors["\U0001f600 by code point"] = spec("float32", [1])
tensors["__proto__"] = spec("float32", [1])
written = safetensors.serialize(tensors, metadata={"format": "pt", "note": "naïve \U0001f600"})
(here / "every-dtype.safetensors").write_bytes(bytes(written))

cases = {}


def case(name, header, data=b"", length=None):
    header = header.encode() if isinstance(header, str) else header
    length = len(header) if length is None else length
    cases[name] = length.to_bytes(8, "little") + header + data


def entry(dtype='"U8"', shape="[1]", offsets="[0,1]", more=""):
    return '{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (dtype, shape, offsets, more)


case("minimal", '{"a":%s}' % entry(), b"1")
case("no tensors", "{}")
case("empty header", "")
cases["no bytes"] = b""
cases["seven bytes"] = b"1234567"
case("header longer than the file", "{}", length=3)
case("header of 100 MB + 1", "{}", length=100_000_001)
case("header of 2^64 - 1", "{}", length=2**64 - 1)
case("header of 2^63", "{}", length=2**63)
case("a list", "[]")
case("a number", "1")
case("not UTF-8", b'{"\xff":%s}' % entry().encode(), b"1")
case("overlong UTF-8", b'{"\xc0\x80":%s}' % entry().encode(), b"1")
case("byte order mark", b'\xef\xbb\xbf{"a":%s}' % entry().encode(), b"1")
case("leading space", ' {"a":%s}' % entry(), b"1")
case("trailing spaces", '{"a":%s} \n\t\r ' % entry(), b"1")
case("trailing NUL", '{"a":%s}\0' % entry(), b"1")
case("trailing object", '{"a":%s}{}' % entry(), b"1")
case("trailing comma", '{"a":%s,}' % entry(), b"1")
case("single quotes", "{'a':%s}" % entry(), b"1")
case("unquoted key", "{a:%s}" % entry(), b"1")
case("comment", '{/**/"a":%s}' % entry(), b"1")
case("raw newline in a name", '{"a\n":%s}' % entry(), b"1")
case("bad escape", '{"\\x41":%s}' % entry(), b"1")
case("unicode escape", '{"\\u0041\\ud83d\\ude00":%s}' % entry(), b"1")
case("half a surrogate pair", '{"\\ud800":%s}' % entry(), b"1")
case("same name twice", '{"a":%s,"a":%s}' % (entry(), entry()), b"1")
case("same name twice, one escaped", '{"a":%s,"\\u0061":%s}' % (entry(), entry()), b"1")
case("dtype twice", '{"a":%s}' % entry(more=',"dtype":"U8"'), b"1")
case("metadata twice", '{"__metadata__":{},"__metadata__":{}}')
case("metadata key twice", '{"__metadata__":{"a":"1","a":"2"}}')
case("metadata", '{"__metadata__":{"a":"1"}}')
case("metadata null", '{"__metadata__":null}')
case("metadata number", '{"__metadata__":{"a":1}}')
case("metadata list", '{"__metadata__":[]}')
case("proto", '{"__proto__":%s}' % entry(), b"1")
case("entry null", '{"a":null}')
case("entry as a list", '{"a":["U8",[1],[0,1]]}', b"1")
case("no dtype", '{"a":{"shape":[1],"data_offsets":[0,1]}}', b"1")
case("no shape", '{"a":{"dtype":"U8","data_offsets":[0,1]}}', b"1")
case("no offsets", '{"a":{"dtype":"U8","shape":[1]}}', b"1")
case("unknown field", '{"a":%s}' % entry(more=',"x":[{"y":null,"z":-1.5e3}]'), b"1")
case("unknown field, nested 200 deep", '{"a":%s}' % entry(more=',"x":' + "[" * 200 + "]" * 200), b"1")
case("unknown dtype", '{"a":%s}' % entry('"U9"'), b"1")
case("dtype in lower case", '{"a":%s}' % entry('"u8"'), b"1")
case("dtype a number", '{"a":%s}' % entry("1"), b"1")
case("shape a number", '{"a":%s}' % entry(shape="1"), b"1")
case("shape negative", '{"a":%s}' % entry(shape="[-1]"), b"1")
case("shape negative zero", '{"a":%s}' % entry(shape="[-0]", offsets="[0,0]"))
case("shape with a point", '{"a":%s}' % entry(shape="[1.0]"), b"1")
case("shape with an exponent", '{"a":%s}' % entry(shape="[1e0]"), b"1")
case("shape with a leading zero", '{"a":%s}' % entry(shape="[01]"), b"1")
case("shape 2^64", '{"a":%s}' % entry(shape="[18446744073709551616]"), b"1")
case("shape 2^63", '{"a":%s}' % entry(shape="[9223372036854775808]"), b"1")
case("shape product 2^64", '{"a":%s}' % entry(shape="[4294967296,4294967296]", offsets="[0,0]"))
case("shape product overflows, then 0", '{"a":%s}' % entry(shape="[4294967296,4294967296,0]", offsets="[0,0]"))
case("shape 0, then a large product", '{"a":%s}' % entry(shape="[0,4294967296,4294967296]", offsets="[0,0]"))
case("shape 0, then beyond 2^53", '{"a":%s}' % entry(shape="[0,9223372036854775807]", offsets="[0,0]"))
case("bytes overflow", '{"a":%s}' % entry('"F64"', "[2305843009213693952]", "[0,0]"))
case("rank 100", '{"a":%s}' % entry(shape="[%s]" % ",".join("1" * 100)), b"1")
case("offsets of three", '{"a":%s}' % entry(offsets="[0,1,1]"), b"1")
case("offsets of one", '{"a":%s}' % entry(offsets="[0]"), b"1")
case("offsets reversed", '{"a":%s}' % entry(offsets="[1,0]"), b"1")
case("offsets negative", '{"a":%s}' % entry(offsets="[-1,0]"), b"1")
case("offsets beyond the file", '{"a":%s}' % entry(offsets="[0,1]"))
case("offsets beyond 2^53", '{"a":%s}' % entry(offsets="[9007199254740993,9007199254740994]"), b"1")
case("size against shape", '{"a":%s}' % entry(shape="[2]"), b"1")
case("bytes left over", '{"a":%s}' % entry(), b"12")
case("does not begin at 0", '{"a":%s}' % entry(offsets="[1,2]"), b"12")
case("hole", '{"a":%s,"b":%s}' % (entry(), entry(offsets="[2,3]")), b"123")
case("overlap", '{"a":%s,"b":%s}' % (entry(shape="[2]", offsets="[0,2]"), entry(offsets="[1,2]")), b"12")
case("same bytes twice", '{"a":%s,"b":%s}' % (entry(), entry()), b"1")
case("out of order", '{"b":%s,"a":%s}' % (entry(offsets="[1,2]"), entry()), b"12")
case("two empty tensors", '{"b":%s,"a":%s}' % ((entry(shape="[0]", offsets="[0,0]"),) * 2))
case("misaligned", '{"a":%s,"b":%s}' % (entry(), entry('"F32"', "[1]", "[1,5]")), b"12345")
case("bool 2", '{"a":%s}' % entry('"BOOL"'), b"\x02")

verdicts = []
for name, data in cases.items():
    try:
        safetensors.deserialize(data)
        accepted = True
    except safetensors.SafetensorError:
        accepted = False
    verdicts.append({"name": name, "accepted": accepted, "bytes": base64.b64encode(data).decode()})
(here / "verdicts.json").write_text(
    json.dumps({"library": f"safetensors {safetensors.__version__}", "cases": verdicts}, indent=1) + "\n"
)
