// Package cases holds the questions that the judge asks: one file per API, most of them a loop over the versions of the
// API with a list of requests. [All] returns them in the order of their names.
//
// A case is named api/version/what. Requests that differ in one field from a good one are generated (edges.go), as are
// requests that are damaged below the level of fields (damage.go).
package cases
