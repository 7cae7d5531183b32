//go:build !linux

package launch

import "os/exec"

// dieWithParent does nothing where the system offers no such thing.
func dieWithParent(*exec.Cmd) {}
