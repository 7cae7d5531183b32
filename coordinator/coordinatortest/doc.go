// Package coordinatortest is what tests of coordinators share: the topic under one, on a real store over a disk in memory that can be
// full or broken, what is in the topic, and conversations with a coordinator that are written down in files.
//
// Start reading at topic.go, then script.go.
package coordinatortest
