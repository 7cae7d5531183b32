import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/** The consumer without a group: assign, seek, search by time, tailing. */
final class ConsumeScenarios {
    private ConsumeScenarios() {}

    static void register(Map<String, Scenarios.Scenario> all) {
        all.put("consume/seek-and-position", ConsumeScenarios::seekAndPosition);
        all.put("consume/offsets-for-times", ConsumeScenarios::offsetsForTimes);
        all.put("consume/read-committed", ConsumeScenarios::readCommitted);
        all.put("consume/tail", ConsumeScenarios::tail);
        all.put("consume/many-partitions", ConsumeScenarios::manyPartitions);
        all.put("consume/out-of-range", ConsumeScenarios::outOfRange);
        all.put("consume/small-fetches", ConsumeScenarios::smallFetches);
        all.put("consume/compacted", ConsumeScenarios::compacted);
        all.put("consume/list-topics", ConsumeScenarios::listTopics);
    }

    private static TopicPartition filled(Cluster cluster, int records) throws Exception {
        TopicPartition partition = new TopicPartition(cluster.topic(1), 0);
        try (Producer<String, String> producer = cluster.producer()) {
            for (int i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(partition.topic(), 0, 1_000_000L + i * 10L, null, "v" + i));
            }
        }
        return partition;
    }

    private static void seekAndPosition(Cluster cluster) throws Exception {
        TopicPartition partition = filled(cluster, 500);
        try (Consumer<String, String> consumer = cluster.consumer()) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            Scenarios.equal(500L, consumer.position(partition), "position at the end");
            consumer.seekToBeginning(List.of(partition));
            Scenarios.equal(0L, consumer.position(partition), "position at the beginning");
            consumer.seek(partition, 123); // in the middle of a batch
            Scenarios.equal("v123", Cluster.drain(consumer, partition).get(0).value(), "first after seek");
            Scenarios.equal(Map.of(partition, 0L), consumer.beginningOffsets(List.of(partition)), "beginning offsets");
            Scenarios.equal(Map.of(partition, 500L), consumer.endOffsets(List.of(partition)), "end offsets");
        }
    }

    private static void offsetsForTimes(Cluster cluster) throws Exception {
        TopicPartition partition = filled(cluster, 500);
        try (Consumer<String, String> consumer = cluster.consumer()) {
            Map<Long, Long> want = new HashMap<>(Map.of(0L, 0L, 1_000_000L, 0L, 1_000_001L, 1L, 1_002_500L, 250L, 1_004_990L, 499L));
            for (Map.Entry<Long, Long> each : want.entrySet()) {
                OffsetAndTimestamp at = consumer.offsetsForTimes(Map.of(partition, each.getKey())).get(partition);
                Scenarios.equal(each.getValue(), at.offset(), "offset at time " + each.getKey());
                Scenarios.equal(1_000_000L + at.offset() * 10, at.timestamp(), "its timestamp");
            }
            Scenarios.check(consumer.offsetsForTimes(Map.of(partition, 1_004_991L)).get(partition) == null, "nothing after the last record");
        }
    }

    private static void readCommitted(Cluster cluster) throws Exception {
        TopicPartition partition = filled(cluster, 100);
        try (Consumer<String, String> consumer = cluster.consumer("isolation.level", "read_committed")) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            Scenarios.equal(100, Cluster.drain(consumer, partition).size(), "records");
        }
    }

    /** Records come within the time that a waiting fetch may take, far under fetch.max.wait.ms once they are there. */
    private static void tail(Cluster cluster) throws Exception {
        TopicPartition partition = filled(cluster, 1);
        try (Consumer<String, String> consumer = cluster.consumer(); Producer<String, String> producer = cluster.producer()) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            Scenarios.equal(1L, consumer.position(partition), "position"); // the seek is lazy: look it up before more is produced
            for (int i = 0; i < 100; i++) {
                producer.send(new ProducerRecord<>(partition.topic(), 0, null, "tail" + i)).get();
                List<ConsumerRecord<String, String>> got = new ArrayList<>();
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while (got.isEmpty() && System.nanoTime() < deadline) {
                    consumer.poll(Duration.ofSeconds(1)).records(partition).forEach(got::add);
                }
                Scenarios.equal(1, got.size(), "records of one poll");
                Scenarios.equal("tail" + i, got.get(0).value(), "value");
            }
        }
    }

    /** More partitions than one answer holds go through an incremental fetch session. */
    private static void manyPartitions(Cluster cluster) throws Exception {
        String topic = cluster.topic(200);
        List<TopicPartition> partitions = new ArrayList<>();
        for (int p = 0; p < 200; p++) {
            partitions.add(new TopicPartition(topic, p));
        }
        try (Consumer<String, String> consumer = cluster.consumer(); Producer<String, String> producer = cluster.producer()) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Set<String> want = new HashSet<>();
            for (int round = 0; round < 5; round++) {
                for (int p = round; p < 200; p += 3) {
                    producer.send(new ProducerRecord<>(topic, p, null, round + "/" + p));
                    want.add(round + "/" + p);
                }
                producer.flush();
                consumer.poll(Duration.ofMillis(50)).forEach(r -> want.remove(r.value()));
            }
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!want.isEmpty() && System.nanoTime() < deadline) {
                consumer.poll(Duration.ofMillis(200)).forEach(r -> want.remove(r.value()));
            }
            Scenarios.check(want.isEmpty(), want.size() + " records never came");
        }
    }

    private static void outOfRange(Cluster cluster) throws Exception {
        TopicPartition partition = filled(cluster, 10);
        try (Consumer<String, String> consumer = cluster.consumer("auto.offset.reset", "none")) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 1000);
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (System.nanoTime() < deadline) {
                consumer.poll(Duration.ofMillis(200));
            }
            throw new AssertionError("no OffsetOutOfRangeException");
        } catch (OffsetOutOfRangeException e) {
            Scenarios.check(e.offsetOutOfRangePartitions().containsKey(partition), "names the partition");
        }
    }

    /** Limits below the size of a batch must not stop a consumer. */
    private static void smallFetches(Cluster cluster) throws Exception {
        TopicPartition partition = filled(cluster, 5000);
        try (Consumer<String, String> consumer =
                cluster.consumer("max.partition.fetch.bytes", "100", "fetch.max.bytes", "100", "max.poll.records", "7")) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            Scenarios.equal(5000, Cluster.drain(consumer, partition).size(), "records");
        }
    }

    private static void listTopics(Cluster cluster) throws Exception {
        String topic = cluster.topic(3);
        try (Consumer<String, String> consumer = cluster.consumer()) {
            List<PartitionInfo> partitions = consumer.listTopics().get(topic);
            Scenarios.equal(3, partitions.size(), "partitions");
            Scenarios.check(partitions.get(0).leader() != null, "has a leader");
            Scenarios.equal(3, consumer.partitionsFor(topic).size(), "partitionsFor");
        }
    }

    /** What was written to a compacted topic is gone within a minute where a later record has its key, and all else is where it was. */
    private static void compacted(Cluster cluster) throws Exception {
        TopicPartition partition = new TopicPartition(cluster.topic(1, Map.of(
                "cleanup.policy", "compact", "segment.ms", "500", "max.compaction.lag.ms", "100")), 0);
        try (Producer<String, String> producer = cluster.producer(); Consumer<String, String> consumer = cluster.consumer()) {
            for (int i = 0; i < 100; i++) {
                producer.send(new ProducerRecord<>(partition.topic(), 0, "k" + i % 10, i == 95 ? null : "v" + i));
            }
            producer.flush();
            consumer.assign(List.of(partition));
            Scenarios.await(() -> {
                Thread.sleep(200);
                // Apache Kafka closes a segment when something is appended.
                producer.send(new ProducerRecord<>(partition.topic(), 0, "tick", "")).get();
                consumer.seekToBeginning(List.of(partition));
                List<String> left = new ArrayList<>();
                for (ConsumerRecord<String, String> record : Cluster.drain(consumer, partition)) {
                    if (!record.key().equals("tick")) {
                        left.add(record.offset() + "=" + record.value());
                    }
                }
                return left.equals(List.of("90=v90", "91=v91", "92=v92", "93=v93", "94=v94", "95=null", "96=v96", "97=v97", "98=v98", "99=v99"));
            }, "only the last record of each key is left");
        }
    }
}
