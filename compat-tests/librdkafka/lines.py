"""Produces the lines of its standard input to partition 0 of a topic, with a librdkafka of 2018: BROKER TOPIC [KEY=VALUE ...].

Keys are librdkafka's. Prints the version of the library. Exits with 1 if any line is not delivered.
"""

import sys

import rdkafka
from rdkafka import lib

QUEUE_FULL = -184

failures = []


def delivered(_, message, __):
    if message.contents.err:
        failures.append(rdkafka.text(message.contents.err))


def main():
    print(lib.rd_kafka_version_str().decode())
    client = rdkafka.Client(rdkafka.PRODUCER, dict({"bootstrap.servers": sys.argv[1]}, **dict(word.split("=", 1) for word in sys.argv[3:])), delivered=delivered)
    topic = lib.rd_kafka_topic_new(client.handle, sys.argv[2].encode(), None)
    for line in sys.stdin:
        value = line.rstrip("\n").encode()
        while lib.rd_kafka_produce(topic, 0, rdkafka.COPY, value, len(value), None, 0, None) != 0:
            if lib.rd_kafka_last_error() != QUEUE_FULL:
                rdkafka.check(lib.rd_kafka_last_error())
            lib.rd_kafka_poll(client.handle, 10)
        lib.rd_kafka_poll(client.handle, 0)
    rdkafka.check(lib.rd_kafka_flush(client.handle, 60000))
    for failure in failures:
        sys.stderr.write("delivery failed: %s\n" % failure)
    sys.exit(1 if failures else 0)


main()
