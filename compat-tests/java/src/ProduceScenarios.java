import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;

/** The producer: default settings, which are idempotent with acks=all, and each departure from them. */
final class ProduceScenarios {
    private static final int LINES = 1_000_000;
    private static final int THREADS = 4;

    private ProduceScenarios() {}

    static void register(Map<String, Scenarios.Scenario> all) {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            all.put("produce/million-lines-" + codec, cluster -> millionLines(cluster, codec));
        }
        for (String acks : List.of("0", "1", "all")) {
            all.put("produce/acks-" + acks, cluster -> acks(cluster, acks));
        }
        all.put("produce/keys-headers-nulls", ProduceScenarios::keysHeadersNulls);
        all.put("produce/creates-topic", ProduceScenarios::createsTopic);
        all.put("produce/too-large", ProduceScenarios::tooLarge);
        all.put("produce/large", ProduceScenarios::large);
        all.put("produce/timestamps", ProduceScenarios::timestamps);
        all.put("produce/log-append-time", ProduceScenarios::logAppendTime);
        all.put("produce/recompress", ProduceScenarios::recompress);
        all.put("produce/over-a-restart", ProduceScenarios::overRestart);
    }

    /** Several threads share one producer; every partition keeps each thread's order, and nothing is lost or doubled. */
    private static void millionLines(Cluster cluster, String codec) throws Exception {
        String topic = cluster.topic(THREADS);
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (Producer<String, String> producer = cluster.producer("compression.type", codec)) {
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < THREADS; t++) {
                int partition = t;
                Thread thread = new Thread(() -> {
                    for (int i = 0; i < LINES / THREADS; i++) {
                        producer.send(new ProducerRecord<>(topic, partition, null, line(partition, i)), (metadata, e) -> {
                            if (e != null) {
                                failure.compareAndSet(null, e);
                            }
                        });
                    }
                });
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }
        if (failure.get() != null) {
            throw failure.get();
        }
        try (Consumer<String, String> consumer = cluster.consumer()) {
            for (int p = 0; p < THREADS; p++) {
                TopicPartition partition = new TopicPartition(topic, p);
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                List<ConsumerRecord<String, String>> records = Cluster.drain(consumer, partition);
                Scenarios.equal(LINES / THREADS, records.size(), "records in partition " + p);
                for (int i = 0; i < records.size(); i++) {
                    Scenarios.equal((long) i, records.get(i).offset(), "offset");
                    Scenarios.equal(line(p, i), records.get(i).value(), "line at offset " + i);
                }
            }
        }
    }

    private static String line(int partition, int i) {
        return "line " + i + " of " + partition + " " + Integer.toHexString(i * 0x9E3779B1);
    }

    private static void acks(Cluster cluster, String acks) throws Exception {
        String topic = cluster.topic(1);
        boolean idempotent = acks.equals("all");
        try (Producer<String, String> producer = cluster.producer("acks", acks, "enable.idempotence", String.valueOf(idempotent))) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, "k" + i, "v" + i)));
            }
            producer.flush();
            for (int i = 0; i < sent.size(); i++) {
                Scenarios.equal(acks.equals("0") ? -1L : (long) i, sent.get(i).get().offset(), "offset told for record " + i);
            }
        }
        if (!acks.equals("all")) {
            awaitEnd(cluster, topic, 1000); // what is answered before the sync is shown to consumers after it
        }
        Scenarios.equal(1000, read(cluster, topic).size(), "records");
    }

    private static void awaitEnd(Cluster cluster, String topic, long end) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Consumer<byte[], byte[]> consumer = cluster.bytesConsumer()) {
            Scenarios.await(() -> consumer.endOffsets(List.of(partition)).get(partition) == end, "end offset is " + end);
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(Cluster cluster, String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        try (Consumer<byte[], byte[]> consumer = cluster.bytesConsumer()) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            return Cluster.drain(consumer, partition);
        }
    }

    private static void keysHeadersNulls(Cluster cluster) throws Exception {
        String topic = cluster.topic(1);
        try (Producer<byte[], byte[]> producer = cluster.bytesProducer()) {
            ProducerRecord<byte[], byte[]> full = new ProducerRecord<>(topic, 0, "key".getBytes(), "value".getBytes());
            full.headers().add("a", "1".getBytes()).add("a", "2".getBytes()).add("none", null).add("empty", new byte[0]);
            producer.send(full).get();
            producer.send(new ProducerRecord<>(topic, 0, "tombstone".getBytes(), null)).get();
            producer.send(new ProducerRecord<>(topic, 0, null, "keyless".getBytes())).get();
            producer.send(new ProducerRecord<>(topic, 0, new byte[0], new byte[0])).get();
            producer.send(new ProducerRecord<>(topic, 0, null, null)).get();
        }
        List<ConsumerRecord<byte[], byte[]>> records = read(cluster, topic);
        Scenarios.equal(5, records.size(), "records");
        List<String> headers = new ArrayList<>();
        for (Header header : records.get(0).headers()) {
            headers.add(header.key() + "=" + (header.value() == null ? "null" : new String(header.value())));
        }
        Scenarios.equal(List.of("a=1", "a=2", "none=null", "empty="), headers, "headers");
        Scenarios.check(records.get(1).value() == null, "a tombstone's value is null");
        Scenarios.check(records.get(2).key() == null, "no key is null");
        Scenarios.check(records.get(3).key().length == 0 && records.get(3).value().length == 0, "empty is not null");
        Scenarios.check(records.get(4).key() == null && records.get(4).value() == null, "both null");
    }

    private static void createsTopic(Cluster cluster) throws Exception {
        String topic = "java-auto-" + System.nanoTime();
        try (Producer<String, String> producer = cluster.producer()) {
            Scenarios.equal(0L, producer.send(new ProducerRecord<>(topic, "first")).get().offset(), "offset");
        }
    }

    private static void tooLarge(Cluster cluster) throws Exception {
        String topic = cluster.topic(1, Map.of("max.message.bytes", "100000"));
        try (Producer<byte[], byte[]> producer = cluster.bytesProducer()) {
            try {
                producer.send(new ProducerRecord<>(topic, 0, null, new byte[200_000])).get();
                throw new AssertionError("a record over max.message.bytes was taken");
            } catch (ExecutionException e) {
                Scenarios.check(e.getCause() instanceof RecordTooLargeException, "want RecordTooLargeException, got " + e.getCause());
            }
            Scenarios.equal(0L, producer.send(new ProducerRecord<>(topic, 0, null, new byte[50_000])).get().offset(), "offset of the next");
        }
    }

    private static void large(Cluster cluster) throws Exception {
        String topic = cluster.topic(1, Map.of("max.message.bytes", "20000000"));
        try (Producer<byte[], byte[]> producer = cluster.bytesProducer("max.request.size", "20000000")) {
            producer.send(new ProducerRecord<>(topic, 0, null, new byte[15_000_000])).get();
        }
        Scenarios.equal(15_000_000, read(cluster, topic).get(0).value().length, "bytes");
    }

    private static void timestamps(Cluster cluster) throws Exception {
        String topic = cluster.topic(1);
        long now = System.currentTimeMillis();
        try (Producer<byte[], byte[]> producer = cluster.bytesProducer()) {
            producer.send(new ProducerRecord<>(topic, 0, now - 86_400_000L, null, new byte[1])).get();
            try {
                producer.send(new ProducerRecord<>(topic, 0, now + 7_200_000L, null, new byte[1])).get();
                throw new AssertionError("a record two hours ahead was taken");
            } catch (ExecutionException e) {
                Scenarios.check(e.getCause() instanceof InvalidTimestampException, "want InvalidTimestampException, got " + e.getCause());
            }
        }
        Scenarios.equal(now - 86_400_000L, read(cluster, topic).get(0).timestamp(), "the producer's timestamp");
    }

    private static void logAppendTime(Cluster cluster) throws Exception {
        for (String codec : List.of("none", "lz4")) {
            String topic = cluster.topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
            long before = System.currentTimeMillis();
            long told;
            try (Producer<byte[], byte[]> producer = cluster.bytesProducer("compression.type", codec)) {
                told = producer.send(new ProducerRecord<>(topic, 0, 1000L, null, new byte[100])).get().timestamp();
            }
            ConsumerRecord<byte[], byte[]> record = read(cluster, topic).get(0);
            Scenarios.equal(told, record.timestamp(), "timestamp told and read");
            Scenarios.check(told >= before && told <= System.currentTimeMillis(), "append time is now");
            Scenarios.equal("LOG_APPEND_TIME", record.timestampType().name(), "timestamp type");
        }
    }

    /** The topic's compression.type, not the producer's, decides what is kept. */
    private static void recompress(Cluster cluster) throws Exception {
        for (String codec : List.of("uncompressed", "gzip", "snappy", "lz4", "zstd")) {
            String topic = cluster.topic(1, Map.of("compression.type", codec));
            try (Producer<byte[], byte[]> producer = cluster.bytesProducer("compression.type", "lz4", "linger.ms", "50")) {
                for (int i = 0; i < 100; i++) {
                    producer.send(new ProducerRecord<>(topic, 0, null, ("value " + i).repeat(20).getBytes()));
                }
            }
            List<ConsumerRecord<byte[], byte[]>> records = read(cluster, topic);
            Scenarios.equal(100, records.size(), "records under " + codec);
            for (int i = 0; i < 100; i++) {
                Scenarios.equal(("value " + i).repeat(20), new String(records.get(i).value()), "value");
            }
        }
    }

    /** One idempotent producer lives through a restart of the broker: nothing lost, nothing doubled, order kept. */
    private static void overRestart(Cluster cluster) throws Exception {
        String topic = cluster.topic(1);
        try (Producer<String, String> producer = cluster.producer()) {
            for (int i = 0; i < 1000; i++) {
                producer.send(new ProducerRecord<>(topic, 0, null, "v" + i));
            }
            Scenarios.restartBroker();
            for (int i = 1000; i < 2000; i++) {
                producer.send(new ProducerRecord<>(topic, 0, null, "v" + i));
            }
            producer.flush();
        }
        List<ConsumerRecord<byte[], byte[]>> records = read(cluster, topic);
        Scenarios.equal(2000, records.size(), "records");
        for (int i = 0; i < 2000; i++) {
            Scenarios.equal("v" + i, new String(records.get(i).value()), "value at offset " + i);
        }
    }
}
