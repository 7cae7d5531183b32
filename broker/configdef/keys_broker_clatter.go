package configdef

// brokerClatterKeys are our own keys. They are internal in Kafka's sense, that is
// listed only where they are set, so that tools which compare brokers see Kafka's
// keys only.
var brokerClatterKeys = []Key{
	{
		Name: "clatter.cluster.id", Type: String, Default: Null, Check: NonEmpty{}, Internal: true,
		Honour: Implemented,
		Doc:    "Cluster id that an empty data directory is given; the environment variable CLUSTER_ID sets it too. Without it the id is made at random. A directory that has another id is refused.",
	},
	{
		Name: "clatter.log.format", Type: String, Default: "text", Check: OneOf("text", "json"), Internal: true,
		Honour: Implemented,
		Doc:    "Format of the broker's own log: text or json.",
	},
	{
		Name: "clatter.log.level", Type: String, Default: "info", Check: OneOfFold("debug", "info", "warn", "error"), Internal: true,
		Honour: Implemented,
		Doc:    "Least severe events that the broker logs.",
	},
	{
		Name: "clatter.produce.verify.compressed", Type: Boolean, Default: "true", Internal: true,
		Honour: Implemented,
		Doc:    "Whether the records inside a compressed batch are unpacked and checked before it is acknowledged. While false, only the batch's header and checksum are.",
	},
}
