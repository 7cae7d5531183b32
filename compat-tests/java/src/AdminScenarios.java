import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The admin client: topics, configurations, offsets, descriptions. */
final class AdminScenarios {
    private AdminScenarios() {}

    static void register(Map<String, Scenarios.Scenario> all) {
        all.put("admin/create-describe-delete", AdminScenarios::createDescribeDelete);
        all.put("admin/create-refused", AdminScenarios::createRefused);
        all.put("admin/recreate-at-once", AdminScenarios::recreateAtOnce);
        all.put("admin/create-partitions", AdminScenarios::createPartitions);
        all.put("admin/topic-configs", AdminScenarios::topicConfigs);
        all.put("admin/broker-configs", AdminScenarios::brokerConfigs);
        all.put("admin/configs-survive-a-restart", AdminScenarios::configsSurviveRestart);
        all.put("admin/list-offsets", AdminScenarios::listOffsets);
        all.put("admin/delete-records", AdminScenarios::deleteRecords);
        all.put("admin/describe-cluster", AdminScenarios::describeCluster);
        all.put("admin/describe-log-dirs", AdminScenarios::describeLogDirs);
        all.put("admin/describe-producers", AdminScenarios::describeProducers);
        all.put("admin/describe-quorum", AdminScenarios::describeQuorum);
        all.put("admin/list-config-resources", AdminScenarios::listConfigResources);
    }

    private static void fails(KafkaFuture<?> future, Class<?> want) throws Exception {
        try {
            future.get();
        } catch (ExecutionException e) {
            Scenarios.check(want.isInstance(e.getCause()), "want " + want.getSimpleName() + ", got " + e.getCause());
            return;
        }
        throw new AssertionError("no " + want.getSimpleName());
    }

    private static void produce(Cluster cluster, String topic, int records) throws Exception {
        try (Producer<String, String> producer = cluster.producer()) {
            for (int i = 0; i < records; i++) {
                producer.send(new ProducerRecord<>(topic, 0, 1_000_000L + i * 10L, null, "v" + i)).get();
            }
        }
    }

