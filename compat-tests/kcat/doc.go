// Package kcat runs kcat, unmodified, as people do from the shell.
package kcat
