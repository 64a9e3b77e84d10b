package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestObserved_AnErrorOfOursStaysAnError(t *testing.T) {
	for _, ours := range []error{
		fmt.Errorf("dial: %w", os.NewSyscallError("connect", syscall.EACCES)),
		os.NewSyscallError("socket", syscall.EMFILE),
		os.NewSyscallError("connect", syscall.EADDRNOTAVAIL),
		errors.New("anything else"),
	} {
		require.Equal(t, ours, observed(t.Context(), ours))
	}
}

func TestObserved_NothingIsSaidOfADaemonWhenTheCallersTimeIsOver(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{context.DeadlineExceeded, syscall.ECONNREFUSED, syscall.EAGAIN} {
		require.ErrorIs(t, observed(over, err), context.Canceled)
	}
}
