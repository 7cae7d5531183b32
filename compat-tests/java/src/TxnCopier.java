import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Copies a topic into another one in transactions, as Kafka's own TransactionalMessageCopier does: what it reads, writes and
 * how far it read belong together. What it prints is described in package txns.
 *
 * <p>Usage: TxnCopier BROKER INPUT OUTPUT GROUP TRANSACTIONAL-ID [KEY=VALUE ...]. batch, abort and partitions are its own; other
 * keys are those of the producer's configuration.
 */
public final class TxnCopier {
    private final Map<String, String> options = new HashMap<>();
    private final String input;
    private final String output;
    private final String group;
    private final KafkaConsumer<String, String> consumer;
    private final KafkaProducer<String, String> producer;
    private final List<TopicPartition> partitions = new ArrayList<>();
    private final AtomicBoolean leaving = new AtomicBoolean();
    private int transactions;

    private TxnCopier(String[] args) {
        input = args[1];
        output = args[2];
        group = args[3];
        Map<String, Object> producing = new HashMap<>();
        producing.put("bootstrap.servers", args[0]);
        producing.put("transactional.id", args[4]);
        producing.put("reconnect.backoff.max.ms", "200");
        for (int i = 5; i < args.length; i++) {
            String[] keyValue = args[i].split("=", 2);
            if (List.of("batch", "abort", "partitions").contains(keyValue[0])) {
                options.put(keyValue[0], keyValue[1]);
            } else {
                producing.put(keyValue[0], keyValue[1]);
            }
        }
        Map<String, Object> consuming = new HashMap<>();
        consuming.put("bootstrap.servers", args[0]);
        consuming.put("group.id", group);
        consuming.put("enable.auto.commit", "false");
        consuming.put("isolation.level", "read_committed");
        consuming.put("auto.offset.reset", "earliest");
        consuming.put("max.poll.records", options.get("batch"));
        consuming.put("reconnect.backoff.max.ms", "200");
        consumer = new KafkaConsumer<>(consuming, new StringDeserializer(), new StringDeserializer());
        producer = new KafkaProducer<>(producing, new StringSerializer(), new StringSerializer());
    }

    public static void main(String[] args) {
        TxnCopier copier = new TxnCopier(args);
        Thread leash = new Thread(copier::awaitEndOfInput);
        leash.setDaemon(true);
        leash.start();
        try {
            copier.copy();
        } catch (ProducerFencedException | InvalidProducerEpochException e) {
            System.out.println("fenced " + e);
            System.out.flush();
            Runtime.getRuntime().halt(3);
        }
        System.exit(0);
    }

    private void awaitEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Only the end means something.
            }
        } catch (IOException e) {
            e.printStackTrace();
        }
        leaving.set(true);
    }

    private void copy() {
        producer.initTransactions();
        for (int i = 0; i < Integer.parseInt(options.get("partitions")); i++) {
            partitions.add(new TopicPartition(input, i));
        }
        consumer.assign(partitions);
        rewind();
        while (!leaving.get()) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
            if (records.isEmpty()) {
                continue;
            }
            try {
                transaction(records);
            } catch (ProducerFencedException | InvalidProducerEpochException e) {
                throw e;
            } catch (KafkaException e) {
                System.err.println(e);
                abort();
            }
        }
        consumer.close();
        producer.close();
    }

    private void transaction(ConsumerRecords<String, String> records) {
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        boolean drop = ++transactions % Integer.parseInt(options.get("abort")) == 0;
        for (ConsumerRecord<String, String> r : records) {
            producer.send(new ProducerRecord<>(output, r.partition(), r.key(), drop ? "aborted" : r.value()));
            offsets.put(new TopicPartition(r.topic(), r.partition()), new OffsetAndMetadata(r.offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(group));
        if (drop) {
            producer.flush();
            abort();
            return;
        }
        while (true) {
            try {
                producer.commitTransaction();
                break;
            } catch (TimeoutException e) {
                System.err.println(e); // Nothing is decided yet: it must be called again.
            }
        }
        say("committed " + records.count());
    }

    private void abort() {
        while (true) {
            try {
                producer.abortTransaction();
                break;
            } catch (TimeoutException e) {
                System.err.println(e);
            }
        }
        say("aborted");
        rewind();
    }

    /** Goes back to what was committed. */
    private void rewind() {
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(new java.util.HashSet<>(partitions));
        for (TopicPartition p : partitions) {
            OffsetAndMetadata at = committed.get(p);
            consumer.seek(p, at == null ? 0 : at.offset());
        }
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
