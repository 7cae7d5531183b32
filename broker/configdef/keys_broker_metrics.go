package configdef

// brokerMetricsKeys are the keys of metrics, quotas and delegation tokens
// (MetricConfigs, QuotaConfig, DelegationTokenManagerConfigs in Kafka).
var brokerMetricsKeys = []Key{
	{
		Name: "metrics.num.samples", Type: Int, Default: "2", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonMetrics,
		Doc: "Samples over which Kafka computes its metrics.",
	},
	{
		Name: "metrics.sample.window.ms", Type: Long, Default: "30000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonMetrics,
		Doc: "Length of a sample of Kafka's metrics.",
	},
	{
		Name: "metrics.recording.level", Type: String, Default: "INFO",
		Honour: NoEffect, Reason: reasonMetrics,
		Doc: "Level of detail of Kafka's metrics.",
	},
	{
		Name: "metric.reporters", Type: List, Default: "org.apache.kafka.common.metrics.JmxReporter", Check: ListOf{EmptyAllowed: true}, Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonMetrics,
		Doc: "Classes that report Kafka's metrics.",
	},
	{
		Name: "kafka.metrics.reporters", Type: List, Default: "", Check: ListOf{EmptyAllowed: true},
		Honour: NoEffect, Reason: reasonMetrics,
		Doc: "Classes that report Kafka's older metrics.",
	},
	{
		Name: "kafka.metrics.polling.interval.secs", Type: Int, Default: "10", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonMetrics,
		Doc: "How often such reporters are called.",
	},
	{
		Name: "quota.window.num", Type: Int, Default: "11", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonQuotas,
		Doc: "Samples kept for client quotas.",
	},
	{
		Name: "quota.window.size.seconds", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonQuotas,
		Doc: "Length of a sample for client quotas.",
	},
	{
		Name: "replication.quota.window.num", Type: Int, Default: "11", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Samples kept for replication quotas.",
	},
	{
		Name: "replication.quota.window.size.seconds", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Length of a sample for replication quotas.",
	},
	{
		Name: "alter.log.dirs.replication.quota.window.num", Type: Int, Default: "11", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Samples kept for the quota on moves between directories.",
	},
	{
		Name: "alter.log.dirs.replication.quota.window.size.seconds", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Length of a sample for the quota on moves between directories.",
	},
	{
		Name: "controller.quota.window.num", Type: Int, Default: "11", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonQuotas,
		Doc: "Samples kept for the quota on changes of topics.",
	},
	{
		Name: "controller.quota.window.size.seconds", Type: Int, Default: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonQuotas,
		Doc: "Length of a sample for the quota on changes of topics.",
	},
	{
		Name: "client.quota.callback.class", Type: Class, Default: Null,
		Honour: Refused, Reason: reasonPlugin,
		Doc: "Class that computes client quotas in Kafka.",
	},
	{
		Name: "delegation.token.secret.key", Type: Password, Default: Null,
		Honour: NoEffect, Reason: reasonTokens,
		Doc: "Secret with which delegation tokens are made.",
	},
	{
		Name: "delegation.token.max.lifetime.ms", Type: Long, Default: "604800000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonTokens,
		Doc: "Longest life of a delegation token.",
	},
	{
		Name: "delegation.token.expiry.time.ms", Type: Long, Default: "86400000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonTokens,
		Doc: "Life of a delegation token between renewals.",
	},
	{
		Name: "delegation.token.expiry.check.interval.ms", Type: Long, Default: "3600000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonTokens,
		Doc: "How often expired delegation tokens are removed.",
	},
}
