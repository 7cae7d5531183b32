// Package handlers answers the requests of Kafka's protocol: one file per API, which
// opens with its versions and what each added, around the table in api.go. It is the semantics between the wire (package wire, which
// knows bytes only) and the logs (package logstore), as KafkaApis and ControllerApis are in Kafka, which is the judge
// of every answer here, down to the texts.
//
// Invariants:
//
//   - The table is the server: what is in it is dispatched, announced by ApiVersions and has a file and a test of its own.
//   - What a client must see is a code inside an answer. An error of a handler cuts the connection off,
//     and is returned only where Kafka does that too.
//   - An error of Go becomes a code of Kafka's in errcode.go only.
//   - A request sees one image of the catalog, loaded once, unless it changes the catalog itself.
//   - Nothing of a request is kept beyond its answer but what a fetch session remembers, which is bounded.
//
// Any goroutine may call [Dispatcher.Dispatch]. Lookups in the catalog take no lock. The lock of a fetch session and that of
// their cache are leaves. Waiting fetches and unfinished produces wait in the goroutine that the connection gives them.
//
// Start reading at api.go, then produce.go and fetch.go.
package handlers
