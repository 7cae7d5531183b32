"""Copies a topic into another one in transactions, with librdkafka through confluent-kafka:
BROKER INPUT OUTPUT GROUP TRANSACTIONAL-ID [KEY=VALUE ...].

What it prints is described in package txns. batch, abort and partitions are its own options; others are librdkafka's.
"""

import os
import sys
import threading

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def watch(done):
    """Ends the process when a transaction takes 8 s, for librdkafka may wait for ever to send offsets whose coordinator went away; who uses it starts again.

    The time for which the process was frozen doesn't count: one that is thawed has to find out that it is fenced.
    """
    for _ in range(80):
        if done.wait(0.1):
            return
    os._exit(4)


class Copier:
    def __init__(self, broker, source, target, group, name, options):
        own = {key: int(options.pop(key)) for key in ("batch", "abort", "partitions")}
        self.batch, self.drop = own["batch"], own["abort"]
        self.target = target
        self.partitions = [(source, p) for p in range(own["partitions"])]
        self.transactions = 0
        self.consumer = Consumer({
            "bootstrap.servers": broker,
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "reconnect.backoff.max.ms": 200,
        })
        self.producer = Producer(dict({
            "bootstrap.servers": broker,
            "transactional.id": name,
            "reconnect.backoff.max.ms": 200,
        }, **options))

    def retry(self, do):
        """Calls until the answer is not that it may be called again."""
        while True:
            try:
                return do()
            except KafkaException as e:
                if not e.args[0].retriable():
                    raise
                sys.stderr.write("%s\n" % e)

    def copy(self, leaving):
        self.retry(lambda: self.producer.init_transactions(30))
        self.rewind()
        while not leaving.is_set():
            messages = [m for m in self.consumer.consume(self.batch, 0.1) if m.error() is None]
            if not messages:
                continue
            done = threading.Event()
            threading.Thread(target=watch, args=(done,), daemon=True).start()
            try:
                self.transaction(messages)
            except KafkaException as e:
                sys.stderr.write("%s\n" % e)
                if not e.args[0].txn_requires_abort():
                    raise
                self.abort()
            finally:
                done.set()
        self.consumer.close()

    def transaction(self, messages):
        self.transactions += 1
        drop = self.transactions % self.drop == 0
        self.producer.begin_transaction()
        ends = {}
        for m in messages:
            self.producer.produce(self.target, b"aborted" if drop else m.value(), partition=m.partition())
            ends[(m.topic(), m.partition())] = m.offset() + 1
        offsets = [TopicPartition(t, p, o) for (t, p), o in ends.items()]
        self.retry(lambda: self.producer.send_offsets_to_transaction(offsets, self.consumer.consumer_group_metadata(), 4))
        if drop:
            self.retry(lambda: self.producer.flush(30))
            self.abort()
            return
        self.retry(lambda: self.producer.commit_transaction(30))
        say("committed", len(messages))

    def abort(self):
        self.retry(lambda: self.producer.abort_transaction(30))
        say("aborted")
        self.rewind()

    def rewind(self):
        committed = None
        while committed is None:
            try:
                committed = self.consumer.committed([TopicPartition(t, p) for t, p in self.partitions], 30)
            except KafkaException as e:  # librdkafka does not look for another coordinator by itself here.
                sys.stderr.write("%s\n" % e)
        self.consumer.assign([TopicPartition(c.topic, c.partition, max(c.offset, 0)) for c in committed])


def main():
    copier = Copier(*sys.argv[1:6], dict(word.split("=", 1) for word in sys.argv[6:]))
    leaving = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), leaving.set()), daemon=True).start()
    try:
        copier.copy(leaving)
    except KafkaException as e:
        fatal = e.args[0].code() == KafkaError._FENCED or e.args[0].code() in (KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
        if not fatal:
            raise
        say("fenced", e)
        sys.exit(3)


main()
