// Package faults breaks things around a broker under load and asks whether anything that was acknowledged is lost,
// doubled or out of order. It doesn't run against Apache Kafka by default: a single Kafka node answers before it syncs, by design.
package faults
