// Guardgen derives the shapes of Kafka's requests from kmsg's generated code and
// writes them as the tables that wire.Guard walks a body with.
//
// kmsg is the decoder that Guard protects, so its code, not Kafka's message
// definitions, is the source: what Guard accepts is exactly what the pinned kmsg will
// read. parse.go turns each readFrom function into a shape; it knows the few forms
// that kmsg's generator emits and fails on any other, so that a new kmsg with a
// new form cannot slip through. emit.go writes the tables.
//
// Run it by go generate in package wire, after each update of kmsg.
package main
