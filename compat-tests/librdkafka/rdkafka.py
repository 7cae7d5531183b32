"""The part of librdkafka's C interface that the programs of this folder need, for a library that a wheel brought along.

The environment names its folder in RDKAFKA_FOLDER. Structures are those of rdkafka.h of versions 0.11.x.
"""

import ctypes
import glob
import os
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p

PRODUCER, CONSUMER = 0, 1
COPY = 2  # RD_KAFKA_MSG_F_COPY
ASSIGN, REVOKE = -175, -174  # RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS and __REVOKE_PARTITIONS


class Partition(Structure):
    _fields_ = [("topic", c_char_p), ("partition", c_int32), ("offset", c_int64), ("metadata", c_void_p), ("metadata_size", c_size_t),
                ("opaque", c_void_p), ("err", c_int), ("_private", c_void_p)]


class Partitions(Structure):
    _fields_ = [("cnt", c_int), ("size", c_int), ("elems", POINTER(Partition))]

    def __iter__(self):
        return (self.elems[i] for i in range(self.cnt))


class Message(Structure):
    _fields_ = [("err", c_int), ("rkt", c_void_p), ("partition", c_int32), ("payload", c_void_p), ("len", c_size_t), ("key", c_void_p),
                ("key_len", c_size_t), ("offset", c_int64), ("_private", c_void_p)]

    def value(self):
        return ctypes.string_at(self.payload, self.len)

    def topic(self):
        return lib.rd_kafka_topic_name(self.rkt).decode()


RebalanceCallback = CFUNCTYPE(None, c_void_p, c_int, POINTER(Partitions), c_void_p)
DeliveryCallback = CFUNCTYPE(None, c_void_p, POINTER(Message), c_void_p)


def load(folder):
    # The libraries name each other by what they are called here, so what is needed is loaded first.
    for name in ("libz-*", "libcrypto-*", "libssl-*"):
        for path in glob.glob(os.path.join(folder, name)):
            ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    found = ctypes.CDLL(glob.glob(os.path.join(folder, "librdkafka*"))[0])
    for name, result, arguments in (
        ("version_str", c_char_p, []),
        ("err2str", c_char_p, [c_int]),
        ("last_error", c_int, []),
        ("conf_new", c_void_p, []),
        ("conf_set", c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_size_t]),
        ("conf_set_rebalance_cb", None, [c_void_p, RebalanceCallback]),
        ("conf_set_dr_msg_cb", None, [c_void_p, DeliveryCallback]),
        ("new", c_void_p, [c_int, c_void_p, c_char_p, c_size_t]),
        ("destroy", None, [c_void_p]),
        ("poll", c_int, [c_void_p, c_int]),
        ("flush", c_int, [c_void_p, c_int]),
        ("topic_new", c_void_p, [c_void_p, c_char_p, c_void_p]),
        ("topic_destroy", None, [c_void_p]),
        ("topic_name", c_char_p, [c_void_p]),
        ("produce", c_int, [c_void_p, c_int32, c_int, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p]),
        ("poll_set_consumer", c_int, [c_void_p]),
        ("subscribe", c_int, [c_void_p, POINTER(Partitions)]),
        ("assign", c_int, [c_void_p, POINTER(Partitions)]),
        ("consumer_poll", POINTER(Message), [c_void_p, c_int]),
        ("consumer_close", c_int, [c_void_p]),
        ("commit", c_int, [c_void_p, POINTER(Partitions), c_int]),
        ("message_destroy", None, [POINTER(Message)]),
        ("topic_partition_list_new", POINTER(Partitions), [c_int]),
        ("topic_partition_list_add", POINTER(Partition), [POINTER(Partitions), c_char_p, c_int32]),
        ("topic_partition_list_destroy", None, [POINTER(Partitions)]),
    ):
        function = getattr(found, "rd_kafka_" + name)
        function.restype, function.argtypes = result, arguments
    return found


lib = load(os.environ["RDKAFKA_FOLDER"])


class Client:
    """A producer or a consumer with settings in librdkafka's own words."""

    def __init__(self, kind, settings, rebalance=None, delivered=None):
        conf = lib.rd_kafka_conf_new()
        said = ctypes.create_string_buffer(512)
        for key, value in settings.items():
            if lib.rd_kafka_conf_set(conf, key.encode(), value.encode(), said, len(said)) != 0:
                raise ValueError(said.value.decode())
        self.callbacks = (RebalanceCallback(rebalance or (lambda *_: None)), DeliveryCallback(delivered or (lambda *_: None)))
        if rebalance is not None:
            lib.rd_kafka_conf_set_rebalance_cb(conf, self.callbacks[0])
        if delivered is not None:
            lib.rd_kafka_conf_set_dr_msg_cb(conf, self.callbacks[1])
        self.handle = lib.rd_kafka_new(kind, conf, said, len(said))
        if self.handle is None:
            raise ValueError(said.value.decode())

    def subscribe(self, topic):
        topics = lib.rd_kafka_topic_partition_list_new(1)
        lib.rd_kafka_topic_partition_list_add(topics, topic.encode(), -1)
        check(lib.rd_kafka_subscribe(self.handle, topics))
        lib.rd_kafka_topic_partition_list_destroy(topics)

    def commit(self, ends):
        """Commits and returns the (topic, partition, offset) that the broker acknowledged, and the errors of others."""
        offsets = lib.rd_kafka_topic_partition_list_new(len(ends))
        for (topic, partition), offset in ends.items():
            lib.rd_kafka_topic_partition_list_add(offsets, topic.encode(), partition).contents.offset = offset
        failed = lib.rd_kafka_commit(self.handle, offsets, 0)
        done = [(p.topic.decode(), p.partition, p.offset) for p in offsets.contents if failed == 0 and p.err == 0]
        errors = [text(failed)] if failed else [text(p.err) for p in offsets.contents if p.err]
        lib.rd_kafka_topic_partition_list_destroy(offsets)
        return done, errors


def text(code):
    return "%d: %s" % (code, lib.rd_kafka_err2str(code).decode())


def check(code):
    if code != 0:
        raise RuntimeError(text(code))
