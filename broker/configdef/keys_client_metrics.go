package configdef

// clientMetricsKeys are the keys of a client metrics subscription
// (ClientMetricsConfigs in Kafka, KIP-714).
var clientMetricsKeys = []Key{
	{
		Name: "interval.ms", Type: Int, Default: "300000",
		Honour: NoEffect, Reason: reasonTelemetry,
		Doc: "How often clients push their metrics, in ms.",
	},
	{
		Name: "match", Type: List, Default: "", Check: ListOf{EmptyAllowed: true},
		Honour: NoEffect, Reason: reasonTelemetry,
		Doc: "Which clients a subscription is for, as patterns on their properties.",
	},
	{
		Name: "metrics", Type: List, Default: "", Check: ListOf{EmptyAllowed: true},
		Honour: NoEffect, Reason: reasonTelemetry,
		Doc: "Prefixes of the metrics that clients push; empty for none, * for all.",
	},
}
