package launch

import (
	"os/exec"
	"syscall"
)

// DieWithParent makes the kernel kill the child when this process ends, however it ends.
func DieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
