// Package logstoretest is what every store must pass: a conformance suite of the contract
// in logstore, and a reference model that is driven at random beside the store.
//
// A store's test calls [Run] with a [Backend] for each storage that it supports. The suite
// knows the contract only: what it can't see through the interfaces it doesn't ask for.
// Seeds of random tests are printed, and CLATTER_SEED repeats one.
//
// Start reading at suite.go, then model.go.
package logstoretest
