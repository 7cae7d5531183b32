import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What scenarios share: clients with default settings but for the address, and fresh topics. */
final class Cluster implements AutoCloseable {
    final String bootstrap;
    final Admin admin;

    Cluster(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
    }

    /** Creates a topic under a name of its own and returns the name. */
    String topic(int partitions, Map<String, String> configs) throws Exception {
        String name = "java-" + UUID.randomUUID();
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(configs))).all().get(60, TimeUnit.SECONDS);
        // Apache Kafka answers before its brokers know the topic.
        Scenarios.await(() -> admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size() == partitions, "topic is there");
        return name;
    }

    String topic(int partitions) throws Exception {
        return topic(partitions, Map.of());
    }

    Producer<String, String> producer(String... keyValues) {
        return new KafkaProducer<>(settings(keyValues), new StringSerializer(), new StringSerializer());
    }

    Producer<byte[], byte[]> bytesProducer(String... keyValues) {
        return new KafkaProducer<>(settings(keyValues), new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** A consumer without a group. */
    Consumer<String, String> consumer(String... keyValues) {
        return new KafkaConsumer<>(settings(keyValues), new StringDeserializer(), new StringDeserializer());
    }

    Consumer<byte[], byte[]> bytesConsumer(String... keyValues) {
        return new KafkaConsumer<>(settings(keyValues), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** Reads a partition from where the consumer stands up to its end. */
    static <K, V> List<ConsumerRecord<K, V>> drain(Consumer<K, V> consumer, TopicPartition partition) {
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        List<ConsumerRecord<K, V>> records = new ArrayList<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (consumer.position(partition) < end) {
            Scenarios.check(System.nanoTime() < deadline, "no progress at " + consumer.position(partition) + " of " + end);
            consumer.poll(Duration.ofMillis(200)).records(partition).forEach(records::add);
        }
        return records;
    }

    private Map<String, Object> settings(String... keyValues) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < keyValues.length; i += 2) {
            settings.put(keyValues[i], keyValues[i + 1]);
        }
        return settings;
    }

    @Override
    public void close() {
        admin.close(Duration.ofSeconds(5));
    }
}
