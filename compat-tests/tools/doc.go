// Package tools runs Kafka's own command-line tools, the classes of the published jars, against a broker and on the
// files that it leaves. src/ToolRunner.java runs many of them in one JVM.
package tools
