import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.UnreleasedInstanceIdException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * One consumer of a group, in a process of its own so that it can die. It commits what it polled before it polls again, and
 * before it gives partitions away, and leaves when its standard input ends. What it prints is described in package groups.
 *
 * <p>Usage: GroupMember BROKER GROUP TOPIC ID [KEY=VALUE ...], with keys of the consumer's configuration. A topic that begins
 * with ^ is a pattern; the consumer protocol leaves it to the broker to find what matches.
 */
public final class GroupMember implements ConsumerRebalanceListener {
    private final KafkaConsumer<String, String> consumer;
    private final Map<TopicPartition, OffsetAndMetadata> uncommitted = new HashMap<>();
    private final TreeSet<String> assigned = new TreeSet<>();
    private final StringBuilder lines = new StringBuilder();

    private GroupMember(Map<String, Object> settings) {
        consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    public static void main(String[] args) throws Exception {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[1]);
        settings.put("client.id", args[3]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("metadata.max.age.ms", "1000");
        for (int i = 4; i < args.length; i++) {
            String[] keyValue = args[i].split("=", 2);
            settings.put(keyValue[0], keyValue[1]);
        }
        GroupMember member = new GroupMember(settings);
        member.subscribe(args[2], "consumer".equals(settings.get("group.protocol")));
        AtomicBoolean leaving = new AtomicBoolean();
        Thread leash = new Thread(() -> member.awaitEndOfInput(leaving));
        leash.setDaemon(true);
        leash.start();
        member.consume(leaving);
        System.exit(0);
    }

    private void subscribe(String topic, boolean brokerMatches) {
        if (!topic.startsWith("^")) {
            consumer.subscribe(List.of(topic), this);
        } else if (brokerMatches) {
            consumer.subscribe(new SubscriptionPattern(topic), this);
        } else {
            consumer.subscribe(Pattern.compile(topic), this);
        }
    }

    private void awaitEndOfInput(AtomicBoolean leaving) {
        try {
            while (System.in.read() >= 0) {
                // Only the end means something.
            }
        } catch (IOException e) {
            e.printStackTrace();
        }
        leaving.set(true);
        consumer.wakeup();
    }

    private void consume(AtomicBoolean leaving) {
        try {
            while (!leaving.get()) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                for (ConsumerRecord<String, String> r : records) {
                    TopicPartition partition = new TopicPartition(r.topic(), r.partition());
                    uncommitted.put(partition, new OffsetAndMetadata(r.offset() + 1));
                    lines.append("record ").append(name(partition)).append(' ').append(r.offset()).append(' ').append(r.value()).append('\n');
                }
                print();
                commit();
            }
        } catch (WakeupException e) {
            // It is time to leave.
        } catch (FencedInstanceIdException | UnreleasedInstanceIdException e) {
            lines.append("fenced\n");
            print();
            System.exit(3);
        }
        consumer.close();
    }

    /** Commits what was printed; what a rebalance holds up is tried again after the next poll. */
    private void commit() {
        if (uncommitted.isEmpty()) {
            return;
        }
        try {
            consumer.commitSync(uncommitted);
            uncommitted.forEach((partition, end) -> lines.append("committed ").append(name(partition)).append(' ').append(end.offset()).append('\n'));
            uncommitted.clear();
        } catch (RebalanceInProgressException e) {
            lines.append("commit waits: ").append(e).append('\n');
        } catch (CommitFailedException e) {
            lines.append("commit failed: ").append(e).append('\n');
            uncommitted.clear();
        } catch (WakeupException e) {
            commit();
            throw e;
        }
        print();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit();
        change(partitions, false);
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        change(partitions, true);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        partitions.forEach(uncommitted::remove);
        change(partitions, false);
    }

    private void change(Collection<TopicPartition> partitions, boolean gained) {
        for (TopicPartition partition : partitions) {
            if (gained) {
                assigned.add(name(partition));
            } else {
                assigned.remove(name(partition));
            }
        }
        lines.append("assigned");
        assigned.forEach(each -> lines.append(' ').append(each));
        lines.append('\n');
        print();
    }

    private static String name(TopicPartition partition) {
        return partition.topic() + "/" + partition.partition();
    }

    private void print() {
        System.out.print(lines);
        System.out.flush();
        lines.setLength(0);
    }
}
