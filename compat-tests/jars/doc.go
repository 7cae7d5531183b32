// Package jars resolves Java programs (an Apache Kafka broker, Kafka's tools, test programs' libraries) with the ordinary
// Maven client into a cache folder of the user, outside the repository.
//
// A set of jars is described by a POM and cached under a key that is a hash of that POM: changing a version
// changes the key, so a cache folder is never stale and never needs cleaning for correctness. Resolving is done in a
// temporary folder that is renamed when it is complete; two processes that race resolve twice and agree.
//
// Where Java or Maven is missing, or Maven can't reach a repository, the error wraps [ErrUnavailable]: tests report that
// as a skip, which a CI run treats as a failure.
package jars
