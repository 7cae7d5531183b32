package configdef

// brokerSocketKeys are the keys of listeners, connections and the size of requests
// (SocketServerConfigs in Kafka).
var brokerSocketKeys = []Key{
	{
		Name: "listeners", Type: List, Default: "PLAINTEXT://:9092", Ours: "PLAINTEXT://localhost:9092", Check: ListOf{}, Dynamic: PerBroker,
		Honour: Implemented,
		Doc:    "Addresses to listen on, as NAME://host:port separated by commas. An empty host is every interface; port 0 takes a free port.",
	},
	{
		Name: "advertised.listeners", Type: List, Default: Null, Check: ListOf{},
		Honour: Implemented,
		Doc:    "Addresses that clients are told, per listener. A listener without one tells each client the address that it connected to.",
	},
	{
		Name: "listener.security.protocol.map", Type: String, Default: "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", Dynamic: PerBroker,
		Honour: Implemented,
		Doc:    "Security protocol of each listener name, as NAME:PROTOCOL separated by commas.",
	},
	{
		Name: "security.inter.broker.protocol", Type: String, Default: "PLAINTEXT", Check: OneOf("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Security protocol between Kafka's brokers where inter.broker.listener.name is not set.",
	},
	{
		Name: "inter.broker.listener.name", Type: String, Default: Null,
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Listener that Kafka's brokers use among themselves.",
	},
	{
		Name: "controller.listener.names", Type: List, Default: Null, Ours: "CONTROLLER", Check: ListOf{},
		Honour: Implemented,
		Doc:    "Listeners that belong to Kafka's controller. They are accepted in listeners and not opened.",
	},
	{
		Name: "socket.send.buffer.bytes", Type: Int, Default: "102400",
		Honour: Implemented,
		Doc:    "Send buffer of accepted sockets in bytes. Unless it is set, the kernel sizes the buffer as the connection needs.",
	},
	{
		Name: "socket.receive.buffer.bytes", Type: Int, Default: "102400",
		Honour: Implemented,
		Doc:    "Receive buffer of accepted sockets in bytes. Unless it is set, the kernel sizes the buffer as the connection needs.",
	},
	{
		Name: "socket.request.max.bytes", Type: Int, Default: "104857600", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Largest request in bytes. A larger one closes the connection before anything is allocated for it.",
	},
	{
		Name: "socket.listen.backlog.size", Type: Int, Default: "50", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonBacklog,
		Doc: "Connections that may wait to be accepted.",
	},
	{
		Name: "max.connections.per.ip", Type: Int, Default: "2147483647", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Most connections from one address at once.",
	},
	{
		Name: "max.connections.per.ip.overrides", Type: String, Default: "", Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Other limits for single addresses, as host:count separated by commas.",
	},
	{
		Name: "max.connections", Type: Int, Default: "2147483647", Ours: "10000", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Most connections at once on all listeners.",
	},
	{
		Name: "max.connection.creation.rate", Type: Int, Default: "2147483647", Check: AtLeast(0), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "Most connections accepted per second.",
	},
	{
		Name: "connections.max.idle.ms", Type: Long, Default: "600000",
		Honour: Implemented,
		Doc:    "A connection without a request for this long is closed; negative keeps it open.",
	},
	{
		Name: "connection.failed.authentication.delay.ms", Type: Int, Default: "100", Check: AtLeast(0),
		Honour: NoEffect, Reason: reasonSASL,
		Doc: "How long the closing of a connection is delayed after a failed authentication.",
	},
	{
		Name: "queued.max.requests", Type: Int, Default: "500", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonQueue,
		Doc: "Requests that may wait for a thread in Kafka before no more is read.",
	},
	{
		Name: "queued.max.request.bytes", Type: Long, Default: "-1",
		Honour: Implemented,
		Doc:    "Memory in bytes for requests in flight; when it is used up nothing more is read from sockets. -1 is 256 MiB.",
	},
	{
		Name: "num.network.threads", Type: Int, Default: "3", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: NoEffect, Reason: reasonThreads,
		Doc: "Threads that read and write sockets in Kafka.",
	},
}
