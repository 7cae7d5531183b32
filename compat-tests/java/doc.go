// Package java runs the stock Java client, unmodified and with default settings, against a broker. The scenarios are
// Java programs in src; one JVM runs them all, because starting one costs more than most scenarios, and prints
// a line for each, which becomes a subtest here.
package java
