"""One consumer of a group, with librdkafka through confluent-kafka: BROKER GROUP TOPIC ID [KEY=VALUE ...].

Keys are librdkafka's. It commits what it polled before it polls again, and leaves when its standard input ends.
"""

import sys
import threading

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition


def say(*words):
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def main():
    broker, group, topic, name = sys.argv[1:5]
    settings = {
        "bootstrap.servers": broker,
        "group.id": group,
        "client.id": name,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "topic.metadata.refresh.interval.ms": 1000,
    }
    settings.update(word.split("=", 1) for word in sys.argv[5:])
    consumer = Consumer(settings)
    leaving = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), leaving.set()), daemon=True).start()

    assigned = []

    def say_assigned():
        say("assigned", *("%s/%d" % each for each in assigned))

    def on_assign(_, partitions):
        assigned.extend((p.topic, p.partition) for p in partitions)
        say_assigned()

    def on_revoke(_, partitions):
        for p in partitions:
            assigned.remove((p.topic, p.partition))
        say_assigned()

    consumer.subscribe([topic], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_revoke)
    while not leaving.is_set():
        polled = consumer.consume(100, 0.1)
        ends = {}
        for message in polled:
            if message.error() is not None:
                if message.error().code() == KafkaError._FATAL or message.error().fatal():
                    say("fenced")
                    return
                sys.stderr.write("%s\n" % message.error())
                continue
            say("record", "%s/%d" % (message.topic(), message.partition()), message.offset(), message.value().decode())
            ends[(message.topic(), message.partition())] = message.offset() + 1
        if ends:
            commit(consumer, ends)
    consumer.close()


def commit(consumer, ends):
    try:
        done = consumer.commit(offsets=[TopicPartition(t, p, o) for (t, p), o in ends.items()], asynchronous=False)
    except KafkaException as e:
        sys.stderr.write("commit: %s\n" % e)
        return
    for each in done:
        if each.error is None:
            say("committed", "%s/%d" % (each.topic, each.partition), each.offset)


main()
