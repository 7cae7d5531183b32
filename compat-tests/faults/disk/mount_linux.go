package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// toolLimit bounds how long a tool may take. Each takes a fraction of a second on an idle machine; unmounting writes what is left.
const toolLimit = time.Minute

// Mount is a file system of its own, mounted for one test.
type Mount struct {
	dir     string
	image   string // of a loop device; empty for a tmpfs
	mounted bool
}

// NewExt4 makes an ext4 file system of so many bytes in an image below parent and mounts it through a loop device.
func NewExt4(parent string, size int64) (*Mount, error) {
	if err := needRoot("mkfs.ext4", "mount", "umount"); err != nil {
		return nil, err
	}
	m := &Mount{dir: filepath.Join(parent, "disk"), image: filepath.Join(parent, "disk.img")}
	image, err := os.Create(m.image)
	if err != nil {
		return nil, fmt.Errorf("create disk image: %w", err)
	}
	if err := errors.Join(image.Truncate(size), image.Close()); err != nil {
		return nil, fmt.Errorf("create disk image: %w", err)
	}
	// Without lazy initialisation nothing writes to the disk but the test, and nothing is kept back for root.
	if err := run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", m.image); err != nil {
		return nil, err
	}
	return m, m.mount()
}

// NewTmpfs mounts a tmpfs of so many bytes below parent.
func NewTmpfs(parent string, size int64) (*Mount, error) {
	if err := needRoot("mount", "umount"); err != nil {
		return nil, err
	}
	m := &Mount{dir: filepath.Join(parent, "disk")}
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return nil, fmt.Errorf("mount point: %w", err)
	}
	if err := run("mount", "-t", "tmpfs", "-o", "size="+strconv.FormatInt(size, 10), "tmpfs", m.dir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m.mounted = true
	return m, nil
}

// Dir is where the file system is mounted.
func (m *Mount) Dir() string { return m.dir }

func (m *Mount) mount() error {
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		return fmt.Errorf("mount point: %w", err)
	}
	if err := run("mount", "-o", "loop", m.image, m.dir); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m.mounted = true
	return nil
}

// The shutdown request of ext4 and its flag that drops the journal's memory as well (linux/fs/ext4/ext4.h).
const (
	ext4IocShutdown    = 0x8004587d
	ext4GoingNoLogSync = 2
)

// Cut is a power cut: from now on nothing reaches the disk of an ext4 file system, and what had not been synced
// is lost once it is mounted again. Until then every write and sync of it fails with EIO.
//
// No sync may be under way: the kernel (6.18) lets one in two hundred of those return without an error and drops what they
// synced, as a program of forty lines shows that does nothing but append and sync. A real power cut answers nobody.
func (m *Mount) Cut() error {
	dir, err := os.Open(m.dir)
	if err != nil {
		return fmt.Errorf("cut the power: %w", err)
	}
	defer dir.Close() //nolint:errcheck // Read only.
	flag := uint32(ext4GoingNoLogSync)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dir.Fd(), ext4IocShutdown, uintptr(unsafe.Pointer(&flag)))
	if errno != 0 {
		return fmt.Errorf("cut the power of %s: %w", m.dir, errno)
	}
	return nil
}

// PowerOn mounts the disk again after a cut. Nobody may have files of it open.
func (m *Mount) PowerOn() error {
	if err := run("umount", m.dir); err != nil {
		return err
	}
	m.mounted = false
	return m.mount()
}

// Close unmounts the file system; the loop device goes with it.
func (m *Mount) Close() error {
	if !m.mounted {
		return nil
	}
	m.mounted = false
	err := run("umount", m.dir)
	if err == nil {
		return nil
	}
	// Somebody has a file open: the mount goes when he does, and the test fails.
	return errors.Join(err, run("umount", "-l", m.dir))
}

// needRoot looks for the right to mount and for the tools.
func needRoot(tools ...string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: mounting needs root", ErrUnavailable)
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	return nil
}

// run runs a tool. It has a limit of its own, because a disk is also unmounted when its test is over, and its context with it.
func run(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), toolLimit)
	defer cancel()
	if output, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(output))
	}
	return nil
}
