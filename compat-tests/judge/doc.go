// Package judge decides what "as Kafka does" means: it puts the same questions (package cases) to a broker under test and
// compares the answers with those of a real Apache Kafka, field by field.
//
// Kafka's answers are kept in testdata, one file per API, so that the comparison takes seconds and needs no Java.
// [Record] renews them from a running Kafka. A difference is a failure unless DIFFERENCES.md of the folder above lists it with its reason,
// and so is an entry of that list which no case needs.
//
// To read: cases (what is asked), testdata (what Kafka answers), [Compare] (what counts as a difference).
package judge