    private static void createDescribeDelete(Cluster cluster) throws Exception {
        String name = "java-admin-" + System.nanoTime();
        CreateTopicsResult created = cluster.admin.createTopics(List.of(
                new NewTopic(name, Optional.of(5), Optional.empty()).configs(Map.of("retention.ms", "1000000"))));
        Uuid id = created.topicId(name).get();
        Scenarios.equal(5, created.numPartitions(name).get(), "partitions told");
        Scenarios.equal(1, created.replicationFactor(name).get(), "replication factor told");
        Scenarios.equal("1000000", created.config(name).get().get("retention.ms").value(), "config told");
        TopicDescription byName = cluster.admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
        Scenarios.equal(id, byName.topicId(), "topic id");
        Scenarios.equal(5, byName.partitions().size(), "partitions");
        TopicDescription byId = cluster.admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id);
        Scenarios.equal(name, byId.name(), "name by id");
        Scenarios.check(cluster.admin.listTopics().names().get().contains(name), "listed");
        cluster.admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
        Scenarios.await(() -> !cluster.admin.listTopics().names().get().contains(name), "gone");
        fails(cluster.admin.describeTopics(List.of(name)).allTopicNames(), UnknownTopicOrPartitionException.class);
        fails(cluster.admin.deleteTopics(List.of(name)).all(), UnknownTopicOrPartitionException.class);
    }

    private static void createRefused(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        fails(cluster.admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all(), TopicExistsException.class);
        fails(cluster.admin.createTopics(List.of(new NewTopic(name + "x", 1, (short) 3))).all(), InvalidReplicationFactorException.class);
        fails(cluster.admin.createTopics(List.of(new NewTopic(name + "x", 0, (short) 1))).all(), InvalidPartitionsException.class);
        fails(cluster.admin.createTopics(List.of(new NewTopic(name + "x", 1, (short) 1).configs(Map.of("retention.ms", "soon")))).all(),
                InvalidConfigurationException.class);
        fails(cluster.admin.createTopics(List.of(new NewTopic(name + "x", 1, (short) 1).configs(Map.of("no.such.key", "1")))).all(),
                InvalidConfigurationException.class);
    }

    private static void recreateAtOnce(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        for (int i = 0; i < 10; i++) {
            produce(cluster, name, 3);
            Scenarios.equal(3L, end(cluster, name), "end offset of incarnation " + i);
            cluster.admin.deleteTopics(List.of(name)).all().get();
            cluster.admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get();
            Scenarios.await(() -> end(cluster, name) == 0, "a new incarnation is empty");
        }
    }

    private static long end(Cluster cluster, String topic) throws Exception {
        return offset(cluster, topic, OffsetSpec.latest());
    }

    private static long offset(Cluster cluster, String topic, OffsetSpec spec) throws Exception {
        TopicPartition partition = new TopicPartition(topic, 0);
        return cluster.admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get().offset();
    }

    private static void createPartitions(Cluster cluster) throws Exception {
        String name = cluster.topic(2);
        cluster.admin.createPartitions(Map.of(name, NewPartitions.increaseTo(7))).all().get();
        Scenarios.await(() -> cluster.admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size() == 7, "partitions");
        fails(cluster.admin.createPartitions(Map.of(name, NewPartitions.increaseTo(7))).all(), InvalidPartitionsException.class);
        fails(cluster.admin.createPartitions(Map.of(name, NewPartitions.increaseTo(3))).all(), InvalidPartitionsException.class);
    }

    private static ConfigEntry entry(Cluster cluster, ConfigResource resource, String key) throws Exception {
        Map<ConfigResource, Config> all = cluster.admin.describeConfigs(
                List.of(resource), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all().get();
        return all.get(resource).get(key);
    }

    private static void alter(Cluster cluster, ConfigResource resource, String key, String value, AlterConfigOp.OpType op) throws Exception {
        Collection<AlterConfigOp> ops = List.of(new AlterConfigOp(new ConfigEntry(key, value), op));
        cluster.admin.incrementalAlterConfigs(Map.of(resource, ops)).all().get();
    }

    private static void topicConfigs(Cluster cluster) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, cluster.topic(1));
        Scenarios.equal("delete", entry(cluster, topic, "cleanup.policy").value(), "default");
        Scenarios.check(entry(cluster, topic, "cleanup.policy").isDefault(), "is a default");
        Scenarios.check(!entry(cluster, topic, "cleanup.policy").documentation().isEmpty(), "is documented");
        alter(cluster, topic, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND);
        Scenarios.await(() -> "delete,compact".equals(entry(cluster, topic, "cleanup.policy").value()), "appended");
        alter(cluster, topic, "cleanup.policy", "delete", AlterConfigOp.OpType.SUBTRACT);
        Scenarios.await(() -> "compact".equals(entry(cluster, topic, "cleanup.policy").value()), "subtracted");
        alter(cluster, topic, "cleanup.policy", null, AlterConfigOp.OpType.DELETE);
        Scenarios.await(() -> "delete".equals(entry(cluster, topic, "cleanup.policy").value()), "deleted");
        alter(cluster, topic, "max.message.bytes", "2000", AlterConfigOp.OpType.SET);
        Scenarios.await(() -> entry(cluster, topic, "max.message.bytes").source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "source");
        fails(cluster.admin.incrementalAlterConfigs(Map.of(topic,
                List.of(new AlterConfigOp(new ConfigEntry("segment.bytes", "5"), AlterConfigOp.OpType.SET)))).all(),
                InvalidConfigurationException.class);
    }

    private static ConfigResource broker(Cluster cluster) throws Exception {
        return new ConfigResource(ConfigResource.Type.BROKER, cluster.admin.describeCluster().nodes().get().iterator().next().idString());
    }

    private static void brokerConfigs(Cluster cluster) throws Exception {
        ConfigResource broker = broker(cluster);
        for (String key : List.of("num.partitions", "default.replication.factor", "delete.topic.enable", "log.retention.hours", "listeners")) {
            Scenarios.check(entry(cluster, broker, key) != null, key + " is described");
        }
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, cluster.topic(1));
        alter(cluster, new ConfigResource(ConfigResource.Type.BROKER, ""), "log.retention.ms", "123456789", AlterConfigOp.OpType.SET);
        Scenarios.await(() -> "123456789".equals(entry(cluster, topic, "retention.ms").value()), "a topic takes the broker's value");
        Scenarios.equal(ConfigEntry.ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG, entry(cluster, topic, "retention.ms").source(), "source");
        alter(cluster, new ConfigResource(ConfigResource.Type.BROKER, ""), "log.retention.ms", null, AlterConfigOp.OpType.DELETE);
        Scenarios.await(() -> "604800000".equals(entry(cluster, topic, "retention.ms").value()), "and gives it back");
    }

    private static void configsSurviveRestart(Cluster cluster) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, cluster.topic(1));
        alter(cluster, topic, "retention.bytes", "77777777", AlterConfigOp.OpType.SET);
        Scenarios.restartBroker();
        Scenarios.equal("77777777", entry(cluster, topic, "retention.bytes").value(), "after the restart");
    }

    private static void listOffsets(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        Scenarios.equal(0L, offset(cluster, name, OffsetSpec.earliest()), "earliest of an empty log");
        Scenarios.equal(-1L, offset(cluster, name, OffsetSpec.maxTimestamp()), "max timestamp of an empty log");
        produce(cluster, name, 20);
        Scenarios.equal(0L, offset(cluster, name, OffsetSpec.earliest()), "earliest");
        Scenarios.equal(20L, offset(cluster, name, OffsetSpec.latest()), "latest");
        Scenarios.equal(19L, offset(cluster, name, OffsetSpec.maxTimestamp()), "max timestamp");
        Scenarios.equal(0L, offset(cluster, name, OffsetSpec.earliestLocal()), "earliest local");
        Scenarios.equal(-1L, offset(cluster, name, OffsetSpec.latestTiered()), "latest tiered");
        Scenarios.equal(7L, offset(cluster, name, OffsetSpec.forTimestamp(1_000_061L)), "by time");
        Scenarios.equal(-1L, offset(cluster, name, OffsetSpec.forTimestamp(2_000_000L)), "by a time after all");
    }

    private static void deleteRecords(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        TopicPartition partition = new TopicPartition(name, 0);
        produce(cluster, name, 20);
        Scenarios.equal(5L, cluster.admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(5)))
                .lowWatermarks().get(partition).get().lowWatermark(), "low watermark");
        Scenarios.equal(5L, offset(cluster, name, OffsetSpec.earliest()), "earliest");
        fails(cluster.admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(21))).all(), OffsetOutOfRangeException.class);
        Scenarios.equal(20L, cluster.admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1)))
                .lowWatermarks().get(partition).get().lowWatermark(), "to the high watermark");
        Scenarios.restartBroker();
        Scenarios.equal(20L, offset(cluster, name, OffsetSpec.earliest()), "earliest after the restart");
        Scenarios.equal(20L, offset(cluster, name, OffsetSpec.latest()), "latest after the restart");
    }

    private static void describeCluster(Cluster cluster) throws Exception {
        DescribeClusterResult result = cluster.admin.describeCluster();
        Scenarios.equal(1, result.nodes().get().size(), "nodes");
        Scenarios.check(result.controller().get() != null, "has a controller");
        Scenarios.check(!result.clusterId().get().isEmpty(), "has an id");
        Scenarios.equal(Set.of(), result.authorizedOperations().get() == null ? Set.of() : result.authorizedOperations().get(), "not asked for");
    }

    private static void describeLogDirs(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        produce(cluster, name, 20);
        int node = cluster.admin.describeCluster().nodes().get().iterator().next().id();
        Map<String, LogDirDescription> dirs = cluster.admin.describeLogDirs(List.of(node)).allDescriptions().get().get(node);
        Scenarios.check(!dirs.isEmpty(), "has a directory");
        LogDirDescription dir = dirs.values().iterator().next();
        Scenarios.check(dir.error() == null, "no error");
        Scenarios.check(dir.totalBytes().orElse(-1) > 0 && dir.usableBytes().orElse(-1) > 0, "volume sizes");
        Scenarios.check(dir.replicaInfos().get(new TopicPartition(name, 0)).size() > 0, "partition size");
    }

    private static void describeProducers(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        produce(cluster, name, 20);
        TopicPartition partition = new TopicPartition(name, 0);
        List<ProducerState> producers = cluster.admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
        Scenarios.equal(1, producers.size(), "producers");
        Scenarios.equal(19, producers.get(0).lastSequence(), "last sequence");
        Scenarios.check(producers.get(0).currentTransactionStartOffset().isEmpty(), "no transaction");
    }

    private static void describeQuorum(Cluster cluster) throws Exception {
        QuorumInfo quorum = cluster.admin.describeMetadataQuorum().quorumInfo().get();
        Scenarios.equal(1, quorum.voters().size(), "voters");
        Scenarios.equal(quorum.leaderId(), quorum.voters().get(0).replicaId(), "the only voter leads");
    }

    private static void listConfigResources(Cluster cluster) throws Exception {
        String name = cluster.topic(1);
        Collection<ConfigResource> topics = cluster.admin.listConfigResources(
                Set.of(ConfigResource.Type.TOPIC), new org.apache.kafka.clients.admin.ListConfigResourcesOptions()).all().get();
        Scenarios.check(topics.contains(new ConfigResource(ConfigResource.Type.TOPIC, name)), "lists the topic");
    }
}
