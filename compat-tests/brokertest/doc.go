// Package brokertest gives a test its broker: the kind that the run asks for (go test -broker=kafka, or COMPAT_BROKER for
// several packages at once; clatter by default), started by launch, closed when the test ends, its log shown when
// the test fails. What can't run here is skipped through report.
package brokertest
