// Package program runs the programs that use a broker in tests: members of groups, copiers, applications. Each is a process, because what
// dies must die as processes do. What it prints on standard output is read line by line; its standard input is its leash: when that
// ends, it finishes its work and exits. A Go client's program is its own test binary, started again ([Self], [Main]).
//
// The methods of a [Program] belong to its test's goroutine.
package program
