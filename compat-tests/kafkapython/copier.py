"""Copies a topic into another one in transactions, with kafka-python: BROKER INPUT OUTPUT GROUP TRANSACTIONAL-ID [KEY=VALUE ...].

What it prints is described in package txns. batch, abort and partitions are its own options; others are those of KafkaProducer.
"""

import sys
import threading

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError
from kafka.net.compat import KafkaNetClient
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


class Client(KafkaNetClient):
    """Has a request of transactions tried again when its connection is lost before it is sent.

    The sender of version 3.0.12 does so when it is told that the broker isn't ready. When it is told by an exception it forgets the request, and
    whoever called waits for ever, whatever the broker is.
    """

    def await_ready(self, *args, **kwargs):
        try:
            return super().await_ready(*args, **kwargs)
        except KafkaError:
            return False


class Copier:
    def __init__(self, broker, source, target, group, name, options):
        own = {key: int(options.pop(key)) for key in ("batch", "abort", "partitions")}
        self.batch, self.drop = own["batch"], own["abort"]
        self.target = target
        self.partitions = [TopicPartition(source, p) for p in range(own["partitions"])]
        self.group = ConsumerGroupMetadata(group, -1, "", None)
        self.transactions = 0
        self.consumer = KafkaConsumer(
            bootstrap_servers=broker, group_id=group, enable_auto_commit=False, isolation_level="read_committed",
            auto_offset_reset="earliest", reconnect_backoff_max_ms=200, max_poll_records=self.batch)
        self.producer = KafkaProducer(
            bootstrap_servers=broker, transactional_id=name, reconnect_backoff_max_ms=200, kafka_client=Client, **options)

    def copy(self, leaving):
        self.producer.init_transactions()
        self.consumer.assign(self.partitions)
        self.rewind()
        while not leaving.is_set():
            polled = self.consumer.poll(100)
            if not polled:
                continue
            try:
                self.transaction(polled)
            except (ProducerFencedError, InvalidProducerEpochError):
                raise
            except KafkaError as e:
                sys.stderr.write("%r\n" % e)
                self.abort()
        self.consumer.close()
        self.producer.close()

    def transaction(self, polled):
        self.transactions += 1
        drop = self.transactions % self.drop == 0
        self.producer.begin_transaction()
        sent, offsets = [], {}
        for partition, records in polled.items():
            for r in records:
                sent.append(self.producer.send(self.target, b"aborted" if drop else r.value, partition=r.partition))
            offsets[partition] = OffsetAndMetadata(records[-1].offset + 1, "", -1)
        self.producer.send_offsets_to_transaction(offsets, self.group)
        self.producer.flush()
        for each in sent:
            each.get()
        if drop:
            self.abort()
            return
        self.producer.commit_transaction()
        say("committed", len(sent))

    def abort(self):
        self.producer.abort_transaction()
        say("aborted")
        self.rewind()

    def rewind(self):
        for partition in self.partitions:
            self.consumer.seek(partition, self.consumer.committed(partition) or 0)


def main():
    copier = Copier(*sys.argv[1:6], dict(word.split("=", 1) for word in sys.argv[6:]))
    leaving = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), leaving.set()), daemon=True).start()
    try:
        copier.copy(leaving)
    except (ProducerFencedError, InvalidProducerEpochError) as e:
        say("fenced", repr(e))
        sys.stdout.flush()
        sys.exit(3)


main()
