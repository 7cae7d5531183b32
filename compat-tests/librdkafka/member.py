"""One consumer of a group, with a librdkafka of 2018: BROKER GROUP TOPIC ID [KEY=VALUE ...].

Keys are librdkafka's. It commits what it polled before it polls again or gives partitions back, and leaves when its standard input ends.
"""

import sys
import threading

import rdkafka
from rdkafka import lib


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


class Member:
    def __init__(self, broker, group, topic, name, settings):
        self.ends = {}
        self.client = rdkafka.Client(rdkafka.CONSUMER, dict({
            "bootstrap.servers": broker,
            "group.id": group,
            "client.id": name,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": "false",
            "enable.partition.eof": "false",
            "topic.metadata.refresh.interval.ms": "1000",
        }, **settings), rebalance=self.rebalance)
        rdkafka.check(lib.rd_kafka_poll_set_consumer(self.client.handle))
        self.client.subscribe(topic)

    def rebalance(self, handle, what, partitions, _):
        if what == rdkafka.ASSIGN:
            lib.rd_kafka_assign(handle, partitions)
            say("assigned", *("%s/%d" % (p.topic.decode(), p.partition) for p in partitions.contents))
            return
        self.commit()
        lib.rd_kafka_assign(handle, None)
        say("assigned")

    def poll(self, wait):
        """Hands on one message and says whether there was one."""
        polled = lib.rd_kafka_consumer_poll(self.client.handle, wait)
        if not polled:
            return False
        message = polled.contents
        if message.err:
            sys.stderr.write("%s\n" % rdkafka.text(message.err))
        else:
            topic = message.topic()
            say("record", "%s/%d" % (topic, message.partition), message.offset, message.value().decode())
            self.ends[(topic, message.partition)] = message.offset + 1
        lib.rd_kafka_message_destroy(polled)
        return True

    def commit(self):
        if not self.ends:
            return
        done, errors = self.client.commit(self.ends)
        self.ends = {}
        for topic, partition, offset in done:
            say("committed", "%s/%d" % (topic, partition), offset)
        for error in errors:
            sys.stderr.write("commit: %s\n" % error)

    def run(self, leaving):
        while not leaving.is_set():
            if self.poll(100):
                for _ in range(99):
                    if not self.poll(0):
                        break
            self.commit()
        rdkafka.check(lib.rd_kafka_consumer_close(self.client.handle))
        lib.rd_kafka_destroy(self.client.handle)


def main():
    member = Member(*sys.argv[1:5], dict(word.split("=", 1) for word in sys.argv[5:]))
    leaving = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), leaving.set()), daemon=True).start()
    member.run(leaving)


main()
