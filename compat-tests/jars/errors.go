package jars

import "errors"

// ErrUnavailable says that the machine lacks what is needed to run Java programs: a JDK, Maven, or a repository that
// Maven can reach. It is no fault of what is under test.
var ErrUnavailable = errors.New("java programs unavailable")
