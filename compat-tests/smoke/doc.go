// Package smoke uses the binary as README says, from an empty folder and with default settings, and holds its exit codes and
// one-line complaints to what README promises.
package smoke
