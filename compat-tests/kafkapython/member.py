"""One consumer of a group, with kafka-python: BROKER GROUP TOPIC ID [KEY=VALUE ...].

Keys are arguments of KafkaConsumer. It commits what it polled before it polls again, and leaves when its standard input ends.
"""

import sys
import threading

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.errors import FencedInstanceIdError, KafkaError
from kafka.structs import OffsetAndMetadata


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


class Listener(ConsumerRebalanceListener):
    def __init__(self):
        self.assigned = set()

    def on_partitions_assigned(self, assigned):
        self.assigned |= set(assigned)
        self.say()

    def on_partitions_revoked(self, revoked):
        self.assigned -= set(revoked)
        self.say()

    def say(self):
        say("assigned", *("%s/%d" % (p.topic, p.partition) for p in self.assigned))


def main():
    broker, group, topic, name = sys.argv[1:5]
    settings = {
        "bootstrap_servers": broker,
        "group_id": group,
        "client_id": name,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "metadata_max_age_ms": 1000,
    }
    for word in sys.argv[5:]:
        key, value = word.split("=", 1)
        settings[key] = int(value) if value.isdigit() else value
    consumer = KafkaConsumer(**settings)
    leaving = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), leaving.set()), daemon=True).start()
    listener = Listener()
    if topic.startswith("^"):
        consumer.subscribe(pattern=topic, listener=listener)
    else:
        consumer.subscribe([topic], listener=listener)
    try:
        while not leaving.is_set():
            # A join that ends between two polls is begun again by version 3.0.12: the poll that joins waits for it.
            consume(consumer, timeout_ms=100 if listener.assigned else 2000)
            if "group_instance_id" in settings and listener.assigned:
                commit(consumer)  # Its heartbeats tell nobody that it was fenced.
    except FencedInstanceIdError:
        say("fenced")
    consumer.close()


def consume(consumer, timeout_ms):
    ends = {}
    for partition, records in consumer.poll(timeout_ms=timeout_ms).items():
        for r in records:
            say("record", "%s/%d" % (r.topic, r.partition), r.offset, r.value.decode())
        ends[partition] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
    if ends and commit(consumer, ends):
        for partition, end in ends.items():
            say("committed", "%s/%d" % (partition.topic, partition.partition), end.offset)


def commit(consumer, ends=None):
    try:
        consumer.commit(ends)
    except FencedInstanceIdError:
        raise
    except KafkaError as e:
        sys.stderr.write("commit: %r\n" % e)
        return False
    return True


main()
