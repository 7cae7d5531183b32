// Package launch starts brokers as their users do: as a process of their own, on a free port of 127.0.0.1, with a data
// directory of their own and a few overridden keys. It knows two kinds, the clatter binary that make build left behind
// and a real Apache Kafka, and gives both the same handle, so that a scenario that runs against one also runs
// against the other.
//
// [Start] returns once Metadata answers. A [Broker] can be stopped as an operator would (SIGTERM), killed as a
// crash would (SIGKILL), and started again on the same directory and port. Everything it printed is in [Broker.Log].
// Brokers die with the process that started them where the system can do that (Linux).
//
// A Broker's methods belong to one goroutine; Addr and Dir may be read by many.
package launch
