"""Event files as TensorBoard's own code writes them, for tensorboard.test.ts.

Made with tensorboard 2.21.0 from PyPI, in this folder: python make_oracle.py
"""

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

CASES = [
    (1700000000.25, 1, {"loss": 2.5}),
    (1700000001.5, 300, {"validation/PER": 0.1234567, "gradientNorm": 1e-30, "größe": -7.0}),
    (1.0, 2**40 + 5, {"x" * 200: 3.4e38}),
    (2.0, 7, {}),
]

with open("events.out.tfevents.oracle", "wb") as file:
    writer = RecordWriter(file)
    writer.write(Event(wall_time=1700000000.0, file_version="brain.Event:2").SerializeToString())
    for wall_time, step, scalars in CASES:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        writer.write(Event(wall_time=wall_time, step=step, summary=Summary(value=values)).SerializeToString())
    writer.flush()
