"""Produces the lines of its standard input to partition 0 of a topic as they come, with an idempotent librdkafka: BROKER TOPIC.

Exits with 1 if any is not delivered.
"""

import sys

from confluent_kafka import Producer

failures = []


def delivered(error, _):
    if error is not None:
        failures.append(error)


producer = Producer({"bootstrap.servers": sys.argv[1], "enable.idempotence": True, "linger.ms": 2})
for line in iter(sys.stdin.readline, ""):
    producer.produce(sys.argv[2], line.rstrip("\n"), partition=0, on_delivery=delivered)
    producer.poll(0)
producer.flush()
for error in failures:
    sys.stderr.write("delivery failed: %s\n" % error)
sys.exit(1 if failures else 0)
